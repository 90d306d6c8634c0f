"""A synthetic sheet with its ground truth, and the digits to write."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from model.networks import SIGNS
from model.training.augmentation import enlarge, skeleton_distances
from model.training.digit_styles import DIGITS
from model.training.pen import draw_all

DIGIT_KINDS = 10  # the kinds of signs follow, then OTHER
OTHER = DIGIT_KINDS + len(SIGNS)

Random = np.random.Generator


@dataclass
class Sheet:
    """A sheet that is being filled.

    Attributes:
        tone: [S, S] float32, brightness.
        owner: [S, S] int16, the thing that each pixel belongs to: 0 for none, else 1 + its index in `things`.
        things: (kind, number of pixels, contrast) of each; a kind is 0 to 9, DIGIT_KINDS + index of a sign, or OTHER.
    """

    tone: np.ndarray
    owner: np.ndarray
    things: list[tuple[int, int, float]] = field(default_factory=list)

    def put(self, ink: np.ndarray, left: float, top: float, colour: float, kinds: list[int] | None = None) -> None:
        """Draw ink [h, w] at (left, top); its equal parts, from left to right, become new things of these `kinds`."""
        side = len(self.tone)
        left, top = round(left), round(top)
        x, y = max(0, left), max(0, top)
        right, bottom = min(side, left + ink.shape[1]), min(side, top + ink.shape[0])
        if right <= x or bottom <= y:
            return
        window = slice(y, bottom), slice(x, right)
        part = ink[y - top : bottom - top, x - left : right - left]
        before = float(np.median(self.tone[window]))
        self.tone[window] += part * (colour - self.tone[window])
        if kinds:
            on = part > 0.4
            which = np.minimum(np.arange(x - left, right - left) * len(kinds) // ink.shape[1], len(kinds) - 1)
            first = len(self.things) + 1
            self.owner[window] = np.where(on, first + which[None, :], self.owner[window])
            contrast = abs(colour - before) * float(ink.max())
            pixels = max(1, int((ink > 0.4).sum()) // len(kinds))
            self.things += [(kind, pixels, contrast) for kind in kinds]

    def free(self, left: float, top: float, width: float, height: float) -> bool:
        """Return whether an area is still empty."""
        x, y = max(0, int(left)), max(0, int(top))
        return not self.owner[y : int(top + height), x : int(left + width)].any()


class Pools:
    """The digits to write: MNIST's, as scans and as distances from their skeletons, and those of our simulated pen.

    Args:
        glyphs: [N, 1, 28, 28] float32 in [0, 1].
        labels: [N] int64, 0 to 9.
        per_shape: number of drawings kept of each shape.
        shapes: what our pen draws: the shapes of each digit.
    """

    def __init__(
        self, glyphs: torch.Tensor, labels: torch.Tensor, per_shape: int, shapes: dict[int, list[str]] = DIGITS
    ):
        self.maps = skeleton_distances(glyphs).numpy()
        self.scans = (255 * enlarge(glyphs)).round().to(torch.uint8).numpy()
        self.labels = labels.numpy()
        drawn, drawn_labels = draw_all(shapes, per_shape)
        self.drawn, self.drawn_labels = drawn.numpy(), drawn_labels.numpy()


def trimmed(ink: np.ndarray) -> np.ndarray:
    """Crop ink, [h, w] float32, to its strokes."""
    x, y, width, height = cv2.boundingRect(np.uint8(ink > 0.2))
    return ink[y : y + height, x : x + width] if width else ink[:1, :1]


def dot(random: Random, across: float) -> np.ndarray:
    """Draw a filled, roughly round dot, `across` pixels wide: [h, w] float32 in [0, 1]."""
    side = int(np.ceil(across)) + 2
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    flat = np.hypot(x, y * random.uniform(0.8, 1.3))
    return (across / 2 - flat + 0.5).clip(0, 1).astype(np.float32)
