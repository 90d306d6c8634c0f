"""An interrupted and resumed run produces the same weights as an uninterrupted one."""

import functools
import os
import shlex
import signal
import subprocess
import sys

import pytest

import train
from model import weights
from model.training import loop
from model.training.glyphs import Mixture
from model.training.lines import Strips
from model.training.scenes import Scenes
from tests.conftest import ROOT


def run(folder, out, name="reference", *more):
    flags = "--data", str(folder), "--out", str(out), "--device", "cpu", "--epochs", "2"
    return train.main([name, *flags, *more])


@pytest.fixture
def few_shapes(monkeypatch, uncalibrated):
    for kind in (Mixture, Strips, Scenes):
        monkeypatch.setattr(loop, kind.__name__, functools.partial(kind, per_shape=1))


def stop_after(monkeypatch, steps):
    """Simulate Ctrl-C during the given step of the run."""
    taken, step = [], loop.step

    def interrupted(*arguments):
        taken.append(1)
        if len(taken) == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return step(*arguments)

    monkeypatch.setattr(loop, "step", interrupted)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), [("reference", 5), ("reference", 7), ("world", 2)])
def test_a_run_stopped_by_ctrl_c_goes_on_after_its_last_epoch_and_produces_the_same_file(
    folder, tmp_path, monkeypatch, capsys, few_shapes, name, steps
):
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert run(folder, whole, name) == 0
    with monkeypatch.context() as patch:
        stop_after(patch, steps)
        assert run(folder, part, name) == 130
    assert not part.exists()
    command = capsys.readouterr().err.split("resume: python train.py ")[1]
    assert train.main(shlex.split(command)) == 0
    assert part.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part", "whole"]


def test_a_run_stopped_in_its_first_epoch_changes_nothing(folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "net").write_bytes(b"trained before")
    stop_after(monkeypatch, 2)
    assert run(folder, tmp_path / "net") == 130
    assert capsys.readouterr().err.endswith("is unchanged\n")  # nothing to resume
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"trained before"]


def test_an_interrupted_run_is_not_overwritten(folder, tmp_path, capsys):
    (tmp_path / "net.checkpoint").write_bytes(b"hours of work")
    with pytest.raises(SystemExit, match="2"):
        run(folder, tmp_path / "net")
    assert "continue with --resume, or delete it" in capsys.readouterr().err
    assert (tmp_path / "net.checkpoint").read_bytes() == b"hours of work"


def test_resume_rejects_a_missing_damaged_or_different_checkpoint(folder, tmp_path, monkeypatch, capsys):
    assert run(folder, tmp_path / "net", "reference", "--resume") == 2
    assert "no checkpoint at" in capsys.readouterr().err
    stop_after(monkeypatch, 5)
    assert run(folder, tmp_path / "net") == 130
    assert run(folder, tmp_path / "net", "reference", "--resume", "--seed", "9") == 2
    assert "it differs in seed" in capsys.readouterr().err
    kept = (tmp_path / "net.checkpoint").read_bytes()
    for damaged in (kept[: len(kept) // 2], b"", b"{}" * 50):
        (tmp_path / "net.checkpoint").write_bytes(damaged)
        assert run(folder, tmp_path / "net", "reference", "--resume") == 2
        assert "does not hold this run" in capsys.readouterr().err


def test_the_best_epoch_is_kept(folder, tmp_path, monkeypatch, uncalibrated):
    share = iter([0.5, 0.9, 0.7])
    after = []

    def judged(net, *_):
        after.append({name: tensor.clone() for name, tensor in net.state_dict().items()})
        return {"validation_loss": 1.0, "validation_accuracy": next(share)}

    monkeypatch.setattr(loop, "validate", judged)
    assert run(folder, tmp_path / "net", "reference", "--epochs", "3") == 0
    net, card = weights.load(tmp_path / "net")
    assert [epoch["validation_accuracy"] for epoch in card["history"]] == [0.5, 0.9, 0.7]
    for chosen, others in ((after[1], True), (after[2], False)):
        assert all(tensor.equal(chosen[name]) for name, tensor in net.state_dict().items()) == others


RUNS = """
import json, os, pathlib, signal, sys, time
from safetensors import safe_open
import train  # once: each run is a fork of this process
*flags, folder = sys.argv[1:]
out, whole = (pathlib.Path(folder, name) for name in ("net", "whole"))
checkpoint = pathlib.Path(folder, "net.checkpoint")

def begin(out, *more):
    child = os.fork()
    if child:
        return child
    try:
        os._exit(train.main([*flags, "--out", str(out), *more]))
    finally:
        os._exit(1)

train.calibrate = lambda *_, **__: {}  # takes longer than the epochs
kept, seconds = [], 0.3
while not out.exists():
    child = begin(out, *["--resume"] * checkpoint.exists())
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] in (0, signal.SIGKILL)
    if checkpoint.exists():
        with safe_open(checkpoint, "pt") as file:
            kept.append(len(json.loads(file.metadata()["run"])["history"]))
    seconds *= 1.4
    assert seconds < 30
assert kept and kept == sorted(kept)
assert os.waitpid(begin(whole), 0)[1] == 0
"""


@pytest.mark.slow
def test_a_killed_run_can_always_be_resumed_and_produces_the_same_file(folder, tmp_path):
    """kill -9 repeatedly, at arbitrary moments."""
    flags = "reference", "--data", str(folder), "--device", "cpu", "--epochs", "12"
    command = [sys.executable, "-c", RUNS, *flags, str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (tmp_path / "net").read_bytes() == (tmp_path / "whole").read_bytes()
