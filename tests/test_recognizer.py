from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import model
from model import Prediction, Recognizer, predict_image
from model.evaluation.strokes import STROKES, draw
from model.finder import Mark
from model.networks import SIGNS
from model.page import Item, group_into_lines, page_of, without_notes
from model.prediction import blank
from model.proposals import covered
from model.rectify import View
from model.suppression import non_maximum_suppression, with_signs, without_specks
from model.touching import with_line_reading


@pytest.fixture(scope="module", params=["reference", "world"])
def recognizer(request):
    return Recognizer.load(request.param)


@pytest.mark.parametrize("digit", range(10))
def test_a_plain_digit_is_read(recognizer, digit):
    prediction = recognizer.read_digit(draw(STROKES[digit], 16, 180, (60, 40)))
    assert prediction.digit == digit
    assert prediction.top(1)[0][0] == digit


def test_a_prediction_has_the_documented_shapes_types_and_ranges(recognizer, seven):
    prediction = recognizer.read_digit(seven)
    assert isinstance(prediction, Prediction)
    assert prediction.probabilities.shape == (10,)
    assert prediction.probabilities.dtype == np.float32
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= prediction.confidence <= 1
    assert 0 <= prediction.score <= 1
    assert prediction.glyph.shape == (28, 28)
    assert prediction.glyph.dtype == np.float32


def test_top_lists_digits_by_descending_probability(recognizer, seven):
    top = recognizer.read_digit(seven).top(10)
    shares = [share for _, share in top]
    assert sorted(digit for digit, _ in top) == list(range(10))
    assert shares == sorted(shares, reverse=True)
    assert all(type(digit) is int and type(share) is float for digit, share in top)
    assert len(recognizer.read_digit(seven).top()) == 3


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_picture_has_no_digit(recognizer, value):
    prediction = recognizer.read_digit(np.full((280, 280), value, np.uint8))
    assert prediction.digit is None
    assert prediction.confidence == prediction.score == 0
    assert prediction.probabilities.sum() == pytest.approx(1)
    assert not prediction.glyph.any()


def test_glyphs_are_read_the_same_in_a_batch_as_alone(recognizer):
    predictions = [recognizer.read_digit(draw(STROKES[digit], 14, 150, (60, 60))) for digit in range(10)]
    glyphs = np.stack([prediction.glyph for prediction in predictions])
    for glyph, one in zip(glyphs, recognizer.read_glyphs(glyphs), strict=True):
        (alone,) = recognizer.read_glyphs(glyph[None])
        assert one.digit == alone.digit
        assert one.probabilities == pytest.approx(alone.probabilities, abs=1e-5)


@pytest.mark.parametrize("polarity", ["dark on light", "light on dark"])
@pytest.mark.parametrize("corner", [(10, 10), (160, 10), (80, 120)])
def test_position_and_polarity_do_not_change_the_answer(recognizer, polarity, corner):
    canvas = draw(STROKES[5], 10, 110, corner)
    assert recognizer.read_digit(canvas if polarity == "dark on light" else 255 - canvas).digit == 5


@pytest.mark.parametrize("size", [40, 100, 250])
def test_size_does_not_change_the_answer(recognizer, size):
    assert recognizer.read_digit(draw(STROKES[2], size / 12, size, (5, 5))).digit == 2


def test_predict_image_reads_a_path_with_the_default_network(tmp_path, seven):
    path = tmp_path / "seven.jpg"
    Image.fromarray(seven).save(path)
    assert predict_image(str(path)).digit == predict_image(path).digit == 7


def test_dunder_all_lists_every_public_name():
    public = {name for name, value in vars(model).items() if not name.startswith("_") and hasattr(value, "__module__")}
    assert set(model.__all__) == {name for name in public if getattr(model, name).__module__.startswith("model")}


def mark(box, kind="digit", score=0.9):
    return Mark(box, np.ones((9, 9), np.float32), kind, score, np.zeros(10, np.float32))


