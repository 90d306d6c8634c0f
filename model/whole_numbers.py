"""Numbers read as a whole: the network `line` sees all the ink of a number, which was first read mark by mark."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np
from torch import nn

from model.ctc import LineReading, read_line
from model.finder import LOW, Mark
from model.ink import Components, is_frame
from model.networks import NEITHER
from model.numbers import bounding_box, group_numbers, probability, without_invalid_signs
from model.page import Item, group_into_lines
from model.touching import LOWEST, marks_by_component, split_at_symbols

ABOVE, BELOW = 0.3, 0.4  # digit heights: ink within these distances above and below a number belongs to it
OVERHANG = 0.8  # digit heights by which the ink of a number may extend beyond its marks
DUST = 0.05  # digit heights: shorter ink belongs to no number
FRAME_SIZE = 1.5  # digit heights: ink that is wider or taller, and under no mark, is a line or a frame
MAX_REREAD = 40  # how many numbers are reread per page at most
WIDEST = 40  # heights: wider ink is not a number
TALL = 0.3  # times the height of the tallest component: shorter ink is a sign, a speck or a rule
ONE_LINE = 1.6  # heights of the tallest component: taller ink is more than one line
SAME_PEN = 0.75  # pen widths: thinner ink is from another pen, or a table edge
CHOICE, EVERYTHING = "choice", "everything"  # names of the weights that choose the reading: for one number; for all ink


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

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Return which points (x, y) of the picture lie in the bounding box of its ink: [N, 2] -> [N] bool."""
        inside = points - self.corner
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
        Their labels; none if its ink cannot be told from other ink.
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
    own = components_under(components, run)
    beyond = np.array([left, top, right, bottom]) - components.boxes[sorted(own)]
    if (beyond * (1, 1, -1, -1) > OVERHANG * height).any() or any(
        is_frame(components.cut_out(label)[0]) for label in own
    ):
        return []  # the number's ink is connected to that of a line, a frame or a sheet
    return sorted((set((np.flatnonzero(near) + 1).tolist()) - taken) | own)


def components_under(components: Components, items: Sequence[Item]) -> set[int]:
    """Return the components that hold most of the ink of the given items."""
    return set(marks_by_component(components.labels, [one.mark for one in items]))


def all_ink(components: Components, seen: list[Item]) -> list[int]:
    """List the components of a picture's ink if it forms a single line without a frame; otherwise none.

    Args:
        components: the connected components of the picture's ink; at least one.
        seen: the marks in which the finder saw digits; at least one.

    Returns:
        Their labels, without specks and ruled lines, without ink thinner than the pen (unless under an accepted digit),
        and without ink on the edge of the picture (unless under a mark); none if ink is far taller than all marks.
    """
    boxes = components.boxes[1:].astype(float)
    wide, tall = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    tallest = tall.max()
    large = tall > TALL * tallest
    if tallest > FRAME_SIZE * max(one.height for one in seen):
        return []
    if np.ptp(boxes[large][:, [1, 3]]) > ONE_LINE * tallest:
        return []
    if any(is_frame(components.cut_out(label + 1)[0]) for label in np.flatnonzero(large)):
        return []
    on_edge = (boxes[:, :2] == 0).any(axis=1) | (boxes[:, 2:] == components.labels.shape[::-1]).any(axis=1)
    on_edge[[label - 1 for label in components_under(components, seen)]] = False
    written = np.isin(components.labels, np.flatnonzero(large) + 1)
    pen = 4 * cv2.distanceTransform(np.uint8(written), cv2.DIST_L2, 3)[written].mean() - 2
    as_thick, ruled = np.minimum(wide, tall) > min(SAME_PEN * pen, pen - 1), ~large & (wide > FRAME_SIZE * tallest)
    digits = [one for one in seen if one.prediction.digit is not None]
    as_thick[[label - 1 for label in components_under(components, digits)]] = True
    return (np.flatnonzero(as_thick & ~ruled & ~on_edge) + 1).tolist()


def accepted(run: Sequence[Item]) -> list[Item]:
    """Return the items of a number, without the marks that were refused and the signs that it cannot have."""
    return [one for number in group_numbers(run) for one in number]


def whole_readings(
    net: nn.Module, kept: list[Item], components: Components
) -> Iterator[tuple[str, list[Item], WholeReading]]:
    """Reread each number on a page as a whole.

    If all the ink in the picture is one line and reads as two or more digits and signs, it is yielded first, as one
    number. Then come the numbers of two or more symbols; only the MAX_REREAD least certain of them, to bound the time
    for a dense sheet.

    Args:
        net: the network `line`.
        kept: everything on the page, read mark by mark.
        components: the connected components of its ink.

    Yields:
        The name of the weights to use, the items read mark by mark, and the second reading.
    """
    marks = sorted(kept, key=lambda one: one.box[0] + one.box[2])
    seen = [one for one in marks if one.prediction and one.mark.score > LOW]
    fewest = 2 if len(marks) == 1 and accepted(marks) else 1  # a lone digit is not reread
    labels = all_ink(components, seen) if seen and len(components.boxes) > fewest else []
    whole = read_whole(net, components, labels) if len(labels) >= fewest else None
    if whole and len(whole.text) > 1 and NEITHER not in whole.text:
        yield EVERYTHING, marks, whole
    found = []
    for line in group_into_lines(kept):
        numbers = group_numbers(line)
        taken = components_under(components, [one for run in numbers for one in run if one.prediction])
        found += [(run, taken) for run in numbers if len(run) > 1]
    for run, taken in sorted(found, key=lambda each: probability(each[0]))[:MAX_REREAD]:
        if whole := read_whole(net, components, ink_around(components, run, taken)):
            yield CHOICE, run, whole
