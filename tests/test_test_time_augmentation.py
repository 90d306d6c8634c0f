import math

import pytest
import torch
from torch import nn

from model.test_time_augmentation import ROTATIONS, predict_augmented


class Watched(nn.Module):
    """Record each batch that it receives, and return the given logits, one set per call."""

    def __init__(self, *logits):
        super().__init__()
        self.answers, self.shown = list(logits), []

    def forward(self, glyphs):
        self.shown.append(glyphs)
        return torch.tensor(self.answers.pop(0))


def upright_bar():
    glyph = torch.zeros(1, 1, 28, 28)
    glyph[0, 0, 4:24, 13:15] = 1
    return glyph


def lean(glyph):
    """Return the clockwise angle between the vertical and the major axis of the ink, in degrees."""
    y, x = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    y, x = ((part - (part * glyph).sum() / glyph.sum()) for part in (y, x))
    return math.degrees(0.5 * math.atan2(-2 * float((glyph * x * y).sum()), float((glyph * (y * y - x * x)).sum())))


def only(digit, logit):
    return [logit if i == digit else 0.0 for i in range(10)]


def test_a_confident_glyph_is_read_only_once():
    net = Watched([only(3, 9.0)])
    assert predict_augmented(net, upright_bar())[0].tolist() == only(3, 9.0)
    assert len(net.shown) == 1


def test_an_uncertain_glyph_gets_the_mean_of_five_views():
    net = Watched([only(3, 9.0), only(1, 1.0)], [only(1, 4.0), only(1, 7.0), only(1, 3.0), only(1, 5.0)])
    logits = predict_augmented(net, upright_bar().repeat(2, 1, 1, 1))
    assert logits[0].tolist() == only(3, 9.0)
    assert logits[1].tolist() == pytest.approx(only(1, 4.0))


def test_the_other_views_are_rotated_by_the_configured_angles():
    net = Watched([only(3, 0.0)], [only(3, 0.0)] * len(ROTATIONS))
    predict_augmented(net, upright_bar())
    assert [lean(view) for view in net.shown[1][:, 0]] == pytest.approx([-degrees for degrees in ROTATIONS], abs=1.5)
