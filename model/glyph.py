"""ink -> glyph: one digit, framed as MNIST frames it."""

import cv2
import numpy as np

from model.finder import reduced
from model.images import Source
from model.ink import ink, isolate

SIDE = 28  # a glyph is SIDE x SIDE pixels
LONG = 20  # pixels: longer side of the digit in a glyph
CLOSE_UP = 64  # pixels; larger digits are reduced before they are framed
FAINT = 0.1  # fainter ink does not extend the digit's bounding box


def glyph_of(image: Source) -> np.ndarray | None:
    """Run all preprocessing on a picture of one digit: image -> ink -> isolated digit -> glyph, or None if blank."""
    return fit(isolate(ink(image)))


def fit(ink: np.ndarray) -> np.ndarray | None:
    """Frame one digit as MNIST does: longer side 20 pixels, centre of mass at the centre of 28 x 28.

    Drawings, photos and the training set all pass through `frame`, so the network never sees any other framing.
    The framing follows http://yann.lecun.com/exdb/mnist/: anti-aliased scaling, and a shift by whole pixels.

    Args:
        ink: [H, W] float32 in [0, 1]; 0 is paper, 1 is ink. Any H and W.

    Returns:
        The glyph, [28, 28] float32 in [0, 1], its darkest pixel 1, or None if there is no ink.
    """
    left, top, width, height = cv2.boundingRect(np.uint8(ink > FAINT))
    if not width:
        return None
    return frame(np.float32(ink[None, top : top + height, left : left + width]))[0]


def frame(inks: np.ndarray) -> np.ndarray:
    """Frame many digits at once, as `fit` frames one: [N, H, W] float32 in [0, 1] -> [N, 28, 28]; zeros for no ink."""
    on = inks > FAINT
    starts, lengths = zip(*(_extent(on.any(axis=across)) for across in (2, 1)), strict=True)
    scale = LONG / np.maximum(*lengths).clip(1)
    sizes = [np.rint(length * scale).clip(1) for length in lengths]
    down, along = (
        _resampling(n, start, length, size)
        for n, start, length, size in zip(inks.shape[1:], starts, lengths, sizes, strict=True)
    )
    digits = down @ inks @ along.swapaxes(1, 2)  # [N, 20, 20], each in the upper left corner
    digits /= digits.max(axis=(1, 2), keepdims=True).clip(1e-6)
    mass = digits.sum(axis=(1, 2)).clip(1e-6)
    corners = []
    for across, size in zip((2, 1), sizes, strict=True):
        centre = digits.sum(axis=across) @ np.arange(LONG, dtype=np.float32) / mass
        corners.append(np.minimum(np.rint(SIDE / 2 - centre).clip(0), SIDE - size).astype(int))
    framed = np.zeros((len(inks), SIDE + LONG, SIDE + LONG), np.float32)
    for board, digit, y, x in zip(framed, digits, *corners, strict=True):
        board[y : y + LONG, x : x + LONG] = digit
    return framed[:, :SIDE, :SIDE]


def _extent(on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the start and length of the True span in each row of [N, L], length 0 if it has none: [N] each."""
    start, back = on.argmax(axis=1), on[:, ::-1].argmax(axis=1)
    return start, (on.shape[1] - back - start) * on.any(axis=1)


def _resampling(n: int, start: np.ndarray, length: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the matrices [N, 20, n] that resample `length` of n pixels, from `start`, to `size` <= 20 pixels.

    The filter is a triangle two output pixels wide, or two input pixels if those are wider: antialiased.
    """
    start, length, size = (np.float32(part)[:, None, None] for part in (start, length, size))
    step = length / size
    new, old = np.arange(LONG, dtype=np.float32)[:, None], np.arange(n, dtype=np.float32)
    centre = (new + 0.5) * step + start  # [N, 20, 1]
    weights = (1 - np.abs(old + 0.5 - centre) / step.clip(1)).clip(0)
    weights *= (old >= start) & (old < start + length) & (new < size)
    return weights / weights.sum(axis=2, keepdims=True).clip(1e-6)


def frame_all(inks: list[np.ndarray]) -> np.ndarray:
    """Frame digits of any size, each [h, w] float32 in [0, 1]: [N, 28, 28] float32 in [0, 1]."""
    board = np.zeros((len(inks), CLOSE_UP, CLOSE_UP), np.float32)
    for place, digit in zip(board, inks, strict=True):
        digit = reduced(digit, CLOSE_UP)
        place[: digit.shape[0], : digit.shape[1]] = digit / max(float(digit.max()), 1e-6)
    return frame(board)
