"""Non-maximum suppression: keep one of several overlapping readings, drop specks, add signs."""

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from model.finder import Mark
from model.numbers import logit
from model.page import Item
from model.proposals import LIKELY, OVERLAP, SAME_MARK_IOU, areas, covered, iou

LARGER, PRECEDENCE = 2.0, 100.0  # weight of the logarithm of a mark's area in its rank; lead of digits over non-digits
SPECK = 0.075  # fraction of the height of the tallest digit: a shorter digit must be at least as confident
SIGN_HEIGHT = 0.5  # fraction of the height of the tallest digit: a shorter digit may be a misread sign


def non_maximum_suppression(read: list[Item], signs: Sequence[Mark] = ()) -> list[Item]:
    """Keep one reading of each digit: non-maximum suppression that prefers a whole digit to its parts.

    Digits come before non-digits, larger and likelier ones first. A digit gives way to two in its place: digits with
    higher scores, likely signs, or one of each.
    """
    if not read:
        return []
    boxes = np.array([one.box for one in read])
    area = areas(boxes)
    score = np.array([one.prediction.score for one in read]).clip(1e-9, 1 - 1e-9)
    is_digit = np.array([one.digit is not None for one in read])
    seen = np.array([one.mark.score for one in read])
    rank = np.log(score / (1 - score)) + LARGER * np.log(area) - PRECEDENCE * ~is_digit
    likely_signs = np.array([sign.box for sign in signs if sign.score >= LIKELY]).reshape(-1, 4)
    kept: list[int] = []
    for i in np.argsort(-rank, kind="stable").tolist():
        if covered(boxes[i], boxes[kept]).any():
            continue
        within = is_digit & covered(boxes[i], boxes) & (np.arange(len(read)) != i)
        surer = list(boxes[within & (seen > seen[i])])
        beside = boxes[within & (seen >= seen[i]) & (area < area[i])]
        for sign in likely_signs[covered(boxes[i], likely_signs)]:
            surer += [sign, *[box for box in beside if not covered(sign, box[None]).any()][:1]]
        if not any(are_separate(box, other) for box, other in combinations(surer, 2)):
            kept.append(i)
    return [read[i] for i in kept]


def are_separate(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two boxes, (left, top, right, bottom), show two symbols; stacked boxes that meet show one."""
    across, down = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    below = across > OVERLAP * min(a[2] - a[0], b[2] - b[0])
    return not covered(a, b[None]).any() and not (below and down > 0)


def without_specks(kept: list[Item]) -> list[Item]:
    """Leave out specks and misread print: far shorter than the tallest digit, and less confident."""
    digits = [one for one in kept if one.digit is not None]
    if not digits:
        return kept
    tallest = max(digits, key=lambda one: one.height)
    least, sure = SPECK * tallest.height, tallest.prediction.confidence
    specks = [one for one in digits if one.height < least and one.prediction.confidence < sure]
    return [one for one in kept if one not in specks]


def with_signs(kept: list[Item], signs: list[Mark]) -> list[Item]:
    """Add signs to the items kept, whole signs before their parts.

    A sign inside a digit is part of it. A mark found as both is a sign if the finder is more confident of that, or if
    it is far shorter than the tallest digit.
    """
    rank = [logit(mark.score) + LARGER * math.log(max(areas(np.array(mark.box)), 1.0)) for mark in signs]
    tallest = max((one.height for one in kept if one.likely and one.prediction), default=0.0)
    for i in sorted(range(len(signs)), key=lambda i: -rank[i]):
        box = np.array(signs[i].box)
        beneath = covered(box, np.array([one.box for one in kept]).reshape(-1, 4))
        near = [kept[k] for k in np.flatnonzero(beneath) if kept[k].likely]
        same = [one for one in near if one.prediction and iou(box, np.array(one.box)) >= SAME_MARK_IOU]
        loses = [one for one in same if one.mark.score < signs[i].score or one.height < SIGN_HEIGHT * tallest]
        others = any(one.likely and one.prediction and one not in same for one in kept)
        if len(near) == len(loses) and (others or not same):
            kept = [*(one for one in kept if one not in same), Item(signs[i], None, True)]
    return kept