def line_of(text, apart=10):
    """A line of symbols 30 wide and 40 high; "#" is a non-digit; a space is a gap."""
    found, x = [], 0
    for symbol in text:
        if symbol in SIGNS:
            top, bottom = (30, 40) if symbol in ".," else (18, 24)
            found.append(Item(mark((x, top, x + 10, bottom), symbol), None, True))
        elif symbol != " ":
            digit = int(symbol) if symbol.isdecimal() else None
            reading = replace(blank(), digit=digit, confidence=1.0)
            found.append(Item(mark((x, 0, x + 30, 40)), reading, True))
        x += 30 + apart
    return found


def test_signs_appear_in_the_text_of_the_page():
    page = page_of(line_of("-3.5    12"), View(np.eye(3), (600, 40)), (600, 40))
    assert page.text == "-3.5 12"
    assert [number.text for number in page.numbers] == ["-3.5", "12"]
    assert page.numbers[0].box == (0, 0, 150, 40)
    assert len(page.marks) == 4


def test_a_number_ends_at_a_non_digit_but_not_at_a_speck():
    four, letter, seven = line_of("4#7")
    view = View(np.eye(3), (120, 40))
    assert page_of([four, letter, seven], view, (120, 40)).text == "4 7"
    speck = replace(letter, mark=mark((50, 20, 60, 30)))
    assert page_of([four, speck, seven], view, (120, 40)).text == "47"


def test_of_marks_that_are_all_unlikely_the_tallest_is_shown():
    refused = [replace(one, likely=False) for one in line_of("##")]
    part = replace(refused[0], mark=mark((0, 0, 8, 12)))
    assert [box for box, _ in page_of([part, refused[1]], View(np.eye(3), (90, 40)), (90, 40)).marks] == [
        (40, 0, 70, 40)
    ]


def digits_of(line):
    return "".join(str(one.prediction.digit) for one in line)


def test_boxes_and_sheet_are_in_picture_pixels_and_clipped_to_it():
    corners = np.float32([[10, 10], [90, 10], [90, 60], [10, 60]])
    view = View(np.eye(3), (100, 70), corners).of_larger(np.array([4.0, 3.0]))
    written = [replace(one, mark=mark((one.box[0] - 5, *one.box[1:]))) for one in line_of("7")]
    page = page_of(written, view, (400, 210))
    assert page.sheet == ((40, 30), (360, 30), (360, 180), (40, 180))
    assert page.marks[0][0] == (0, 0, 120, 120)


def test_lines_are_sorted_from_top_to_bottom():
    below = [replace(one, mark=mark((one.box[0], 100, one.box[2], 140))) for one in line_of("123")]
    assert [digits_of(line) for line in group_into_lines([*below[::-1], *line_of("45")])] == ["45", "123"]


def test_a_brace_beside_two_lines_does_not_join_them():
    below = [replace(one, mark=mark((one.box[0], 60, one.box[2], 100))) for one in line_of("34")]
    brace = replace(line_of("#")[0], mark=mark((90, -5, 110, 105)))
    lines = group_into_lines([*line_of("52"), brace, *below])
    assert [[one.prediction.digit for one in line] for line in lines] == [[5, 2, None], [3, 4]]


def test_lines_of_different_slopes_are_separated():
    """As on a sheet photographed at an angle: the last digit of a line is level with the start of the next line."""
    page = []
    for row, text in enumerate(("12345", "2 4 6", "98765", "1 3 5", "55555")):
        for one in line_of(text, apart=60):
            y = 70 * row + one.box[0] * (0.22 - 0.03 * row)
            page.append(replace(one, mark=mark((one.box[0], y, one.box[2], y + 40))))
    assert [digits_of(line) for line in group_into_lines(page)] == ["12345", "246", "98765", "135", "55555"]


def table(apart=30):
    return [
        replace(one, mark=mark((one.box[0], y, one.box[2], y + 40)))
        for y in (0, 80, 160)
        for one in line_of("123456", apart)
    ]


