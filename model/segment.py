"""ink -> lines of marks -> a few marks for each symbol of a line: cut where digits touch, put together where not."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from model.preprocess import LONG, ON, SIDE, frame

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right and bottom are just beyond

CLOSE_UP = 64  # pixels: a digit longer than that is reduced before it is framed
SMALL = 0.45  # of the height of the writing: what is lower cannot carry a line
PART = 0.6  # of the height of the writing: what is lower and narrower may be a dash of a stroke
LOWEST = 9  # pixels: lower writing cannot be read, and is rather specks
RIM = 0.02  # of the picture's shorter side: what lies nearer to the rim is no digit
GAP = 0.12  # of the height of the writing: dashes no farther apart are one stroke
TRACE = 0.4  # of the darkness of the writing: what is fainter all over was not written with the same pen
MOST = 600  # marks on a page that are looked at, the largest first
FAINTEST = 0.2  # ink that is made as dark as any
MARGIN = 4  # pixels of paper at either end of a strip
ROWS = 160  # of a mark in which a cut is sought, at most
DETOUR = 0.02  # what a pixel of paper costs a cut, so that cuts are short; a pixel of pen costs 1


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


def find_lines(ink: np.ndarray) -> list[list[Mark]]:
    """Find what is written: [H, W] float32 in [0, 1] -> lines from top to bottom, marks from left to right."""
    marks = _marks(ink)
    within = [mark for mark in marks if not _on_the_rim(mark, ink.shape)]
    if any(mark.height > 0.1 * min(ink.shape) for mark in within):
        marks = within
    marks = _without_traces(marks)
    legible = [mark for mark in marks if mark.height >= LOWEST]
    if not legible:
        return []
    height = height_of_writing(legible)
    return _lines(_glued(marks, PART * height, GAP * height), height)


def to_strip(line: list[Mark]) -> tuple[np.ndarray, float]:
    """Write a line so that its digits are 20 pixels high: the strip [28, W] float32 in [0, 1], and its scale.

    The column x of the picture becomes MARGIN + scale * (x - left), where left is that of the line.
    """
    ink = _together(line)
    height = height_of_writing(line)
    scale = min(LONG / height, SIDE / len(ink))
    width, tall = (max(1, round(scale * length)) for length in ink.shape[::-1])
    strip = np.zeros((SIDE, 2 * MARGIN + width + width % 2), np.float32)
    top = (SIDE - tall) // 2
    strip[top : top + tall, MARGIN : MARGIN + width] = cv2.resize(ink, (width, tall), interpolation=cv2.INTER_AREA)
    # some strokes are fainter than others: each is made as dark as the darkest near it can be
    around = cv2.dilate(strip.max(axis=0)[None], np.ones((1, LONG + 1), np.uint8))
    return strip / np.maximum(around, FAINTEST), width / ink.shape[1]


def take_apart(line: list[Mark], columns: list[float]) -> tuple[list[list[Mark]], list[Mark]]:
    """Share out the marks of a line among its symbols: one that bears several is cut, small ones go to their neighbour.

    Args:
        line: the marks.
        columns: of the picture, where each symbol is, from left to right.

    Returns:
        For each symbol its marks, none if nothing is there; and the marks as large as digits that bear no symbol.
    """
    height = height_of_writing(line)
    bearer = [int(np.argmax([_ink_at(mark, x, 0.1 * height) for mark in line])) for x in columns]
    parts: list[list[Mark]] = [[] for _ in columns]
    spare = []
    for i, mark in enumerate(line):
        mine = [k for k, j in enumerate(bearer) if j == i]
        if mine:
            cuts = [_cut(mark, columns[k], columns[following]) for k, following in pairwise(mine)]
            for k, start, end in zip(mine, [None, *cuts], [*cuts, None], strict=True):
                if part := _between(mark, start, end):
                    parts[k].append(part)
        else:
            spare.append(mark)
    borne, left = [list(some) for some in parts], []
    for mark in spare:  # the hat of a 5, the dashes of a dry pen
        near = [(_apart(mark.box, box_of(some)), k) for k, some in enumerate(borne) if some]
        gap, k = min(near, default=(np.inf, 0))
        if gap <= GAP * height or (
            gap <= 0.35 * height and _overlap(mark.box, box_of(borne[k]), 0) > 0.5 * min(mark.width, 0.3 * height)
        ):
            parts[k].append(mark)
        elif mark.height > PART * height:
            left.append(mark)
    return parts, left


def _ink_at(mark: Mark, x: float, reach: float) -> float:
    """Return how much ink a mark has about a column of the picture; less than nothing if it is elsewhere."""
    low, high = round(x - reach) - mark.box[0], round(x + reach) + 1 - mark.box[0]
    if high <= 0 or low >= mark.width:
        return -float(max(-high, low - mark.width)) - 1
    return float(mark.ink[:, max(0, low) : high].sum())


def _cut(mark: Mark, start: float, end: float) -> np.ndarray:
    """Return the column in each row of the cheapest cut from top to bottom between two columns of the picture."""
    left = min(max(0, int(start) - mark.box[0]), mark.width - 1)
    right = min(max(left + 1, int(np.ceil(end)) - mark.box[0]), mark.width)
    factor = -(-mark.height // ROWS)  # it is sought in a smaller picture
    toll = mark.ink[:, left:right] + DETOUR
    toll = cv2.resize(toll, None, fx=1, fy=1 / factor, interpolation=cv2.INTER_AREA) if factor > 1 else toll
    cost, steps = toll[0], []
    for row in toll[1:]:
        padded = np.pad(cost, 1, constant_values=np.inf)
        ways = np.stack([padded[1:-1], padded[:-2] + DETOUR / 4, padded[2:] + DETOUR / 4])  # straight, from left, right
        steps.append(ways.argmin(axis=0))
        cost = ways.min(axis=0) + row
    column = int(cost.argmin())
    path = [column]
    for step in reversed(steps):
        column += (0, -1, 1)[step[column]]
        path.append(column)
    rows = np.minimum(np.arange(mark.height) // factor, len(path) - 1)
    return left + np.array(path[::-1])[rows]


def _between(mark: Mark, left: np.ndarray | None, right: np.ndarray | None) -> Mark | None:
    """Return what of a mark lies from one cut to another, or None if nothing does."""
    if left is None and right is None:
        return mark
    columns = np.arange(mark.width)
    own = mark.ink > ON
    if left is not None:
        own &= columns >= left[:, None]
    if right is not None:
        own &= columns < right[:, None]
    x, y, width, height = cv2.boundingRect(np.uint8(own))
    if not width:
        return None
    ink = np.where(own, mark.ink, 0)[y : y + height, x : x + width]
    x, y = x + mark.box[0], y + mark.box[1]
    return Mark((x, y, x + width, y + height), ink)


def _marks(ink: np.ndarray) -> list[Mark]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.uint8(ink > ON), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    marks = []
    for label in 1 + np.argsort(-areas, kind="stable")[:MOST]:
        x, y, w, h, _ = stats[label].tolist()
        left, top, right, bottom = max(0, x - 1), max(0, y - 1), x + w + 1, y + h + 1
        own = np.uint8(labels[top:bottom, left:right] == label)
        own = cv2.dilate(own, np.ones((3, 3), np.uint8))  # the soft edges of strokes
        part = ink[top:bottom, left:right] * own
        marks.append(Mark((left, top, left + part.shape[1], top + part.shape[0]), part))
    return marks


def _without_traces(marks: list[Mark]) -> list[Mark]:
    """Drop what is much fainter than the writing: what is left of rules and shadows, what shines through the paper."""
    if not marks:
        return []
    darkest, ink = np.array([(mark.ink.max(), mark.ink.sum()) for mark in marks]).T
    order = np.argsort(darkest)
    share = np.cumsum(ink[order])
    writing = darkest[order[np.searchsorted(share, share[-1] / 2)]]  # half of the ink is in darker marks
    return [mark for mark, dark in zip(marks, darkest, strict=True) if dark >= TRACE * writing]


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
    whole = [mark for mark in marks if max(mark.height, mark.width) >= small]
    groups = _groups([mark for mark in marks if max(mark.height, mark.width) < small], gap)
    return whole + [Mark(box_of(group), _together(group)) for group in groups]


def _groups(marks: list[Mark], gap: float) -> list[list[Mark]]:
    """Share out marks so that those no farther apart than a gap, in pixels, are in one group."""
    groups: list[list[Mark]] = []
    for mark in marks:
        near = [group for group in groups if any(_apart(mark.box, other.box) <= gap for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([mark, *(other for group in near for other in group)])
    return groups


def height_of_writing(marks: list[Mark]) -> float:
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


def hang_together(marks: list[Mark]) -> bool:
    """Say whether marks are as close as the strokes of one digit: from each to any other no gap is wider than GAP."""
    return len(_groups(marks, GAP * height_of_writing(marks))) == 1


def _tied(line_of: dict[int, int], one: Mark, to: Mark) -> dict[int, int]:
    """Return the lines with all of one mark's line moved to that of another."""
    old, new = line_of[id(one)], line_of[id(to)]
    return {key: new if line == old else line for key, line in line_of.items()}


