"""What may be a digit of a picture: the marks of the finder, and the ink that hangs together where it sees one."""

from dataclasses import replace

import cv2
import numpy as np
from torch import nn

from model.finder import LEAST, LOW, Box, Mark, find, tight
from model.preprocess import ON, isolate

ALIKE = 0.65  # intersection over union from which on two boxes are of one digit
WIDE, THIN = 5, 0.1  # pixels of a wide stroke; and the share of ink that may be in thinner ones, and at their edges
SAME = 0.8  # and from which on the one need not be looked at beside the other


def propose(net: nn.Module, tone: np.ndarray, written: np.ndarray | None = None) -> list[Mark]:
    """Propose digits and signs.

    Where the ink of a picture is easily told from its paper, what hangs together is drawn more exactly than the finder
    draws it. It is proposed beside the marks of the finder, which says of it what it says of the mark most like it.

    Args:
        net: the network `finder`.
        tone: [H, W] float32 in [0, 1], brightness.
        written: [H, W] float32 in [0, 1], its ink; None for only what the finder is sure of, which is faster.

    Returns:
        Marks on every scale, so that several may be of one digit, or of parts of it.
    """
    if written is None:
        return distinct(find(net, tone, LEAST[1:]))
    marks = distinct(find(net, tone, finest=0.5 if thick(written) else 1.0))
    digits = [mark for mark in marks if mark.kind == "digit"]
    return marks + hanging_together(written, digits) + all_of_it(written, digits)


def thick(written: np.ndarray) -> bool:
    """Say whether all ink [H, W] is of strokes so wide that half the picture's size shows them as well."""
    on = np.uint8(written > ON)
    worn = cv2.morphologyEx(on, cv2.MORPH_OPEN, np.ones((WIDE, WIDE), np.uint8))
    return bool(worn.any()) and int((on - worn).sum()) < THIN * int(on.sum())


def distinct(marks: list[Mark]) -> list[Mark]:
    """Keep of marks that are nearly the same, as two scales show one digit, that of which the finder is surest."""
    if not marks:
        return []
    order = sorted(marks, key=lambda mark: -mark.score)
    kinds = np.array([mark.kind for mark in order])
    boxes = np.array([mark.box for mark in order], np.float32)
    kept = np.ones(len(order), bool)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= (shared(boxes[i], boxes[i + 1 :]) < SAME) | (kinds[i + 1 :] != kinds[i])
    return [mark for mark, keep in zip(order, kept, strict=True) if keep]


def hanging_together(written: np.ndarray, marks: list[Mark]) -> list[Mark]:
    """Propose each piece of ink that hangs together and is like a mark: ink [H, W] float32 in [0, 1]."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.uint8(written > ON), connectivity=8)
    if count == 1 or not marks:
        return []
    corners = np.hstack([stats[1:, :2], stats[1:, :2] + stats[1:, 2:4]])
    likeness = shared(np.array([mark.box for mark in marks])[:, None], corners[None])  # [marks, pieces]
    proposed = []
    for piece in np.flatnonzero(likeness.max(axis=0) >= ALIKE):
        alike = [mark for mark, like in zip(marks, likeness[:, piece], strict=True) if like >= ALIKE]
        x, y = (corners[piece, :2] - 1).clip(0).tolist()
        right, bottom = (corners[piece, 2:] + 1).tolist()
        own = cv2.dilate(np.uint8(labels[y:bottom, x:right] == piece + 1), np.ones((3, 3), np.uint8))  # with soft edges
        proposed.append(_like(max(alike, key=lambda mark: mark.score), written[y:bottom, x:right] * own, x, y))
    return proposed


def all_of_it(written: np.ndarray, marks: list[Mark]) -> list[Mark]:
    """Propose all the ink of a picture as one digit, also where the finder sees none."""
    digit = isolate(written)
    y, x, height, width = tight(digit)
    if not width:
        return []
    box = np.array([x, y, x + width, y + height], float)
    likeness = [float(shared(np.array(mark.box), box)) for mark in marks]
    alike = [mark for mark, like in zip(marks, likeness, strict=True) if like >= ALIKE]
    nothing = Mark((0, 0, 0, 0), digit, "digit", LOW, np.zeros(10, np.float32))
    return [_like(max(alike, key=lambda mark: mark.score, default=nothing), digit[y : y + height, x : x + width], x, y)]


def shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection of boxes [..., 4] over their union, in [0, 1]."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    common = (high - low).clip(0).prod(axis=-1)
    areas = sum((box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (a, b))
    return common / (areas - common)


def _like(mark: Mark, written: np.ndarray, x: int, y: int) -> Mark:
    box: Box = (x, y, x + written.shape[1], y + written.shape[0])
    return replace(mark, box=box, ink=written)