def test_small_notes_in_a_table_are_dropped():
    small = replace(table()[0], mark=mark((500, 10, 510, 30)))
    assert small not in without_notes([*table(), small])
    assert len(without_notes([*table(), small])) == 18
    assert small in without_notes([*table()[:8], small])  # a few digits of various sizes are not a table


def test_a_crammed_pair_of_digits_is_dropped_only_if_small_and_in_a_table_of_single_digits():
    pair = [replace(table()[0], mark=mark((x, 83, x + 25, 120))) for x in (500, 527)]
    large = [replace(one, mark=mark((*one.box[:3], 130))) for one in pair]
    assert len(without_notes([*table(), *pair])) == 18
    assert len(without_notes([*table(), *large])) == 20
    assert len(without_notes([*table(apart=5), *pair])) == 20  # a table of multi-digit numbers


def test_a_mark_far_larger_than_the_digits_of_a_table_is_dropped():
    assert len(without_notes([*table(), replace(table()[0], mark=mark((0, 0, 200, 200)))])) == 18


def test_a_sign_belongs_to_the_line_that_it_is_level_with():
    """Even if a digit of another line is nearer: a point at the foot of its line, a plus in the middle of it."""
    below = [replace(one, mark=mark((one.box[0] + 60, 50, one.box[2] + 60, 90))) for one in line_of("678")]
    point, plus = (Item(mark(box, kind), None, True) for box, kind in (((72, 44, 78, 49), "."), ((5, 52, 25, 72), "+")))
    lines = group_into_lines([*line_of("45"), *line_of("    9"), point, plus, *below])
    assert [[one.kind for one in line] for line in lines] == [["digit", "digit", ".", "digit"], ["+", *["digit"] * 3]]


def test_a_sign_far_from_any_digit_belongs_to_no_line():
    far = Item(mark((300, 300, 310, 310), "."), None, True)
    assert [len(line) for line in group_into_lines([*line_of("45"), far])] == [2]
    assert group_into_lines([far]) == []


def test_a_whole_digit_is_kept_instead_of_its_parts():
    whole, part, other = (mark(box) for box in ((0, 0, 30, 40), (0, 0, 20, 22), (50, 0, 80, 40)))
    sure = replace(blank(), digit=8, confidence=0.95, score=0.95)
    readings = replace(sure, score=0.99), sure, replace(sure, digit=None, score=0.3)
    kept = non_maximum_suppression(list(map(Item, (part, whole, other), readings, (True, True, True))))
    assert [one.mark for one in kept] == [whole, other]


def test_parts_are_kept_where_the_whole_is_rejected():
    whole, left, right = (mark(box) for box in ((0, 0, 60, 40), (0, 0, 28, 40), (32, 0, 60, 40)))
    sure = replace(blank(), digit=1, confidence=0.9, score=0.9)
    refused = replace(sure, digit=None, score=0.4)
    kept = non_maximum_suppression(list(map(Item, (whole, left, right), (refused, sure, sure), (True, True, True))))
    assert [one.mark for one in kept] == [left, right]


def test_a_rejected_symbol_is_kept_instead_of_its_likelier_part():
    whole, part = mark((0, 0, 30, 40)), mark((4, 0, 26, 20))
    refused = replace(blank(), digit=None, confidence=0.1)
    readings = replace(refused, score=0.05), replace(refused, score=0.2)
    assert [one.mark for one in non_maximum_suppression(list(map(Item, (whole, part), readings, (True, True))))] == [
        whole
    ]


def test_two_digits_are_not_merged_if_the_finder_scores_them_higher():
    upper, lower = mark((0, 0, 30, 30)), mark((0, 32, 30, 62))
    sure = replace(blank(), digit=0, confidence=0.95, score=0.95)
    for score, count in ((0.8, 2), (0.95, 1)):
        whole = replace(mark((0, 0, 30, 62)), score=score)
        kept = non_maximum_suppression([Item(each, sure, True) for each in (whole, upper, lower)])
        assert len(kept) == count


