"""Numbers read as a whole: the network `line` sees all the ink of a number, or of a line, at once."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from statistics import median

import cv2
import numpy as np
from torch import nn

from model.ctc import LineReading, read_line
from model.finder import LOW, Box, Mark
from model.ink import ON, Components, is_frame
from model.networks import NEITHER
from model.numbers import bounding_box, group_numbers, probability, without_invalid_signs
from model.page import Item, group_into_lines
from model.touching import (
    LOWEST,
    ONE_DIGIT,
    OVERHANG,
    ink_by_component,
    marks_by_component,
    on_ruled_line,
    split_at_symbols,
)

ABOVE, BELOW = 0.3, 0.4  # digit heights: ink within these distances above and below a number belongs to it
DUST = 0.05  # digit heights: shorter ink belongs to no number
FRAME_SIZE = 1.5  # digit heights: ink that is wider or taller, and under no mark, is a line or a frame
MAX_REREAD = 40  # maximum number of numbers, and of lines, that are reread per page
MIN_UNSEEN = 0.5  # minimum probability of the reading of a line in which no digit was accepted
MAX_IN_LINE = 40  # maximum number of tall components in a line
WIDEST = 40  # heights: wider ink is not a number
TALL = 0.3  # times the height of the tallest component: shorter ink is a sign, a speck or a rule
ONE_LINE = 1.6  # heights of the tallest component: taller ink is more than one line
HIDDEN = 0.8  # fraction of a digit's ink that lies on no component if they lack it: 0.9 to 1 then, else at most 0.7
SAME_PEN = 0.75  # pen widths: thinner ink is from another pen, or a table edge
CHOICE, EVERYTHING, UNSEEN = "choice", "everything", "unseen"  # names of the weights; see `learn_numbers`


@dataclass(frozen=True, eq=False)
class WholeReading:
    """A number as the network `line` reads it.

    Attributes:
        reading: its symbols, from left to right.
        ink: [h, w] float32 in [0, 1], of the whole number.
        corner: its (left, top) in the picture.
        joined: approximate fraction of its symbols that touch: 1 - connected components / symbols, at least 0.
    """

    reading: LineReading
    ink: np.ndarray
    corner: tuple[int, int]
    joined: float

    @property
    def text(self) -> str:
        """The text that the page shows if this reading is chosen, without signs that a number cannot have."""
        return without_invalid_signs(self.reading.text)

    @cached_property
    def probability(self) -> float:
        """The probability of its symbols, in [0, 1]."""
        return math.exp(self.reading.log_probability(self.reading.text))

    def holds(self, items: Sequence[Item]) -> np.ndarray:
        """Return which items have their middle in the bounding box of its ink: [N] bool."""
        boxes = np.array([one.box for one in items]).reshape(-1, 4)
        inside = (boxes[:, :2] + boxes[:, 2:]) / 2 - self.corner
        return ((inside >= 0) & (inside < self.ink.shape[::-1])).all(axis=1)

    def parts(self) -> list[Mark]:
        """Return the digits and signs, each with its own ink; empty if any symbol is neither."""
        return split_at_symbols(self.ink, self.reading.symbols, self.corner)


def read_whole(net: nn.Module, components: Components, labels: Sequence[int]) -> WholeReading | None:
    """Read some connected components of ink as one number, with the network `line`; None if they are not one."""
    if not labels:
        return None
    ink, corner = components.cut_out(*labels)
    height, width = ink.shape
    if height < LOWEST or width > WIDEST * height:
        return None
    reading = read_line(net, ink)
    if not reading.symbols:
        return None
    whole = WholeReading(reading, ink, corner, max(0.0, 1 - len(labels) / len(reading.symbols)))
    return whole if whole.text else None


def ink_around(components: Components, run: Sequence[Item], taken: set[int]) -> list[int]:
    """List the components that belong to a number: those under its marks, and unread ink among them.

    Args:
        components: the connected components of the picture's ink.
        run: the number's digits and signs, as `model.numbers.group_numbers` returns them.
        taken: the components under the digits of its line.

    Returns:
        Their labels; none if its ink cannot be told from other ink, or if the components lack most of its digits.
    """
    digits = [one for one in run if one.prediction]
    height = median(one.height for one in digits)
    left, top, right, bottom = bounding_box(run)
    boxes = components.boxes[1:].astype(float)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    near = (x > left) & (x < right)  # ink before or after it is left to the finder
    near &= (y > top - ABOVE * height) & (y < bottom + BELOW * height)
    near &= (boxes[:, 1] > top - 2 * ABOVE * height) & (boxes[:, 3] < bottom + 2 * BELOW * height)
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    near &= (np.maximum(wide, tall) > DUST * height) & (wide < FRAME_SIZE * height) & (tall < FRAME_SIZE * height)
    if lack_ink(components, run):
        return []
    own = components_under(components, run)
    beyond = np.array([left, top, right, bottom]) - components.boxes[sorted(own)]
    if (beyond * (1, 1, -1, -1) > OVERHANG * height).any() or any(
        is_frame(components.cut_out(label)[0]) for label in own
    ):
        return []  # the number's ink is connected to that of a line, a frame or a sheet
    return sorted((set((np.flatnonzero(near) + 1).tolist()) - taken) | own)


def lack_ink(components: Components, run: Sequence[Item]) -> bool:
    """Return whether the components lack most accepted digits, as they do where a shadow or darker ink hides them."""
    amounts = (ink_by_component(components.labels, one.mark) for one in accepted(run) if one.prediction)
    lacking = [amount[0] > HIDDEN * amount.sum() for amount in amounts]
    return sum(lacking) > len(lacking) / 2


def components_under(components: Components, items: Sequence[Item]) -> set[int]:
    """Return the components that hold most of the ink of the given items."""
    return set(marks_by_component(components.labels, [one.mark for one in items]))


def lines_of_ink(components: Components, items: Sequence[Item]) -> Iterator[tuple[list[int], tuple[float, float]]]:
    """List the components of each line of ink, if it is the only one or if some of it was not read.

    Lines are left out if they hold a frame or digits connected to a ruled line; if their ink is far taller than all
    marks; if they overlap vertically; if they have more than MAX_IN_LINE tall components; and after the first
    MAX_REREAD lines.

    Args:
        components: the connected components of the picture's ink.
        items: everything on the page, read mark by mark.

    Yields:
        Their labels, without specks and ruled lines, without ink thinner than the pen (unless under an accepted digit),
        and without ink on the edge of the picture (unless under a mark); and the rows of the picture, from top to
        bottom, that the line fills.
    """
    boxes = components.boxes[1:].astype(float)
    wide, tall, middle = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1], (boxes[:, 1] + boxes[:, 3]) / 2
    seen = [one for one in items if one.prediction and one.mark.score > LOW]
    highest = FRAME_SIZE * max((one.height for one in seen), default=np.inf)
    on_edge = (boxes[:, :2] == 0).any(axis=1) | (boxes[:, 2:] == components.labels.shape[::-1]).any(axis=1)
    on: dict[int, list[Box]] = {}  # the accepted digits on each component
    for label, own in marks_by_component(components.labels, [one.mark for one in seen]).items():
        on_edge[label - 1] = False
        if digits := [seen[i].box for i in own if seen[i].digit is not None]:
            on[label - 1] = digits
    lines = _lines(boxes, tall)
    for line in lines:
        tallest, top, bottom = tall[line].max(), boxes[line, 1].min(), boxes[line, 3].max()
        if tallest > highest or bottom - top > ONE_LINE * tallest or (len(lines) > 1 and on.keys() >= set(line)):
            continue
        inks = [components.cut_out(i + 1) for i in line]
        if any(
            is_frame(ink) or (i in on and on_ruled_line(ink, at, on[i]))
            for i, (ink, at) in zip(line, inks, strict=True)
        ):
            continue
        written = components.cut_out(*np.add(line, 1))[0] > ON
        pen = 4 * cv2.distanceTransform(np.uint8(written), cv2.DIST_L2, 3)[written].mean() - 2
        rows = top - ABOVE * tallest, bottom + BELOW * tallest
        low = tall <= TALL * tallest
        own = (middle > rows[0]) & (middle < rows[1]) & low
        own[line] = True
        as_thick = np.minimum(wide, tall) > min(SAME_PEN * pen, pen - 1)
        as_thick[list(on)] = True
        ruled = low & (wide > FRAME_SIZE * tallest)
        yield (np.flatnonzero(own & as_thick & ~ruled & ~on_edge) + 1).tolist(), rows


def _lines(boxes: np.ndarray, tall: np.ndarray) -> list[list[int]]:
    """Group the tall ones of some components, of boxes [N, 4] and heights [N], into lines from top to bottom."""
    lines: list[list[int]] = []
    foot = 0.0
    for i in sorted(np.flatnonzero(tall > TALL * tall.max(initial=0)).tolist(), key=lambda i: boxes[i, 1]):
        if not lines or foot - boxes[i, 1] < 0.5 * tall[i]:
            lines.append([])
            foot = 0.0
        lines[-1].append(i)
        foot = max(foot, boxes[i, 3])
    return [line for line in lines if len(line) <= MAX_IN_LINE][:MAX_REREAD]


def _is_lone_digit(components: Components, labels: Sequence[int], run: Sequence[Item]) -> bool:
    """Return whether a line's ink is under one accepted digit, and not wider than one."""
    width, height = (components.boxes[labels[0], 2:] - components.boxes[labels[0], :2]).tolist()
    return len(labels) == len(run) == len(accepted(run)) == 1 and width < ONE_DIGIT * height


