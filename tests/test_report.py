import json
import shutil

import pytest

from model.evaluation import figures, report


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the files that the report reads and writes."""
    shutil.copytree(report.ROOT / "assets", tmp_path / "assets")
    for name in ("README.md", "MODEL_CARD.md"):
        shutil.copy(report.ROOT / name, tmp_path)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    return tmp_path


def test_figures_model_card_and_tables_are_up_to_date(capsys):
    assert report.main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(("name", "row"), [("README.md", "| pen strokes | 100 | "), ("MODEL_CARD.md", "| 10,000 | ")])
def test_a_hand_edited_number_is_detected(copy, capsys, name, row):
    text = (copy / name).read_text()
    assert row in text
    (copy / name).write_text(text.replace(row, f"{row}1"))
    assert report.main(["--check"]) == 1
    assert f"out of date: {name}: run" in capsys.readouterr().err


@pytest.mark.parametrize("of", ["reference", "world", "finder"])
def test_results_of_other_weights_are_detected(copy, capsys, of):
    measured = (copy / report.RESULTS).read_text()
    assert f'"{of}": "' in measured
    (copy / report.RESULTS).write_text(measured.replace(f'"{of}": "', f'"{of}": "0'))
    assert report.main(["--check"]) == 1
    assert f"was not measured with the shipped weights of {of}" in capsys.readouterr().err


@pytest.mark.parametrize("absent", ["pages", "letters", "nuisances"])
def test_missing_results_are_reported(copy, capsys, absent):
    results = json.loads((copy / report.RESULTS).read_text())
    del results["world"][absent]
    (copy / report.RESULTS).write_text(json.dumps(results))
    assert report.main([]) == 1
    assert "lacks sets or pages of world: run evaluate" in capsys.readouterr().err


def test_a_missing_figure_is_detected(copy, capsys):
    (copy / report.FIGURES / "styles.png").unlink()
    assert report.main(["--check"]) == 1
    assert "out of date: assets/figures/styles.png: run" in capsys.readouterr().err


def test_figures_of_outdated_results_are_detected(copy, capsys):
    with (copy / report.RESULTS).open("a") as file:
        file.write("\n")
    assert report.main(["--check"]) == 1
    said = capsys.readouterr().err
    for name in figures.PICTURES:
        assert f"{name}.png" in said


def test_a_readme_without_its_markers_gives_an_error_message(copy, capsys):
    (copy / "README.md").write_text("# Handwritten digit reader")
    assert report.main(["--check"]) == 1
    assert "README.md lacks the lines" in capsys.readouterr().err
