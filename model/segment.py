"""ink -> digits of a page in reading order: marks are laid in lines, cut where digits touch, joined where not."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from model.preprocess import frame
from model.seams import seams

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are just beyond
Judge = Callable[[np.ndarray], np.ndarray]  # glyphs [N, 28, 28] -> log-probabilities [N, 11], the last of "no digit"

ON = 0.2  # ink from here on holds a stroke together
CLOSE_UP = 64  # pixels: a digit longer than that is reduced before it is framed
SMALL = 0.45  # of the height of the writing: what is lower cannot carry a line
PART = 0.6  # of the height of the writing: what is lower and narrower may be a dash of a stroke
RIM = 0.02  # of the picture's shorter side: what lies nearer to the rim is no digit
GAP = 0.12  # of the height of the writing: dashes no farther apart are one stroke
MOST = 600  # marks on a page that are looked at, the largest first
FARTHEST = 40  # borders from the beginning of a digit to its end, at most
CROWD = 150  # marks on a page from which on none is cut, since it is rather print than handwriting
SEAM, CROSSING = 0.6, 0.7  # what a cut costs in log-probability, and each stroke's width of ink that it crosses
JOIN = 0.5  # what it costs to take two marks beside each other for one digit
LOW = 3.0  # what it costs to be low among high digits, an e-th of the height
WIDE = 4.0  # what it costs to be wider than nine tenths of the height of the writing, a height of it
LEFT_OUT = 4.0  # what it costs to leave a mark out


@dataclass(frozen=True, eq=False)
class Mark:
    """What hangs together: its box, and its ink there, [height, width]."""

    box: Box
    ink: np.ndarray

    @property
    def height(self) -> int:  # noqa: D102
        return self.box[3] - self.box[1]

    @property
    def width(self) -> int:  # noqa: D102
        return self.box[2] - self.box[0]


@dataclass(frozen=True, eq=False)
class Border:
    """Where a digit may begin: at a mark, or at a seam through it (the column in each row); and what that costs."""

    mark: int
    seam: np.ndarray | None = None
    price: float = 0.0


def find_digits(ink: np.ndarray, judge: Judge) -> list[list[tuple[Box, np.ndarray]]]:
    """Find what stands on a page: lines from top to bottom, marks from left to right.

    Args:
        ink: [H, W] float32 in [0, 1]; 0 is paper, 1 is pen.
        judge: how probable each digit is, for many glyphs at once.

    Returns:
        Lines of (box in pixels of the ink, glyph [28, 28]): what is taken for a digit, and larger marks that may be
        something else.
    """
    marks = _marks(ink)
    if not marks:
        return []
    within = [mark for mark in marks if not _on_the_rim(mark, ink.shape)]
    if any(mark.height > 0.1 * min(ink.shape) for mark in within):
        marks = within
    height = _height_of_writing(marks)
    marks = _glued(marks, PART * height, GAP * height)
    return [_read_line(line, height, judge, cut=len(marks) <= CROWD) for line in _lines(marks, height)]


def _marks(ink: np.ndarray) -> list[Mark]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.uint8(ink > ON), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    marks = []
    for label in 1 + np.argsort(-areas, kind="stable")[:MOST]:
        x, y, w, h, area = stats[label].tolist()
        if area > 3:
            left, top, right, bottom = max(0, x - 1), max(0, y - 1), x + w + 1, y + h + 1
            own = np.uint8(labels[top:bottom, left:right] == label)
            own = cv2.dilate(own, np.ones((3, 3), np.uint8))  # the soft edges of strokes
            part = ink[top:bottom, left:right] * own
            marks.append(Mark((left, top, left + part.shape[1], top + part.shape[0]), part))
    return marks


def _on_the_rim(mark: Mark, shape: tuple[int, int]) -> bool:
    """Say whether a mark is the edge of the sheet, or what stood beside it: all of it lies near the rim."""
    left, top, right, bottom = mark.box
    if left > 0 and top > 0 and right < shape[1] and bottom < shape[0]:
        return False
    rows, columns = np.nonzero(mark.ink > ON)
    rows, columns = rows + top, columns + left
    to_rim = np.minimum(np.minimum(rows, shape[0] - 1 - rows), np.minimum(columns, shape[1] - 1 - columns))
    return bool(np.mean(to_rim < max(2, RIM * min(shape))) > 0.95)


def _glued(marks: list[Mark], small: float, gap: float) -> list[Mark]:
    """Put together what is small and close by: the dashes of a stroke that a scanner or a dry pen has broken up."""
    groups: list[list[Mark]] = []
    whole = [mark for mark in marks if max(mark.height, mark.width) >= small]
    for mark in marks:
        if max(mark.height, mark.width) < small:
            near = [group for group in groups if any(_apart(mark.box, other.box) <= gap for other in group)]
            groups = [group for group in groups if group not in near]
            groups.append([mark, *(other for group in near for other in group)])
    for group in groups:
        parts = [(mark.box, mark.ink) for mark in group]
        whole.append(Mark(_union(parts), _together(parts)))
    return whole


def _height_of_writing(marks: list[Mark]) -> float:
    """Return the height of the digits: half of all that is written belongs to higher marks."""
    heights = np.array([mark.height for mark in marks], dtype=float)
    order = np.argsort(heights)
    share = np.cumsum(heights[order]) / heights.sum()
    return float(heights[order][np.searchsorted(share, 0.5)])


def _lines(marks: list[Mark], height: float) -> list[list[Mark]]:
    """Lay marks in lines: each is tied to the next on its right that stands at its height."""
    large = sorted((mark for mark in marks if mark.height >= SMALL * height), key=lambda mark: mark.box[0])
    line_of = {id(mark): i for i, mark in enumerate(large)}
    for i, mark in enumerate(large):
        for right in large[i + 1 :]:
            if _overlap(mark.box, right.box, 1) > 0.5 * min(mark.height, right.height):
                line_of = _tied(line_of, right, mark)
                break
        for other in large[:i]:  # the parts of one digit, one above the other
            tall = max(mark.box[3], other.box[3]) - min(mark.box[1], other.box[1])
            above = _overlap(mark.box, other.box, 0) > 0.5 * min(mark.width, other.width)
            if above and tall < 1.3 * height and _apart(mark.box, other.box) < 0.3 * height:
                line_of = _tied(line_of, mark, other)
    for mark in marks:
        if id(mark) not in line_of and max(mark.height, mark.width) > 0.12 * height:
            near = min(large, key=lambda other: _apart(other.box, mark.box))
            if _apart(near.box, mark.box) < 0.5 * height:
                line_of[id(mark)] = line_of[id(near)]
    lines: dict[int, list[Mark]] = {}
    for mark in marks:
        if id(mark) in line_of:
            lines.setdefault(line_of[id(mark)], []).append(mark)
    for line in lines.values():
        line.sort(key=lambda mark: mark.box[0] + mark.box[2])
    return sorted(lines.values(), key=lambda line: np.mean([mark.box[1] + mark.box[3] for mark in line]))


def _tied(line_of: dict[int, int], one: Mark, to: Mark) -> dict[int, int]:
    """Return the lines with all of one mark's line moved to that of another."""
    old, new = line_of[id(one)], line_of[id(to)]
    return {key: new if line == old else line for key, line in line_of.items()}