def _overlap(a: Box, b: Box, axis: int) -> int:
    return min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis])


def _apart(a: Box, b: Box) -> float:
    return float(np.hypot(max(0, -_overlap(a, b, 0)), max(0, -_overlap(a, b, 1))))


def box_of(marks: list[Mark]) -> Box:
    """Return the box round marks."""
    left, top, right, bottom = zip(*(mark.box for mark in marks), strict=True)
    return min(left), min(top), max(right), max(bottom)


def _together(marks: list[Mark]) -> np.ndarray:
    left, top, right, bottom = box_of(marks)
    ink = np.zeros((bottom - top, right - left), np.float32)
    for mark in marks:
        x, y, beyond, below = mark.box
        window = ink[y - top : below - top, x - left : beyond - left]
        np.maximum(window, mark.ink, out=window)
    return ink


def close_ups(groups: list[list[Mark]]) -> np.ndarray:
    """Frame each group of marks by itself: [N, 28, 28] float32 in [0, 1]."""
    board = np.zeros((len(groups), CLOSE_UP, CLOSE_UP), np.float32)
    for place, marks in zip(board, groups, strict=True):
        crop = _together(marks)
        scale = CLOSE_UP / max(crop.shape)
        if scale < 1:
            size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
            crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        place[: crop.shape[0], : crop.shape[1]] = crop
    return frame(board)
