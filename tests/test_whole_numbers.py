import itertools

import cv2
import numpy as np

from model import whole_numbers
from model.finder import Mark
from model.ink import connected_components
from model.page import Item
from model.prediction import Prediction
from model.whole_numbers import (
    CHOICE,
    EVERYTHING,
    UNSEEN,
    components_under,
    ink_around,
    lines_of_ink,
    read_whole,
    whole_readings,
)
from tests.test_ctc import Said

PAPER = 300  # pixels: width of the test pictures


def picture(*rectangles):
    """Ink with a filled rectangle (left, top, right, bottom) for each symbol."""
    ink = np.zeros((100, PAPER), np.float32)
    for left, top, right, bottom in rectangles:
        ink[top:bottom, left:right] = 1
    return ink


def written(box, digit, confidence=0.9):
    left, top, right, bottom = box
    ink = np.ones((bottom - top, right - left), np.float32)
    kind = "digit" if isinstance(digit, int) else digit
    mark = Mark(box, ink, kind, confidence, np.zeros(10, np.float32))
    if kind != "digit":
        return Item(mark, None, True)
    share = np.full(10, (1 - confidence) / 9)
    share[digit] = confidence
    return Item(mark, Prediction(digit, share, confidence, 0.99, np.zeros((28, 28), np.float32)), True)


ONE, POINT, TWO, FAR = (20, 20, 30, 70), (38, 64, 43, 69), (50, 20, 60, 70), (200, 20, 210, 70)
NON_DIGIT = written(ONE, 1).as_non_digit()
BESIDE = (100, 0, 110, 17), (100, 83, 110, 100)  # above and below the others


def test_a_number_owns_its_marks_and_what_stands_among_them_unread():
    components = connected_components(picture(ONE, POINT, TWO, FAR, (35, 0, 65, 3)))  # the last is a line far above
    run, other = [written(ONE, 1), written(TWO, 1)], [written(FAR, 1)]
    labels = ink_around(components, run, components_under(components, [*run, *other]))
    assert sorted(tuple(components.boxes[label]) for label in labels) == sorted([ONE, POINT, TWO])


def test_a_number_does_not_own_the_ink_of_its_neighbour():
    near = (75, 20, 85, 70)
    components = connected_components(picture(ONE, TWO, near))
    run = [written(ONE, 1), written(TWO, 1)]
    labels = ink_around(components, run, components_under(components, [*run, written(near, 1)]))
    assert sorted(tuple(components.boxes[label]) for label in labels) == sorted([ONE, TWO])


def test_the_ink_of_a_number_is_cut_out_without_the_rest():
    components = connected_components(picture(ONE, TWO, (40, 30, 45, 60)))
    labels = [label for label in (1, 2, 3) if components.boxes[label, 0] != 40]
    ink, corner = components.cut_out(*labels)
    assert corner == (19, 19)
    assert ink.sum() == 2 * 10 * 50


def test_a_single_digit_is_not_read_again_unless_its_ink_is_wider_than_one():
    assert not again(Said("___1__7"), [written(ONE, 1)], ONE)
    wide = (20, 20, 70, 70)
    assert [whole.text for *_, whole in again(Said("___1__7"), [written(wide, 2)], wide)] == ["17"]
    assert again(Said("___1__7"), [written(ONE, 1)], (ONE[0], 75, ONE[2], 95)) != []


def again(line, kept, *rectangles):
    return [one for some in whole_readings(line, kept, connected_components(picture(*rectangles))) for one in some]


def of_line(components, *items):
    ((labels, _),) = lines_of_ink(components, items)
    return labels


def as_one(line, components, run):
    return read_whole(line, components, ink_around(components, run, components_under(components, run)))


def test_digits_that_share_their_ink_are_known_to_touch():
    joined = (20, 60, 60, 70)
    run = [written(ONE, 1), written(TWO, 1)]
    apart, touching = connected_components(picture(ONE, TWO)), connected_components(picture(ONE, TWO, joined))
    assert as_one(Said("___1_____1"), apart, run).joined == 0
    assert as_one(Said("___1_____1"), touching, run).joined == 0.5


