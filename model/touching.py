"""Touching digits: connected ink -> the ink of each digit that the network `line` reads in it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
from torch import nn

from model.ctc import Symbol, read_line
from model.finder import Box, Mark, ink_bounds
from model.ink import ON, Components, connected_components, is_frame
from model.networks import NEITHER, SYMBOLS
from model.page import Item
from model.prediction import Prediction
from model.proposals import LIKELY

LOWEST = 9  # pixels: shorter ink cannot be read
ONE_DIGIT = 0.75  # heights: narrower ink is one digit
REST = 0.2  # maximum fraction of the ink connected to a digit that may lie outside its box
OVERHANG = 0.8  # digit heights by which the ink of a number may extend beyond its marks
RULE_HEIGHT = 0.5  # digit heights: ink beyond the marks that is nowhere thicker is a line
OVERSIZE = 2.5  # times the size, or the ink, of a mark: larger ink is a line or a frame that the mark touches
RAREST = 1e-3  # lower bound on the probability of a digit
CUT_ROWS = 80  # maximum number of rows in which a cut is searched for
DETOUR = 0.02  # cost of cutting through a pixel of paper, so that cuts are short; a pixel of ink costs 1


def wide_components(components: Components, marks: list[Mark]) -> list[tuple[tuple[int, int], np.ndarray, list[int]]]:
    """List the connected components of ink in which the finder sees a digit, but which are wider than one.

    Lines and frames are left out.

    Args:
        components: the connected components of a picture's ink.
        marks: their boxes are in pixels of that picture.

    Returns:
        For each component, its corner (left, top), its ink [h, w], and the indices of the marks that are mostly on it.
    """
    found = []
    for label, within in marks_by_component(components.labels, marks).items():
        width, height = (components.boxes[label, 2:] - components.boxes[label, :2]).tolist()
        tallest = max(marks[i].box[3] - marks[i].box[1] for i in within)
        likely = any(marks[i].score >= LIKELY for i in within)
        if likely and LOWEST <= height <= OVERSIZE * tallest and width >= ONE_DIGIT * height:
            own, corner = components.cut_out(label)
            if not is_frame(own) and not on_ruled_line(own, corner, [marks[i].box for i in within]):
                found.append((corner, own, within))
    return found


def fragments(components: Components, marks: list[Mark]) -> list[Mark]:
    """List the marks that are only part of a larger symbol, such as the loop of a P.

    If their ink is part of far more ink, that may be a line or a frame that a digit touches: then only marks that are
    not likely are listed.

    Args:
        components: the connected components of a picture's ink.
        marks: their boxes are in pixels of that picture.
    """
    found = []
    for label, (i, *more) in marks_by_component(components.labels, marks).items():
        x0, y0, x1, y1 = (round(edge) for edge in marks[i].box)
        likely = marks[i].score >= LIKELY
        large = (components.boxes[label, 2:] - components.boxes[label, :2]).max() >= OVERSIZE * max(x1 - x0, y1 - y0)
        if more or (large and likely):
            continue
        own, (left, top) = components.cut_out(label)
        inside = own[max(0, y0 - top - 1) : max(0, y1 - top + 1), max(0, x0 - left - 1) : max(0, x1 - left + 1)].sum()
        if inside < (1 - REST) * own.sum() and not (likely and inside >= OVERSIZE * _at_its_place(marks[i]).sum()):
            found.append(marks[i])
    return found


def on_ruled_line(ink: np.ndarray, corner: tuple[int, int], digits: Sequence[Box]) -> bool:
    """Return whether connected ink extends far beyond its digits and is thin there, as a ruled line is.

    Args:
        ink: [h, w] float32 in [0, 1].
        corner: its (left, top) in the picture.
        digits: their boxes.
    """
    boxes = np.array(digits)
    height = float((boxes[:, 3] - boxes[:, 1]).max())
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0) - corner, boxes[:, 2:].max(axis=0) - corner
    on = ink > ON
    sides = (
        on[:, : max(0, round(left))],
        on[:, max(0, round(right)) :],
        on[: max(0, round(top))].T,
        on[max(0, round(bottom)) :].T,
    )
    return any(side.shape[1] > OVERHANG * height and side.sum(axis=0).max() < RULE_HEIGHT * height for side in sides)


def _at_its_place(mark: Mark) -> np.ndarray:
    """Return the ink of a mark, scaled to the pixels of the picture."""
    left, top, right, bottom = (round(edge) for edge in mark.box)
    return cv2.resize(mark.ink, (max(1, right - left), max(1, bottom - top)), interpolation=cv2.INTER_AREA)


def marks_by_component(labels: np.ndarray, marks: list[Mark]) -> dict[int, list[int]]:
    """Group marks by the component that holds most of their ink: {label: indices of marks}."""
    of: dict[int, list[int]] = {}
    for i, mark in enumerate(marks):
        amount = ink_by_component(labels, mark)
        amount[0] = 0
        if amount.any():
            of.setdefault(int(amount.argmax()), []).append(i)
    return of


def ink_by_component(labels: np.ndarray, mark: Mark) -> np.ndarray:
    """Return how much of a mark's ink is on each component, by label; 0 is paper."""
    ink = _at_its_place(mark)
    left, top = (round(edge) for edge in mark.box[:2])
    under = labels[max(0, top) : max(0, top + len(ink)), max(0, left) : max(0, left + ink.shape[1])]
    ink = ink[max(0, -top) :, max(0, -left) :][: len(under), : under.shape[1]]
    return np.bincount(under.ravel(), ink.ravel(), minlength=1)