def test_stacked_parts_that_overlap_are_merged_into_one_digit():
    sure = replace(blank(), digit=3, confidence=0.95, score=0.95)
    for top, count in ((28, 1), (32, 2)):
        marks = mark((0, 0, 30, 62), score=0.5), mark((0, 0, 30, 30)), mark((0, top, 30, 62))
        assert len(non_maximum_suppression([Item(each, sure, True) for each in marks])) == count


def test_specks_far_shorter_than_a_digit_are_dropped_unless_equally_confident():
    def one(box, confidence):
        return Item(mark(box), replace(blank(), digit=1, confidence=confidence, score=0.9), True)

    digit, small, speck = one((0, 0, 30, 100), 0.9), one((40, 0, 44, 10), 0.8), one((50, 0, 54, 7), 0.8)
    sign = Item(mark((60, 0, 64, 4), "."), None, True)
    assert without_specks([digit, small, speck, sign]) == [digit, small, sign]
    assert without_specks([digit, as_sure := one((50, 0, 54, 7), 0.9)]) == [digit, as_sure]


def test_touching_digits_take_the_reading_of_the_line_network():
    shares = np.full(10, 0.01, np.float32)
    shares[7] = 0.91
    part = replace(mark((0, 0, 9, 9)), logits=np.log(shares), score=0.8)
    seen = with_line_reading(part, replace(blank(), digit=None, score=0.3))
    assert (seen.digit, seen.score) == (7, 0.8)
    assert seen.confidence == pytest.approx(0.8 * 0.91, abs=1e-3)


def test_a_digit_box_that_swallows_a_sign_gives_way_to_the_digit_without_it():
    with_point, without, point = mark((0, 0, 45, 40)), mark((0, 0, 30, 40)), mark((36, 34, 45, 40), ".")
    sure = replace(blank(), digit=2, confidence=0.95, score=0.95)
    read = [Item(each, sure, True) for each in (with_point, without)]
    assert [one.mark for one in non_maximum_suppression(read)] == [with_point]
    assert [one.mark for one in non_maximum_suppression(read, [point])] == [without]


def test_a_lone_stroke_is_read_as_a_digit_rather_than_a_sign():
    one = Item(mark((0, 0, 10, 40), score=0.1), replace(blank(), digit=1, confidence=0.9, score=0.9), True)
    assert with_signs([one], [mark((0, 0, 11, 41), "/")]) == [one]


def test_many_signs_on_a_page_of_many_digits_take_linear_time(monkeypatch):
    compared = []
    monkeypatch.setattr("model.suppression.covered", lambda box, boxes: compared.append(1) or covered(box, boxes))
    page = with_signs(line_of("12" * 100), [one.mark for one in line_of(".    " * 50)])
    assert len(page) > 200
    assert len(compared) == 50


def test_a_sign_is_dropped_inside_a_digit_or_a_larger_sign():
    seven = Item(mark((0, 0, 30, 40)), replace(blank(), digit=7, confidence=0.9, score=0.9), True)
    bar = mark((5, 18, 25, 22), "-")
    colon, dots = mark((40, 10, 44, 40), ":"), [mark((40, y, 44, y + 4), ".") for y in (10, 36)]
    assert [one.kind for one in with_signs([seven], [*dots, bar, colon])] == ["digit", ":"]


@pytest.mark.parametrize(("score", "kind"), [(0.7, "digit"), (0.95, "/")])
def test_a_mark_that_could_be_a_sign_or_a_digit_is_the_likelier_one(score, kind):
    two, one = line_of("21", apart=5)
    slash = mark((*one.box[:3], 41), "/", score)
    assert [each.kind for each in with_signs([two, one], [slash])] == ["digit", kind]


@pytest.mark.parametrize("name", ["line", "finder"])
def test_loading_a_network_that_reads_no_digits_raises_a_clear_error(name):
    with pytest.raises(ValueError, match=f"'{name}' holds the network '{name}': choose reference or world"):
        Recognizer.load(name)
