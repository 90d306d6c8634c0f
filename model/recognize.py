"""Recognizer: image -> Prediction or Page."""

import os
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from model import weights
from model.networks import folded, predict, with_none
from model.pictures import Source, size
from model.preprocess import SIDE, glyph_of, ink
from model.segment import Box, find_digits

PAGE_SIDE = 1600  # pixels; a longer picture of a page is reduced before it is searched
AT_ONCE = 128  # glyphs that go through the network together, so that memory is bounded
WORD_GAP = 0.35  # of the height of a line: what stands closer is one word or number


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a network says of one picture.

    Attributes:
        digit: 0 to 9, or None: the picture is blank, or what it holds is not a digit.
        probabilities: [10] float32, the share of each digit, sums to 1; all equal if the picture is blank.
        confidence: the calibrated probability that `digit` is right, in [0, 1]; 0 if there is none.
        score: how digit-like it is, in [0, 1], higher is more; `digit` is None below the card's threshold; 0 if the
            picture is blank.
        glyph: [28, 28] float32 in [0, 1], what the network saw: 0 is paper, 1 is pen.
    """

    digit: int | None
    probabilities: np.ndarray
    confidence: float
    score: float
    glyph: np.ndarray

    def top(self, k: int = 3) -> list[tuple[int, float]]:
        """Return the k most probable digits, best first, each with its probability in [0, 1]."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(int(digit), float(self.probabilities[digit])) for digit in order]

    def as_dict(self) -> dict:
        """Return digit, confidence, score and the top three as JSON types, for other programs."""
        return {
            "digit": self.digit,
            "confidence": round(self.confidence, 6),
            "score": round(self.score, 6),
            "top": [[digit, round(share, 6)] for digit, share in self.top(3)],
        }


@dataclass(frozen=True, eq=False)
class Page:
    """What stands on a page.

    Attributes:
        lines: from top to bottom; each its marks (box, Prediction) from left to right, box = (left, top, right, bottom)
            in pixels of the image. `digit` is None where a mark is as large as a digit and looks like none, or stands
            in a word.
    """

    lines: list[list[tuple[Box, Prediction]]]

    @property
    def marks(self) -> list[tuple[Box, Prediction]]:
        """All marks in reading order."""
        return [mark for line in self.lines for mark in line]

    @property
    def text(self) -> str:
        """The digits, a line of text for each line that has any: "1247673\\n8952481"."""
        lines = ("".join(str(p.digit) for _, p in line if p.digit is not None) for line in self.lines)
        return "\n".join(line for line in lines if line)

    def as_dict(self) -> dict:
        """Return the text and the marks as JSON types, for other programs."""
        return {"text": self.text, "marks": [{"box": list(box), **p.as_dict()} for box, p in self.marks]}


def blank() -> Prediction:
    """Return what is said of a picture on which nothing is written."""
    return Prediction(None, np.full(10, 0.1, np.float32), 0.0, 0.0, np.zeros((SIDE, SIDE), np.float32))


UNCALIBRATED = {"temperature": 1.0, "threshold": 0.0}  # the softmax as it is, and everything taken for a digit


