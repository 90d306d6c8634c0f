import contextlib
import re
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import train
from model import Recognizer, corrections, networks, weights
from model.evaluation.strokes import STROKES, draw, draw_somewhere
from model.training import calibrate, data, loop
from model.training.data import mnist, split
from model.training.glyphs import Mixture
from model.training.loop import accuracy, learning_rate_factor
from model.training.recipes import Recipe
from tests.digits import glyph


def run(folder, out, *more):
    return train.main(["reference", "--data", str(folder), "--out", str(out), "--device", "cpu", *more])


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "reference.safetensors"
    assert run(folder, out, "--epochs", "4", "--seed", "3") == 0
    return out


def test_a_trained_network_can_be_saved_loaded_and_used(folder, trained):
    recognizer = Recognizer.load(trained)
    card = recognizer.card
    assert card["seed"] == 3
    assert card["recipe"]["epochs"] == 4
    assert card["recipe"]["batch_size"] == 32
    assert card["data"] == {"mnist_train": 120, "mnist_test": 40}
    assert card["metrics"]["mnist_train_accuracy"] > 0.5
    assert card["metrics"]["mnist_test_accuracy"] == accuracy(recognizer.net, *mnist(folder, train=False))
    assert recognizer.read_digit(draw_somewhere(STROKES[0], np.random.default_rng(5))).digit == 0


class Textbook(torch.nn.Module):
    """A third-party network that does not depend on this project."""

    def __init__(self):
        super().__init__()
        self.maps, self.out = torch.nn.Conv2d(1, 16, 5, stride=2), torch.nn.Conv2d(16, 10, 12)

    def forward(self, batch):
        return self.out(self.maps(batch).relu()).mean(dim=(2, 3))


def test_any_module_that_maps_a_batch_to_logits_can_be_trained(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(networks.NETWORKS, "textbook", Textbook)
    monkeypatch.setitem(train.RECIPES, "textbook", Recipe("textbook", epochs=3, batch_size=16, learning_rate=3e-3))
    out = tmp_path / "textbook.safetensors"
    assert train.main(["textbook", "--data", str(folder), "--out", str(out), "--device", "cpu"]) == 0
    recognizer = Recognizer.load(out)
    assert recognizer.card["metrics"]["mnist_train_accuracy"] > 0.5
    assert recognizer.read_digit(draw_somewhere(STROKES[0], np.random.default_rng(5))).probabilities.shape == (10,)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_file_and_a_different_seed_does_not(folder, tmp_path, uncalibrated):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run(folder, tmp_path / name, "--epochs", "1", "--seed", seed, "--limit", "64")
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.slow
def test_corrections_are_mixed_in_and_counted(folder, tmp_path, capsys, uncalibrated):
    kept = tmp_path / "kept"
    for digit in (3, 3, 8):
        corrections.save(glyph(draw(STROKES[digit], 8 + digit, 160, (70, 50))), digit, kept)
    flags = "--epochs", "1", "--limit", "40", "--seed", "1"
    run(folder, tmp_path / "with", *flags, "--corrections", str(kept))
    run(folder, tmp_path / "without", *flags)
    assert weights.load(tmp_path / "with")[1]["data"]["corrections"] == 2  # duplicate glyphs count once
    assert (tmp_path / "with").read_bytes() != (tmp_path / "without").read_bytes()
    corrected, right = corrections.load(kept)
    glyphs, labels = train.mix_in(torch.zeros(5, 1, 28, 28), torch.arange(5), corrected, right)
    assert len(glyphs) == len(labels) == 5 + 2 * train.COPIES
    assert labels[5:].unique().tolist() == [3, 8]
    assert run(folder, tmp_path / "none", "--corrections", str(tmp_path)) == 2
    assert "holds no corrections" in capsys.readouterr().err


def test_limit_takes_only_the_first_digits(folder, tmp_path, uncalibrated):
    run(folder, tmp_path / "net", "--epochs", "1", "--limit", "20")
    assert weights.load(tmp_path / "net")[1]["data"] == {"mnist_train": 20, "mnist_test": 20}


def test_mnist_glyphs_have_the_right_shape_and_keep_their_labels(folder):
    glyphs, labels = mnist(folder, train=True)
    assert glyphs.shape == (120, 1, 28, 28)
    assert glyphs.dtype == torch.float32
    assert labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_missing_data_while_offline_gives_an_error_message(tmp_path, monkeypatch, capsys):
    def offline(*_, **__):
        raise URLError("no route")

    monkeypatch.setattr(data, "MNIST", offline)
    assert run(tmp_path / "nothing", tmp_path / "net") == 2
    assert "put MNIST's four files into" in capsys.readouterr().err
    assert not (tmp_path / "net").exists()


@pytest.mark.slow
def test_training_world_is_reproducible_and_calibrates_it(folder, tmp_path, monkeypatch):
    for place in (loop, calibrate):
        monkeypatch.setattr(place, "Mixture", lambda *digits, per_shape=0: Mixture(*digits, per_shape=1))
    arguments = ["world", "--epochs", "2", "--data", str(folder), "--device", "cpu", "--limit", "120", "--out"]
    for name in ("one", "two"):
        assert train.main([*arguments, str(tmp_path / name)]) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    calibration = Recognizer.load(tmp_path / "one").card["calibration"]
    assert 0.1 < calibration["temperature"] < 10
    assert 0 < calibration["threshold"] < 1


@pytest.mark.parametrize(
    "wrong", [["--limit", "0"], ["--epochs", "-1"], ["--epochs", "ten"], ["--device", "toaster"], ["--limit", "9"]]
)
def test_an_invalid_flag_gives_an_error_message(folder, capsys, wrong):
    with pytest.raises(SystemExit, match="2"):
        train.main(["reference", "--data", str(folder), *wrong])
    assert re.search(r"use a whole number|no device 'toaster' here|add --out", capsys.readouterr().err)


def test_the_finder_is_not_trained_by_several_processes(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("model.training.distributed.count", lambda: 2)
    digits = mnist(folder, train=True)
    with pytest.raises(ValueError, match="'finder' is trained by one process"):
        loop.train(train.RECIPES["finder"], digits, digits, 0, torch.device("cpu"), tmp_path / "finder.checkpoint")


def test_a_place_that_cannot_be_written_gives_an_error_message(folder, tmp_path, capsys, monkeypatch):
    with pytest.raises(SystemExit, match="2"):
        run(folder, tmp_path)
    assert f"--out names the folder {tmp_path}" in capsys.readouterr().err

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.training.checkpoint.write", full)
    assert run(folder, tmp_path / "net", "--epochs", "1") == 2
    assert "train.py: [Errno 28] No space left on device" in capsys.readouterr().err


def test_too_few_digits_give_an_error_message(folder, tmp_path, capsys):
    assert run(folder, tmp_path / "net", "--limit", "1") == 2
    assert "0 digits in batches of 32: too few" in capsys.readouterr().err


def train_plainly(recipe, glyphs, labels, seed):
    """Train a digits-only network as `train` does, in a loop that is not optimised for speed."""
    torch.manual_seed(seed)
    net = networks.build(recipe.network)
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
    net, _ = loop.train(recipe, used, held_back, 3, torch.device("cpu"), tmp_path / "run")
    plain = train_plainly(recipe, *used, 3)
    torch.testing.assert_close(networks.predict(plain, used[0]), networks.predict(net, used[0]), rtol=0, atol=1e-3)
