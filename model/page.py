"""What stands on a page: its marks in lines, and the text that they make."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model.finder import Box, Mark
from model.numbers import NEAR, Number
from model.prediction import Prediction

MANY, ALIKE = 16, (0.75, 1.33)  # digits that make a table, and how much lower or higher they are than is usual
NOTE, HUGE = 0.8, 2.5  # of the usual height: what is lower in a table is a note, and what is higher none of it
CRAMMED, SMALL = 0.3, 1.0  # of the usual height: notes in a table whose digits stand alone are so near and small
LEVELLED = 8  # digits whose lines may rise or fall
SLOPES = np.linspace(-0.45, 0.45, 61)  # down for each pixel to the right


@dataclass(frozen=True, eq=False)
class Written:
    """One thing that stands on a page.

    Attributes:
        mark: where, as the finder takes it.
        prediction: what is said of the glyph; None for a sign.
        likely: it is a digit, or a sign, or the finder takes it for one.
    """

    mark: Mark
    prediction: Prediction | None
    likely: bool

    @property
    def kind(self) -> str:  # noqa: D102
        return self.mark.kind

    @property
    def box(self) -> Box:  # noqa: D102
        return self.mark.box

    def refused(self) -> "Written":
        """Return the same as a non-digit."""
        return replace(self, prediction=replace(self.prediction, digit=None, confidence=0.0, score=0.0), likely=False)

    @property
    def height(self) -> float:  # noqa: D102
        return self.box[3] - self.box[1]


@dataclass(frozen=True, eq=False)
class Page:
    """What stands on a page.

    Attributes:
        lines: from top to bottom; each its marks (box, Prediction) from left to right, box = (left, top, right, bottom)
            in pixels of the image. `digit` is None where a mark looks like a digit to the finder and like none to the
            network that reads it.
        text: the numbers, a line of text for each line that has any, a space between columns: "1247673\\n-8.5". Small
            notes in a table are left out.
        numbers: those of the text, in its order.
        sheet: the corners (x, y) of the sheet of paper in the image, clockwise, if one was found and laid flat.
        turn: by how many degrees the image was turned anticlockwise to be read.
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
        """Return the same page with boxes for a picture that is larger or smaller by this factor."""
        lines = [[(tuple(round(by * edge) for edge in box), each) for box, each in line] for line in self.lines]
        numbers = tuple(number.scaled(by) for number in self.numbers)
        return replace(self, lines=lines, numbers=numbers, sheet=tuple((by * x, by * y) for x, y in self.sheet))

    def as_dict(self) -> dict:
        """Return the text, the numbers and the marks as JSON types, for other programs."""
        marks = [{"box": list(box), **each.as_dict()} for box, each in self.marks]
        return {"text": self.text, "numbers": [number.as_dict() for number in self.numbers], "marks": marks}


def in_lines(written: list[Written]) -> list[list[Written]]:
    """Lay what is written in lines from top to bottom, each from left to right.

    A digit is tied to the next on its right that stands at its height; a sign to the digit that it is nearest to.
    """
    digits = sorted((each for each in written if each.kind == "digit"), key=lambda each: each.box[0])
    boxes = level(np.array([each.box for each in digits], float).reshape(-1, 4))
    line_of = list(range(len(digits)))
    for i, box in enumerate(boxes.tolist()):
        at_its_height = _overlap(box, boxes[i + 1 :].T, 1) > 0.5 * np.minimum(box[3] - box[1], _heights(boxes[i + 1 :]))
        if at_its_height.any():
            other = line_of[i + 1 + int(at_its_height.argmax())]
            line_of = [line_of[i] if line == other else line for line in line_of]
    lines: dict[int, list[Written]] = {}
    for line, digit in zip(line_of, digits, strict=True):
        lines.setdefault(line, []).append(digit)
    middles = boxes[:, 1] + boxes[:, 3]
    order = sorted(lines, key=lambda line: middles[np.array(line_of) == line].mean())
    places = np.array([each.box for each in digits]).T
    for sign in written if digits else ():
        if sign.kind != "digit":
            apart = sum(np.maximum(0, -_overlap(places, sign.box, axis)) for axis in (0, 1))
            nearest = int(apart.argmin())
            if apart[nearest] < NEAR * digits[nearest].height:
                lines[line_of[nearest]].append(sign)
    return [sorted(lines[line], key=lambda each: each.box[0] + each.box[2]) for line in order]


def level(boxes: np.ndarray) -> np.ndarray:
    """Move boxes up or down so that lines of them that rise or fall are level: [N, 4] -> [N, 4].

    Seen from the side, the lines of a page rise more at its top than at its foot. Of all such slopes that is taken
    under which most pairs of boxes stand at one height.
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


def without_notes(written: list[Written]) -> list[Written]:
    """Leave out the notes of a table, as the candidates of a sudoku are: small, or crammed where others stand alone."""
    digits = [each for each in written if each.kind == "digit" and each.prediction.digit is not None]
    boxes = np.array([each.box for each in digits], float).reshape(-1, 4)
    heights = _heights(boxes)
    alike = [heights[(heights > ALIKE[0] * one) & (heights < ALIKE[1] * one)] for one in heights]
    table = max(alike, key=lambda some: (len(some) >= MANY) * (some**2).sum(), default=())
    if len(table) < MANY:
        return written
    usual = np.median(table)
    a, b = boxes.T[:, :, None], boxes.T[:, None]
    beside = _overlap(a, b, 1) > 0.5 * np.minimum(heights[:, None], heights)
    together = beside & (_overlap(a, b, 0) > -CRAMMED * usual)  # each with itself, too
    alone = together.sum(axis=1) == 1
    small = np.where(together, heights, 0).max(axis=1) < SMALL * usual
    crammed = small & ~alone & (alone[np.isin(heights, table)].mean() > 0.5)
    kept = (heights > NOTE * usual) & (heights < HUGE * usual) & ~crammed
    return [each for each in written if each.kind != "digit"] + [digits[i] for i in np.flatnonzero(kept)]


def _heights(boxes: np.ndarray) -> np.ndarray:
    return boxes[:, 3] - boxes[:, 1]


def _overlap(a: Sequence, b: Sequence, axis: int) -> np.ndarray:
    return np.minimum(a[axis + 2], b[axis + 2]) - np.maximum(a[axis], b[axis])
