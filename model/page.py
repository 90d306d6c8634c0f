"""What stands on a page: its marks in lines, and the text that they make."""

from dataclasses import dataclass, replace
from statistics import median

from model.finder import Box
from model.prediction import Prediction

SIGNS = ".-"  # what belongs to a number beside digits
COLUMN = 2.0  # heights of a line: what stands farther apart is in another column, with a space between in the text
MANY, ALIKE = 16, (0.75, 1.33)  # digits that make a table, and how much lower or higher they are than is usual
NOTE = 0.7  # of the usual height: what is lower in a table is a note
NEAR = 1.0  # heights of a line: a sign no farther from a digit belongs to it


@dataclass(frozen=True, eq=False)
class Written:
    """One thing that stands on a page.

    Attributes:
        kind: "digit", "." or "-".
        box: (left, top, right, bottom) in pixels of what was searched.
        prediction: what is said of the glyph; None for a sign.
        likely: it is a digit, or a sign, or the finder takes it for one.
    """

    kind: str
    box: Box
    prediction: Prediction | None
    likely: bool

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
        text: the digits, a line of text for each line that has any, a space between columns, with decimal points and
            minus signs where they belong to a number: "1247673\\n-8.5". Small notes in a table are left out.
        sheet: the corners (x, y) of the sheet of paper in the image, clockwise, if one was found and laid flat.
        turn: by how many degrees the image was turned anticlockwise to be read.
    """

    lines: list[list[tuple[tuple[int, int, int, int], Prediction]]]
    text: str
    sheet: tuple[tuple[float, float], ...] = ()
    turn: float = 0.0

    @property
    def marks(self) -> list[tuple[tuple[int, int, int, int], Prediction]]:
        """All marks in reading order."""
        return [mark for line in self.lines for mark in line]

    def scaled(self, by: float) -> "Page":
        """Return the same page with boxes for a picture that is larger or smaller by this factor."""
        lines = [[(tuple(round(by * edge) for edge in box), each) for box, each in line] for line in self.lines]
        return replace(self, lines=lines, sheet=tuple((by * x, by * y) for x, y in self.sheet))

    def as_dict(self) -> dict:
        """Return the text and the marks as JSON types, for other programs."""
        return {"text": self.text, "marks": [{"box": list(box), **p.as_dict()} for box, p in self.marks]}


def in_lines(written: list[Written]) -> list[list[Written]]:
    """Lay what is written in lines from top to bottom, each from left to right.

    A digit is tied to the next on its right that stands at its height; a sign to the digit that it is nearest to.
    """
    digits = sorted((each for each in written if each.kind == "digit"), key=lambda each: each.box[0])
    line_of = list(range(len(digits)))
    for i, one in enumerate(digits):
        for k in range(i + 1, len(digits)):
            if _overlap(one.box, digits[k].box, 1) > 0.5 * min(one.height, digits[k].height):
                line_of = [line_of[i] if line == line_of[k] else line for line in line_of]
                break
    lines: dict[int, list[Written]] = {}
    for line, digit in zip(line_of, digits, strict=True):
        lines.setdefault(line, []).append(digit)
    for sign in written if digits else ():
        if sign.kind != "digit":
            nearest = min(range(len(digits)), key=lambda k: _apart(digits[k].box, sign.box))
            if _apart(digits[nearest].box, sign.box) < NEAR * digits[nearest].height:
                lines[line_of[nearest]].append(sign)
    for line in lines.values():
        line.sort(key=lambda each: each.box[0] + each.box[2])
    return sorted(lines.values(), key=lambda line: sum(each.box[1] + each.box[3] for each in line) / len(line))


def without_notes(written: list[Written]) -> list[Written]:
    """Leave out what is much smaller than the many digits of a table, as the candidates of a sudoku are."""
    heights = sorted(each.height for each in written if each.kind == "digit" and each.prediction.digit is not None)
    half, higher = sum(heights) / 2, 0.0
    usual = 0.0
    while higher < half:  # half of all that is written is in higher digits
        usual = heights.pop()
        higher += usual
    alike = sum(ALIKE[0] * usual < each.height < ALIKE[1] * usual for each in written)
    return [each for each in written if alike < MANY or each.kind != "digit" or each.height > NOTE * usual]


def text_of(line: list[Written]) -> str:
    """Return the text of a line: its digits, a minus before a number, a point within one, a space between columns."""
    height = median(each.height for each in line if each.kind == "digit")
    text, last = "", None
    for i, one in enumerate(line):
        after = line[i + 1] if i + 1 < len(line) else None
        if one.kind == "digit":
            if one.prediction.digit is None:
                continue
            if last and one.box[0] - last.box[2] > COLUMN * height:
                text += " "
            text, last = text + str(one.prediction.digit), one
        elif after and after.kind == "digit" and after.prediction.digit is not None:
            led = last is not None and one.box[0] - last.box[2] < NEAR * height
            if after.box[0] - one.box[2] < NEAR * height and led == (one.kind == "."):
                text += one.kind if led or not last else " " + one.kind
                last = one if not led else last
    return text


def _overlap(a: Box, b: Box, axis: int) -> float:
    return min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis])


def _apart(a: Box, b: Box) -> float:
    return max(0, -_overlap(a, b, 0)) + max(0, -_overlap(a, b, 1))