class Recognizer:
    """A network together with the preprocessing that it was trained behind.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10].
        card: what is known about its weights.
    """

    def __init__(self, net: nn.Module, card: dict):
        self.net = folded(net)
        self.card = card
        self.calibration = card.get("calibration", UNCALIBRATED)

    @classmethod
    def load(cls, name_or_path: str | os.PathLike = "world") -> "Recognizer":
        """Load a shipped network by its name, or any weights file that train.py wrote by its path.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no weights file of this project, or is damaged.
        """
        return cls(*weights.load(weights.locate(name_or_path)))

    def read_digit(self, image: Source) -> Prediction:
        """Read a picture that holds one digit, anywhere, of any size, dark on light or light on dark.

        Args:
            image: a path, a PIL image or an array; see `model.pictures.brightness`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no picture that can be read; the sentence says why.
        """
        glyph = glyph_of(image)
        return blank() if glyph is None else self.read_glyphs(glyph[None])[0]

    def read_page(self, image: Source) -> Page:
        """Read a picture that may hold many digits: numbers, lines of numbers, a sheet of paper.

        Args:
            image: a path, a PIL image or an array; see `model.pictures.brightness`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no picture that can be read; the sentence says why.
        """
        page = ink(image, PAGE_SIDE)
        across, down = (given / seen for given, seen in zip(size(image), page.shape[::-1], strict=True))
        lines = []
        for line in find_digits(page, self._log_shares):
            if line:
                boxes, glyphs = zip(*line, strict=True)
                boxes = [
                    (round(across * a), round(down * b), round(across * c), round(down * d)) for a, b, c, d in boxes
                ]
                lines.append(without_words(list(zip(boxes, self.read_glyphs(np.stack(glyphs)), strict=True))))
        return Page(lines)

    @torch.inference_mode()
    def _log_shares(self, glyphs: np.ndarray) -> np.ndarray:
        """Return the log-probability of each digit, and of no digit: [N, 28, 28] -> [N, 11]."""
        logits = with_none(predict(self.net, torch.from_numpy(glyphs)[:, None], AT_ONCE))
        return (logits / self.calibration["temperature"]).log_softmax(dim=1).numpy()

    @torch.inference_mode()
    def read_glyphs(self, glyphs: np.ndarray) -> list[Prediction]:
        """Read digits that are framed already, many at once: [N, 28, 28] float32 in [0, 1] -> N predictions."""
        batch = torch.from_numpy(np.ascontiguousarray(glyphs, dtype=np.float32))[:, None]  # [N, 1, 28, 28]
        logits = predict(self.net, batch, AT_ONCE)  # [N, 10]
        probabilities = (logits / self.calibration["temperature"]).softmax(dim=1).numpy()
        scores = digit_scores(logits).tolist()
        return [self._judge(*one) for one in zip(probabilities, scores, batch[:, 0].numpy(), strict=True)]

    def _judge(self, probabilities: np.ndarray, score: float, glyph: np.ndarray) -> Prediction:
        if score < self.calibration["threshold"]:
            return Prediction(None, probabilities, 0.0, score, glyph)
        digit = int(probabilities.argmax())
        return Prediction(digit, probabilities, float(probabilities[digit]), score, glyph)


def without_words(line: list[tuple[Box, Prediction]]) -> list[tuple[Box, Prediction]]:
    """Take no letter of a word for a digit, since some letters look like one.

    Where a third of what stands close together is no digit, nothing of it is; nor is the rest of a line of words.
    """
    words: list[list[tuple[Box, Prediction]]] = []
    height = max(bottom - top for (_, top, _, bottom), _ in line)
    for mark in line:
        if words and mark[0][0] - words[-1][-1][0][2] < WORD_GAP * height:
            words[-1].append(mark)
        else:
            words.append([mark])
    words = [_refused(word) if _share_refused(word) >= 1 / 3 else word for word in words]
    line = [mark for word in words for mark in word]
    return _refused(line) if len(line) > 8 and _share_refused(line) > 0.8 else line


def _share_refused(marks: list[tuple[Box, Prediction]]) -> float:
    return sum(prediction.digit is None for _, prediction in marks) / len(marks)


def _refused(marks: list[tuple[Box, Prediction]]) -> list[tuple[Box, Prediction]]:
    return [(box, replace(prediction, digit=None, confidence=0.0)) for box, prediction in marks]


def digit_scores(logits: torch.Tensor) -> torch.Tensor:
    """Return how digit-like each glyph is: logits [N, 10] -> [N] float64 in [0, 1].

    It is the share of the ten digits against an eleventh class "no digit" whose logit is always 0, and so grows with
    the energy score of Liu et al. (2020).
    """
    return logits.double().logsumexp(dim=1).sigmoid()
