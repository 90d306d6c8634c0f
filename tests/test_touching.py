import numpy as np
import pytest

from model.finder import Mark
from model.ink import connected_components
from model.touching import cheapest_cut, fragments, split_touching, wide_components
from tests.test_ctc import Said, bars


def mark(left, top, right, bottom, score=0.9):
    ink = np.ones((bottom - top, right - left), np.float32)
    return Mark((left, top, right, bottom), ink, "digit", score, np.zeros(10, np.float32))


def test_a_cut_follows_the_path_with_the_least_ink():
    ink = np.ones((50, 40), np.float32)
    slit = 15 + np.arange(50) // 10
    ink[np.arange(50), slit] = ink[np.arange(50), slit + 1] = 0
    way = cheapest_cut(ink, 5, 35)
    assert way.shape == (50,)
    assert (np.abs(way - slit) <= 1).all()


def test_touching_digits_are_split_with_their_own_ink():
    one, other = split_touching(Said("___1________1"), bars())
    assert one.box[2] <= other.box[0] + 1
    assert one.ink.shape == (40, one.box[2] - one.box[0])
    assert one.ink.sum() + other.ink.sum() == bars().sum()
    assert one.logits.argmax() == 1
    assert one.score > 0.9


def test_a_touching_sign_is_split_off_as_a_sign():
    assert [mark.kind for mark in split_touching(Said("___-________1"), bars())] == ["-", "digit"]


@pytest.mark.parametrize("said", ["___1", "___1____#___1", ""])
def test_ink_not_read_as_several_symbols_is_not_split(said):
    assert split_touching(Said(said), bars()) == []


def test_only_wide_ink_with_a_mark_is_a_candidate_for_splitting():
    page = np.zeros((100, 300), np.float32)
    page[30:70, 10:70] = bars()
    page[30:70, 100:110] = 1  # narrow
    page[30:70, 200:260] = bars()  # without a mark
    ((corner, ink, within),) = wide_components(
        connected_components(page), [mark(100, 30, 110, 70), mark(10, 30, 40, 70)]
    )
    assert corner == (14, 29)
    assert ink.sum() == bars().sum()
    assert within == [1]


def test_wide_ink_in_which_the_finder_sees_no_digit_is_not_a_candidate_for_splitting():
    page = np.zeros((100, 100), np.float32)
    page[30:70, 10:70] = bars()
    found = [wide_components(connected_components(page), [mark(10, 30, 40, 70, score)]) for score in (0.4, 0.6)]
    assert [len(some) for some in found] == [0, 1]


def test_a_frame_around_a_digit_is_not_a_candidate_for_splitting():
    page = np.zeros((100, 150), np.float32)
    page[5:95, 5:145] = 1
    page[8:92, 8:142] = 0
    page[40:60, 70:80] = 1
    assert wide_components(connected_components(page), [mark(70, 40, 80, 60)]) == []
    assert wide_components(connected_components(page), [mark(5, 5, 145, 95)]) == []


def test_digits_on_a_ruled_line_are_not_candidates_for_splitting():
    page = np.zeros((100, 300), np.float32)
    page[30:70, 100:160] = bars()
    two = [mark(100, 30, 130, 70), mark(130, 30, 160, 70)]
    assert len(wide_components(connected_components(page), two)) == 1
    page[60:63] = 1
    assert wide_components(connected_components(page), two) == []


def test_a_mark_connected_to_much_other_ink_is_a_fragment():
    page = np.zeros((100, 150), np.float32)
    page[20:50, 20:40] = 1  # the loop of a P
    page[24:46, 25:35] = 0
    page[20:90, 16:22] = 1  # its stem
    page[20:90, 100:106] = 1
    loop, stroke = mark(20, 20, 40, 50), mark(100, 20, 106, 90)
    assert fragments(connected_components(page), [loop, stroke]) == [loop]


def test_a_digit_touching_a_long_line_is_not_a_fragment_of_it():
    page = np.zeros((100, 300), np.float32)
    page[50:56] = 1
    page[20:50, 20:40] = 1
    assert fragments(connected_components(page), [mark(20, 20, 40, 50)]) == []


def test_a_corner_of_a_large_symbol_is_a_fragment_unless_the_finder_takes_it_for_a_digit():
    page = np.zeros((200, 200), np.float32)
    page[20:180, 20:30] = page[170:180, 20:180] = 1
    assert [fragments(connected_components(page), [mark(20, 20, 30, 60, score)]) == [] for score in (0.4, 0.6)] == [
        False,
        True,
    ]
