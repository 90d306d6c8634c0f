"""Pen strokes -> the picture a Sketchpad would give, for measuring."""

import gzip
import json
import os
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

CANVAS = 280  # pixels, square
SEVEN = [[(0.0, 0.0), (0.6, 0.0), (0.25, 1.0)]]  # strokes of a 7
_FINER = 4  # drawn this many times larger, then averaged down: smooth edges, as a browser draws them


def read_strokes(path: str | os.PathLike) -> Iterator[dict]:
    """Yield the drawings of a .jsonl.gz file: {label, writer, strokes}; strokes are lists of [x, y] in [0, 1]."""
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


def draw(strokes: list[list[list[float]]], pen: float, size: float, corner: tuple[float, float]) -> np.ndarray:
    """Draw strokes with a round pen, black on white.

    Args:
        strokes: polylines of [x, y] in [0, 1], y down.
        pen: width of the line, in pixels.
        size: length that 1 becomes, in pixels.
        corner: (x, y) where [0, 0] goes, in pixels.

    Returns:
        [280, 280] uint8; 0 is pen, 255 is paper.
    """
    picture = Image.new("L", (CANVAS * _FINER, CANVAS * _FINER), 255)
    pencil = ImageDraw.Draw(picture)
    radius = pen * _FINER / 2
    for stroke in strokes:
        points = [
            tuple((start + size * t) * _FINER for start, t in zip(corner, point, strict=True)) for point in stroke
        ]
        pencil.line(points, fill=0, width=round(2 * radius))
        for x, y in points:
            pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    return np.asarray(picture.reduce(_FINER))


def draw_somewhere(strokes: list[list[list[float]]], random: np.random.Generator) -> np.ndarray:
    """Draw strokes as somebody might on a canvas: a pen of 6 to 24 pixels, 60 to 240 pixels long, anywhere it fits."""
    pen = random.uniform(6, 24)
    size = random.uniform(60, 240)
    reach = np.concatenate([np.asarray(stroke) for stroke in strokes]).max(axis=0) * size
    room = CANVAS - pen - reach
    return draw(strokes, pen, size, tuple(pen / 2 + random.uniform(0, 1, 2) * room))