def accepted(run: Sequence[Item]) -> list[Item]:
    """Return the items of a number, without the marks that were refused and the signs that it cannot have."""
    return [one for number in group_numbers(run) for one in number]


def whole_readings(
    net: nn.Module, items: list[Item], components: Components
) -> Iterator[Iterator[tuple[str, list[Item], WholeReading]]]:
    """Reread the numbers on a page as a whole.

    Args:
        net: the network `line`.
        items: everything on the page, read mark by mark.
        components: the connected components of its ink.

    Yields:
        For each line of ink that reads as two or more digits and signs, all of it as one number, and then its numbers;
        and each other number of two or more symbols. A line without accepted digits is left out if its reading is
        unlikely or another line cannot be read at all, and any line or number if the components lack most of its
        digits. To bound the time for a dense sheet, only the MAX_REREAD least certain numbers are reread. Each is the
        name of the weights to use, the items read mark by mark, and the second reading.
    """
    marks = sorted(items, key=lambda one: one.box[0] + one.box[2])
    numbers = []
    for line in group_into_lines(items):
        runs = group_numbers(line)
        taken = components_under(components, [one for run in runs for one in run if one.prediction])
        numbers += [(run, taken) for run in runs if len(run) > 1]
    numbers = sorted(numbers, key=lambda each: probability(each[0]))[:MAX_REREAD]

    def each_of(some: list[tuple[list[Item], set[int]]]) -> Iterator[tuple[str, list[Item], WholeReading]]:
        for run, taken in some:
            if whole := read_whole(net, components, ink_around(components, run, taken)):
                yield CHOICE, run, whole

    lines = []
    for labels, (top, bottom) in lines_of_ink(components, items):
        run = [one for one in marks if top < (one.box[1] + one.box[3]) / 2 < bottom]
        if not labels or _is_lone_digit(components, labels, run) or lack_ink(components, run):
            continue  # nothing but ink on the edge, or a lone digit, or ink without the line's digits
        whole = read_whole(net, components, labels)
        lines.append((run, whole if whole and NEITHER not in whole.text else None))
    readable = all(whole or accepted(run) for run, whole in lines)  # else the picture may be text, or on its side
    for run, whole in lines:
        if whole and len(whole.text) > 1 and (accepted(run) or (readable and whole.probability > MIN_UNSEEN)):
            own = [each for each in numbers if each[0][0] in run]
            numbers = [each for each in numbers if each[0][0] not in run]
            yield chain([(EVERYTHING if accepted(run) else UNSEEN, run, whole)], each_of(own))
    for each in numbers:
        yield each_of([each])
