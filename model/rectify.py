"""Rectify a picture: flatten a sheet of paper in it, undo quarter-turns and tilts, and map boxes back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

from model.finder import Box, border, reduced

SEARCHED = 320  # pixels: length to which a picture is reduced to find a sheet
SHEET = 0.06, 0.93  # minimum and maximum fraction of the picture that a sheet covers
EDGE = 3  # pixels
STRAIGHT = 0.94  # minimum fraction of its four-corner outline that a sheet fills


def sheet(tone: np.ndarray) -> np.ndarray | None:
    """Find a sheet of paper that is brighter than its background and entirely visible.

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
    """Return the threshold that best splits the picture in two (Otsu 1979), and that of each part."""

    def level(part: np.ndarray) -> float:
        return cv2.threshold(part, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]

    middle = level(grey)
    return [middle, *(level(part) for part in (grey[grey > middle], grey[grey <= middle]) if part.size)]


def _four_corners(hull: np.ndarray) -> np.ndarray | None:
    """Simplify an outline to four corners [4, 1, 2] (Douglas and Peucker 1973); None if that fails."""
    length = cv2.arcLength(hull, closed=True)
    for off in np.arange(0.01, 0.12, 0.005):
        few = cv2.approxPolyDP(hull, off * length, closed=True)
        if len(few) <= 4:
            return few if len(few) == 4 else None
    return None


def _cut_off(corners: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether several of the corners [4, 1, 2] lie at the edge of a picture [H, W]."""
    at_edge = (corners < EDGE) | (corners >= np.array(shape[::-1]) - EDGE)
    return int(at_edge.any(axis=2).sum()) > 1


def flat(corners: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the perspective transform [3, 3] that flattens a sheet, and its new width and height in pixels."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    size = round(float(sides[0] + sides[2]) / 2), round(float(sides[1] + sides[3]) / 2)
    width, height = size
    return cv2.getPerspectiveTransform(corners, np.float32([[0, 0], [width, 0], [width, height], [0, height]])), size


def rotation_matrix(degrees: float, size: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the matrix [3, 3] that rotates a picture anticlockwise, and the width and height of the result."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    width, height = size
    grown = round(width * abs(cos) + height * abs(sin)), round(height * abs(cos) + width * abs(sin))
    matrix = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    matrix[:2, 2] = np.array(grown) / 2 - matrix[:2, :2] @ (np.array(size) / 2)
    return matrix, grown


def warp(tone: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Warp a picture by a matrix [3, 3] to a given size; fill beyond its edge with the brightness of its border."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # OpenCV counts from pixel centres, boxes from edges
    matrix = np.linalg.inv(half) @ matrix @ half
    return cv2.warpPerspective(tone, matrix, size, flags=cv2.INTER_LINEAR, borderValue=border(tone))


def map_box_back(box: Box, back: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Map a box by a matrix [3, 3]: return its upright bounding box in whole pixels, clipped to a picture of `size`."""
    left, top, right, bottom = box
    corners = np.float64([[[left, top], [right, top], [right, bottom], [left, bottom]]])
    x, y = cv2.perspectiveTransform(corners, back)[0].T
    x, y = x.clip(0, size[0]), y.clip(0, size[1])
    return round(x.min()), round(y.min()), round(x.max()), round(y.max())


def laid_flat(picture: Image.Image, sheet: Sequence[tuple[float, float]]) -> Image.Image:
    """Return the part of a picture within the four corners of a sheet, flattened."""
    matrix, size = flat(np.float32(sheet))
    return Image.fromarray(cv2.warpPerspective(np.asarray(picture), matrix, size))


@dataclass(frozen=True, eq=False)
class View:
    """The view in which a picture is read: as given, rectified or rotated.

    Attributes:
        matrix: [3, 3], maps the picture to the view, in pixels.
        size: width and height.
        corners: [4, 2], of the rectified sheet in the picture, or None.
        degrees: anticlockwise rotation.
    """

    matrix: np.ndarray
    size: tuple[int, int]
    corners: np.ndarray | None = None
    degrees: float = 0.0

    def rotated(self, degrees: float) -> "View":
        """Return this view rotated anticlockwise."""
        matrix, size = rotation_matrix(degrees, self.size)
        return View(matrix @ self.matrix, size, self.corners, self.degrees + degrees)

    def of_larger(self, by: np.ndarray) -> "View":
        """Return the same view of a picture that is larger by these factors, horizontal and vertical."""
        corners = None if self.corners is None else self.corners * by
        return replace(self, matrix=self.matrix @ np.diag([*(1 / by), 1]), corners=corners)

    def enlarged(self, by: float) -> "View":
        """Return this view enlarged by this factor."""
        return replace(self, matrix=np.diag([by, by, 1]) @ self.matrix, size=tuple(round(n * by) for n in self.size))

    def of(self, tone: np.ndarray) -> np.ndarray:
        """Return the picture warped to this view."""
        return warp(tone, self.matrix, self.size)
