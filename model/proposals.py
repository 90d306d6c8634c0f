"""Digit proposals: the finder's marks, and the connected components of ink where it sees a digit."""

from dataclasses import replace

import cv2
import numpy as np
from torch import nn

from model.finder import LOW, SMALL, THRESHOLDS, Box, Mark, find, ink_bounds
from model.ink import ON, Components, connected_components, isolate

SAME_MARK_IOU = 0.65  # minimum intersection over union of two boxes that show the same digit
REDUNDANT_IOU = 0.8  # minimum intersection over union at which one of two boxes is redundant
OVERLAP = 0.5  # overlap, as a fraction of the smaller box, above which two boxes cover the same digit
WIDE_STROKE = 5  # pixels
LIKELY = 0.5  # minimum score of a finder mark that counts on its own
THIN = 0.1  # maximum fraction of ink in thinner strokes, and at the edges of wide ones


def propose(net: nn.Module, tone: np.ndarray, components: Components | None = None) -> list[Mark]:
    """Propose digits and signs.

    Where ink is easily separated from paper, connected components outline a digit more exactly than the finder does.
    They are proposed in addition to the finder's marks, and each takes its scores from a mark that resembles it. All
    the ink is proposed as one digit, too: the finder's marks that resemble it are dropped, but its components stay,
    since one of them may be a digit above an underline.

    Args:
        net: the network `finder`.
        tone: [H, W] float32 in [0, 1], brightness.
        components: the connected components of its ink; None to return only the finder's confident marks, which is
            faster.

    Returns:
        Marks at every scale, so several may show the same digit, or parts of it.
    """
    if components is None:
        return distinct(find(net, tone, THRESHOLDS[1:]))
    marks = distinct(find(net, tone, finest=0.5 if has_thick_strokes(components) else 1.0))
    digits = [mark for mark in marks if mark.kind == "digit"]
    whole = whole_ink_marks(components.ink, digits)
    boxes = np.array([mark.box for mark in whole]).reshape(-1, 4)
    parts = [mark for mark in marks if mark.kind != "digit" or (iou(np.array(mark.box), boxes) < SAME_MARK_IOU).all()]
    # a component that is all the ink, but for the pixel that `cut_out` adds on each side, would be proposed twice
    parts += [one for one in component_marks(components, digits) if (np.abs(boxes - one.box).max(axis=1) > 1).all()]
    return flag_lone(parts + whole)


def has_thick_strokes(components: Components) -> bool:
    """Return whether all strokes are wide enough to be seen equally well at half the resolution."""
    on = np.uint8(components.ink > ON)
    worn = cv2.morphologyEx(on, cv2.MORPH_OPEN, np.ones((WIDE_STROKE, WIDE_STROKE), np.uint8))
    if not worn.any() or int((on - worn).sum()) > THIN * int(on.sum()):
        return False
    wide = np.bincount(components.labels[worn > 0], minlength=len(components.boxes))
    return bool(wide[1:].all())  # no component is thin all over


def distinct(marks: list[Mark]) -> list[Mark]:
    """Keep the mark with the highest score of those that are nearly the same, such as one digit at two scales."""
    if not marks:
        return []
    order = sorted(marks, key=lambda mark: -mark.score)
    kinds = np.array([mark.kind for mark in order])
    boxes = np.array([mark.box for mark in order], np.float32)
    kept = np.ones(len(order), bool)
    for i in range(len(order)):
        if kept[i]:
            kept[i + 1 :] &= (iou(boxes[i], boxes[i + 1 :]) < REDUNDANT_IOU) | (kinds[i + 1 :] != kinds[i])
    return [mark for mark, keep in zip(order, kept, strict=True) if keep]


def component_marks(components: Components, marks: list[Mark]) -> list[Mark]:
    """Propose each connected component of ink that resembles a mark."""
    if len(components.boxes) == 1 or not marks:
        return []
    boxes = np.array([mark.box for mark in marks])
    large = areas(components.boxes) >= SAME_MARK_IOU * areas(boxes).min()  # smaller ones resemble no mark
    proposed = []
    for label in 1 + np.flatnonzero(large[1:]):
        alike = [marks[i] for i in np.flatnonzero(iou(boxes, components.boxes[label]) >= SAME_MARK_IOU)]
        if alike:
            own, corner = components.cut_out(label)
            proposed.append(_like(max(alike, key=lambda mark: mark.score), own, *corner))
    return proposed


def whole_ink_marks(written: np.ndarray, marks: list[Mark]) -> list[Mark]:
    """Propose all the ink of a picture as one digit: ink [H, W] float32 in [0, 1].

    Ink that resembles no mark may be a digit that the finder missed; if it is in pieces, touches two edges of the
    picture, or stands beside a likely mark, its score is 0.
    """
    digit = isolate(written)
    y, x, height, width = ink_bounds(digit)
    if not width:
        return []
    box = np.array([x, y, x + width, y + height], float)
    likeness = [float(iou(np.array(mark.box), box)) for mark in marks]
    alike = [mark for mark, like in zip(marks, likeness, strict=True) if like >= SAME_MARK_IOU]
    edges = (x == 0) + (y == 0) + (x + width == digit.shape[1]) + (y + height == digit.shape[0])
    frame = edges > 1 and min(digit.shape) >= SMALL
    if alike:
        most = max(alike, key=lambda mark: mark.score)
    else:
        missed = not (
            frame or any(mark.score >= LIKELY for mark in marks) or len(connected_components(digit).boxes) > 2
        )
        most = Mark((0, 0, 0, 0), digit, "digit", LOW if missed else 0.0, np.zeros(10, np.float32))
    return [replace(_like(most, digit[y : y + height, x : x + width], x, y), lone=True)]


def flag_lone(marks: list[Mark]) -> list[Mark]:
    """Set `lone` on the digits if there is only one place where a digit could be."""
    digits = [mark for mark in marks if mark.kind == "digit" and mark.score > 0]
    boxes = np.array([mark.box for mark in digits]).reshape(-1, 4)
    if not digits or any(mark.lone for mark in digits) or not covered(boxes[areas(boxes).argmax()], boxes).all():
        return marks
    return [replace(mark, lone=True) if mark.kind == "digit" else mark for mark in marks]


def covered(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return which of `boxes`, [N, 4], overlap a box [4] by more than half of the smaller of the two: [N] bool."""
    common = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(0).prod(axis=1)
    return common > OVERLAP * np.minimum(areas(boxes), areas(box))


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of boxes [..., 4], in [0, 1]."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    common = (high - low).clip(0).prod(axis=-1)
    return common / (areas(a) + areas(b) - common)


def areas(boxes: np.ndarray) -> np.ndarray:
    """Return the areas of boxes [..., 4], in square pixels."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def _like(mark: Mark, written: np.ndarray, x: int, y: int) -> Mark:
    box: Box = (x, y, x + written.shape[1], y + written.shape[0])
    return replace(mark, box=box, ink=written)