def test_each_number_of_a_page_is_read_again():
    boxes = ONE, TWO, FAR, (230, 20, 240, 70)
    found = again(Said("___1____1"), [written(box, 1) for box in boxes], *boxes, *BESIDE)
    assert [(which, len(run), whole.text) for which, run, whole in found] == [(CHOICE, 2, "11"), (CHOICE, 2, "11")]


def test_of_very_many_numbers_only_the_least_certain_are_read_again(monkeypatch):
    monkeypatch.setattr(whole_numbers, "MAX_REREAD", 1)
    boxes, sure = (ONE, TWO, FAR, (230, 20, 240, 70)), (0.9, 0.9, 0.9, 0.5)
    kept = [written(box, 1, each) for box, each in zip(boxes, sure, strict=True)]
    ((_, run, _),) = again(Said("___1____1"), kept, *boxes, *BESIDE)
    assert run[-1] is kept[-1]


def test_a_line_with_ink_that_was_not_read_is_read_as_one_number():
    items = [written(TWO, 1), written(ONE, 1).as_non_digit()]
    found = again(Said("___1__7____1"), items, ONE, TWO, FAR)
    assert [(which, run, whole.text) for which, run, whole in found] == [(EVERYTHING, items[::-1], "171")]


def test_what_the_ink_lacks_is_not_read_again():
    """As under a shadow: most digits are in no component, and what is left would be read without them."""
    run = [written(ONE, 1), written(TWO, 2), written((80, 20, 90, 70), 3)]
    components = connected_components(picture(ONE))
    assert ink_around(components, run, components_under(components, run)) == []
    assert list(itertools.chain(*whole_readings(Said("11"), run, components))) == []
    all_but_one = connected_components(picture(ONE, TWO))
    assert len(ink_around(all_but_one, run, components_under(all_but_one, run))) == 2


def test_of_several_lines_only_those_that_were_not_read_to_the_end_are_read_as_one_number():
    below = [(left, 75, right, 95) for left, _, right, _ in (ONE, TWO)]
    read = [written(box, 1) for box in (ONE, TWO)]
    assert [which for which, *_ in again(Said("___1__7"), read, ONE, TWO, *below)] == [UNSEEN, CHOICE]
    read += [written(box, 1) for box in below]
    assert [which for which, *_ in again(Said("___1__7"), read, ONE, TWO, *below)] == [CHOICE, CHOICE]


def test_a_line_in_which_nothing_was_seen_is_read_as_one_number():
    below = [(left, 75, right, 95) for left, _, right, _ in (ONE, TWO)]
    ((which, run, whole),) = again(Said("___1__7"), [written(FAR, 1)], FAR, *below)
    assert (which, run, whole.text, whole.corner) == (UNSEEN, [], "17", (19, 74))


def test_a_line_in_which_nothing_was_accepted_must_read_with_a_high_probability():
    assert again(Said("___1__7", 2.0), [], ONE, TWO) == []
    assert again(Said("___1__7", 2.0), [written(ONE, 1)], ONE, TWO) != []


class InTurn(Said):
    """A network with a fixed output for each line, from top to bottom."""

    def __init__(self, *texts):
        super().__init__("")
        self.texts = iter(texts)

    def forward(self, strips):
        self.text = next(self.texts)
        return super().forward(strips)


def test_a_line_in_which_nothing_was_accepted_is_left_out_beside_one_that_cannot_be_read():
    below = [(left, 75, right, 95) for left, _, right, _ in (ONE, TWO)]
    lines = [(left, 5, right, 70) for left, _, right, _ in (ONE, TWO)]
    assert [whole.text for *_, whole in again(InTurn("___1__3", "___1__7"), [], *lines, *below)] == ["13", "17"]
    assert again(InTurn("___#__#", "___1__7"), [], *lines, *below) == []
    on_edge = (0, 5, 30, 70)
    assert [whole.text for *_, whole in again(InTurn("___1__7"), [], on_edge, *below)] == ["17"]


def test_lines_that_share_most_of_their_rows_are_not_read_as_one_number():
    steps = [(20 + 30 * k, 5 + 15 * k, 40 + 30 * k, 35 + 15 * k) for k in range(5)]
    assert list(lines_of_ink(connected_components(picture(*steps)), [])) == []


