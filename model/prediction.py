"""The reading of one digit."""

from dataclasses import dataclass

import numpy as np

from model.glyph import SIDE


@dataclass(frozen=True, eq=False)
class Prediction:
    """The reading of one digit.

    Attributes:
        digit: 0 to 9, or None if the picture is blank or does not show a digit.
        probabilities: [10] float32, the probability of each digit; they sum to 1; all equal if the picture is blank.
        confidence: the calibrated probability that `digit` is correct, in [0, 1]; 0 if `digit` is None.
        score: how digit-like the picture is, in [0, 1]; if it is low, `digit` is None; 0 if the picture is blank.
        glyph: [28, 28] float32 in [0, 1], the input of the network: 0 is paper, 1 is ink.
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
            "top": [[digit, round(probability, 6)] for digit, probability in self.top(3)],
        }


def blank() -> Prediction:
    """Return the prediction for a blank picture."""
    return Prediction(None, np.full(10, 0.1, np.float32), 0.0, 0.0, np.zeros((SIDE, SIDE), np.float32))
