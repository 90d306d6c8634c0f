"""Digit detection: brightness -> marks, each with its own ink."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn

from model.networks import HEAT_CHANNELS, SIGNS

CELL = 4  # pixels: side of an output cell of the network
STEP = 16  # pixels: unit of the predicted offsets to the centre of a digit
DIGIT = 0  # heatmap channel for the centres of digits; those for signs and other symbols follow
COARSEST = 16  # pixels: side of the coarsest cell; input sizes are multiples of this
CORNER = COARSEST // 2, COARSEST // 2  # row and column where a picture starts on its padded board
THRESHOLDS = 0.15, 0.45  # thresholds on the probability of a centre
LOW = 0.04  # probability that the network outputs where it sees nothing
POWER = 3  # exponent applied to probabilities before they are summed, so that many small ones weigh little
LINE = 9, 129  # cells: height and width of a mark's neighbourhood in its line
STROKE = 0.4  # threshold on the probability of a stroke
REACH = 3.5  # cells: maximum distance between where a stroke points and the centre of its digit
SMALL, LONGEST = 64, 1600  # pixels: enlarge while the shorter side is below SMALL and the longer below LONGEST
TINY = 32  # pixels: minimum longer side of the smallest pyramid level

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Mark:
    """One detection: what the finder takes for a digit or sign.

    Attributes:
        box: (left, top, right, bottom) in pixels of the searched picture.
        ink: [h, w] float32 in [0, 1], its strokes, at the scale at which it was found.
        kind: "digit", or one of `model.networks.SIGNS`.
        score: detection probability, in [0, 1].
        logits: [10] float32, one for each digit.
        around: the probability of a symbol there that is neither digit nor sign, in [0, 1]; then the number of digits,
            and the number of other symbols, that the finder expects beside it on its line.
        lone: whether it is all the ink of the picture, or stands in the only place where a digit could be.
    """

    box: Box
    ink: np.ndarray
    kind: str
    score: float
    logits: np.ndarray
    around: tuple[float, float, float] = (LOW, 0.0, 0.0)
    lone: bool = False


def border(tone: np.ndarray) -> float:
    """Return the median brightness of a picture's outermost pixels."""
    return float(np.median(np.concatenate([tone[0], tone[-1], tone[:, 0], tone[:, -1]])))


def padded(tone: np.ndarray, corner: tuple[int, int], size: tuple[int, int], repeat_edges: bool = False) -> np.ndarray:
    """Pad a picture to a larger size: [h, w] -> [H, W] float32.

    Args:
        tone: brightness.
        corner: (row, column) where its first pixel goes.
        size: H, W.
        repeat_edges: if true, repeat the edge pixels, so that a shape cut off at the edge does not look like a stroke;
            otherwise fill with the median brightness of the border.
    """
    beyond = [(before, n - before - own) for before, n, own in zip(corner, size, tone.shape, strict=True)]
    return np.pad(tone, beyond, "edge") if repeat_edges else np.pad(tone, beyond, constant_values=border(tone))


def reduced(tone: np.ndarray, side: int) -> np.ndarray:
    """Reduce a picture, [h, w] float32, so that its longer side is at most `side` pixels; never enlarge it."""
    scale = side / max(tone.shape)
    if scale >= 1:
        return tone
    size = [max(1, round(n * scale)) for n in tone.shape[::-1]]
    return cv2.resize(tone, size, interpolation=cv2.INTER_AREA)


