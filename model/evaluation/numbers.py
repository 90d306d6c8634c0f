"""Compose single digits into pictures of numbers, for evaluation: separate, touching, with signs, round, or ruled."""

from collections.abc import Sequence

import numpy as np

from model.evaluation.strokes import draw
from model.training.handwriting import separator_strokes

SHORTEST_NUMBER, LONGEST_NUMBER = 2, 6  # digits in a number


def compose(drawings: Sequence[dict | str], random: np.random.Generator, touching: bool) -> np.ndarray:
    """Write digits side by side with one pen, as in a handwritten number.

    The digits are of similar height. Each is pushed left until its ink meets the ink before it, then moved right by 0.1
    to 0.8 of the height or, if touching, left by up to half a pen width.

    Args:
        drawings: strokes as `model.evaluation.strokes.read_strokes` yields them, or signs.
        random: determines sizes, pen width and positions.
        touching: neighbours touch or overlap; otherwise they are separate.

    Returns:
        [H, W] uint8; 0 is ink, 255 is paper.
    """
    height = random.uniform(50, 120)
    pen = height * random.uniform(0.05, 0.13)
    tiles = []
    for drawing in drawings:
        if isinstance(drawing, str):
            strokes, thicker = separator_strokes(random, drawing)
            corner = (40 - height * min(stroke[:, 0].min() for stroke in strokes), 140)
            tiles.append(draw(strokes, thicker * pen, height, corner))
            continue
        size = height * random.uniform(0.85, 1.1)
        low = np.concatenate([np.asarray(stroke) for stroke in drawing["strokes"]]).max(axis=0)[1]
        top = 140 + height / 2 - low * size + random.uniform(-0.08, 0.08) * height  # they share a baseline
        tiles.append(draw(drawing["strokes"], pen, size, (40, top)))
    board = np.full((280, 60 + 230 * len(tiles)), 255, np.uint8)
    place = 0
    for i, tile in enumerate(tiles):
        if i and (isinstance(drawings[i], str) or isinstance(drawings[i - 1], str)):
            end = int(np.nonzero((board < 128).any(axis=0))[0].max()) + 1 - int((tile < 128).any(axis=0).argmax())
            place = end + round(random.uniform(0.04, 0.35) * height)
        elif i:
            place = max(place + round(0.2 * height), _until_they_meet(board < 128, tile < 128))
            place += round(random.uniform(-pen / 2, 0) - 1 if touching else random.uniform(0.1, 0.8) * height)
        window = board[:, place : place + tile.shape[1]]
        np.minimum(window, tile, out=window)
    rows, columns = np.nonzero(board < 255)
    margin = round(random.uniform(0.2, 1) * height)
    return np.pad(board[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], margin, constant_values=255)


def _until_they_meet(before: np.ndarray, tile: np.ndarray) -> int:
    """Return the column of a tile [H, w] that is pushed left until its ink is next to the ink before it [H, W]."""
    rows = before.any(axis=1) & tile.any(axis=1)
    right = before.shape[1] - before[:, ::-1].argmax(axis=1)
    if not rows.any():  # they share no row
        return int(np.nonzero(before.any(axis=0))[0].max() + 1 - np.nonzero(tile.any(axis=0))[0].min())
    return int((right - tile.argmax(axis=1))[rows].max())


def with_signs(digits: list, random: np.random.Generator) -> list:
    """Insert the signs of a decimal, date, time or sum between digits, or a minus before them."""
    kind, (first, second) = random.random(), sorted(random.integers(1, len(digits), size=2).tolist())
    if kind < 0.2:
        return ["-", *digits]
    if kind < 0.6:
        return [*digits[:first], ".,"[kind > 0.4], *digits[first:]]
    if kind < 0.8:
        return [*digits[:first], ":", *digits[first:]]
    date = "/-"[kind < 0.85]
    before, after = (date, date) if kind < 0.9 or first == second else ("+-"[kind < 0.95], "=")
    middle = [before, *digits[first:second]] if first < second else []
    return [*digits[:first], *middle, after, *digits[second:]]


def numbers(
    drawings: list[dict], count: int, touching: bool = False, signs: bool = False, zeros: bool = False
) -> list[tuple[np.ndarray, str]]:
    """Compose numbers of 2 to 6 digits, each from one group of writers, with a fixed seed: (picture, text).

    Args:
        drawings: strokes as `model.evaluation.strokes.read_strokes` yields them.
        count: how many numbers.
        touching: see `compose`.
        signs: with a decimal point, a minus sign, or the signs of a date, a time or a sum.
        zeros: every digit but the first is a zero, as in 5000.
    """
    random = np.random.default_rng(0)
    groups: dict[str, list[dict]] = {}
    for drawing in drawings:
        groups.setdefault(drawing["writer"].split("/")[0], []).append(drawing)
    pools = [pool for pool in groups.values() if len(pool) >= 50]
    if zeros:
        pools = [pool for pool in pools if any(drawing["label"] == "0" for drawing in pool)]
    pictures = []
    for _ in range(count):
        pool = pools[random.integers(len(pools))]
        length = random.integers(SHORTEST_NUMBER, LONGEST_NUMBER + 1)
        chosen = [pool[i] for i in random.integers(len(pool), size=length)]
        if zeros:
            zero_drawings = [drawing for drawing in pool if drawing["label"] == "0"]
            chosen[1:] = [zero_drawings[i] for i in random.integers(len(zero_drawings), size=length - 1)]
        chosen = with_signs(chosen, random) if signs else chosen
        text = "".join(one if isinstance(one, str) else one["label"] for one in chosen)
        pictures.append((compose(chosen, random, touching), text))
    return pictures


def ruled_sheets(drawings: list[dict], count: int) -> list[tuple[np.ndarray, str]]:
    """Compose sheets of ruled paper with three numbers, one below the other, with a fixed seed: (picture, text)."""
    random, composed, sheets = np.random.default_rng(0), numbers(drawings, 3 * count), []
    for i in range(0, 3 * count, 3):
        pictures, texts = zip(*composed[i : i + 3], strict=True)
        width = max(picture.shape[1] for picture in pictures)
        sheet = np.vstack([np.pad(one, ((0, 0), (0, width - one.shape[1])), constant_values=255) for one in pictures])
        every, thickness, grey = random.integers(30, 80), random.integers(1, 4), random.integers(90, 220)
        for y in range(random.integers(every), len(sheet), every):
            sheet[y : y + thickness] = np.minimum(sheet[y : y + thickness], grey)
        sheets.append((sheet, "\n".join(texts)))
    return sheets
