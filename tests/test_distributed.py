"""Training with several processes gives the same weights as with one."""

import signal
import subprocess
import sys
import time

import pytest
import torch

from model import weights
from model.networks import predict
from model.training.data import mnist
from model.training.distributed import SharedNorm, count, rank, share, share_norms, sum_gradients
from tests.conftest import ROOT

TOLERANCE = {"rtol": 0, "atol": 0.01}  # for logits; without shared norms they differ by 0.04


def test_a_single_process_gets_the_whole_batch_and_its_own_sums():
    assert (count(), rank()) == (1, 0)
    assert share(torch.arange(5)).tolist() == [0, 1, 2, 3, 4]
    assert sum_gradients(torch.nn.Linear(1, 1), 2.0, 3) == [2.0, 3]
    net = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    assert type(share_norms(net)[0]) is torch.nn.BatchNorm2d


def test_a_shared_norm_matches_batch_normalisation(monkeypatch):
    monkeypatch.setattr("model.training.distributed.all_reduce", lambda sums: sums)
    torch.manual_seed(0)
    one, other = torch.nn.BatchNorm2d(4), torch.nn.BatchNorm2d(4)
    for norm in (one, other):
        torch.nn.init.uniform_(norm.weight, generator=torch.Generator().manual_seed(1))
    other.__class__ = SharedNorm
    x = torch.randn(6, 4, 5, 3)
    y, z = (x.clone().requires_grad_() for _ in range(2))
    for norm, ink in ((one, y), (other, z)):
        (norm(ink) ** 3).sum().backward()
    torch.testing.assert_close(y.grad, z.grad, rtol=1e-4, atol=1e-4)
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(tensor, other.state_dict()[name], msg=name)
    torch.testing.assert_close(one.eval()(x), other.eval()(x))


TRAIN = """
import contextlib, functools, pathlib, sys, time
import train
from model.training import distributed
from model.training import loop
loop.Mixture = functools.partial(loop.Mixture, per_shape=2)  # few drawings, or it takes minutes
loop.half_precision = lambda _: contextlib.nullcontext()  # so that little is rounded
mnist = train.mnist
def loaded(*arguments):  # the first process is slow, and the others find what it has downloaded
    if distributed.rank() == 0:
        time.sleep(1)
        done.touch()
    assert done.exists()
    return mnist(*arguments)
done, train.mnist = pathlib.Path(sys.argv[-1]).with_suffix(".done"), loaded
sys.exit(train.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_two_processes_train_the_same_network_as_one(folder, tmp_path, monkeypatch):
    (tmp_path / "few.py").write_text(TRAIN)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    flags = "world", "--data", str(folder), "--epochs", "4", "--device", "cpu", "--limit", "80", "--out"
    torchrun = "-m", "torch.distributed.run", "--nproc-per-node", "2"
    for out, launch in (("one", ()), ("two", torchrun)):
        command = [sys.executable, *launch, str(tmp_path / "few.py"), *flags, str(tmp_path / out)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("wrote") == 1
    (one, card), (two, other) = (weights.load(tmp_path / out) for out in ("one", "two"))
    # Adam's first steps follow the sign of a gradient, even if it is only rounding error: compare logits, not weights
    glyphs, _ = mnist(folder, train=False)
    torch.testing.assert_close(predict(two, glyphs), predict(one, glyphs), **TOLERANCE)
    assert other["history"][0]["loss"] == pytest.approx(card["history"][0]["loss"], rel=1e-4)


@pytest.mark.slow
def test_ctrl_c_stops_both_processes_cleanly_and_the_run_can_be_resumed(folder, tmp_path):
    out, checkpoint = tmp_path / "net", tmp_path / "net.checkpoint"
    flags = "train.py", "reference", "--data", str(folder), "--device", "cpu", "--epochs", "20", "--out", str(out)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while not checkpoint.exists():  # until the first epoch is done
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert "stopped" in said
    assert "RuntimeError" not in said
    assert checkpoint.exists()
    assert not out.exists()
    done = subprocess.run([*command, "--resume"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(weights.load(out)[1]["history"]) == 20
