"""Ruled and squared paper: the rules go, the strokes that cross them stay."""

import cv2
import numpy as np

from model.preprocess import FAINT, LARGE, ON

LONG = 0.5  # of the picture's side: how far a rule goes on, at least
THIN = 0.008  # of the picture's side: how thick it is, at most
LEAN = 2  # pixels by which a rule may leave its row over its length


def without_rules(ink: np.ndarray) -> np.ndarray:
    """Take the rules out of a page: [H, W] float32 in [0, 1] -> the same, where a rule was 0, or the stroke across it.

    A rule is a thin line along the picture, much longer than a stroke.
    """
    if min(ink.shape) < LARGE:
        return ink
    seen = np.uint8(ink > FAINT)  # a rule is fainter than the pen, and goes on where it is faintest
    across, down = _rules(seen), _rules(seen.T).T
    if not across.any() and not down.any():
        return ink
    edges = cv2.dilate(across | down, np.ones((3, 3), np.uint8))
    rest = np.uint8(ink > ON) & ~edges
    kept = (edges & _crossed(rest, cv2.dilate(across, np.ones((3, 1), np.uint8)))) | (
        edges & _crossed(rest.T, cv2.dilate(down, np.ones((1, 3), np.uint8)).T).T
    )
    darker = 1.5 * float(np.median(ink[(across | down) > 0]))  # than a rule is: a stroke
    return np.where((edges > 0) & (kept == 0) & (ink <= darker), 0, ink).astype(np.float32)


def _rules(on: np.ndarray) -> np.ndarray:
    """Return where rules go from left to right, [H, W] uint8."""
    width = on.shape[1]
    thin = max(2, round(THIN * width))
    long = round(LONG * width)
    wide = cv2.dilate(on, np.ones((1 + LEAN, 1), np.uint8))
    if wide.sum(axis=1).max() < long:
        return np.zeros_like(on)
    lines = cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones((1, long), np.uint8))
    thick = cv2.morphologyEx(lines, cv2.MORPH_OPEN, np.ones((thin + LEAN + 1, 9), np.uint8))
    return lines & ~thick & on


def _crossed(rest: np.ndarray, rules: np.ndarray) -> np.ndarray:
    """Return where there is ink both above and below a rule, [H, W] uint8."""
    reach = int(rules.sum(axis=0).max(initial=0))  # several rules may share a column
    reach = min(reach, max(4, round(2 * THIN * rest.shape[1])) + LEAN)
    kernel = np.ones((reach + 2, 3), np.uint8)
    below, above = (cv2.dilate(rest, kernel, anchor=(1, row)) for row in (0, reach + 1))
    return rules & above & below
