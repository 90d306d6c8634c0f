"""A page that lies askew: how far it is turned, and turning it upright and its boxes back."""

import cv2
import numpy as np

from model.segment import Box, Mark, height_of_writing

MOST = 45  # degrees, to either side
LEAST = 4  # degrees; lines that climb less are read as they are
GAIN = 1.3  # how much more the lines must stand out when the page is turned
LINE = 3  # marks that make a line
POINTS = 4000  # of the ink, that are looked at


def tilt(ink: np.ndarray, lines: list[list[Mark]]) -> float:
    """Return by how many degrees the lines of writing fall to the right, 0 if they nearly lie or none stand out.

    Looked along the lines, ink is heaped up in few places (Postl 1986): the sum of squares of the profile is greatest.

    Args:
        ink: [H, W] float32 in [0, 1].
        lines: of marks, as they are found before the page is turned.
    """
    marks = [mark for line in lines for mark in line]
    height = height_of_writing(marks) if marks else 0.0
    if sum(mark.height > height / 2 for mark in marks) < LINE:
        return 0.0
    y, x = np.nonzero(ink > 0.5)
    every = -(-len(y) // POINTS)
    y, x = y[::every], x[::every]
    if not len(y):
        return 0.0

    def heaped(degrees: float) -> float:
        angle = np.deg2rad(degrees)
        across = (y * np.cos(angle) - x * np.sin(angle)) / (0.25 * height)
        return float(np.square(np.bincount(np.int64(across - across.min()))).sum())

    angles = np.arange(-MOST, MOST + 1, 1.0)
    sums = [heaped(angle) for angle in angles]
    best = float(angles[np.argmax(sums)])
    return best if abs(best) >= LEAST and max(sums) > GAIN * heaped(0) else 0.0


def turned(ink: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a page counter-clockwise about its middle.

    Returns:
        The ink, grown so that nothing is lost, and the matrix [2, 3] that takes its points back to the page.
    """
    height, width = ink.shape
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    size = np.ceil([width * abs(cos) + height * abs(sin), height * abs(cos) + width * abs(sin)]).astype(int)
    back = np.array([[cos, -sin, 0], [sin, cos, 0]])
    back[:, 2] = np.array([width, height]) / 2 - back[:, :2] @ (size / 2)
    centres = back.copy()  # OpenCV counts from the middle of a pixel, and boxes from its edge
    centres[:, 2] += back[:, :2].sum(axis=1) / 2 - 0.5
    return cv2.warpAffine(ink, centres, size.tolist(), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), back


def box_back(box: Box, back: np.ndarray, across: float, down: float) -> Box:
    """Return the upright box in the picture round a box of the turned page; across and down enlarge it."""
    left, top, right, bottom = box
    corners = np.array([[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]]) @ back.T
    corners = np.rint(corners * (across, down)).astype(int)
    return *corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()