def split_touching(net: nn.Module, ink: np.ndarray, corner: tuple[int, int] = (0, 0)) -> list[Mark]:
    """Split connected ink into its digits and signs.

    Args:
        net: the network `line`.
        ink: [h, w] float32 in [0, 1].
        corner: (left, top) of the ink in the picture.

    Returns:
        The digits and signs that are read there, each with its own ink; empty if there are fewer than two, or any
        symbol that is neither a digit nor a sign.
    """
    symbols = read_line(net, ink).symbols
    return split_at_symbols(ink, symbols, corner) if len(symbols) > 1 else []


def split_at_symbols(ink: np.ndarray, symbols: list[Symbol], corner: tuple[int, int]) -> list[Mark]:
    """Split ink into the symbols that the network `line` reads in it.

    Args:
        ink: [h, w] float32 in [0, 1].
        symbols: what was read there.
        corner: (left, top) of the ink in the picture.

    Returns:
        The digits and signs, each with its own ink; empty if any symbol is neither.
    """
    if any(symbol.text == NEITHER for symbol in symbols):
        return []
    columns = np.array([symbol.column for symbol in symbols])
    parts = []
    for symbol, own in zip(symbols, divide_ink(ink, columns), strict=True):
        y, x, height, width = ink_bounds(own)
        if width:
            probabilities, kind = symbol.probabilities[:10], "digit" if symbol.text.isdecimal() else symbol.text
            score = float(probabilities.sum()) if kind == "digit" else float(symbol.probabilities[SYMBOLS.index(kind)])
            own = own[y : y + height, x : x + width]
            x, y = x + corner[0], y + corner[1]
            box = (x, y, x + width, y + height)
            parts.append(Mark(box, own, kind, score, np.log(probabilities.clip(RAREST))))
    return parts


def divide_ink(ink: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Divide ink among symbols: ink [h, w], the column of each symbol [N] -> the ink of each [N, h, w].

    A component of the ink goes to the symbol whose column it spans, or to the nearest. A component that spans several
    is cut between those that have no component of their own.
    """
    components = connected_components(ink)
    spans = [np.flatnonzero((columns >= left) & (columns < right)) for left, _, right, _ in components.boxes]
    owners = {int(span[0]) for span in spans[1:] if len(span) == 1}
    divided, across = np.zeros((len(columns), *ink.shape), np.float32), np.arange(ink.shape[1])
    for label, span in enumerate(spans[1:], 1):
        left, _, right, _ = components.boxes[label]
        if not len(span):
            span = np.maximum(left - columns, columns - right).argmin(keepdims=True)
        elif len(span) > 1:
            span = np.array([i for i in span if i not in owners] or span[:1])
        own = np.zeros_like(ink)
        piece, (x, y) = components.cut_out(label)
        own[y : y + piece.shape[0], x : x + piece.shape[1]] = piece
        cuts = [cheapest_cut(own, *columns[[i, j]]) for i, j in pairwise(span)]
        ends = [np.zeros(len(ink)), *cuts, np.full(len(ink), ink.shape[1])]
        for i, (start, end) in zip(span, pairwise(ends), strict=True):
            divided[i] += np.where((across >= start[:, None]) & (across < end[:, None]), own, 0)
    return divided


def with_line_reading(mark: Mark, reading: Prediction) -> Prediction:
    """Return the reading of a digit that was split off: the digit is from the network `line`, which saw the number."""
    probabilities = np.exp(mark.logits - np.logaddexp.reduce(mark.logits))
    digit, score = int(probabilities.argmax()), max(reading.score, mark.score)
    return replace(
        reading, digit=digit, probabilities=probabilities, confidence=score * float(probabilities[digit]), score=score
    )


def as_items(parts: list[Mark], readings: list[Prediction]) -> list[Item]:
    """Return the parts of a number as items of a page: each digit is the one that the network `line` reads.

    Args:
        parts: digits and signs, each with its own ink.
        readings: one for each digit among them, in the same order.
    """
    left = iter(readings)
    return [Item(part, with_line_reading(part, next(left)) if part.kind == "digit" else None, True) for part in parts]


def cheapest_cut(ink: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the cheapest cut from top to bottom between two columns, one column per row: ink [h, w] -> [h]."""
    height, width = ink.shape
    left = min(max(0, int(start)), width - 1)
    right = min(max(left + 1, int(np.ceil(end))), width)
    rows = min(height, CUT_ROWS)
    toll = cv2.resize(ink[:, left:right], (right - left, rows), interpolation=cv2.INTER_AREA) + DETOUR
    cost, steps = toll[0], []
    for row in toll[1:]:
        around = np.pad(cost, 1, constant_values=np.inf)
        ways = np.stack([around[1:-1], around[:-2] + DETOUR / 4, around[2:] + DETOUR / 4])  # straight, from left, right
        steps.append(ways.argmin(axis=0))
        cost = ways.min(axis=0) + row
    column = int(cost.argmin())
    path = [column]
    for step in reversed(steps):
        column += (0, -1, 1)[step[column]]
        path.append(column)
    return left + np.array(path[::-1])[np.arange(height) * rows // height]
