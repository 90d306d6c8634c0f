"""Digits that touch: ink that hangs together -> the ink of each digit that the network `line` spells in it."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import torch
from torch import nn

from model.finder import Mark, tight
from model.networks import BLANK, NEITHER, SYMBOLS
from model.preprocess import LONG, SIDE, Pieces

LOWEST = 9  # pixels: lower ink cannot be spelt
ONE_DIGIT = 0.75  # of its height: narrower ink is one digit
REST = 0.2  # share of the ink connected to a digit that may lie outside its box
LARGE = 2.5  # times the size, or the ink, of a mark: larger ink is a line or a frame that it touches
RAREST = 1e-3  # probability of a digit that is not spelt
MARGIN = 4  # pixels of paper at either end of a strip
STEP = 2  # columns of a strip to one column of the network
FAINTEST = 0.2  # ink that is made as dark as any
ROWS = 80  # of a piece in which a cut is sought, at most
DETOUR = 0.02  # what a pixel of paper costs a cut, so that cuts are short; a pixel of pen costs 1


@dataclass(frozen=True, eq=False)
class Symbol:
    """One symbol of a line.

    Attributes:
        text: one of `model.networks.SYMBOLS`.
        column: of the strip, where it is.
        shares: [SYMBOLS] float32, how probable each symbol is there, sums to 1.
    """

    text: str
    column: float
    shares: np.ndarray


def crowds(pieces: Pieces, marks: list[Mark]) -> list[tuple[tuple[int, int], np.ndarray, list[int]]]:
    """List the pieces of ink that hang together and hold marks, but are wider than one digit.

    Args:
        pieces: of the ink of a picture.
        marks: in its pixels.

    Returns:
        Of each piece its corner (left, top), its ink [h, w], and which marks are mostly of it.
    """
    found = []
    for label, within in _by_piece(pieces.labels, marks).items():
        width, height = (pieces.boxes[label, 2:] - pieces.boxes[label, :2]).tolist()
        if height >= LOWEST and width >= ONE_DIGIT * height:
            own, corner = pieces.cut_out(label)
            found.append((corner, own, within))
    return found


def fragments(pieces: Pieces, marks: list[Mark]) -> list[Mark]:
    """List the marks that are only part of a larger symbol, such as the loop of a P.

    Args:
        pieces: of the ink of a picture.
        marks: in its pixels.
    """
    found = []
    for label, (i, *more) in _by_piece(pieces.labels, marks).items():
        x0, y0, x1, y1 = (round(edge) for edge in marks[i].box)
        if not more and (pieces.boxes[label, 2:] - pieces.boxes[label, :2]).max() < LARGE * max(x1 - x0, y1 - y0):
            own, (left, top) = pieces.cut_out(label)
            inside = own[max(0, y0 - top - 1) : max(0, y1 - top + 1), max(0, x0 - left - 1) : max(0, x1 - left + 1)]
            if inside.sum() < (1 - REST) * own.sum() and inside.sum() < LARGE * _at_its_place(marks[i]).sum():
                found.append(marks[i])
    return found


def _at_its_place(mark: Mark) -> np.ndarray:
    """Return the ink of a mark, scaled to the pixels of the picture."""
    left, top, right, bottom = (round(edge) for edge in mark.box)
    return cv2.resize(mark.ink, (max(1, right - left), max(1, bottom - top)), interpolation=cv2.INTER_AREA)


def _by_piece(labels: np.ndarray, marks: list[Mark]) -> dict[int, list[int]]:
    """Group marks by the piece that holds most of their ink: {label: indices of marks}."""
    of: dict[int, list[int]] = {}
    for i, mark in enumerate(marks):
        ink = _at_its_place(mark)
        left, top = (round(edge) for edge in mark.box[:2])
        under = labels[max(0, top) : max(0, top + len(ink)), max(0, left) : max(0, left + ink.shape[1])]
        ink = ink[max(0, -top) :, max(0, -left) :][: len(under), : under.shape[1]]
        amount = np.bincount(under.ravel(), ink.ravel())
        amount[:1] = 0  # paper
        if amount.any():
            of.setdefault(int(amount.argmax()), []).append(i)
    return of


def take_apart(net: nn.Module, ink: np.ndarray, corner: tuple[int, int] = (0, 0)) -> list[Mark]:
    """Take ink that hangs together apart.

    Args:
        net: the network `line`.
        ink: [h, w] float32 in [0, 1].
        corner: (left, top) of it in the picture.

    Returns:
        The digits and signs that are spelt there, each with its own ink; none where there is one symbol only, or
        something that is neither.
    """
    strip, scale = to_strip(ink)
    symbols = spell(net, strip)
    if len(symbols) < 2 or any(symbol.text == NEITHER for symbol in symbols):
        return []
    columns = [(symbol.column - MARGIN) / scale for symbol in symbols]
    cuts = [cut(ink, left, right) for left, right in pairwise(columns)]
    across, parts = np.arange(ink.shape[1]), []
    ends = [np.zeros(len(ink)), *cuts, np.full(len(ink), ink.shape[1])]
    for symbol, (left, right) in zip(symbols, pairwise(ends), strict=True):
        own = np.where((across >= left[:, None]) & (across < right[:, None]), ink, 0)
        y, x, height, width = tight(own)
        if width:
            shares, kind = symbol.shares[:10], "digit" if symbol.text.isdecimal() else symbol.text
            score = float(shares.sum()) if kind == "digit" else float(symbol.shares[SYMBOLS.index(kind)])
            own = own[y : y + height, x : x + width]
            x, y = x + corner[0], y + corner[1]
            box = (x, y, x + width, y + height)
            parts.append(Mark(box, own, kind, score, np.log(shares.clip(RAREST))))
    return parts


def to_strip(ink: np.ndarray) -> tuple[np.ndarray, float]:
    """Write ink so that it is 20 pixels high: the strip [28, W] float32 in [0, 1], W even, and its scale.

    The column x of the ink becomes MARGIN + scale * x.
    """
    scale = LONG / len(ink)
    width = max(1, round(scale * ink.shape[1]))
    strip = np.zeros((SIDE, 2 * MARGIN + width + width % 2), np.float32)
    top = (SIDE - LONG) // 2
    strip[top : top + LONG, MARGIN : MARGIN + width] = cv2.resize(ink, (width, LONG), interpolation=cv2.INTER_AREA)
    # some strokes are fainter than others: each is made as dark as the darkest near it can be
    around = cv2.dilate(strip.max(axis=0)[None], np.ones((1, LONG + 1), np.uint8))
    return strip / np.maximum(around, FAINTEST), scale


@torch.inference_mode()
def spell(net: nn.Module, strip: np.ndarray) -> list[Symbol]:
    """Read a strip [28, W] float32 in [0, 1]: its symbols from left to right.

    The best symbol of each column is taken, and a run of one symbol is read once (Graves et al. 2006).
    """
    logits = net(torch.from_numpy(strip)[None, None])[0]
    runs, lengths = logits.argmax(dim=1).unique_consecutive(return_counts=True)
    symbols, start = [], 0
    for run, length in zip(runs.tolist(), lengths.tolist(), strict=True):
        if run != BLANK:
            part = logits[start : start + length].float()
            sure = part.softmax(dim=1)[:, run]
            column = start + float((sure * torch.arange(length)).sum() / sure.sum())
            shares = part[sure.argmax(), :BLANK].softmax(dim=0).numpy()
            symbols.append(Symbol(SYMBOLS[run], STEP * (column + 0.5), shares))
        start += length
    return symbols


def cut(ink: np.ndarray, start: float, end: float) -> np.ndarray:
    """Return the column in each row of the cheapest cut from top to bottom between two columns: ink [h, w] -> [h]."""
    height, width = ink.shape
    left = min(max(0, int(start)), width - 1)
    right = min(max(left + 1, int(np.ceil(end))), width)
    rows = min(height, ROWS)
    toll = cv2.resize(ink[:, left:right], (right - left, rows), interpolation=cv2.INTER_AREA) + DETOUR
    cost, steps = toll[0], []
    for row in toll[1:]:
        around = np.pad(cost, 1, constant_values=np.inf)
        ways = np.stack([around[1:-1], around[:-2] + DETOUR / 4, around[2:] + DETOUR / 4])  # straight, from left, right
        steps.append(ways.argmin(axis=0))
        cost = ways.min(axis=0) + row
    column = int(cost.argmin())
    path = [column]
    for step in reversed(steps):
        column += (0, -1, 1)[step[column]]
        path.append(column)
    return left + np.array(path[::-1])[np.arange(height) * rows // height]
