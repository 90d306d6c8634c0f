import numpy as np
import pytest

from model import Recognizer, whole_numbers
from model.evaluation.strokes import draw
from model.finder import Mark
from model.ink import connected
from model.numbers import text_of
from model.page import Written
from model.prediction import Prediction
from model.touching import by_piece
from model.whole_numbers import AGREED, CHOSEN, UNLEARNED, choice, evidence, ink_around, instead, read_whole, twice
from tests.digits import STROKES
from tests.test_ctc import Said

PAPER = 300  # pixels: width of the test pictures


def picture(*rectangles):
    """Ink with a filled rectangle (left, top, right, bottom) for each symbol."""
    ink = np.zeros((100, PAPER), np.float32)
    for left, top, right, bottom in rectangles:
        ink[top:bottom, left:right] = 1
    return ink


def under(pieces, *items):
    """Return the components under some marks."""
    return set(by_piece(pieces.labels, [one.mark for one in items]))


def written(box, digit, confidence=0.9):
    left, top, right, bottom = box
    ink = np.ones((bottom - top, right - left), np.float32)
    kind = "digit" if isinstance(digit, int) else digit
    mark = Mark(box, ink, kind, confidence, np.zeros(10, np.float32))
    if kind != "digit":
        return Written(mark, None, True)
    share = np.full(10, (1 - confidence) / 9)
    share[digit] = confidence
    return Written(mark, Prediction(digit, share, confidence, 0.99, np.zeros((28, 28), np.float32)), True)


ONE, POINT, TWO, FAR = (20, 20, 30, 70), (38, 64, 43, 69), (50, 20, 60, 70), (200, 20, 210, 70)


def test_a_number_owns_its_marks_and_what_stands_among_them_unread():
    pieces = connected(picture(ONE, POINT, TWO, FAR, (35, 0, 65, 3)))  # the last is a line far above
    run, other = [written(ONE, 1), written(TWO, 1)], [written(FAR, 1)]
    labels = ink_around(pieces, run, under(pieces, *run, *other))
    assert sorted(tuple(pieces.boxes[label]) for label in labels) == sorted([ONE, POINT, TWO])


def test_a_number_does_not_own_the_ink_of_its_neighbour():
    near = (75, 20, 85, 70)
    pieces = connected(picture(ONE, TWO, near))
    run = [written(ONE, 1), written(TWO, 1)]
    labels = ink_around(pieces, run, under(pieces, *run, written(near, 1)))
    assert sorted(tuple(pieces.boxes[label]) for label in labels) == sorted([ONE, TWO])


def test_the_ink_of_a_number_is_cut_out_without_the_rest():
    pieces = connected(picture(ONE, TWO, (40, 30, 45, 60)))
    labels = [label for label in (1, 2, 3) if pieces.boxes[label, 0] != 40]
    ink, corner = pieces.cut_out(*labels)
    assert corner == (19, 19)
    assert ink.sum() == 2 * 10 * 50


def test_a_single_digit_is_not_read_again():
    assert twice(Said("1"), [written(ONE, 1)], connected(picture(ONE))) == []


def chosen(run, whole):
    return choice(evidence(run, whole), whole.text, text_of(run), UNLEARNED["choice"])


def test_the_reading_as_a_whole_counts_more_the_surer_it_is():
    pieces, run = connected(picture(ONE, POINT, TWO)), [written(ONE, 1), written(TWO, 1)]
    whole = read_whole(Said("___1__.__1"), pieces, run, under(pieces, *run))
    assert whole.text == "1.1"
    taken, kind, (odds, *_) = chosen(run, whole)
    assert taken
    assert kind == CHOSEN
    doubtful = [written(ONE, 1, 0.5), written(TWO, 1, 0.5)]
    assert chosen(doubtful, whole)[2][0] > odds


def test_two_readings_that_agree_leave_no_choice():
    pieces, run = connected(picture(ONE, TWO)), [written(ONE, 1), written(TWO, 1)]
    whole = read_whole(Said("___1_____1"), pieces, run, under(pieces, *run))
    taken, kind, features = chosen(run, whole)
    assert (taken, kind) == (False, AGREED)
    assert len(features) == len(UNLEARNED[AGREED])


def test_a_reading_that_holds_a_non_digit_is_not_taken_and_does_not_make_the_other_surer():
    pieces, run = connected(picture(ONE, POINT, TWO)), [written(ONE, 1), written(TWO, 1)]
    whole = read_whole(Said("___1__#__1", 20.0), pieces, run, under(pieces, *run))
    taken, kind, (_, line, *_) = chosen(run, whole)
    assert (whole.text, taken, kind) == ("1#1", False, CHOSEN)
    assert line < 0


def test_digits_that_share_their_ink_are_known_to_touch():
    joined = (20, 60, 60, 70)
    run = [written(ONE, 1), written(TWO, 1)]
    apart, touching = connected(picture(ONE, TWO)), connected(picture(ONE, TWO, joined))
    assert read_whole(Said("___1_____1"), apart, run, under(apart, *run)).joined == 0
    assert read_whole(Said("___1_____1"), touching, run, under(touching, *run)).joined == 0.5


def test_marks_that_both_readings_share_stay_and_what_lies_between_is_added():
    pieces, run = connected(picture(ONE, POINT, TWO)), [written(ONE, 1), written(TWO, 1)]
    far = written(FAR, 5)
    whole = read_whole(Said("___1__.__1"), pieces, run, under(pieces, *run, far))
    parts = whole.parts()
    assert [part.kind for part in parts] == ["digit", ".", "digit"]
    readings = [run[0].prediction, run[1].prediction]
    now = instead([*run, far], run, whole, parts, readings)
    assert far in now
    assert run[0] in now
    assert [one.kind for one in now].count(".") == 1
    assert len(now) == 4


def test_each_number_of_a_line_is_read_again():
    pieces = connected(picture(ONE, TWO, FAR, (230, 20, 240, 70)))
    kept = [written(box, 1) for box in (ONE, TWO, FAR, (230, 20, 240, 70))]
    found = twice(Said("___1____1"), kept, pieces)
    assert [len(run) for run, _ in found] == [2, 2]
    assert [whole.text for _, whole in found] == ["11", "11"]


def test_of_very_many_numbers_only_the_least_certain_are_read_again(monkeypatch):
    monkeypatch.setattr(whole_numbers, "AGAIN", 1)
    boxes, sure = (ONE, TWO, FAR, (230, 20, 240, 70)), (0.9, 0.9, 0.9, 0.5)
    kept = [written(box, 1, each) for box, each in zip(boxes, sure, strict=True)]
    ((run, _),) = twice(Said("___1____1"), kept, connected(picture(*boxes)))
    assert run[-1] is kept[-1]


@pytest.mark.parametrize("offset", [1, -1])
def test_learned_weights_decide_which_reading_counts_and_how_sure_it_is(offset):
    tiles = [draw(STROKES[digit], 9, 90, (20, 40))[:160, :100] for digit in (3, 7, 4)]
    reader = Recognizer.load()
    weights = {"choice": [0, 0, 0, 0, offset], AGREED: [0, 0, 0, 5], CHOSEN: [0, 0, 0, 2]}
    reader.finder = reader.finder[0], reader.finder[1] | {"number_weights": weights}
    reader.line = Said("_____5__________5__________5")
    (number,) = reader.read_page(np.hstack(tiles)).numbers
    assert number.text == ("555" if offset > 0 else "374")
    assert number.confidence == pytest.approx(1 / (1 + np.exp(-2)))
