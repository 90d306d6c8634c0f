from dataclasses import replace

import numpy as np
import pytest

from model.evaluation.strokes import STROKES, draw
from model.finder import Mark
from model.ink import connected_components
from model.proposals import component_marks, flag_lone, has_thick_strokes, iou, whole_ink_marks


def mark(box, score=0.9):
    return Mark(box, np.ones((4, 4), np.float32), "digit", score, np.zeros(10, np.float32))


INK = np.zeros((60, 100), np.float32)
INK[10:50, 10:20] = INK[10:50, 60:70] = 1


def test_intersection_over_union_is_computed_from_the_areas():
    assert iou(np.array([0, 0, 10, 10.0]), np.array([5, 0, 15, 10.0])) == pytest.approx(50 / 150)
    assert iou(np.array([0, 0, 1, 1.0]), np.array([5, 5, 6, 6.0])) == 0


def test_connected_ink_is_proposed_where_a_mark_overlaps_it_well():
    (one,) = component_marks(connected_components(INK), [mark((9, 9, 22, 50), 0.3), mark((9, 12, 21, 50), 0.8)])
    assert one.score == 0.8
    assert one.box == (9, 9, 21, 51)
    assert one.ink.sum() == pytest.approx(400)
    assert component_marks(connected_components(INK), [mark((40, 0, 50, 10))]) == []
    assert component_marks(connected_components(INK), []) == []


def test_all_of_the_ink_is_proposed_even_without_a_mark():
    one = np.where(np.arange(INK.shape[1]) < 30, INK, 0)
    (all_ink,) = whole_ink_marks(one, [])
    assert all_ink.lone
    assert all_ink.score < 0.1
    (like,) = whole_ink_marks(INK, [mark((10, 10, 70, 50), 0.7)])
    assert like.box == (10, 10, 70, 50)
    assert like.score == 0.7
    assert whole_ink_marks(np.zeros_like(INK), []) == []


def test_unmatched_ink_scores_zero_if_fragmented_or_beside_a_likely_mark_or_framing_the_picture():
    one = np.where(np.arange(INK.shape[1]) < 30, INK, 0)
    cases = [(INK, []), (one, [mark((40, 0, 50, 10), 0.7)])]
    frame = np.zeros((200, 200), np.float32)
    frame[0] = frame[:, 0] = 1
    for ink, marks in [*cases, (frame, [])]:
        assert whole_ink_marks(ink, marks)[0].score == 0


@pytest.mark.parametrize(("pen", "wide"), [(3, False), (5, False), (7, True), (24, True)])
def test_thick_is_true_only_for_wide_strokes(pen, wide):
    assert has_thick_strokes(connected_components(1 - draw(STROKES[8], pen, 150, (60, 60)) / np.float32(255))) == wide


def test_blank_paper_has_no_thick_strokes():
    assert not has_thick_strokes(connected_components(np.zeros((50, 50), np.float32)))


def test_marks_are_lone_if_no_digit_is_possible_elsewhere():
    whole, part, other = mark((0, 0, 30, 40)), mark((2, 2, 20, 22)), mark((50, 0, 80, 40))
    assert [one.lone for one in flag_lone([part, whole])] == [True, True]
    assert [one.lone for one in flag_lone([part, whole, other])] == [False, False, False]
    assert [one.lone for one in flag_lone([whole, replace(other, score=0.0)])] == [True, True]
