import contextlib
from itertools import islice

import torch

from model.evaluation.speed_baselines import Example, train_example, train_plainly
from model.networks import predict
from model.training import loop
from model.training.data import mnist, split
from model.training.loop import train
from model.training.recipes import Recipe


def test_the_example_has_as_many_parameters_as_the_pytorch_original():
    net = Example()
    assert sum(parameter.numel() for parameter in net.parameters()) == 1_199_882
    assert net(torch.rand(2, 1, 28, 28)).exp().sum(dim=1).allclose(torch.ones(2))


def test_the_example_learns(folder):
    (first, _), (second, right) = islice(train_example(folder, 0), 2)
    assert 0 < first < second
    assert 0.1 < right <= 1


def test_the_plain_loop_trains_the_same_network(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "half_precision", lambda _: contextlib.nullcontext())
    used, held_back = split(*mnist(folder, train=True), 1 / 24)
    recipe = Recipe("reference", epochs=1, batch_size=16, learning_rate=1e-3, annealed=True)
    net, _ = train(recipe, used, held_back, 3, torch.device("cpu"), tmp_path / "run")
    plain = train_plainly(recipe, *used, 3)
    torch.testing.assert_close(predict(plain, used[0]), predict(net, used[0]), rtol=0, atol=1e-3)
