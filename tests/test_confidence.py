import json

import numpy as np
import pytest
import torch

from model import Recognizer, weights
from model.confidence import UNCALIBRATED, probabilities, temperature_factors, tempered, thickness
from model.evaluation.strokes import STROKES, draw
from model.training.calibrate import learn_thickness
from model.training.data import mnist


def bar(width):
    glyph = np.zeros((28, 28), np.float32)
    glyph[4:24, 10 : 10 + width] = 1
    return glyph


def test_thickness_follows_the_width_of_a_stroke_and_is_zero_without_ink():
    assert thickness(np.stack([bar(2), bar(4), bar(8)])) == pytest.approx([20 / 11, 20 / 6, 40 / 7])
    assert thickness(np.zeros((1, 28, 28), np.float32)) == 0


def test_only_thick_strokes_lower_the_confidence_and_neither_the_digit_nor_the_score_changes():
    logits, glyphs = torch.tensor([[3.0, 1, *[0] * 8]] * 2), np.stack([bar(2), bar(12)])
    thin, thick = probabilities(logits, glyphs, UNCALIBRATED | {"thick": (3, 0.5)})
    assert torch.equal(thin, logits[0].softmax(0))
    assert thick.argmax() == 0
    assert thick[0] < thin[0] - 0.1
    after = tempered(logits, glyphs, (3, 0.5))
    assert torch.allclose(after.logsumexp(1), logits.logsumexp(1))
    assert torch.allclose(after.softmax(1), torch.stack([thin, thick]))


def test_a_network_that_misreads_thick_digits_learns_not_to_be_trusted_there(folder):
    digits, labels = mnist(folder, train=True)

    class Blind(torch.nn.Module):
        """Sure of the right digit while strokes are thin, sure of a wrong one otherwise."""

        def forward(self, batch):
            thick = torch.from_numpy(thickness(batch[:, 0].numpy())) > 4
            told = torch.where(thick, (labels + 1) % 10, labels)
            return 8 * torch.nn.functional.one_hot(told, 10).float()

    torch.manual_seed(0)
    start, slope = learn_thickness(Blind(), digits, labels, 1.0)
    assert slope > 0.2
    assert float(temperature_factors(thickness(bar(3)[None]), (start, slope))) == pytest.approx(1, abs=0.2)


def test_a_digit_too_small_for_its_pen_is_read_right_or_without_certainty():
    reader = Recognizer.load()
    readings = [(digit, reader.read_digit(draw(STROKES[digit], 20, 40, (120, 120)))) for digit in range(10)]
    assert all(reading.digit == digit or reading.confidence < 0.8 for digit, reading in readings)
    accepted = [(digit, reading) for digit, reading in readings if reading.digit is not None]
    assert len(accepted) >= 8  # the loop of the zero is nearly filled
    reader.calibration = reader.calibration | {"thick": (0, 0)}
    for digit, reading in accepted:
        trusting = reader.read_digit(draw(STROKES[digit], 20, 40, (120, 120)))
        assert (reading.digit, reading.score) == (trusting.digit, pytest.approx(trusting.score, abs=1e-6))
        assert reading.confidence < trusting.confidence


def test_weights_from_before_thickness_was_measured_still_read(tmp_path):
    net, card = weights.load("pocket")
    del card["calibration"]["thick"]
    weights.save(net, card, tmp_path / "old.safetensors")
    assert Recognizer.load(tmp_path / "old.safetensors").calibration["thick"] == (0, 0)
    assert json.loads(weights.for_browser(net, card)[1])["calibration"]["thick"] == [0, 0]
