"""Digits side by side -> the picture of a number, for measuring: standing apart, or touching."""

import numpy as np

from model.training.strokes import draw

LENGTHS = 2, 6  # digits in a number


def compose(drawings: list[dict], random: np.random.Generator, touching: bool) -> np.ndarray:
    """Write digits one beside the other with one pen, as somebody writes a number.

    The digits are about as high as each other. Each is pushed left until its ink meets the ink before it; then it goes
    a tenth to eight tenths of the height back to the right, or, touching, up to half a pen further in.

    Args:
        drawings: strokes as `model.training.strokes.read_strokes` yields them.
        random: decides size, pen and places.
        touching: neighbours touch or overlap; else they stand apart.

    Returns:
        [H, W] uint8; 0 is pen, 255 is paper.
    """
    height = random.uniform(50, 120)
    pen = height * random.uniform(0.05, 0.13)
    tiles = []
    for drawing in drawings:
        size = height * random.uniform(0.85, 1.1)
        low = np.concatenate([np.asarray(stroke) for stroke in drawing["strokes"]]).max(axis=0)[1]
        top = 140 + height / 2 - low * size + random.uniform(-0.08, 0.08) * height  # they stand on one line
        tiles.append(draw(drawing["strokes"], pen, size, (40, top)))
    board = np.full((280, 60 + 230 * len(tiles)), 255, np.uint8)
    place = 0
    for i, tile in enumerate(tiles):
        if i:
            place = max(place + round(0.2 * height), _until_they_meet(board < 128, tile < 128))
            place += round(random.uniform(-pen / 2, 0) - 1 if touching else random.uniform(0.1, 0.8) * height)
        window = board[:, place : place + tile.shape[1]]
        np.minimum(window, tile, out=window)
    rows, columns = np.nonzero(board < 255)
    margin = round(random.uniform(0.2, 1) * height)
    return np.pad(board[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1], margin, constant_values=255)


def _until_they_meet(before: np.ndarray, tile: np.ndarray) -> int:
    """Return the column where a tile [H, w] begins when it is pushed left until its ink is beside ink [H, W]."""
    rows = before.any(axis=1) & tile.any(axis=1)
    right = before.shape[1] - before[:, ::-1].argmax(axis=1)
    if not rows.any():  # one above the other
        return int(np.nonzero(before.any(axis=0))[0].max() + 1 - np.nonzero(tile.any(axis=0))[0].min())
    return int((right - tile.argmax(axis=1))[rows].max())


def numbers(drawings: list[dict], count: int, touching: bool) -> list[tuple[np.ndarray, str]]:
    """Compose numbers of 2 to 6 digits, each number by one group of writers: (picture, text), always the same."""
    random = np.random.default_rng(0)
    groups: dict[str, list[dict]] = {}
    for drawing in drawings:
        groups.setdefault(drawing["writer"].split("/")[0], []).append(drawing)
    pools = [pool for pool in groups.values() if len(pool) >= 50]
    pictures = []
    for _ in range(count):
        pool = pools[random.integers(len(pools))]
        chosen = [pool[i] for i in random.integers(len(pool), size=random.integers(LENGTHS[0], LENGTHS[1] + 1))]
        pictures.append((compose(chosen, random, touching), "".join(drawing["label"] for drawing in chosen)))
    return pictures
