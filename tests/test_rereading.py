import numpy as np
import pytest

from model import Recognizer
from model.evaluation.strokes import STROKES, draw
from model.ink import connected_components
from model.numbers import text_of
from model.rereading import AGREED, MARKS_CHOSEN, UNLEARNED, WHOLE_CHOSEN, choose, evidence, replace_number
from model.whole_numbers import CHOICE, EVERYTHING, UNSEEN, read_whole
from tests.digits import LETTER
from tests.test_ctc import Said
from tests.test_whole_numbers import FAR, ONE, POINT, TWO, as_one, picture, written


def chosen(run, whole):
    return choose(evidence(run, whole), whole.text, text_of(run), UNLEARNED[CHOICE])


def test_the_reading_as_a_whole_counts_if_it_is_surer_than_that_of_the_marks():
    components, run = connected_components(picture(ONE, POINT, TWO)), [written(ONE, 1), written(TWO, 1)]
    whole = as_one(Said("___1__.__1"), components, run)
    assert whole.text == "1.1"
    assert chosen(run, whole) == WHOLE_CHOSEN
    assert chosen(run, as_one(Said("___1__.__1", 1.0), components, run)) == MARKS_CHOSEN


def test_two_readings_that_agree_leave_no_choice():
    components, run = connected_components(picture(ONE, TWO)), [written(ONE, 1), written(TWO, 1)]
    assert chosen(run, as_one(Said("___1_____1"), components, run)) == AGREED


def test_a_reading_that_holds_a_non_digit_is_not_taken():
    components, run = connected_components(picture(ONE, POINT, TWO)), [written(ONE, 1), written(TWO, 1)]
    whole = as_one(Said("___1__#__1", 20.0), components, run)
    assert whole.text == "1#1"
    assert choose(evidence(run, whole), whole.text, "11", [100.0] * 8) == MARKS_CHOSEN


def test_marks_that_both_readings_share_stay_and_what_lies_between_is_added():
    components, run = connected_components(picture(ONE, POINT, TWO)), [written(ONE, 1), written(TWO, 1)]
    far = written(FAR, 5)
    whole = as_one(Said("___1__.__1"), components, run)
    parts = whole.parts()
    assert [part.kind for part in parts] == ["digit", ".", "digit"]
    readings = [run[0].prediction, run[1].prediction]
    now = replace_number([*run, far], run, whole, parts, readings)
    assert far in now
    assert run[0] in now
    assert [one.kind for one in now].count(".") == 1
    assert len(now) == 4
    beside = written((75, 40, 85, 44), "-")
    assert beside not in replace_number([*run, beside], [*run, beside], whole, parts, readings)


def test_refused_marks_do_not_count_in_the_reading_of_the_marks():
    components, run = connected_components(picture(ONE, TWO)), [written(ONE, 1), written(TWO, 1).as_non_digit()]
    whole = read_whole(Said("___1_____1"), components, [1, 2])
    assert evidence(run, whole)[2] == evidence(run[:1], whole)[2]
    assert evidence(run, whole)[3] == 1
    assert evidence(run[1:], whole)[2:4] == [0, 0]


@pytest.mark.parametrize("offset", [1, -1])
def test_learned_weights_decide_which_reading_counts_and_how_sure_it_is(offset):
    tiles = [draw(STROKES[digit], 9, 90, (20, 40))[:160, :100] for digit in (3, 7, 4)]
    reader = Recognizer.load()
    weights = {kind: [0] * 7 + [offset] for kind in (CHOICE, EVERYTHING)} | {
        kind: [0] * 7 + [2] for kind in (WHOLE_CHOSEN, MARKS_CHOSEN)
    }
    reader.finder = reader.finder[0], reader.finder[1] | {"number_weights": weights}
    reader.line = Said("_____5__________5__________5")
    (number,) = reader.read_page(np.hstack(tiles)).numbers
    assert number.text == ("555" if offset > 0 else "374")
    assert number.confidence == pytest.approx(1 / (1 + np.exp(-2)))


@pytest.mark.parametrize("offset", [1, -1])
def test_learned_weights_decide_whether_refused_marks_become_a_number(offset):
    letter = draw(LETTER, 9, 160, (100, 100))
    reader = Recognizer.load()
    weights = UNLEARNED | {UNSEEN: [0] * 7 + [offset]}
    reader.finder = reader.finder[0], reader.finder[1] | {"number_weights": weights}
    reader.line = Said("___5___5")
    assert reader.read_page(letter).text == ("55" if offset > 0 else "")


@pytest.mark.parametrize("said", ["___1_____1__.", "___1_____1__-"])
def test_a_sign_that_a_number_cannot_end_with_makes_no_difference(said):
    components, run = connected_components(picture(ONE, TWO)), [written(ONE, 1), written(TWO, 1)]
    whole, plain = as_one(Said(said), components, run), as_one(Said("___1_____1"), components, run)
    assert (whole.text, chosen(run, whole)) == ("11", AGREED)
    assert evidence(run, whole)[1] == evidence(run, whole)[0]
    assert evidence(run, whole)[0] == pytest.approx(evidence(run, plain)[0], abs=1.5)
