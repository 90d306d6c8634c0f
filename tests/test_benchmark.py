import json
import sys

import pytest

from model.evaluation import benchmark, training_speed

pytestmark = pytest.mark.slow


def test_the_benchmark_measures_everything_next_to_its_baseline(folder, tmp_path, monkeypatch, capsys):
    for name in ("STARTS", "WARM_UPS"):
        monkeypatch.setattr(benchmark, name, 1)
    race = {"ours": [(2.0, 0.99)], "example": [(8.0, 0.98), (16.0, 0.99)], "part": 0.125}
    monkeypatch.setattr(training_speed, "to_99", lambda folder: {"to_99": race})
    path = tmp_path / "benchmark.json"
    assert benchmark.main(["--repeat", "2", "--data", str(folder), "--json", str(path)]) == 0
    results = json.loads(path.read_text())
    if sys.platform == "linux":
        assert min(results["starting"].values()) > 0
    assert results["starting"].keys() == {"page_s", "page_mb", "empty_page_s", "empty_page_mb"}
    assert min(min(measured.values()) for measured in results["reading"].values()) > 0
    assert results["pages"].keys() == {"canvas_ms", "photo_ms", "photo_mb"}
    said = capsys.readouterr().out
    assert "| PyTorch's example | 2 | 8.0 s | 16 s | 99.00% |" in said
    assert "by a plain resize" in said
    assert "an empty page that imports the same packages" in said


def test_a_page_that_fails_to_start_raises():
    with pytest.raises(RuntimeError, match="ended before it answered"):
        benchmark.start(["-c", "raise SystemExit"])