def _overlap(a: Box, b: Box, axis: int) -> int:
    return min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis])


def _apart(a: Box, b: Box) -> float:
    return float(np.hypot(max(0, -_overlap(a, b, 0)), max(0, -_overlap(a, b, 1))))


def _read_line(line: list[Mark], height: float, judge: Judge, cut: bool) -> list[tuple[Box, np.ndarray]]:
    """Choose, of all ways to cut and join the marks of a line, the most probable."""
    sure = judge(close_ups([[(mark.box, mark.ink)] for mark in line]))[:, :10].max(axis=1) > np.log(0.97)
    borders: list[Border] = []
    for i, mark in enumerate(line):
        borders.append(Border(i))
        upright = mark.width < 0.75 * height
        if cut and not (sure[i] and upright) and mark.width >= 0.3 * height and mark.height <= 2.2 * height:
            borders += [Border(i, seam, SEAM + CROSSING * crossed) for seam, crossed in seams(mark.ink, mark.ink > ON)]
    borders.append(Border(len(line)))
    ways = []
    for start in range(len(borders) - 1):
        for end in range(start + 1, min(start + FARTHEST, len(borders) - 1) + 1):
            if parts := _between(line, borders[start], borders[end], height):
                ways.append((start, end, parts))
        following = next(i for i in range(start + 1, len(borders)) if borders[i].seam is None)
        if borders[start].seam is None and following > start + FARTHEST:  # a mark can always be taken whole
            ways.append((start, following, [(line[borders[start].mark].box, line[borders[start].mark].ink)]))
    glyphs = close_ups([parts for _, _, parts in ways])
    shares = judge(glyphs)
    best = [(-np.inf, -1)] * len(borders)  # gain up to each border, and the way that led there
    best[0] = 0.0, -1
    for k, (start, end, parts) in enumerate(ways):
        gain = best[start][0] + _gain(parts, shares[k], height) - borders[start].price
        if gain > best[end][0]:
            best[end] = gain, k
    found, end = [], len(borders) - 1
    while end:
        k = best[end][1]
        end, _, parts = ways[k]
        box = _union(parts)
        if box[3] - box[1] > 0.6 * height or shares[k, :10].max() - _misfit(box, height) > shares[k, 10] - LEFT_OUT:
            found.append((box, glyphs[k]))
    return found[::-1]


