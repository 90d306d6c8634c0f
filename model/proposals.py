"""What may be a digit of a picture: the marks of the finder, and the ink that hangs together where it sees one."""

from dataclasses import replace

import cv2
import numpy as np
from torch import nn

from model.finder import LOW, SMALL, THRESHOLDS, Box, Mark, find, tight
from model.preprocess import ON, Pieces, connected, isolate

LIKE_A_MARK = 0.65  # intersection over union from which on two boxes are of one digit
REPEATED = 0.8  # and from which on the one need not be looked at beside the other
OVERLAP = 0.5  # share of the smaller of two boxes from which on they cover the same digit
WIDE_STROKE = 5  # pixels
LIKELY = 0.5  # score from which a mark of the finder counts by itself
THIN = 0.1  # share of ink that may be in thinner strokes, and at the edges of wide ones


def propose(net: nn.Module, tone: np.ndarray, pieces: Pieces | None = None) -> list[Mark]:
    """Propose digits and signs.

    Where the ink of a picture is easily told from its paper, what hangs together is drawn more exactly than the finder
    draws it. It is proposed beside the marks of the finder, which says of it what it says of the mark most like it.

    Args:
        net: the network `finder`.
        tone: [H, W] float32 in [0, 1], brightness.
        pieces: of its ink; None for only what the finder is sure of, which is faster.

    Returns:
        Marks on every scale, so that several may be of one digit, or of parts of it.
    """
    if pieces is None:
        return distinct(find(net, tone, THRESHOLDS[1:]))
    marks = distinct(find(net, tone, finest=0.5 if thick(pieces) else 1.0))
    digits = [mark for mark in marks if mark.kind == "digit"]
    whole = all_of_it(pieces.ink, digits)
    boxes = np.array([mark.box for mark in whole]).reshape(-1, 4)
    marks = [*marks, *hanging_together(pieces, digits)]
    parts = [mark for mark in marks if mark.kind != "digit" or (shared(np.array(mark.box), boxes) < LIKE_A_MARK).all()]
    return alone(parts + whole)


def thick(pieces: Pieces) -> bool:
    """Say whether all ink is of strokes so wide that half the picture's size shows them as well."""
    on = np.uint8(pieces.ink > ON)
    worn = cv2.morphologyEx(on, cv2.MORPH_OPEN, np.ones((WIDE_STROKE, WIDE_STROKE), np.uint8))
    if not worn.any() or int((on - worn).sum()) > THIN * int(on.sum()):
        return False
    wide = np.bincount(pieces.labels[worn > 0], minlength=len(pieces.boxes))
    return bool(wide[1:].all())  # no piece is thin all over


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
            kept[i + 1 :] &= (shared(boxes[i], boxes[i + 1 :]) < REPEATED) | (kinds[i + 1 :] != kinds[i])
    return [mark for mark, keep in zip(order, kept, strict=True) if keep]


def hanging_together(pieces: Pieces, marks: list[Mark]) -> list[Mark]:
    """Propose each piece of ink that hangs together and is like a mark."""
    if len(pieces.boxes) == 1 or not marks:
        return []
    boxes = np.array([mark.box for mark in marks])
    large = _areas(pieces.boxes) >= LIKE_A_MARK * _areas(boxes).min()  # smaller ones are like no mark
    proposed = []
    for label in 1 + np.flatnonzero(large[1:]):
        alike = [marks[i] for i in np.flatnonzero(shared(boxes, pieces.boxes[label]) >= LIKE_A_MARK)]
        if alike:
            own, corner = pieces.cut_out(label)
            proposed.append(_like(max(alike, key=lambda mark: mark.score), own, *corner))
    return proposed


def all_of_it(written: np.ndarray, marks: list[Mark]) -> list[Mark]:
    """Propose all the ink of a picture as one digit: ink [H, W] float32 in [0, 1].

    Ink that resembles no mark may be a digit that the finder misses, but not if it is in pieces, frames the picture, or
    stands beside a likely mark; its score is then 0.
    """
    digit = isolate(written)
    y, x, height, width = tight(digit)
    if not width:
        return []
    box = np.array([x, y, x + width, y + height], float)
    likeness = [float(shared(np.array(mark.box), box)) for mark in marks]
    alike = [mark for mark, like in zip(marks, likeness, strict=True) if like >= LIKE_A_MARK]
    edges = (x == 0) + (y == 0) + (x + width == digit.shape[1]) + (y + height == digit.shape[0])
    frame = edges > 1 and min(digit.shape) >= SMALL
    if alike:
        most = max(alike, key=lambda mark: mark.score)
    else:
        missed = not (frame or any(mark.score >= LIKELY for mark in marks) or len(connected(digit).boxes) > 2)
        most = Mark((0, 0, 0, 0), digit, "digit", LOW if missed else 0.0, np.zeros(10, np.float32))
    return [replace(_like(most, digit[y : y + height, x : x + width], x, y), lone=True)]


def alone(marks: list[Mark]) -> list[Mark]:
    """Call the marks lone if there is but one place where a digit may be."""
    digits = [mark for mark in marks if mark.kind == "digit" and mark.score > 0]
    boxes = np.array([mark.box for mark in digits]).reshape(-1, 4)
    if not digits or any(mark.lone for mark in digits) or not covered(boxes[_areas(boxes).argmax()], boxes).all():
        return marks
    return [replace(mark, lone=True) if mark.kind == "digit" else mark for mark in marks]


def covered(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Say with which of others, [N, 4], a box [4] has half of the smaller in common: [N] bool."""
    common = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(0).prod(axis=1)
    return common > OVERLAP * np.minimum(_areas(boxes), _areas(box))


def shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection of boxes [..., 4] over their union, in [0, 1]."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    common = (high - low).clip(0).prod(axis=-1)
    return common / (_areas(a) + _areas(b) - common)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def _like(mark: Mark, written: np.ndarray, x: int, y: int) -> Mark:
    box: Box = (x, y, x + written.shape[1], y + written.shape[0])
    return replace(mark, box=box, ink=written)
