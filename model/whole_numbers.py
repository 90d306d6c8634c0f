"""Numbers read as a whole: the network `line` sees all the ink of a number, which was first read mark by mark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from torch import nn

from model.ctc import Spelled, spell
from model.finder import Mark
from model.ink import Pieces
from model.networks import NEITHER
from model.numbers import around, logit, probability, runs, text_of
from model.page import Written, in_lines
from model.prediction import Prediction
from model.proposals import LIKE_A_MARK, shared
from model.touching import LOWEST, as_spelt, by_piece, cut_up

ABOVE, BELOW = 0.3, 0.4  # digit heights over and under a number within which ink belongs to it
BEYOND = 0.8  # digit heights by which the ink of a number may reach over its marks
DUST = 0.05  # digit heights: shorter ink belongs to no number
LARGE = 1.5  # digit heights: ink that is wider or taller, and under no mark, is a line or a frame
AGAIN = 40  # maximum number of numbers on a page that are reread
WIDEST = 40  # heights: wider ink is no number
AGREED, CHOSEN = "agreed", "chosen"  # both readings of a number are the same; or one is chosen
UNLEARNED = {  # weights of an uncalibrated finder: for choosing a reading, and for its confidence
    "choice": (1.0, -1.0, -0.5, 0.0, -2.0),
    AGREED: (0.5, 0.5, 0.0, 0.0),
    CHOSEN: (0.5, 0.0, 0.0, 0.0),
}


@dataclass(frozen=True, eq=False)
class Whole:
    """A number as the network `line` reads it.

    Attributes:
        spelled: its symbols, from left to right.
        ink: [h, w] float32 in [0, 1], of the whole number.
        corner: its (left, top) in the picture.
        joined: fraction of its symbols that have no connected component of ink of their own, because they touch.
    """

    spelled: Spelled
    ink: np.ndarray
    corner: tuple[int, int]
    joined: float

    @property
    def text(self) -> str:  # noqa: D102
        return self.spelled.text

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Return which of some points (x, y) of the picture lie in this number's ink: [N, 2] -> [N] bool."""
        inside = points - self.corner
        return ((inside >= 0) & (inside < self.ink.shape[::-1])).all(axis=1)

    def parts(self) -> list[Mark]:
        """Return the digits and signs, each with its own ink; empty if any symbol is neither."""
        return cut_up(self.ink, self.spelled.symbols, self.corner)


def read_whole(net: nn.Module, pieces: Pieces, run: Sequence[Written], taken: set[int]) -> Whole | None:
    """Read a number again, as a whole.

    Args:
        net: the network `line`.
        pieces: the connected components of the picture's ink.
        run: the number's digits and signs, as `model.numbers.runs` returns them.
        taken: the components under the digits of its line.

    Returns:
        The reading, or None if its ink cannot be told from other ink.
    """
    labels = ink_around(pieces, run, taken)
    if not labels:
        return None
    ink, corner = pieces.cut_out(*labels)
    height, width = ink.shape
    if height < LOWEST or width > WIDEST * height:
        return None
    spelled = spell(net, ink)
    if not spelled.symbols:
        return None
    return Whole(spelled, ink, corner, max(0.0, 1 - len(labels) / len(spelled.symbols)))


def ink_around(pieces: Pieces, run: Sequence[Written], taken: set[int]) -> list[int]:
    """List the components that belong to a number: those under its marks, and what stands among them unread."""
    digits = [one for one in run if one.prediction]
    height = median(one.height for one in digits)
    left, top, right, bottom = around(run)
    boxes = pieces.boxes[1:].astype(float)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    near = (x > left) & (x < right)  # ink before or after it is left to the finder
    near &= (y > top - ABOVE * height) & (y < bottom + BELOW * height)
    near &= (boxes[:, 1] > top - 2 * ABOVE * height) & (boxes[:, 3] < bottom + 2 * BELOW * height)
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    near &= (np.maximum(wide, tall) > DUST * height) & (wide < LARGE * height) & (tall < LARGE * height)
    own = set(by_piece(pieces.labels, [one.mark for one in run]))
    beyond = np.array([left, top, right, bottom]) - pieces.boxes[sorted(own)]
    if (beyond * (1, 1, -1, -1) > BEYOND * height).any():
        return []  # the number's ink is connected to that of a line or a sheet
    return sorted((set((np.flatnonzero(near) + 1).tolist()) - taken) | own)


