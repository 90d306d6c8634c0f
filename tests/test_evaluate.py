import json

import numpy as np
import pytest
import torch
from PIL import Image

from model import Prediction, weights
from model.evaluation import evaluate, nuisances, pages
from model.evaluation.reliability import auroc, calibration_error, interval
from model.evaluation.strokes import STROKES, draw_somewhere
from model.networks import build
from model.numbers import Number


def test_the_interval_is_the_wilson_interval():
    low, high = interval(95, 100)
    assert low == pytest.approx(0.8882, abs=1e-4)
    assert high == pytest.approx(0.9785, abs=1e-4)
    assert interval(100, 100)[1] == pytest.approx(1)


def test_auroc_is_the_fraction_of_correctly_ordered_pairs():
    random = torch.Generator().manual_seed(0)
    one, other = (
        torch.randint(0, 20, (50,), generator=random) + 3.0,
        torch.randint(0, 20, (40,), generator=random) + 0.0,
    )
    pairs = [(a > b) + 0.5 * (a == b) for a in one.tolist() for b in other.tolist()]
    assert auroc(one, other) == pytest.approx(sum(pairs) / len(pairs))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    confidence = torch.full((100,), 0.8)
    assert calibration_error(confidence, torch.arange(100) < 80) == pytest.approx(0, abs=1e-6)
    assert calibration_error(confidence, torch.arange(100) < 50) == pytest.approx(0.3, abs=1e-6)


@pytest.fixture
def shared(folder, tmp_path):
    """A folder with our own MNIST and one set of drawings; all other datasets are absent."""
    (tmp_path / "data").symlink_to(folder)
    random = np.random.default_rng(1)
    for digit in (0, 3):
        (tmp_path / "eval" / "drawn" / str(digit)).mkdir(parents=True)
        picture = Image.fromarray(draw_somewhere(STROKES[digit], random))
        picture.save(tmp_path / "eval" / "drawn" / str(digit) / "one.png")
    return tmp_path


def test_one_command_prints_one_table_and_marks_absent_datasets(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(nuisances, "NUISANCES", [nuisances.gradient])
    monkeypatch.setattr(nuisances, "SHEETS", 1)
    assert evaluate.main(["reference", "--data", str(shared), "--json", str(tmp_path / "out.json")]) == 0
    table = capsys.readouterr().out
    assert "| drawings, accuracy, rejected | 2 | 100.00 (34.24-100.00), 0.00 |" in table
    assert "| photos | absent |" in table
    assert "| drawings, as pages | 2 | reference | 100.0 |" in table
    results = json.loads((tmp_path / "out.json").read_text())["reference"]
    assert results["drawings"]["n"] == 2
    assert results["mnist test"]["n"] == 40
    assert results["usps"] is None
    assert len(results["nuisances"]["gradient"]) == 5
    assert results["sha256"].keys() == {"reference", "finder", "line"}


class Reader:
    """A fake recognizer that returns the text it is given."""

    def read_page(self, text):
        numbers = [Number(each, 0, (0, 0, 1, 1), 0.5, ()) for each in text.split()]
        return type("Page", (), {"text": text, "numbers": numbers})


def test_pages_are_scored_by_picture_line_and_character():
    pairs = [("12\n345", "12\n345"), ("12\n35", "12\n345"), ("7", "7"), ("71", "7"), ("", "9")]
    measures = pages.compare(Reader(), pairs)
    assert measures["n"] == 5
    assert measures["exact"] == pytest.approx(2 / 5)
    assert measures["lines"] == pytest.approx(4 / 7)
    assert measures["characters"] == pytest.approx(1 - 3 / 13)
    assert measures["extra"] == 1
    assert measures["one"] == pytest.approx(1 / 5)
    assert measures["calibration_error"] == pytest.approx(4 / 6 - 0.5)
    assert pages.compare(Reader(), [("", "9")])["calibration_error"] == 0  # no number was read


def test_rejected_digits_count_for_accuracy_but_not_for_calibration():
    ten, glyph = np.float32([0.9, 0.1, *[0] * 8]), np.ones((28, 28), np.float32)
    answers = [Prediction(0, ten, 0.75, 0.8, glyph)] * 3 + [Prediction(None, ten, 0.0, 0.3, glyph)]
    measures = evaluate.measure({"usps": (answers, torch.tensor([0, 0, 1, 0]))})["usps"]
    assert measures["accuracy"] == pytest.approx(3 / 4)
    assert measures["kept"] == pytest.approx(3 / 4)
    assert measures["calibration_error"] == pytest.approx(0.75 - 2 / 3)


def test_mistakes_are_written_as_a_picture(shared, tmp_path):
    torch.manual_seed(0)
    weights.save(build("reference"), {"network": "reference", "metrics": {}}, tmp_path / "untrained.safetensors")
    arguments = [str(tmp_path / "untrained.safetensors"), "--data", str(shared), "--mistakes", str(tmp_path / "wrong")]
    assert evaluate.main([*arguments, "--no-pages"]) == 0
    with Image.open(tmp_path / "wrong" / "untrained" / "mnist_test.png") as sheet:
        assert sheet.width == 1400
        assert np.ptp(np.asarray(sheet)) == 255


def test_missing_weights_give_an_error_message(capsys, shared):
    assert evaluate.main(["nothing.safetensors", "--data", str(shared)]) == 2
    assert "evaluate: no weights at 'nothing.safetensors'" in capsys.readouterr().err
