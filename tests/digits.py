"""The project's own digits as pen strokes, and helpers to compare their glyphs."""

import numpy as np

from model.glyph import fit
from model.ink import ink

LETTER = [[[0.0, 1.0], [0.35, 0.0], [0.7, 1.0]], [[0.13, 0.65], [0.57, 0.65]]]  # an A

HOOKED = [  # a 7 with a hook and a bar, which is read as a 9
    [[0.1, 0.5], [0.0, 0.2], [0.1, 0.0], [0.6, 0.05], [0.5, 0.5], [0.3, 1.0]],
    [[0.1, 0.5], [0.55, 0.5]],
]


def glyph(image):
    return fit(ink(image))


def difference(one, other):
    return float(np.abs(one - other).mean())
