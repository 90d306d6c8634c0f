"""Digits of the project's own, as pen strokes: polylines of [x, y] in [0, 1], y down."""

import math

import numpy as np

from model.preprocess import fit, ink


def arc(cx, cy, rx, ry, start, end, n=24):
    """Points of an ellipse from one angle to another, in degrees; 0 is right, 90 is down."""
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
LETTER = [[[0.0, 1.0], [0.35, 0.0], [0.7, 1.0]], [[0.13, 0.65], [0.57, 0.65]]]  # an A


def glyph(image):
    return fit(ink(image))


def difference(one, other):
    return float(np.abs(one - other).mean())
