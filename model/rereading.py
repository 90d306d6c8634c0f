"""Two readings of a number, whole or mark by mark: learned weights choose one and set its confidence."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np

from model.finder import LOW, Mark
from model.networks import NEITHER
from model.numbers import logit, probability, text_of
from model.page import Item
from model.prediction import Prediction
from model.proposals import SAME_MARK_IOU, iou
from model.touching import as_items
from model.whole_numbers import CHOICE, EVERYTHING, UNSEEN, WholeReading, accepted

AGREED, WHOLE_CHOSEN, MARKS_CHOSEN = "agreed", "taken", "left"  # outcomes: which of the two readings is shown
UNLEARNED = {  # weights of an uncalibrated finder: for choosing a reading, and for the confidence of each outcome
    CHOICE: (1.0, -1.0, -0.5, 0.0, 0.0, 0.0, 0.0, -2.0),
    EVERYTHING: (1.0, -1.0, -0.5, 0.0, 0.0, 0.0, 0.0, -2.0),
    UNSEEN: (0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, -6.5),  # two symbols must be read with near certainty
    AGREED: (0.5, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0),
    WHOLE_CHOSEN: (0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    MARKS_CHOSEN: (0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
}


def reread(
    kept: list[Item],
    again: Iterable[Iterable[tuple[str, list[Item], WholeReading]]],
    weights: dict[str, Sequence[float]],
    read: Callable[[list[Mark]], list[Prediction]],
) -> list[Item]:
    """Replace numbers read mark by mark with the same numbers read as a whole, where that is likelier.

    Args:
        kept: everything on the page, read mark by mark.
        again: its lines and numbers, as `model.whole_numbers.whole_readings` yields them.
        weights: of the evidence, as `model.training.calibrate_finder.learn_numbers` learns them.
        read: classifies the ink of digits.
    """
    wholes, log_odds = [], []
    cases = (
        ((which, evidence(run, whole), text_of(accepted(run)), whole.text, run, whole) for which, run, whole in line)
        for line in again
    )
    for kind, given, _, _, run, whole in choose_readings(cases, weights):
        if kind == WHOLE_CHOSEN and (parts := whole.parts()):
            readings = read([part for part in parts if part.kind == "digit"])
            kept = replace_number(kept, run, whole, parts, readings)
        wholes.append(whole)
        log_odds.append(float(np.dot(weights[kind], given)))
    return with_log_odds(kept, wholes, log_odds)


def choose_readings(cases: Iterable[Iterable[tuple]], weights: dict[str, Sequence[float]]) -> Iterator[tuple]:
    """Choose a reading for each number of a page.

    Args:
        cases: for each line, the name of the weights to use, the evidence, the text read mark by mark, the text read as
            a whole, and any extras; if all ink of the line is read as one number, the rest is left out.
        weights: of the evidence.

    Yields:
        The same, with the outcome in place of the name.
    """
    for line in cases:
        for which, given, marks, whole, *more in line:
            kind = choose(given, whole, marks, weights[which])
            if which != CHOICE and kind == MARKS_CHOSEN:
                continue  # its numbers are reread one by one
            yield kind, given, marks, whole, *more
            if which != CHOICE:
                break


def evidence(run: Sequence[Item], whole: WholeReading) -> list[float]:
    """Return the evidence for reading a number as a whole rather than mark by mark.

    Args:
        run: the number, or line, read mark by mark; empty if the finder saw nothing there.
        whole: the same, read as a whole.

    Returns:
        The log-odds of both texts according to `line`; of the mark-by-mark text according to the other two networks;
        1 if any mark was accepted, else 0; the fraction of the symbols that touch; the finder's mean log-odds that a
        mark is a digit; the logarithm of the number of symbols; and 1, for the bias.
    """
    items, found = accepted(run), [logit(max(one.mark.score, LOW)) for one in run if one.prediction]
    seen = fmean(found) if found else logit(LOW)
    line, marks, other = whole.reading, text_of(items), 0.0
    own = whole.probability
    if items:
        other = own if marks == whole.text else math.exp(line.log_probability(marks))
    by_mark = logit(probability(items)) if items else 0.0
    length = math.log(len(line.text))
    return [logit(own), logit(other), by_mark, float(bool(items)), whole.joined, seen, length, 1.0]


def choose(given: Sequence[float], whole: str, marks: str, weights: Sequence[float]) -> str:
    """Choose one of the two readings of a number: `AGREED` if they are the same, else `WHOLE_CHOSEN` or `MARKS_CHOSEN`.

    Args:
        given: the evidence.
        whole: the text read as a whole; it is not taken if it holds a symbol that is neither digit nor sign.
        marks: the text read mark by mark.
        weights: of the evidence, learned on synthetic numbers.
    """
    if whole == marks:
        return AGREED
    return WHOLE_CHOSEN if NEITHER not in whole and float(np.dot(weights, given)) > 0 else MARKS_CHOSEN


def replace_number(
    kept: list[Item], run: list[Item], whole: WholeReading, parts: list[Mark], readings: list[Prediction]
) -> list[Item]:
    """Return a page's items with a number replaced by its whole reading; items that both readings share stay unchanged.

    Args:
        kept: everything on the page.
        run: the number, read mark by mark.
        whole: the same, read as a whole.
        parts: its digits and signs.
        readings: one for each digit among them, in the same order.
    """

    def as_before(new: Item) -> Item:
        same = (
            one
            for one in run
            if one.kind == new.kind
            and (new.prediction is None or one.prediction.digit == new.prediction.digit)
            and iou(np.array(new.box), np.array(one.box)) >= SAME_MARK_IOU
        )
        return next(same, new)

    rest = [one for one, inside in zip(kept, whole.holds(kept), strict=True) if not inside and one not in run]
    return rest + list(map(as_before, as_items(parts, readings)))


def with_log_odds(kept: list[Item], wholes: list[WholeReading], log_odds: list[float]) -> list[Item]:
    """Return a page's items, those of a reread number with the log-odds that it was read correctly."""
    sure = np.full(len(kept), np.nan)
    for whole, odds in zip(wholes, log_odds, strict=True):
        sure[whole.holds(kept)] = odds
    return [one if np.isnan(odds) else replace(one, log_odds=float(odds)) for one, odds in zip(kept, sure, strict=True)]
