"""The content of a page: its marks in lines, and the text they form."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.finder import Box, Mark
from model.numbers import NEAR, Number, bounding_box, group_numbers, make_number, text_of
from model.prediction import Prediction
from model.rectify import View, map_box_back

MANY, SIMILAR = 16, (0.75, 1.33)  # minimum digits in a table; the range of their heights relative to the usual height
NOTE, HUGE = 0.8, 2.5  # usual heights: in a table, shorter digits are notes and taller ones are not part of it
CRAMMED, CRAMMED_NOTE = 0.3, 1.0  # usual heights: maximum gap and height of notes in a table of lone digits
SPANS = 0.9  # fraction of the height of two lines: a mark beside them that is at least as tall belongs to the first
HOLE = 0.4  # fraction of the height of a line's tallest digit: a number ends at a non-digit that is taller
OFF_LEVEL = 2  # a sign off the level of a digit counts as this much farther away than one beside it
LEVELLED = 8  # minimum number of digits for levelling sloping lines
SLOPES = np.linspace(-0.45, 0.45, 61)  # pixels down per pixel to the right


@dataclass(frozen=True, eq=False)
class Item:
    """One item on a page: a digit, a sign or a non-digit.

    Attributes:
        mark: its place and ink, as the finder detected it.
        prediction: the reading of its glyph; None for a sign.
        likely: whether it is a digit or a sign, or the finder takes it for one.
        log_odds: log-odds that its number is read correctly; None if it was only read mark by mark.
    """

    mark: Mark
    prediction: Prediction | None
    likely: bool
    log_odds: float | None = None

    @property
    def kind(self) -> str:  # noqa: D102
        return self.mark.kind

    @property
    def box(self) -> Box:  # noqa: D102
        return self.mark.box

    @property
    def digit(self) -> int | None:
        """The digit read; None for a sign or a non-digit."""
        return self.prediction.digit if self.prediction else None

    def as_non_digit(self) -> "Item":
        """Return the same item as a non-digit."""
        return replace(self, prediction=replace(self.prediction, digit=None, confidence=0.0, score=0.0), likely=False)

    @property
    def height(self) -> float:  # noqa: D102
        return self.box[3] - self.box[1]


@dataclass(frozen=True, eq=False)
class Page:
    """The content of a page.

    Attributes:
        lines: from top to bottom; each holds its marks (box, Prediction) from left to right, box = (left, top, right,
            bottom) in pixels of the image. `digit` is None where a mark that the finder takes for a digit was refused.
        text: the numbers: a line of text for each line that has any, with spaces between them: "1247673\\n-8.5".
            Small notes in a table are left out.
        numbers: the numbers of the text, in the same order.
        sheet: the corners (x, y) of the sheet of paper in the image, clockwise, if one was found and rectified.
        turn: degrees by which the image was rotated anticlockwise for reading.
    """

    lines: list[list[tuple[tuple[int, int, int, int], Prediction]]]
    text: str
    numbers: tuple[Number, ...] = ()
    sheet: tuple[tuple[float, float], ...] = ()
    turn: float = 0.0

    @property
    def marks(self) -> list[tuple[tuple[int, int, int, int], Prediction]]:
        """All marks in reading order."""
        return [mark for line in self.lines for mark in line]

    def scaled(self, by: float) -> "Page":
        """Return the same page with marks and sheet for a picture that is larger or smaller by this factor."""
        lines = [[(tuple(round(by * edge) for edge in box), each) for box, each in line] for line in self.lines]
        return replace(self, lines=lines, sheet=tuple((by * x, by * y) for x, y in self.sheet))

    def as_dict(self) -> dict:
        """Return the text, the numbers and the marks as JSON types, for other programs."""
        marks = [{"box": list(box), **each.as_dict()} for box, each in self.marks]
        return {"text": self.text, "numbers": [number.as_dict() for number in self.numbers], "marks": marks}


def group_into_lines(written: list[Item]) -> list[list[Item]]:
    """Group items into lines from top to bottom, each from left to right.

    A digit is linked to the next digit on its right at the same height; a sign to a digit that is near, and with its
    foot (for a point or comma) or its middle at the sign's height.
    What stands to the right of two lines, such as a brace, is linked only to the one whose last digit is leftmost.
    """
    digits = sorted((each for each in written if each.kind == "digit"), key=lambda each: each.box[0])
    boxes = level_lines(np.array([each.box for each in digits], float).reshape(-1, 4))
    line_of = list(range(len(digits)))
    left_of: dict[int, int] = {}
    heights = _heights(boxes)
    for i, box in enumerate(boxes.tolist()):
        at_its_height = _overlap(box, boxes[i + 1 :].T, 1) > 0.5 * np.minimum(heights[i], heights[i + 1 :])
        if at_its_height.any():
            right = i + 1 + int(at_its_height.argmax())
            first = boxes[left_of.setdefault(right, i)]
            both = max(box[3], first[3]) - min(box[1], first[1])
            if _overlap(box, first, 1) > 0 or heights[right] < SPANS * both:
                line_of = [line_of[i] if line == line_of[right] else line for line in line_of]
    lines: dict[int, list[Item]] = {}
    for line, digit in zip(line_of, digits, strict=True):
        lines.setdefault(line, []).append(digit)
    middles = boxes[:, 1] + boxes[:, 3]
    order = sorted(lines, key=lambda line: middles[np.array(line_of) == line].mean())
    places = np.array([each.box for each in digits]).T
    for sign in written if digits else ():
        if sign.kind != "digit":
            beside, above = (np.maximum(0, -_overlap(places, sign.box, axis)) for axis in (0, 1))
            within_reach = beside + above < NEAR * _heights(places.T)
            level = places[3] if sign.kind in ".," else (places[1] + places[3]) / 2
            off = beside + OFF_LEVEL * np.abs((sign.box[1] + sign.box[3]) / 2 - level)
            if within_reach.any():
                lines[line_of[int(np.where(within_reach, off, np.inf).argmin())]].append(sign)
    return [sorted(lines[line], key=lambda each: each.box[0] + each.box[2]) for line in order]


def level_lines(boxes: np.ndarray) -> np.ndarray:
    """Shift boxes vertically so that sloping lines become level: [N, 4] -> [N, 4].

    When a page is seen from the side, its lines slope more at the top than at the bottom. Of all such slopes, the one
    that puts the most pairs of boxes at the same height is used.
    """
    if len(boxes) < LEVELLED:
        return boxes
    x, y = ((boxes[:, k] + boxes[:, k + 2]) / 2 for k in (0, 1))
    x, down = x - x.mean(), (y - y.mean()) / max(1, np.ptp(y))
    slack = 0.25 * np.median(_heights(boxes))

    def pairs(rise: np.ndarray) -> float:
        at = np.sort(y - x * rise)
        return float((np.searchsorted(at, at + slack) - np.arange(len(at))).sum())

    slopes = [slope + more * down for slope in SLOPES for more in SLOPES[::4]]
    steep = [abs(slope) for slope in SLOPES for _ in SLOPES[::4]]
    best = max(range(len(slopes)), key=lambda k: pairs(slopes[k]) * (1 - 0.3 * steep[k]))
    return boxes - np.outer(x * slopes[best], (0, 1, 0, 1))


def without_notes(written: list[Item]) -> list[Item]:
    """Leave out notes in a table, such as sudoku candidates: digits that are small, or crammed where others are not.

    In a table, non-digits and digits far taller than usual are left out too.
    """
    digits = [each for each in written if each.digit is not None]
    boxes = np.array([each.box for each in digits], float).reshape(-1, 4)
    heights = _heights(boxes)
    alike = [heights[(heights > SIMILAR[0] * one) & (heights < SIMILAR[1] * one)] for one in heights]
    table = max(alike, key=lambda some: (len(some) >= MANY) * (some**2).sum(), default=())
    if len(table) < MANY:
        return written
    usual = np.median(table)
    a, b = boxes.T[:, :, None], boxes.T[:, None]
    beside = _overlap(a, b, 1) > 0.5 * np.minimum(heights[:, None], heights)
    together = beside & (_overlap(a, b, 0) > -CRAMMED * usual)  # includes each with itself
    alone = together.sum(axis=1) == 1
    small = np.where(together, heights, 0).max(axis=1) < CRAMMED_NOTE * usual
    crammed = small & ~alone & (alone[np.isin(heights, table)].mean() > 0.5)
    kept = (heights > NOTE * usual) & (heights < HUGE * usual) & ~crammed
    return [each for each in written if each.kind != "digit"] + [digits[i] for i in np.flatnonzero(kept)]


def _heights(boxes: np.ndarray) -> np.ndarray:
    return boxes[:, 3] - boxes[:, 1]


def _overlap(a: Sequence, b: Sequence, axis: int) -> np.ndarray:
    return np.minimum(a[axis + 2], b[axis + 2]) - np.maximum(a[axis], b[axis])


def page_of(written: list[Item], view: View, size: tuple[int, int]) -> Page:
    """Build a page from the items read in a view of a picture.

    Args:
        written: digits and signs, in pixels of the view.
        view: the view in which the picture was read.
        size: width and height of the picture.
    """
    some = [one for one in written if one.likely]
    if not any(one.prediction for one in some):
        some = sorted((one for one in written if one.prediction), key=lambda one: one.height)[-1:]
    lines = group_into_lines(some)
    main = without_notes(some)
    back = np.linalg.inv(view.matrix)
    marks = [[(map_box_back(one.box, back, size), one.prediction) for one in line if one.prediction] for line in lines]
    parts = map(_without_holes, lines if main is some else group_into_lines(main))
    numbers = [[run for part in line for run in group_numbers(part)] for line in parts]
    text = "\n".join(" ".join(map(text_of, line)) for line in numbers if line)
    each = [make_number(run, map_box_back(bounding_box(run), back, size)) for line in numbers for run in line]
    corners = () if view.corners is None else tuple(map(tuple, view.corners.tolist()))
    return Page(marks, text, tuple(each), corners, view.degrees)


def _without_holes(line: list[Item]) -> list[list[Item]]:
    """Split a line at its non-digits, but for small ones: what stands on both sides of a letter is two numbers."""
    small = HOLE * max((one.height for one in line if one.digit is not None), default=0)
    parts: list[list[Item]] = [[]]
    for one in line:
        if one.prediction and one.digit is None and one.height > small:
            parts.append([])
        else:
            parts[-1].append(one)
    return parts


def mean_confidence(written: list[Item]) -> float:
    """Return the mean confidence of the digits, in [0, 1]; a mark that only the finder calls a digit counts as 0."""
    digits = [one.prediction.confidence for one in written if one.likely and one.prediction]
    return sum(digits) / max(1, len(digits))


def expected_score(written: list[Item]) -> float:
    """Return the expected number of correct minus wrong digits; a likely mark that is a non-digit counts as -1."""
    return sum(2 * one.prediction.confidence - 1 for one in written if one.likely and one.prediction)
