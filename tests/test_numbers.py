import math
from dataclasses import replace

import numpy as np
import pytest

from model.finder import Mark
from model.numbers import group_numbers, make_number, text_of, value_of
from model.page import Item
from model.prediction import blank
from tests.test_recognizer import line_of


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("407", ["407"]),
        ("3.14", ["3.14"]),
        ("-12", ["-12"]),
        ("-0.5", ["-0.5"]),
        (".5", ["5"]),
        ("7.", ["7"]),
        ("1-2", ["1-2"]),
        ("1   -2", ["1", "-2"]),
        ("12:45", ["12:45"]),
        ("24/12/25", ["24/12/25"]),
        ("2+2=4", ["2+2=4"]),
        ("2-5=-3", ["2-5=-3"]),
        ("7=", ["7="]),
        ("1.,5", ["1.5"]),
        ("-", []),
        ("#", []),
        ("4#7", ["47"]),
        ("12    345", ["12", "345"]),  # columns
        ("629 23", ["629", "23"]),
        ("6 2 9", ["629"]),  # spaced evenly
        ("6 2", ["62"]),
    ],
)
def test_signs_are_kept_only_where_valid_and_columns_stay_separate(written, numbers):
    assert [text_of(run) for run in group_numbers(line_of(written))] == numbers


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("407", 407),
        ("-8.5", -8.5),
        ("12,5", 12.5),
        ("1,250", 1250),
        ("0,250", 0.25),
        ("007,500", 7.5),
        ("1,234,567.5", 1234567.5),
        ("1.234,5", None),
        ("0012", 12),
        ("12:45", None),
        ("2+2=4", None),
        ("1.2.3", None),
    ],
)
def test_a_plain_number_has_a_value_and_a_date_has_none(text, value):
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(("width", "text"), [(1.4, "-7"), (1.6, "7")])
def test_a_dash_longer_than_any_sign_is_a_ruled_line(width, text):
    seven = line_of("7")[0]
    left, top, _, bottom = seven.box
    dash = sign((left - width * (bottom - top), top, left, bottom), "-")
    assert [text_of(run) for run in group_numbers([dash, seven])] == [text]


@pytest.mark.parametrize(("upper", "lower", "whole"), [(".", ".", ":"), ("-", "-", "="), ("-", "=", "=")])
def test_stacked_signs_merge_into_one(upper, lower, whole):
    four, *_, five = line_of("4  5")
    signs = [sign((40, top, 60, top + 5), kind) for top, kind in ((12, upper), (26, lower))]
    five = replace(five, mark=replace(five.mark, box=(70, 0, 100, 40)))
    assert [text_of(run) for run in group_numbers([four, *signs, five])] == [f"4{whole}5"]


def sign(box, kind):
    return Item(Mark(box, np.ones((9, 9), np.float32), kind, 0.9, np.zeros(10, np.float32)), None, True)


def sure(text, *confidences):
    return [
        replace(one, prediction=replace(one.prediction, confidence=share))
        for one, share in zip(line_of(text), confidences, strict=True)
    ]


def test_the_confidence_of_a_number_is_the_product_of_its_symbols():
    point = Item(Mark((0, 0, 1, 1), np.ones((1, 1), np.float32), ".", 0.5, np.zeros(10, np.float32)), None, True)
    first, last = sure("35", 0.9, 0.8)
    number = make_number([first, point, last], (1, 2, 3, 4))
    assert (number.text, number.value, number.box) == ("3.5", 3.5, (1, 2, 3, 4))
    assert number.confidence == pytest.approx(0.9 * 0.5 * 0.8)
    assert [digit and digit.confidence for digit in number.digits] == [0.9, None, 0.8]
    assert make_number(sure("7", 1.0), (0, 0, 1, 1)).confidence < 1


def test_a_number_that_was_read_as_a_whole_is_as_sure_as_that_reading():
    run = [replace(one, log_odds=odds) for one, odds in zip(sure("71", 0.8, 0.8), (2.0, 1.0), strict=True)]
    assert make_number(run, (0, 0, 1, 1)).confidence == pytest.approx(1 / (1 + math.exp(-1)))


def test_a_number_converts_to_json_types():
    number = make_number(sure("42", 0.9, 0.9), (1, 2, 3, 4))
    assert number.as_dict() == {"text": "42", "value": 42, "box": [1, 2, 3, 4], "confidence": pytest.approx(0.81)}


def test_a_blank_mark_belongs_to_no_number():
    assert group_numbers([Item(Mark((0, 0, 9, 9), np.ones((9, 9)), "digit", 0.9, np.zeros(10)), blank(), True)]) == []