def _between(line: list[Mark], start: Border, end: Border, height: float) -> list[tuple[Box, np.ndarray]]:
    """Return the parts (box, ink) of what lies between two borders, or none if that cannot be one digit."""
    parts = []
    last = end.mark if end.seam is not None else end.mark - 1
    if last - start.mark > 5:
        return []
    for i in range(start.mark, last + 1):
        left = start.seam if i == start.mark else None
        right = end.seam if i == end.mark else None
        part = _part(line[i], left, right)
        if part is None:
            return []
        parts.append(part)
    x, top, beyond, bottom = _union(parts)
    whole = len(parts) == 1 and start.seam is None and end.seam is None
    if not whole and (beyond - x > 1.5 * height or bottom - top > 2.2 * height):
        return []
    if any(min(_apart(a, b) for b, _ in parts if b is not a) > 0.35 * height for a, _ in parts if len(parts) > 1):
        return []
    return parts


def _part(mark: Mark, left: np.ndarray | None, right: np.ndarray | None) -> tuple[Box, np.ndarray] | None:
    """Return the box and ink of a mark from one seam to another, or None if nothing lies there."""
    if left is None and right is None:
        return mark.box, mark.ink
    first = 0 if left is None else int(left.min())
    last = mark.width if right is None else int(right.max())
    ink = mark.ink[:, first:last]
    columns = np.arange(first, last)
    own = ink > ON
    if left is not None:
        own &= columns >= left[:, None]
    if right is not None:
        own &= columns < right[:, None]
    x, y, w, h = cv2.boundingRect(np.uint8(own)) if last > first else (0, 0, 0, 0)
    if not w:
        return None
    part = np.where(own, ink, 0)[y : y + h, x : x + w]
    x += mark.box[0] + first
    return (x, mark.box[1] + y, x + w, mark.box[1] + y + h), part


def _union(parts: list[tuple[Box, np.ndarray]]) -> Box:
    left, top, right, bottom = zip(*(box for box, _ in parts), strict=True)
    return min(left), min(top), max(right), max(bottom)


def _misfit(box: Box, height: float) -> float:
    """Return what it costs to take something of this size for a digit."""
    low = max(0.0, float(np.log(0.6 * height / (box[3] - box[1]))))
    return LOW * low + WIDE * max(0.0, (box[2] - box[0]) / height - 0.9)


def _gain(parts: list[tuple[Box, np.ndarray]], shares: np.ndarray, height: float) -> float:
    """Return how much the reading of a line gains by taking parts for one digit, or by leaving them out."""
    box = _union(parts)
    left_out = LEFT_OUT * max(1.0, (box[2] - box[0]) / (0.7 * height))
    gain = max(shares[:10].max() - _misfit(box, height), shares[10] - left_out)
    for (a, _), (b, _) in pairwise(parts):
        if _overlap(a, b, 0) < 0.3 * min(a[2] - a[0], b[2] - b[0]):
            gain -= JOIN
    return float(gain)


def _together(parts: list[tuple[Box, np.ndarray]]) -> np.ndarray:
    left, top, right, bottom = _union(parts)
    ink = np.zeros((bottom - top, right - left), np.float32)
    for (x, y, beyond, below), part in parts:
        window = ink[y - top : below - top, x - left : beyond - left]
        np.maximum(window, part, out=window)
    return ink


def close_ups(groups: list[list[tuple[Box, np.ndarray]]]) -> np.ndarray:
    """Frame each group of parts (box, ink) by itself: [N, 28, 28] float32 in [0, 1]."""
    board = np.zeros((len(groups), CLOSE_UP, CLOSE_UP), np.float32)
    for place, parts in zip(board, groups, strict=True):
        crop = _together(parts)
        scale = CLOSE_UP / max(crop.shape)
        if scale < 1:
            size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
            crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        place[: crop.shape[0], : crop.shape[1]] = crop
    return frame(board)
