"""Numbers read as a whole: the network `line` sees all the ink of a number, which was first read mark by mark."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from torch import nn

from model.ctc import Symbol, classify, decode, log_probability, to_strip
from model.finder import Mark
from model.ink import Pieces
from model.numbers import around, logit, probability, runs, text_of
from model.page import Written, in_lines
from model.prediction import Prediction
from model.proposals import LIKE_A_MARK, shared
from model.touching import LOWEST, as_spelt, by_piece, cut_up

ABOVE, BELOW = 0.3, 0.4  # digit heights over and under a number within which ink belongs to it
BEYOND = 0.8  # digit heights by which the ink of a number may reach over its marks
DUST = 0.05  # digit heights: shorter ink belongs to no number
LARGE = 1.5  # digit heights: ink that is wider or taller, and under no mark, is a line or a frame
WIDEST = 40  # heights: wider ink is no number
CAUTION = 1.0, -1.0, -0.5, -2.0  # see `odds`; the weights of an uncalibrated finder


@dataclass(frozen=True, eq=False)
class Whole:
    """A number as the network `line` reads it.

    Attributes:
        symbols: from left to right.
        ink: [h, w] float32 in [0, 1], of the whole number.
        corner: its (left, top) in the picture.
        scale: strip pixels per pixel of the ink.
        own: the logarithm of the probability of its own text.
        other: that of the text that was read mark by mark.
    """

    symbols: list[Symbol]
    ink: np.ndarray
    corner: tuple[int, int]
    scale: float
    own: float
    other: float

    @property
    def text(self) -> str:  # noqa: D102
        return "".join(symbol.text for symbol in self.symbols)

    def holds(self, one: Written) -> bool:
        """Return whether the middle of an item lies in this number's ink."""
        left, top, right, bottom = one.box
        x, y = (left + right) / 2 - self.corner[0], (top + bottom) / 2 - self.corner[1]
        return 0 <= x < self.ink.shape[1] and 0 <= y < self.ink.shape[0]

    def parts(self) -> list[Mark]:
        """Return the digits and signs, each with its own ink; empty if any symbol is neither."""
        return cut_up(self.ink, self.symbols, self.scale, self.corner)


def read_whole(net: nn.Module, pieces: Pieces, run: Sequence[Written], taken: set[int]) -> Whole | None:
    """Read a number again, as a whole.

    Args:
        net: the network `line`.
        pieces: the connected components of the picture's ink.
        run: the number's digits and signs, as `model.numbers.runs` returns them.
        taken: the components under the digits of its line.

    Returns:
        The reading, or None if the number is a single digit, or its ink cannot be told from other ink.
    """
    labels = ink_around(pieces, run, taken) if len(run) > 1 else []
    if not labels:
        return None
    ink, corner = pieces.cut_out(*labels)
    height, width = ink.shape
    if height < LOWEST or width > WIDEST * height:
        return None
    strip, scale = to_strip(ink)
    logits = classify(net, strip)
    symbols = decode(logits)
    if not symbols:
        return None
    own, other = (log_probability(logits, text) for text in ("".join(one.text for one in symbols), text_of(run)))
    return Whole(symbols, ink, corner, scale, own, other)


def ink_around(pieces: Pieces, run: Sequence[Written], taken: set[int]) -> list[int]:
    """List the components that belong to a number: those under its marks, and what stands among them unread."""
    digits = [one for one in run if one.prediction]
    height = median(one.height for one in digits)
    left, top, right, bottom = around(run)
    boxes = pieces.boxes[1:].astype(float)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    near = (x > left) & (x < right)  # what stands before or behind is the finder's to find
    near &= (y > top - ABOVE * height) & (y < bottom + BELOW * height)
    near &= (boxes[:, 1] > top - 2 * ABOVE * height) & (boxes[:, 3] < bottom + 2 * BELOW * height)
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    near &= (np.maximum(wide, tall) > DUST * height) & (wide < LARGE * height) & (tall < LARGE * height)
    own = set(by_piece(pieces.labels, [one.mark for one in run]))
    beyond = np.array([left, top, right, bottom]) - pieces.boxes[sorted(own)]
    if (beyond * (1, 1, -1, -1) > BEYOND * height).any():
        return []  # the number is on a line or a sheet, whose ink hangs together with its own
    return sorted((set((np.flatnonzero(near) + 1).tolist()) - taken) | own)


def odds(run: Sequence[Written], whole: Whole, weights: Sequence[float] = CAUTION) -> float:
    """Return the log-odds that a number as a whole is read correctly, against mark by mark, where the two differ.

    Args:
        run: the number, read mark by mark.
        whole: the same, read as a whole.
        weights: of the evidence, and an offset, learned on synthetic numbers.
    """
    return float(np.dot(weights, [*evidence(run, whole), 1.0]))


def evidence(run: Sequence[Written], whole: Whole) -> list[float]:
    """Return what `odds` weighs: log-odds of both texts for the network `line`, and of the text mark by mark."""
    return [logit(math.exp(whole.own)), logit(math.exp(whole.other)), logit(probability(run))]


def twice(net: nn.Module, kept: list[Written], pieces: Pieces) -> list[tuple[list[Written], Whole]]:
    """Read each number of a page again as a whole: the numbers as they were read, each with the other reading.

    Args:
        net: the network `line`.
        kept: everything on the page, read mark by mark.
        pieces: the connected components of its ink.
    """
    found = []
    for line in in_lines(kept):
        numbers = runs(line)
        taken = set(by_piece(pieces.labels, [one.mark for run in numbers for one in run if one.prediction]))
        readings = ((run, read_whole(net, pieces, run, taken)) for run in numbers)
        found += [(run, whole) for run, whole in readings if whole]
    return found


def instead(
    kept: list[Written], run: list[Written], whole: Whole, parts: list[Mark], readings: list[Prediction]
) -> list[Written]:
    """Return what is on a page with a number as it is read as a whole; what both readings share stays as it was.

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

    return (
        [one for one in kept if not whole.holds(one)] + list(map(as_before, spelt(parts, readings))) if parts else kept
    )


def spelt(parts: list[Mark], readings: list[Prediction]) -> list[Written]:
    """Return the parts of a number as items of a page: each digit is the one that the network `line` reads.

    Args:
        parts: digits and signs, each with its own ink.
        readings: of the digits among them, in the same order.
    """
    left = iter(readings)
    return [Written(part, as_spelt(part, next(left)) if part.kind == "digit" else None, True) for part in parts]
