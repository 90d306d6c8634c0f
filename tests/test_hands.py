"""Synthetic writers, on whom the strength of corrections is chosen."""

import numpy as np
import pytest

from model.evaluation import hands
from model.evaluation.strokes import draw
from model.training.digit_styles import DIGITS

SHAPES = {digit: shapes[0] for digit, shapes in DIGITS.items()}


def pictures(writer):
    return [draw(one["strokes"], 12, 180, (50, 50)).astype(float) for one in hands.hand(writer, SHAPES, each=2)]


def apart(one, other):
    return np.mean([np.abs(a - b).mean() for a, b in zip(one, other, strict=True)])


def test_a_writer_repeats_each_digit_more_alike_than_another_writer_does():
    one, other = pictures(1), pictures(2)
    assert apart(one[::2], one[1::2]) < 0.8 * apart(one[::2], other[::2])


def test_each_drawing_names_its_digit_and_fits_a_canvas():
    for one in hands.hand(3, SHAPES, each=1):
        points = np.concatenate(one["strokes"])
        assert int(one["label"]) in DIGITS
        assert points.min() == 0
        assert points.max() == 1


@pytest.mark.slow
def test_the_command_prints_each_setting_and_the_best(monkeypatch, capsys):
    monkeypatch.setattr("model.evaluation.adaptation.DRAWS", 2)
    assert hands.main(["--writers", "2", "--weights", "reference"]) == 0
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == len(hands.EVIDENCE_STRENGTHS) * len(hands.BANDWIDTHS)
    assert "largest gain" in printed
