"""python -m model.training.benchmark: how long reading takes here."""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from model import Recognizer
from model.networks import NETWORKS
from model.training.strokes import draw

SEVEN = [[[0.0, 0.0], [0.6, 0.0], [0.25, 1.0]]]


def median_ms(call: Callable[[], object], n: int) -> float:
    """Return the median time of n calls in milliseconds, after ten that are not counted."""
    times = []
    for _ in range(n + 10):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[10:])


def main(n: int = 200) -> int:
    """Print the median time of one read of a canvas, and the throughput of glyphs read together, on one thread."""
    torch.set_num_threads(1)
    canvas = draw(SEVEN, 14, 180, (60, 50))
    print(
        f"one thread, medians of {n}; torch {torch.__version__}\n\n| network | one 280 x 280 canvas | glyphs a second |"
    )
    print("|---|---|---|")
    for name in NETWORKS:
        recognizer = Recognizer.load(name)
        glyphs = np.repeat(recognizer.read_digit(canvas).glyph[None], 256, axis=0)
        one = median_ms(lambda read=recognizer.read_digit: read(canvas), n)
        many = median_ms(lambda read=recognizer.read_glyphs, glyphs=glyphs: read(glyphs), max(1, n // 20))
        print(f"| {name} | {one:.1f} ms | {256_000 / many:,.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
