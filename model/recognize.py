"""Recognizer: image -> Prediction."""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from model import weights
from model.networks import folded
from model.pictures import Source
from model.preprocess import SIDE, glyph_of


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

    @torch.inference_mode()
    def read_glyphs(self, glyphs: np.ndarray) -> list[Prediction]:
        """Read digits that are framed already, all in one pass: [N, 28, 28] float32 in [0, 1] -> N predictions."""
        batch = torch.from_numpy(np.ascontiguousarray(glyphs, dtype=np.float32))[:, None]  # [N, 1, 28, 28]
        logits = self.net(batch)  # [N, 10]
        probabilities = (logits / self.calibration["temperature"]).softmax(dim=1).numpy()
        scores = digit_scores(logits).tolist()
        return [self._judge(*one) for one in zip(probabilities, scores, batch[:, 0].numpy(), strict=True)]

    def _judge(self, probabilities: np.ndarray, score: float, glyph: np.ndarray) -> Prediction:
        if score < self.calibration["threshold"]:
            return Prediction(None, probabilities, 0.0, score, glyph)
        digit = int(probabilities.argmax())
        return Prediction(digit, probabilities, float(probabilities[digit]), score, glyph)


def digit_scores(logits: torch.Tensor) -> torch.Tensor:
    """Return how digit-like each glyph is: logits [N, 10] -> [N] float64 in [0, 1].

    It is the share of the ten digits against an eleventh class "no digit" whose logit is always 0, and so grows with
    the energy score of Liu et al. (2020).
    """
    return logits.double().logsumexp(dim=1).sigmoid()
