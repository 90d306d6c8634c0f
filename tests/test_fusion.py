from dataclasses import replace

import numpy as np
import torch

from model.finder import Mark
from model.fusion import WEIGHTS, fuse


def mark(score, digit=3):
    logits = np.zeros(10, np.float32)
    logits[digit] = 5
    return Mark((0, 0, 9, 9), np.ones((9, 9), np.float32), "digit", score, logits)


def test_the_weights_decide_which_network_wins():
    glyph = torch.zeros(1, 10)
    glyph[0, 7] = 4
    alone = torch.zeros(WEIGHTS)
    alone[0] = 1
    assert fuse(glyph, [mark(0.9)], alone)[:, :10].argmax() == 7
    alone[:2] = torch.tensor([0.0, 1.0])
    assert fuse(glyph, [mark(0.9)], alone)[:, :10].argmax() == 3


def test_a_low_finder_score_raises_the_non_digit_probability():
    weights = torch.tensor([1.0, 0, 3, 1, 0, 0, 0])
    both = fuse(torch.zeros(2, 10), [mark(0.999), mark(0.01)], weights)
    assert both.shape == (2, 11)
    shares = both.softmax(1)[:, 10]
    assert shares[0] < shares[1]


def test_the_glyph_network_decides_for_a_lone_mark():
    glyph = torch.zeros(2, 10)
    glyph[:, 7] = 4
    weights = torch.tensor([0.0, 1.0, 0, 0, 0, 0, 0])
    one = mark(0.9)
    assert fuse(glyph, [one, replace(one, lone=True)], weights)[:, :10].argmax(1).tolist() == [3, 7]
