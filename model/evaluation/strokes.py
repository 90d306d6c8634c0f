"""Render pen strokes as Gradio's Sketchpad would, for evaluation; also our own strokes, one style per digit."""

import gzip
import json
import math
import os
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw

DRAWING_SIDE = 280  # pixels, square
_FINER = 4  # supersampling: drawn this many times larger, then averaged down for smooth edges, as in a browser


def arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float, n: int = 24) -> list[list[float]]:
    """Return n + 1 points on an ellipse between two angles in degrees; 0 is right, 90 is down."""
    angles = [math.radians(start + (end - start) * i / n) for i in range(n + 1)]
    return [[cx + rx * math.cos(a), cy + ry * math.sin(a)] for a in angles]


STROKES = {
    0: [arc(0.35, 0.5, 0.33, 0.5, -90, 270)],
    1: [[[0.1, 0.0], [0.1, 1.0]]],
    2: [[*arc(0.32, 0.28, 0.3, 0.28, -170, 40), [0.05, 1.0], [0.65, 1.0]]],
    3: [[*arc(0.3, 0.25, 0.28, 0.25, -150, 90), *arc(0.3, 0.74, 0.32, 0.26, -90, 150)]],
    4: [[[0.4, 0.0], [0.0, 0.62], [0.7, 0.62]], [[0.48, 0.35], [0.48, 1.0]]],
    5: [[[0.6, 0.0], [0.12, 0.0], [0.08, 0.42], *arc(0.28, 0.68, 0.33, 0.32, -110, 150)]],
    6: [[[0.5, 0.0], [0.25, 0.2], *arc(0.32, 0.7, 0.3, 0.3, -180, 180)]],
    7: [[[0.0, 0.0], [0.6, 0.0], [0.25, 1.0]]],
    8: [[*arc(0.32, 0.25, 0.24, 0.25, 90, 450), *arc(0.32, 0.75, 0.3, 0.25, -90, 270)]],
    9: [[*arc(0.3, 0.3, 0.28, 0.3, 0, -360), [0.58, 0.3], [0.5, 1.0]]],
}


def read_strokes(path: str | os.PathLike) -> Iterator[dict]:
    """Yield the drawings in a .jsonl.gz file: {label, writer, strokes}; strokes are lists of [x, y] in [0, 1]."""
    with gzip.open(path, "rt") as lines:
        yield from map(json.loads, lines)


def draw(strokes: list[list[list[float]]], pen: float, size: float, corner: tuple[float, float]) -> np.ndarray:
    """Draw strokes with a round pen, black on white.

    Args:
        strokes: polylines of [x, y] in [0, 1], y down.
        pen: pen width, in pixels.
        size: scale, in pixels per unit.
        corner: (x, y) of the point [0, 0], in pixels.

    Returns:
        [280, 280] uint8; 0 is ink, 255 is paper.
    """
    picture = Image.new("L", (DRAWING_SIDE * _FINER, DRAWING_SIDE * _FINER), 255)
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
    """Draw strokes on a canvas at random: pen width 6 to 24 pixels, 60 to 240 pixels long, anywhere they fit."""
    pen = random.uniform(6, 24)
    size = random.uniform(60, 240)
    reach = np.concatenate([np.asarray(stroke) for stroke in strokes]).max(axis=0) * size
    room = DRAWING_SIDE - pen - reach
    return draw(strokes, pen, size, tuple(pen / 2 + random.uniform(0, 1, 2) * room))