def test_a_number_of_a_line_is_not_reread_once_all_its_ink_is():
    items, components = [written(ONE, 1), written(TWO, 1)], connected_components(picture(ONE, TWO, FAR))
    ((everything, choice),) = whole_readings(Said("___1__7____1"), items, components)
    assert (everything[0], choice[0]) == (EVERYTHING, CHOICE)


def test_specks_and_ruled_lines_do_not_belong_to_a_number():
    speck, dash, ruled = (100, 40, 103, 43), (70, 40, 90, 50), (110, 40, 190, 50)
    components = connected_components(picture(ONE, POINT, TWO, speck, dash, ruled))
    boxes = sorted(tuple(components.boxes[label]) for label in of_line(components, written(FAR, 1)))
    assert boxes == sorted([ONE, TWO, dash])


def test_ink_on_the_edge_or_far_taller_than_all_marks_does_not_belong_to_a_number():
    edge = (0, 20, 10, 70)
    components = connected_components(picture(edge, ONE, TWO))
    margin = connected_components(picture(ONE, TWO, (60, 5, 70, 95)))
    assert len(of_line(components, written(FAR, 1))) == 2
    assert len(of_line(components, written(edge, 1))) == 3
    assert list(lines_of_ink(margin, [written(ONE, 1)])) == []


def test_ink_thinner_than_the_pen_belongs_to_a_number_only_if_it_was_read_as_a_digit():
    thin = (80, 20, 84, 70)
    components = connected_components(picture(ONE, TWO, thin))
    assert len(of_line(components, written(ONE, 1))) == 2
    assert len(of_line(components, written(ONE, 1), written(thin, 1).as_non_digit())) == 2
    assert len(of_line(components, written(ONE, 1), written(thin, 1))) == 3


def test_strokes_of_one_pixel_belong_to_a_number():
    thin = picture((20, 20, 21, 70))
    cv2.ellipse(thin, (60, 45), (15, 25), 0, 0, 360, 1.0)
    assert len(of_line(connected_components(thin), written((45, 20, 75, 70), 0))) == 2


def test_framed_numbers_are_not_reread():
    frame = [(15, 10, 75, 13), (15, 80, 75, 83), (15, 10, 18, 83)]
    boxes = [ONE, TWO, (30, 40, 50, 43)]  # both touch each other, and the frame
    run = [written(ONE, 1), written(TWO, 1)]
    assert of_line(connected_components(picture(ONE, TWO)), run[0]) != []
    assert list(lines_of_ink(connected_components(picture(ONE, TWO, *frame)), [run[0]])) == []
    touching = connected_components(picture(*boxes, *frame, (20, 65, 30, 83)))
    assert ink_around(touching, run, components_under(touching, run)) == []


def test_a_line_whose_digits_are_connected_to_a_ruled_line_is_not_read_as_one_number():
    run, rule = [written(ONE, 1), written(TWO, 1)], (0, 50, PAPER, 53)
    assert list(lines_of_ink(connected_components(picture(ONE, TWO)), run)) != []
    assert list(lines_of_ink(connected_components(picture(ONE, TWO, rule)), run)) == []
    assert list(lines_of_ink(connected_components(picture(ONE, TWO, FAR, rule)), run)) != []  # a digit was missed


def test_a_line_owns_no_ink_of_another():
    below = [(left, 75, right, 95) for left, _, right, _ in (ONE, TWO)]
    lines = list(lines_of_ink(connected_components(picture(ONE, TWO, *below)), [written(ONE, 1)]))
    assert sorted(len(labels) for labels, _ in lines) == [2, 2]


def test_small_numbers_below_a_large_one_stay():
    small = [written((left, 85, left + 4, 97), 1) for left in (20, 40)]
    large = [written(ONE, 1), written(TWO, 1)]
    (_, run, _), *_ = again(Said("___1__7____1"), [*large, *small], ONE, TWO, FAR, *(one.box for one in small))
    assert run == large


def test_ink_that_holds_other_symbols_is_no_number():
    assert not again(Said("__1__#"), [NON_DIGIT], ONE, TWO)


def test_ink_that_is_read_as_signs_alone_is_no_number():
    assert read_whole(Said("___-___="), connected_components(picture(ONE, TWO)), [1, 2]) is None
