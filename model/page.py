"""What stands on a page: its marks in lines, and the text that they make."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from model.prediction import Prediction
from model.segment import Box

SIGNS = ".-"  # what a line may hold beside digits and belongs to a number
WORD_GAP = 0.35  # of the height of a line: what stands closer is one word or number

Written = tuple[str, Box, Prediction]  # what stands in a line: what the line says it is, its box, what its glyph says


@dataclass(frozen=True, eq=False)
class Page:
    """What stands on a page.

    Attributes:
        lines: from top to bottom; each its marks (box, Prediction) from left to right, box = (left, top, right, bottom)
            in pixels of the image. `digit` is None where a mark is as large as a digit and looks like none, or stands
            in a word.
        text: the digits, a line of text for each line that has any, with decimal points and minus signs where they
            belong to a number: "1247673\\n-8.5".
    """

    lines: list[list[tuple[Box, Prediction]]]
    text: str

    @property
    def marks(self) -> list[tuple[Box, Prediction]]:
        """All marks in reading order."""
        return [mark for line in self.lines for mark in line]

    def scaled(self, by: float) -> "Page":
        """Return the same page with boxes for a picture that is larger or smaller by this factor."""
        lines = [[(tuple(round(by * edge) for edge in box), each) for box, each in line] for line in self.lines]
        return replace(self, lines=lines)

    def as_dict(self) -> dict:
        """Return the text and the marks as JSON types, for other programs."""
        return {"text": self.text, "marks": [{"box": list(box), **p.as_dict()} for box, p in self.marks]}


def page_of(lines: list[list[Written]], in_picture: Callable[[Box], Box]) -> Page:
    """Make a page of lines of what stands there, large and small.

    Args:
        lines: upright.
        in_picture: takes a box in the lines to that in the picture.
    """
    kept, text = [], []
    for line in lines:
        height = max(bottom - top for _, (_, top, _, bottom), _ in line)
        line = [
            (symbol, box, prediction)
            for symbol, box, prediction in line
            if symbol in SIGNS or prediction.digit is not None or box[3] - box[1] > 0.6 * height
        ]
        line = without_words(line, height)
        kept.append([(in_picture(box), prediction) for symbol, box, prediction in line if symbol not in SIGNS])
        text.append("".join(_text(line, height)))
    return Page([line for line in kept if line], "\n".join(line for line in text if line))


def sureness(lines: list[list[Written]]) -> float:
    """Return how sure the digits are on average, in [0, 1]; what is none counts as not sure."""
    confidences = [prediction.confidence for line in lines for symbol, _, prediction in line if symbol not in SIGNS]
    return sum(confidences) / max(1, len(confidences))


def _text(line: list[Written], height: int) -> Iterator[str]:
    """Yield the digits of a line, a minus before a number, and a point within one."""
    for i, (symbol, box, prediction) in enumerate(line):
        before, after = (line[i - 1] if i else None), (line[i + 1] if i + 1 < len(line) else None)
        if prediction.digit is not None:
            yield str(prediction.digit)
        elif symbol in SIGNS and after and after[2].digit is not None and after[1][0] - box[2] < height:
            led = bool(before) and before[2].digit is not None and box[0] - before[1][2] < height
            if led == (symbol == "."):
                yield symbol


def without_words(line: list[Written], height: int) -> list[Written]:
    """Take no letter of a word for a digit, since some letters look like one.

    Where a third of what stands close together is no digit, nothing of it is; nor is a number of few digits in a line
    of many letters.
    """
    words: list[list[Written]] = []
    for mark in line:
        if words and mark[1][0] - words[-1][-1][1][2] < WORD_GAP * height:
            words[-1].append(mark)
        else:
            words.append([mark])
    while True:
        counts = [(_digits(word), sum(symbol not in SIGNS for symbol, _, _ in word)) for word in words]
        letters = sum(marks - digits for digits, marks in counts)
        for i, (digits, marks) in enumerate(counts):
            if digits and (3 * (marks - digits) >= marks or letters - (marks - digits) >= 6 + 3 * digits):
                words[i] = _refused(words[i])
                break
        else:
            return [mark for word in words for mark in word]


def _digits(marks: list[Written]) -> int:
    return sum(prediction.digit is not None for _, _, prediction in marks)


def _refused(marks: list[Written]) -> list[Written]:
    return [(symbol, box, replace(prediction, digit=None, confidence=0.0)) for symbol, box, prediction in marks]
