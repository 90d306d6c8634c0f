import contextlib
from itertools import islice

import pytest
import torch
from torch.nn.functional import cross_entropy

from model.evaluation import training_speed
from model.evaluation.training_speed import example_network, train_example
from model.networks import build, predict
from model.training import loop
from model.training.data import mnist, split
from model.training.loop import learning_rate_factor, train
from model.training.recipes import Recipe


def test_the_example_has_as_many_parameters_as_the_pytorch_original():
    net = example_network()
    assert sum(parameter.numel() for parameter in net.parameters()) == 1_199_882
    assert net(torch.rand(2, 1, 28, 28)).exp().sum(dim=1).allclose(torch.ones(2))


def test_the_example_learns(folder):
    (first, _), (second, right) = islice(train_example(folder, 0), 2)
    assert 0 < first < second
    assert 0.1 < right <= 1


def train_plainly(recipe, glyphs, labels, seed):
    """Train a digits-only network as `train` does, in a loop that is not optimised for speed."""
    torch.manual_seed(seed)
    net = build(recipe.network)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    batches = -(-len(labels) // recipe.batch_size)
    for epoch in range(recipe.epochs):
        for i, chosen in enumerate(torch.randperm(len(labels)).split(recipe.batch_size)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * learning_rate_factor(
                    (epoch * batches + i) / (recipe.epochs * batches)
                )
            optimizer.zero_grad()
            cross_entropy(net(glyphs[chosen]), labels[chosen]).backward()
            optimizer.step()
    return net.eval()


def test_a_plain_loop_trains_the_same_network(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "half_precision", lambda _: contextlib.nullcontext())
    used, held_back = split(*mnist(folder, train=True), 1 / 24)
    recipe = Recipe("reference", epochs=1, batch_size=16, learning_rate=1e-3, annealed=True)
    net, _ = train(recipe, used, held_back, 3, torch.device("cpu"), tmp_path / "run")
    plain = train_plainly(recipe, *used, 3)
    torch.testing.assert_close(predict(plain, used[0]), predict(net, used[0]), rtol=0, atol=1e-3)


@pytest.mark.slow
def test_the_race_is_run_and_its_times_are_compared(folder, monkeypatch, capsys):
    for name, value in (("SEEDS", 1), ("MAX_EPOCHS", 1), ("WANTED", 0.0)):
        monkeypatch.setattr(training_speed, name, value)
    monkeypatch.setattr(training_speed, "in_fresh_process", lambda call, *given: call(*given))
    race = training_speed.to_99(folder)["to_99"]
    assert race["part"] == race["ours"][0][0] / race["example"][0][0] > 0
    assert "of the example's time" in capsys.readouterr().out
