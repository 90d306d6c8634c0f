import json

import pytest

from model.evaluation import training_speed


@pytest.mark.slow
def test_the_comparison_runs_and_writes_its_results(folder, tmp_path, monkeypatch, capsys):
    for name, value in (("SEEDS", 1), ("MAX_EPOCHS", 1), ("WANTED", 0.0)):
        monkeypatch.setattr(training_speed, name, value)
    assert training_speed.main(["--data", str(folder), "--json", str(tmp_path / "speed.json")]) == 0
    assert "of the example's time" in capsys.readouterr().out
    assert json.loads((tmp_path / "speed.json").read_text())["to_99"]["part"] > 0
