"""A picture turned upright: a sheet that lies in it laid flat, quarter-turns and tilts undone, and boxes taken back."""

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from model.finder import Box, border, reduced

SEARCHED = 320  # pixels: how long a picture is made to look for a sheet
SHEET = 0.06, 0.93  # shares of the picture that a sheet covers, at least and at most
EDGE = 3  # pixels
STRAIGHT = 0.94  # share of its four corners' area that a sheet fills; what fills less is something else


def sheet(tone: np.ndarray) -> np.ndarray | None:
    """Find a sheet of paper that is brighter than what it lies on, and is seen whole.

    Args:
        tone: [H, W] float32 in [0, 1], brightness.

    Returns:
        Its corners (x, y) in pixels, [4, 2] float32, clockwise from the upper left, or None.
    """
    small = reduced(tone, SEARCHED)
    grey = cv2.medianBlur(np.uint8(255 * small), 7)
    best, corners = STRAIGHT, None
    for level in _levels(grey):
        on = cv2.morphologyEx(np.uint8(grey > level), cv2.MORPH_CLOSE, np.ones((9, 9)))
        on = cv2.morphologyEx(on, cv2.MORPH_OPEN, np.ones((5, 5)))
        for outline in cv2.findContours(on, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
            hull = cv2.convexHull(outline)
            area = cv2.contourArea(hull)
            if not SHEET[0] * on.size < area < SHEET[1] * on.size:
                continue
            four = _four_corners(hull)
            if four is None or cv2.contourArea(four) < STRAIGHT * area or _cut_off(four, small.shape):
                continue
            filled = cv2.contourArea(outline) / cv2.contourArea(four)
            if filled > best:
                best, corners = filled, four
    if corners is None:
        return None
    corners = corners[:, 0].astype(np.float32) * np.divide(tone.shape[::-1], small.shape[::-1], dtype=np.float32)
    across, down = (corners - corners.mean(axis=0)).T
    return corners[np.argsort(np.arctan2(down, across))]


def _levels(grey: np.ndarray) -> list[float]:
    """Return the brightness that best parts the picture in two (Otsu 1979), and the same of either part."""

    def level(part: np.ndarray) -> float:
        return cv2.threshold(part, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]

    middle = level(grey)
    return [middle, *(level(part) for part in (grey[grey > middle], grey[grey <= middle]) if part.size)]


def _four_corners(hull: np.ndarray) -> np.ndarray | None:
    """Reduce an outline to four corners [4, 1, 2] (Douglas and Peucker 1973), or None if it has fewer."""
    length = cv2.arcLength(hull, closed=True)
    for off in np.arange(0.01, 0.12, 0.005):
        few = cv2.approxPolyDP(hull, off * length, closed=True)
        if len(few) <= 4:
            return few if len(few) == 4 else None
    return None


def _cut_off(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Say whether several of the corners [4, 1, 2] lie at the edge of a picture [H, W]."""
    at_edge = (corners < EDGE) | (corners >= np.array(shape[::-1]) - EDGE)
    return int(at_edge.any(axis=2).sum()) > 1


def flat(corners: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the perspective [3, 3] that lays a sheet flat, and the width and height in pixels that it then has."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    size = round(float(sides[0] + sides[2]) / 2), round(float(sides[1] + sides[3]) / 2)
    return cv2.getPerspectiveTransform(corners, _corners(*size)), size


def turn(degrees: float, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the matrix [3, 3] that turns a picture anticlockwise, and the width and height that hold it then."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    width, height = size
    grown = round(width * abs(cos) + height * abs(sin)), round(height * abs(cos) + width * abs(sin))
    matrix = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    matrix[:2, 2] = np.array(grown) / 2 - matrix[:2, :2] @ (np.array(size) / 2)
    return matrix, grown


def seen(tone: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a picture through a matrix [3, 3], as large as given; what lies beyond it is as bright as its border."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts from pixel centres, boxes from edges
    matrix = np.linalg.inv(half) @ matrix @ half
    return cv2.warpPerspective(tone, matrix, size, flags=cv2.INTER_LINEAR, borderValue=border(tone))


def box_back(box: Box, back: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the upright box round what a matrix [3, 3] makes of a box, in whole pixels of a picture of a size."""
    left, top, right, bottom = box
    corners = np.float64([[[left, top], [right, top], [right, bottom], [left, bottom]]])
    x, y = cv2.perspectiveTransform(corners, back)[0].T
    x, y = x.clip(0, size[0]), y.clip(0, size[1])
    return round(x.min()), round(y.min()), round(x.max()), round(y.max())


def _corners(width: float, height: float) -> np.ndarray:
    return np.float32([[0, 0], [width, 0], [width, height], [0, height]])


def laid_flat(picture: Image.Image, sheet: Sequence[tuple[float, float]]) -> Image.Image:
    """Return what a picture shows within the four corners of a sheet, laid flat."""
    matrix, size = flat(np.float32(sheet))
    return Image.fromarray(cv2.warpPerspective(np.asarray(picture), matrix, size))
