"""Where one mark can be cut in two: seams from top to bottom that cross little ink (Avidan and Shamir 2007)."""

import cv2
import numpy as np

DEAREST_CUT = 3.0  # strokes' widths of ink that a seam may cross
ROWS = 160  # of the picture in which seams are sought, at most
DETOUR = 0.02  # toll of a pixel of paper, so that seams are short
ASIDE = 0.005  # and of a step aside


def seams(ink: np.ndarray, on: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Find the seams of a mark, from left to right.

    Args:
        ink: [H, W] float32 in [0, 1].
        on: [H, W] bool, where there is ink enough.

    Returns:
        For each the column in each row, [H] int, and how many strokes' widths of ink it crosses.
    """
    thickness = _thickness(on)
    factor = -(-len(ink) // ROWS)  # seams are sought in a smaller picture, and then enlarged
    small = cv2.resize(ink, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA) if factor > 1 else ink
    rows, width = small.shape
    toll = small + DETOUR
    down, up = _cheapest(toll), _cheapest(toll[::-1])[::-1]
    through = down + up - toll  # the toll of the cheapest seam by way of each pixel
    every = max(2, round(0.06 * rows))
    found: dict[bytes, tuple[np.ndarray, float]] = {}
    for row in (rows // 4, rows // 2, 3 * rows // 4):
        low = -cv2.dilate(-through[row : row + 1], np.ones((1, 2 * every + 1), np.uint8))[0]
        last = -every
        for column in np.nonzero(through[row] == low)[0].tolist():
            if column - last < every:  # along a bar of even thickness every column is as good
                continue
            last = column
            if not 0 < column < width - 1 or through[row, column] > DEAREST_CUT * thickness + 2 * DETOUR * rows:
                continue
            above = _trace(down, row, column)[::-1]
            seam = np.concatenate([above, _trace(up[::-1], rows - 1 - row, column)[1:]])
            seam = np.repeat(factor * seam + factor // 2, factor)
            seam = np.pad(seam, (0, max(0, len(ink) - len(seam))), mode="edge")[: len(ink)].clip(0, ink.shape[1] - 1)
            crossed = float(ink[np.arange(len(ink)), seam].sum() / thickness)
            if crossed <= DEAREST_CUT:
                found[_sides(seam, on)] = seam, crossed
    return sorted(found.values(), key=lambda way: way[0].mean())


def _thickness(mask: np.ndarray) -> float:
    """Return how wide the strokes are, in pixels: twice the median distance of their middle from the paper."""
    distance = cv2.distanceTransform(np.pad(np.uint8(mask), 1), cv2.DIST_L2, 3)
    middle = (distance == cv2.dilate(distance, np.ones((3, 3), np.uint8))) & (distance > 0)
    return max(1.0, 2 * float(np.median(distance[middle])))


def _sides(seam: np.ndarray, on: np.ndarray) -> bytes:
    """Return what tells seams apart: which ink lies on their left, roughly."""
    left = (np.arange(on.shape[1])[None, :] < seam[:, None]) & on
    return np.packbits(left[::4, ::4]).tobytes()


def _cheapest(toll: np.ndarray) -> np.ndarray:
    """Return the least toll of a way from the top to each pixel, by steps down, or down and aside."""
    cost = toll.astype(np.float64)
    for row in range(1, len(cost)):
        above = np.pad(cost[row - 1], 1, constant_values=np.inf)
        cost[row] += np.minimum(above[1:-1], np.minimum(above[:-2], above[2:]) + ASIDE)
    return cost


def _trace(cost: np.ndarray, row: int, column: int) -> np.ndarray:
    """Walk a cheapest way back from a pixel to the top: the column in each row, the pixel's own first."""
    way = [column]
    for above in range(row - 1, -1, -1):
        low, high = max(0, column - 1), min(cost.shape[1], column + 2)
        column = low + int(np.argmin(cost[above, low:high] + ASIDE * (np.arange(low, high) != column)))
        way.append(column)
    return np.array(way)