def evidence(run: Sequence[Written], whole: Whole) -> list[float]:
    """Return the evidence for reading a number as a whole rather than mark by mark.

    Args:
        run: the number, read mark by mark.
        whole: the same, read as a whole.

    Returns:
        The log-odds of both texts for the network `line`; that of the mark-by-mark text for the other two networks; the
        fraction of the symbols that touch; and 1, for the bias.
    """
    own, other = (math.exp(whole.spelled.log_probability(text)) for text in (whole.text, text_of(run)))
    return [logit(own), logit(other), logit(probability(run)), whole.joined, 1.0]


def choice(given: Sequence[float], whole: str, marks: str, weights: Sequence[float]) -> tuple[bool, str, list[float]]:
    """Choose one of the two readings of a number.

    Args:
        given: the evidence.
        whole: the text as it is read as a whole; it is not taken if it holds a non-digit.
        marks: the text as it is read mark by mark.
        weights: of the evidence, learned on synthetic numbers.

    Returns:
        Whether the number is taken as a whole; and, for its confidence, which weights apply, and the features.
    """
    own, other, by_mark, joined, one = given
    if whole == marks:
        return False, AGREED, [own, by_mark, joined, one]
    odds = float(np.dot(weights, given))
    taken = odds > 0 and NEITHER not in whole
    return taken, CHOSEN, [abs(odds), own if taken else other, joined, one]


def twice(net: nn.Module, kept: list[Written], pieces: Pieces) -> list[tuple[list[Written], Whole]]:
    """Reread the numbers of a page as a whole; return each mark-by-mark number with its second reading.

    If there are more than AGAIN, only the least certain ones are reread, which bounds the time for a dense sheet.

    Args:
        net: the network `line`.
        kept: everything on the page, read mark by mark.
        pieces: the connected components of its ink.
    """
    found = []
    for line in in_lines(kept):
        numbers = runs(line)
        taken = set(by_piece(pieces.labels, [one.mark for run in numbers for one in run if one.prediction]))
        found += [(run, taken) for run in numbers if len(run) > 1]
    found = sorted(found, key=lambda each: probability(each[0]))[:AGAIN]
    readings = ((run, read_whole(net, pieces, run, taken)) for run, taken in found)
    return [(run, whole) for run, whole in readings if whole]


def instead(
    kept: list[Written], run: list[Written], whole: Whole, parts: list[Mark], readings: list[Prediction]
) -> list[Written]:
    """Return a page's items with the whole reading of a number in place; items that both readings share stay unchanged.

    Args:
        kept: everything on the page.
        run: the number, read mark by mark.
        whole: the same, read as a whole.
        parts: its digits and signs.
        readings: of the digits among them, in the same order.
    """

    def as_before(new: Written) -> Written:
        same = (
            one
            for one in run
            if one.kind == new.kind
            and (new.prediction is None or one.prediction.digit == new.prediction.digit)
            and shared(np.array(new.box), np.array([one.box]))[0] >= LIKE_A_MARK
        )
        return next(same, new)

    rest = [one for one, inside in zip(kept, whole.holds(middles(kept)), strict=True) if not inside]
    return rest + list(map(as_before, spelt(parts, readings)))


def middles(items: list[Written]) -> np.ndarray:
    """Return the middle (x, y) of the box of each item: [N, 2]."""
    boxes = np.array([one.box for one in items]).reshape(-1, 4)
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def believed(kept: list[Written], wholes: list[Whole], log_odds: list[float]) -> list[Written]:
    """Return a page's items, those of each number with the log-odds that it is read correctly."""
    places, sure = middles(kept), np.full(len(kept), np.nan)
    for whole, odds in zip(wholes, log_odds, strict=True):
        sure[whole.holds(places)] = odds
    return [one if np.isnan(odds) else replace(one, log_odds=float(odds)) for one, odds in zip(kept, sure, strict=True)]


def spelt(parts: list[Mark], readings: list[Prediction]) -> list[Written]:
    """Return the parts of a number as items of a page: each digit is the one that the network `line` reads.

    Args:
        parts: digits and signs, each with its own ink.
        readings: of the digits among them, in the same order.
    """
    left = iter(readings)
    return [Written(part, as_spelt(part, next(left)) if part.kind == "digit" else None, True) for part in parts]
