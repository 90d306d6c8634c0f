"""Numbers in a line: digits, and the signs that belong to them."""

import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median, median_low

from model.networks import SIGNS
from model.prediction import Prediction

APART = 0.9, 2.0  # digit heights: digits less far apart belong to one number, and those farther apart to two;
WIDER = 3.0  # in between, they belong to two if they are this many times as far apart as is usual in their line
RULE = 1.5  # digit heights: a longer dash is a ruled line; the longest that the simulated pen draws is shorter
NEAR = 1.0  # digit heights: a sign this close to a digit belongs to it
BEFORE, AFTER = "+-", "="  # signs that a number may begin and end with
STACKED = {"--": "=", "-=": "=", "=-": "=", "..": ":", ".:": ":", ":.": ":"}
DECIMAL = re.compile(r"[+-]?\d+(\.\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
EPSILON = 1e-6  # probabilities are clamped this far from 0 and 1


@dataclass(frozen=True, eq=False)
class Number:
    """A number on a page, or a date, a time or a calculation.

    Attributes:
        text: its digits and signs, such as "-8.5" or "12:45".
        value: int or float, or None if the text is not a plain number. A comma is a thousands separator in
            groups of three digits, as in 1,250 but not in 0,250; otherwise a decimal point.
        box: (left, top, right, bottom) in pixels of the image.
        confidence: probability that the whole text is correct, in [0, 1]; for a lone digit, its own; for a longer
            number, calibrated on synthetic ones if it was reread as a whole, else the product of its symbols'
            confidences.
        digits: the prediction for each character of the text; None for a sign.
    """

    text: str
    value: int | float | None
    box: tuple[int, int, int, int]
    confidence: float
    digits: tuple[Prediction | None, ...]

    def as_dict(self) -> dict:
        """Return text, value, box and confidence as JSON types."""
        return {"text": self.text, "value": self.value, "box": list(self.box), "confidence": self.confidence}


def group_numbers(line: list) -> list[list]:
    """Group the digits and signs of a line, from left to right, into numbers.

    Non-digits are left out, and so are dashes long enough to be ruled lines, and signs where a number cannot have one.

    Args:
        line: items of type `model.page.Item`.
    """
    kept = stacked([one for one in line if one.prediction is None or one.digit is not None])
    height = median([one.height for one in kept if one.prediction] or [0.0])
    kept = [one for one in kept if one.prediction or one.box[2] - one.box[0] < RULE * height]
    gaps = [b.box[0] - a.box[2] for a, b in pairwise(kept) if a.prediction and b.prediction]
    usual = median_low(gaps) / height if len(gaps) > 1 else math.inf
    far = min(max(APART[0], WIDER * usual), APART[1])
    groups: list[list] = []
    for one in kept:
        last = groups[-1][-1] if groups else None
        limit = far if last and last.prediction and one.prediction else NEAR
        if last is None or one.box[0] - last.box[2] > limit * height:
            groups.append([])
        groups[-1].append(one)
    kinds = ("".join("0" if one.prediction else one.kind for one in group) for group in groups)
    numbers = [[group[i] for i in valid_indices(some)] for group, some in zip(groups, kinds, strict=True)]
    return [number for number in numbers if number]


def stacked(line: list) -> list:
    """Merge two signs, one above the other, into one: two dots into a colon, two strokes into an equals sign."""
    kept: list = []
    for one in line:
        last = kept[-1] if kept else None
        if last and last.prediction is None and one.prediction is None and (pair := STACKED.get(last.kind + one.kind)):
            a, b = last.box, one.box
            if min(a[2], b[2]) - max(a[0], b[0]) > 0.5 * min(a[2] - a[0], b[2] - b[0]):
                mark = replace(
                    one.mark, box=bounding_box([last, one]), kind=pair, score=min(last.mark.score, one.mark.score)
                )
                kept[-1] = replace(one, mark=mark)
                continue
        kept.append(one)
    return kept


def bounding_box(written: list) -> tuple[float, float, float, float]:
    """Return the bounding box (left, top, right, bottom) of several items."""
    left, top, right, bottom = zip(*(one.box for one in written), strict=True)
    return min(left), min(top), max(right), max(bottom)


def valid_indices(text: str) -> list[int]:
    """Return the indices of the characters that remain when signs that a number cannot have are dropped."""
    kept: list[int] = []
    for i, kind in enumerate(text):
        before = text[kept[-1]] if kept else ""
        if kind in SIGNS and (not before or before in SIGNS):
            if kind not in BEFORE:
                continue  # cannot start a number or follow another sign, as + and - can
            if before and before in BEFORE:
                kept.pop()
        kept.append(i)
    while kept and text[kept[-1]] in SIGNS and text[kept[-1]] not in AFTER:
        kept.pop()
    return kept


def without_invalid_signs(text: str) -> str:
    """Return a text without signs that a number cannot have, as the page shows it.

    >>> [without_invalid_signs(text) for text in (".5-", "-2+2=", "1..2")]
    ['5', '-2+2=', '1.2']
    """
    return "".join(text[i] for i in valid_indices(text))


def text_of(number: list) -> str:
    """Return the characters of a number."""
    return "".join(str(one.prediction.digit) if one.prediction else one.kind for one in number)


def value_of(text: str) -> int | float | None:
    """Return the value of a plain number with either decimal separator; None for a date, a time or a calculation.

    >>> value_of("-8,5"), value_of("1,250"), value_of("12:45")
    (-8.5, 1250, None)
    """
    text = text.replace(",", "") if THOUSANDS.fullmatch(text) else text.replace(",", ".")
    if not DECIMAL.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


def make_number(run: list, box: tuple[int, int, int, int]) -> Number:
    """Build a number from its digits and signs.

    Args:
        run: one of the groups that `group_numbers` returns.
        box: its bounding box, in pixels of the image.
    """
    known = [one.log_odds for one in run]
    odds = logit(probability(run)) if None in known else min(known)
    text = text_of(run)
    return Number(text, value_of(text), box, 1 / (1 + math.exp(-odds)), tuple(one.prediction for one in run))


def probability(run: list) -> float:
    """Return the product of the confidences of a number's digits and signs."""
    return math.prod(one.prediction.confidence if one.prediction else one.mark.score for one in run)


def logit(p: float) -> float:
    """Return the log-odds of a probability p, clamped away from 0 and 1."""
    p = min(max(p, EPSILON), 1 - EPSILON)
    return math.log(p / (1 - p))
