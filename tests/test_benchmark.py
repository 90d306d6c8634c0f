import json
import sys

import pytest

from model.evaluation import benchmark

pytestmark = pytest.mark.slow


def test_the_benchmark_measures_everything_next_to_its_baseline(tmp_path, monkeypatch, capsys):
    for name in ("STARTS", "WARM_UPS"):
        monkeypatch.setattr(benchmark, name, 1)
    path = tmp_path / "benchmark.json"
    assert benchmark.main(["--repeat", "2", "--json", str(path)]) == 0
    results = json.loads(path.read_text())
    machine, version, n = (results.pop(name) for name in ("machine", "torch", "n"))
    assert machine and version and n == 2
    if sys.platform == "linux":
        assert min(results.values()) > 0
    said = capsys.readouterr().out
    assert all(f"| {name} | " in said for name in results)
    for baseline in ("empty page: peak memory by then, MB", "canvas to glyph by a plain resize, ms"):
        assert baseline in results


def test_a_page_that_fails_to_start_raises():
    with pytest.raises(RuntimeError, match="ended before it answered"):
        benchmark.start(["-c", "raise SystemExit"])
