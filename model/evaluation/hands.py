"""python -m model.evaluation.hands: choose how much corrections count, using synthetic writers.

Each synthetic writer has one form of every digit, which differs from the standard shape in the same way each time. All
settings of strength and bandwidth of `model.adaptation` are measured on them; the real writers of the evaluation play
no part in the choice.
"""

import sys
from argparse import ArgumentParser

import numpy as np
import torch

from model import Recognizer
from model.evaluation.adaptation import MIN_DIGITS, WriterFeatures, extract_features, measure_learning
from model.evaluation.tables import as_markdown
from model.training.digit_styles import DIGITS
from model.training.letters import OTHERS
from model.training.pen import parse_strokes, spline

WRITERS, EACH = 150, 4  # number of writers, and of digits of each kind by one writer
HABIT, SHAKE = 0.06, 0.03  # standard deviation of a writer's habits, and of each drawing, for a shape 1 high
LEAN, WIDE = 0.2, 0.15  # standard deviations of a writer's slant, and of the logarithm of the width
EVIDENCE_STRENGTHS = 12.0, 24.0, 48.0, 96.0
BANDWIDTHS = 0.05, 0.07, 0.1, 0.14, 0.2
REFUSED = 3e-3  # maximum drop in the fraction of letters rejected


def hand(writer: int, shapes: dict[int, str], each: int) -> list[dict]:
    """Draw shapes, {label: shape}, as one synthetic writer does: drawings as `strokes.read_strokes` yields them."""
    random = np.random.default_rng(writer)
    lean, wide = random.normal(0, LEAN), np.exp(random.normal(0, WIDE))
    drawings = []
    for label, shape in shapes.items():
        controls, matrix, starts = (part.numpy() for part in spline(parse_strokes(shape)))
        same = np.r_[False, (controls[1:] == controls[:-1]).all(axis=1)]  # a repeated point is a corner
        controls = deviating(random, controls, same, HABIT)
        for _ in range(each):
            points = matrix @ deviating(random, controls, same, SHAKE)
            points = np.column_stack([wide * points[:, 0] - lean * points[:, 1], points[:, 1]])
            points = (points - points.min(axis=0)) / max(np.ptp(points, axis=0).max(), 1e-3)
            breaks = 1 + np.flatnonzero(np.diff(starts) > 1)
            strokes = [points[[*part, part[-1] + 1]].tolist() for part in np.split(starts, breaks)]
            drawings.append({"label": str(label), "writer": str(writer), "strokes": strokes})
    return drawings


def deviating(random: np.random.Generator, controls: np.ndarray, same: np.ndarray, by: float) -> np.ndarray:
    """Shift control points [V, 2] at random; those flagged in `same`, [V] bool, shift with the one before."""
    moved = controls + random.normal(0, by, controls.shape)
    moved[same] = moved[np.flatnonzero(same) - 1]
    return moved


def simulated(recognizer: Recognizer, writers: int) -> WriterFeatures:
    """Show a recognizer the digits of synthetic writers, and signs that they draw."""
    digits, letters = [], []
    for writer in range(writers):
        random = np.random.default_rng([1, writer])
        digits += hand(writer, {digit: str(random.choice(shapes)) for digit, shapes in DIGITS.items()}, EACH)
        letters += hand(writer, dict(enumerate(random.choice(OTHERS, 10))), 1)
    return extract_features(recognizer, digits, letters)


def main(arguments: list[str] | None = None) -> int:
    """Print a table of all settings, and the one that corrects most without harm; return the exit code."""
    parser = ArgumentParser(prog="python -m model.evaluation.hands", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--writers", type=int, default=WRITERS)
    parser.add_argument("--weights", default="world", help="a shipped network, or a weights file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    seen = simulated(Recognizer.load(options.weights), options.writers)
    rows = [["strength", "bandwidth", "after 1", "after 3", "any 10", "other writers", "letters refused", "gain"]]
    best = (-np.inf, 0.0, 0.0)
    for strength in EVIDENCE_STRENGTHS:
        for bandwidth in BANDWIDTHS:
            one = measure_learning(seen, strength, bandwidth)
            gain = one["before_any"] - one["after_any"] + one["others"]
            cells = one["after_1"], one["after_3"], one["after_any"], one["others"], one["refused"], gain
            rows.append([f"{strength:g}", f"{bandwidth:g}", *(f"{100 * cell:+.3f}" for cell in cells)])
            if one["refused"] >= -REFUSED:
                best = max(best, (gain, strength, bandwidth))
    words = ", ".join(f"{100 * one[f'before_{k}']:.3f}" for k in (1, 3, "any"))  # the same at every setting
    who = f"{one['writers']} writers with at least {MIN_DIGITS} digits each"
    print(f"errors on the digits of {who}, in %; before: {words}\n")
    print(as_markdown(rows))
    best_setting = f"strength {best[1]:g}, bandwidth {best[2]:g}"
    print(f"\nlargest gain, from any ten corrections less the loss of other writers: {best_setting}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
