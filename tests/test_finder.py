import numpy as np
import pytest

from model import weights
from model.evaluation.strokes import STROKES, draw
from model.finder import CELL, STEP, assign_strokes, boxes_of, find, ink_bounds, padded, separate_ink
from model.networks import folded


@pytest.fixture(scope="module")
def finder():
    return folded(weights.load("finder")[0])


def test_a_picture_is_padded_with_its_border_brightness():
    tone = np.full((10, 20), 0.7, np.float32)
    tone[4:6, 8:12] = 0
    board = padded(tone, (3, 5), (32, 48))
    assert board.shape == (32, 48)
    assert np.array_equal(board[3:13, 5:25], tone)
    assert board[0, 0] == board[-1, -1] == np.float32(0.7)


@pytest.mark.parametrize("size", [40, 100, 220])
def test_a_digit_is_found_where_it_was_drawn(finder, size):
    canvas = draw(STROKES[5], max(5, size / 12), size, (20, 20))
    rows, columns = np.nonzero(canvas < 128)
    best = max(find(finder, np.float32(canvas) / 255), key=lambda mark: mark.score)
    assert best.kind == "digit"
    assert best.box == pytest.approx((columns.min(), rows.min(), columns.max(), rows.max()), abs=0.1 * size + 4)


def test_nothing_is_found_outside_the_picture(finder):
    canvas = draw(STROKES[5], 10, 110, (4, 4))[:120, :90]
    for mark in find(finder, np.float32(canvas) / 255):
        assert -4 <= mark.box[0] < mark.box[2] <= 94
        assert -4 <= mark.box[1] < mark.box[3] <= 124


def test_blank_paper_has_no_marks(finder):
    assert find(finder, np.full((300, 400), 0.8, np.float32)) == []


def test_each_stroke_is_assigned_to_the_centre_that_it_points_to():
    strokes = np.zeros((40, 80), np.float32)  # each value covers 2 x 2 pixels
    strokes[10:30, 10:14] = strokes[10:30, 60:64] = 1
    right, down = np.zeros_like(strokes), np.zeros_like(strokes)
    middles = {10: (12 * 2, 20 * 2), 60: (62 * 2, 20 * 2)}
    for left, (x, y) in middles.items():
        yy, xx = np.mgrid[10:30, left : left + 4]
        right[10:30, left : left + 4] = (x - 2 * xx - 1) / STEP
        down[10:30, left : left + 4] = (y - 2 * yy - 1) / STEP
    row = np.array([y // CELL for _, y in middles.values()])
    column = np.array([x // CELL for x, _ in middles.values()])
    owner = assign_strokes(strokes, right, down, row, column)
    assert set(owner[10:30, 10:14].ravel()) == {1}
    assert set(owner[10:30, 60:64].ravel()) == {2}
    assert boxes_of(owner, 2) == [(10, 10, 14, 30), (60, 10, 64, 30)]


@pytest.mark.parametrize(("paper", "pen"), [(0.9, 0.2), (0.3, 0.8), (0.6, 0.5)])
def test_ink_is_whatever_is_darker_or_lighter_than_the_paper(paper, pen):
    window = np.full((40, 40), paper, np.float32)
    window[10:30, 18:22] = pen
    own = np.zeros((20, 20), bool)
    own[5:15, 9:11] = True
    ink = separate_ink(window, own, np.float32(own))
    assert ink[12:28, 18:22].min() > 0.9
    assert ink[:, :14].max() == ink[:, 26:].max() == 0
    assert ink_bounds(ink) == (10, 18, 20, 4)


def test_a_mark_without_contrast_has_no_ink():
    own = np.zeros((20, 20), bool)
    own[5:15, 9:11] = True
    assert not separate_ink(np.full((40, 40), 0.5, np.float32), own, np.float32(own)).any()
