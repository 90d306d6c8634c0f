"""Which way up: a picture is read as given or, if that is uncertain, rectified and rotated."""

from collections.abc import Callable

import numpy as np

from model.finder import reduced
from model.ink import connected_components, ink
from model.page import Item, expected_score, mean_confidence
from model.rectify import View, flat, sheet

ROTATION_SIDE = 640  # pixels; longer side of the copy used to find out which way is up
MARKS = 3  # marks, or pieces of ink, that show which way up a small picture is; in a large one a single mark is enough
BETTER = 1.5  # by how much the expected score must rise when a picture is rotated
TURNED = 0.8  # minimum mean confidence in a picture's digits, to keep it as given or to accept it rotated
SPARED = 8  # digits of a picture that DOUBT does not count
DOUBT = 0.2  # of the other digits, this fraction may be in doubt before a picture is rotated
COARSE_ANGLES = range(45, 360, 45)  # degrees
FINE_ANGLES = -15, 15  # degrees: offsets from the best of COARSE_ANGLES, also tried


def oriented(read: Callable[..., list[Item]], tone: np.ndarray) -> tuple[list[Item], View]:
    """Read a picture as given or, if that is uncertain, rectified and rotated so that it shows the most digits.

    Args:
        read: reads brightness [H, W], and returns what is written there; given True as the second argument, only
            confident marks, which is faster.
        tone: [H, W] float32 in [0, 1], brightness.

    Returns:
        What is written, and the view of the picture in which it was read.
    """
    given = View(np.eye(3), tone.shape[::-1])
    written = read(tone)
    there = sum(bool(one.likely and one.prediction) for one in written)
    if mean_confidence(written) > TURNED and there - expected_score(written) < max(BETTER, DOUBT * (there - SPARED)):
        return written, given  # rotated, the same marks could hardly show more digits
    small = reduced(tone, ROTATION_SIDE)
    first, corners, between = View(np.eye(3), small.shape[::-1]), sheet(small), ()
    if corners is not None:
        laid = View(*flat(corners), corners)
        views = [laid.rotated(degrees) for degrees in range(0, 360, 90)]
    elif sum(not one.mark.lone for one in written) >= (1 if small is not tone else MARKS):
        views, between = [first.rotated(degrees) for degrees in COARSE_ANGLES], FINE_ANGLES
    elif len(connected_components(ink(small, ROTATION_SIDE)).boxes) > MARKS:  # there is something, perhaps on its side
        views = [first.rotated(degrees) for degrees in (90, 270)]
    else:
        return written, given
    # a small picture's score includes numbers read as a whole, so that what only `line` can read is not rotated
    least = expected_score(written if small is tone else read(small, True)) + BETTER
    shown = [(view, read(view.of(small), True)) for view in views]
    nearest = max(shown, key=lambda one: expected_score(one[1]))[0].degrees
    beside = [first.rotated((nearest + degrees) % 360) for degrees in between]
    shown += [(view, read(view.of(small), True)) for view in beside]
    for view, some in shown:
        if expected_score(some) > least and mean_confidence(some) > TURNED:
            least, first = expected_score(some), view
    if not first.degrees and first.corners is None:
        return written, given
    larger = np.divide(tone.shape[::-1], small.shape[::-1])
    best = first.of_larger(larger).enlarged(float(larger.max()))
    turned = read(best.of(tone))  # in full, which may show less than the fast reading
    return (turned, best) if expected_score(turned) > expected_score(written) + BETTER else (written, given)