def find(net: nn.Module, tone: np.ndarray, thresholds: Sequence[float] = THRESHOLDS, finest: float = 1.0) -> list[Mark]:
    """Find digits and signs at every scale of a picture, finest first; several scales may find the same one.

    Args:
        net: the network `finder`.
        tone: [H, W] float32 in [0, 1], brightness.
        thresholds: on the probability of a centre; each yields its own marks.
        finest: scale of the finest level; small pictures are enlarged further.
    """
    scale = finest
    while min(tone.shape) * scale < SMALL and max(tone.shape) * scale < LONGEST:
        scale *= 2
    marks: list[Mark] = []
    finer = np.zeros((1, 1), np.float32)
    while True:
        size = [max(1, round(n * scale)) for n in tone.shape[::-1]]
        level = cv2.resize(tone, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        size_on_board = [-(-(n + COARSEST) // COARSEST) * COARSEST for n in level.shape]
        board = padded(level, CORNER, size_on_board, repeat_edges=min(tone.shape) >= SMALL)
        some, finer = find_at(net, board, level.shape, np.divide(size, tone.shape[::-1]), thresholds, finer)
        marks += some
        scale /= 2
        if max(tone.shape) * scale < TINY:
            return marks


@torch.inference_mode()
def find_at(
    net: nn.Module,
    board: np.ndarray,
    size: tuple[int, ...],
    scale: np.ndarray,
    thresholds: Sequence[float],
    finer: np.ndarray,
) -> tuple[list[Mark], np.ndarray]:
    """Find digits and signs at one scale of a picture.

    Args:
        net: the network `finder`.
        board: [H, W] float32 in [0, 1], brightness; the picture starts at CORNER.
        size: height and width of the picture on the board.
        scale: horizontal and vertical; boxes are divided by it.
        thresholds: on the probability of a centre.
        finer: [h, w] float32, the number of other symbols that finer scales show beside each cell.

    Returns:
        The marks, and for each cell the number of other symbols that this scale or a finer one shows beside it: at low
        resolution a word may look like a digit.
    """
    output = net(torch.from_numpy(board)[None, None]).float()
    heat = output[:, 12 : 12 + HEAT_CHANNELS].sigmoid()
    order = torch.arange(9).view(3, 3).repeat(*(-(-n // 3) for n in heat.shape[2:]))[: heat.shape[2], : heat.shape[3]]
    ranked = heat + 1e-6 * order  # breaks ties: of several equally hot neighbours, only one is the peak
    peaks = ranked == torch.nn.functional.max_pool2d(ranked, 3, 1, 1)
    digits, beside = (sum_along_line(part) for part in (heat**POWER * peaks)[0, [DIGIT, -1]].numpy())
    beside = np.maximum(beside, cv2.resize(finer, beside.shape[::-1], interpolation=cv2.INTER_NEAREST))
    channel, row, column = (part.numpy() for part in (peaks & (heat > thresholds[0]))[0, :-1].nonzero(as_tuple=True))
    if not len(row):
        return [], beside
    score = heat[0, channel, row, column].numpy()
    logits = output[0, 12 + HEAT_CHANNELS :, row, column].T.numpy()
    others = heat[0, -1].numpy()
    other = cv2.dilate(others, np.ones((3, 3)))[row, column]
    around = np.stack([other, digits[row, column], beside[row, column]], 1)
    strokes, right, down = (torch.pixel_shuffle(part, 2)[0, 0].numpy() for part in output[:, :12].split(4, 1))
    strokes = torch.from_numpy(strokes).sigmoid().numpy()  # [H / 2, W / 2]
    beyond = np.ones(strokes.shape, bool)  # outside the picture, where there are no strokes
    beyond[tuple(slice(k // 2, (k + n + 1) // 2) for k, n in zip(CORNER, size, strict=True))] = False
    strokes[beyond] = 0
    marks = []
    seen = set()
    for threshold in thresholds:
        some = np.flatnonzero(score >= threshold)
        some = some[np.argsort(score[some])]  # where two share a cell, the one with the higher score gets its strokes
        if not len(some):
            continue
        owner = assign_strokes(strokes, right, down, row[some], column[some])
        for number, (i, (left, top, beyond, below)) in enumerate(zip(some, boxes_of(owner, len(some)), strict=True), 1):
            if beyond <= left or (i, left, top, beyond, below) in seen:
                continue
            seen.add((i, left, top, beyond, below))
            left, top, beyond, below = max(0, left - 1), max(0, top - 1), beyond + 1, below + 1
            own = owner[top:below, left:beyond] == number
            window = board[2 * top : 2 * below, 2 * left : 2 * beyond]
            ink = separate_ink(window, own, strokes[top:below, left:beyond])
            y, x, h, w = ink_bounds(ink)
            if not w:
                continue
            x0, y0 = 2 * left + x - CORNER[1], 2 * top + y - CORNER[0]
            box = tuple(float(edge) for edge in np.divide((x0, y0, x0 + w, y0 + h), (*scale, *scale)))
            kind = ("digit", *SIGNS)[channel[i]]
            marks.append(
                Mark(box, ink[y : y + h, x : x + w], kind, float(score[i]), logits[i], tuple(around[i].tolist()))
            )
    return marks, beside


def sum_along_line(middles: np.ndarray) -> np.ndarray:
    """Sum the other centres near each cell along its line: [h, w] float32 -> the same shape."""
    return cv2.boxFilter(middles, -1, LINE[::-1], normalize=False, borderType=cv2.BORDER_CONSTANT) - middles


def assign_strokes(
    strokes: np.ndarray, right: np.ndarray, down: np.ndarray, row: np.ndarray, column: np.ndarray
) -> np.ndarray:
    """Assign each stroke pixel to the centre it points to: [H / 2, W / 2] int32, numbered from 1; 0 for none."""
    cells = np.full((strokes.shape[0] // 2, strokes.shape[1] // 2), 255, np.uint8)
    cells[row, column] = 0
    apart, nearest = cv2.distanceTransformWithLabels(cells, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    number = np.zeros(nearest.max() + 1, np.int32)
    number[nearest[row, column]] = np.arange(1, len(row) + 1)
    y, x = np.nonzero(strokes > STROKE)
    cx = np.int64((2 * x + 1 + STEP * right[y, x]) / CELL).clip(0, cells.shape[1] - 1)
    cy = np.int64((2 * y + 1 + STEP * down[y, x]) / CELL).clip(0, cells.shape[0] - 1)
    owner = np.zeros(strokes.shape, np.int32)
    owner[y, x] = np.where(apart[cy, cx] <= REACH, number[nearest[cy, cx]], 0)
    return owner


def boxes_of(owner: np.ndarray, count: int) -> list[tuple[int, int, int, int]]:
    """Return the bounding box of each owner's pixels, (left, top, right, bottom); right <= left if it has none."""
    y, x = np.nonzero(owner)
    who = owner[y, x] - 1
    low = np.full((count, 2), 10**6)
    high = np.zeros((count, 2), int)
    np.minimum.at(low, who, np.stack([x, y], 1))
    np.maximum.at(high, who, np.stack([x + 1, y + 1], 1))
    return [(*a, *b) for a, b in zip(low.tolist(), high.tolist(), strict=True)]


def separate_ink(window: np.ndarray, own: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """Separate a digit's ink from the paper around it: brightness [2h, 2w], strokes [h, w] -> [2h, 2w] in [0, 1].

    Paper is everything outside the strokes; ink differs from it in the same direction (darker or lighter) as the
    digit's strokes.
    """
    double = window.shape[::-1]
    near = cv2.dilate(np.uint8(own), np.ones((3, 3), np.uint8))
    mine = cv2.resize(np.float32(own), double, interpolation=cv2.INTER_LINEAR)
    written = cv2.resize(np.uint8(strokes > 0.25), double, interpolation=cv2.INTER_NEAREST) > 0
    rest = window[~written]
    paper = float(np.median(rest)) if rest.size > 8 else float(np.median(window))
    step = window - paper
    if step[mine > 0.5].sum() < 0:
        step = -step
    pen = float(np.quantile(step[mine > 0.5], 0.7)) if (mine > 0.5).any() else 0.0
    if pen <= 0.01:
        return np.zeros_like(window)
    floor = 0.15 * pen
    cover = cv2.resize(np.float32(near), double, interpolation=cv2.INTER_LINEAR)
    return ((step - floor) / (pen - floor)).clip(0, 1) * cover.clip(0, 1)


def ink_bounds(ink: np.ndarray) -> tuple[int, int, int, int]:
    """Return the bounding box of the ink: (top, left, height, width); zeros if there is none."""
    x, y, w, h = cv2.boundingRect(np.uint8(ink > 0.2))
    return y, x, h, w
