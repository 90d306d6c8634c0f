"""image -> ink -> glyph: whatever the user gave becomes what the network reads."""

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from model.pictures import LEAST_CONTRAST, Source, brightness

SIDE = 28  # a glyph is SIDE x SIDE pixels
LONG = 20  # the digit in it is LONG pixels long
ON = 0.2  # ink from here on holds a stroke together
FAINT = 0.1  # ink fainter than this does not count when the frame is laid
WORKING_SIDE = 400  # pixels; a longer picture is reduced before it is searched for ink
STEP = 1 / 255  # between two values of a picture of 8 bits
LARGE = 200  # pixels: a picture with shorter sides is a scan of a digit, and taken as it is
GRAINY, GRAIN = 0.04, 2.0  # noise from which on a picture is smoothed, and by how many pixels
PAPER = 0.75  # share of the picture that is paper for sure if it lies on one side of the surface
STIFFNESS = 0.1  # how much it costs the surface of the paper to lean or bend, beside missing the brightness by 1


def ink(image: Source, side: int = WORKING_SIDE) -> np.ndarray:
    """Take pen from paper: light, paper colour and polarity go, what was written stays.

    Light falls smoothly on paper, so its brightness is a smooth surface, fitted where most of the picture lies; what
    stands well off that surface, on the side where more does, is ink.

    Args:
        image: a path, a PIL image or an array, see `model.pictures.brightness`; dark on light or light on dark.
        side: a longer picture is reduced by a whole factor to no more than this, in pixels.

    Returns:
        [H, W] float32 in [0, 1]; 0 is paper, 1 is pen. All zeros where nothing stands out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture that can be read; the sentence says why.
    """
    grey = brightness(image, side)
    if min(grey.shape) < 2:
        return np.zeros_like(grey)
    paper, pen_is_dark = _paper(grey)
    return _written(paper - grey if pen_is_dark else grey - paper)


def _written(step: np.ndarray) -> np.ndarray:
    """Take how far each pixel is from paper towards pen to ink: [H, W] float32 -> [H, W] in [0, 1]."""
    if step.max() < -step.min() / 4:  # hardly anything stands off on that side
        step = -step
    every = max(1, min(step.shape) // 50)
    sample = step[::every, ::every]
    large = min(step.shape) >= LARGE
    if large and np.mean(sample < 0) > PAPER:  # rules have drawn the surface down from the paper
        off = np.median(sample)
        step, sample = step - off, sample - off
    beyond = -sample[sample < 0]  # paper on the far side from the pen: noise, and no ink
    noise = 1.4826 * (float(np.median(beyond)) + STEP / 2) if beyond.size else 0.0  # a standard deviation
    if noise > GRAINY and large:
        step, noise = cv2.GaussianBlur(step, None, GRAIN), noise / (2 * GRAIN)
    deepest = float(step.max())
    if deepest < max(LEAST_CONTRAST, 6 * noise):
        return np.zeros_like(step)
    pen = float(np.median(step[step > deepest / 2]))
    floor = min(max(0.1 * pen, 3 * noise), 0.5 * pen)
    return np.clip((step - floor) * (1 / (pen - floor)), 0, 1)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Ink and its connected components.

    Attributes:
        ink: [H, W] float32 in [0, 1].
        labels: [H, W] int32, the component of each pixel, 0 for paper.
        boxes: [N, 4] int32, (left, top, right, bottom) of each label in pixels; the first is that of the paper.
    """

    ink: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray

    def cut_out(self, label: int) -> tuple[np.ndarray, tuple[int, int]]:
        """Return one component with its soft edges, [h, w] float32, and its corner (left, top)."""
        box = self.boxes[label]
        (left, top), (right, bottom) = (box[:2] - 1).clip(0).tolist(), (box[2:] + 1).tolist()
        window = slice(top, bottom), slice(left, right)
        own = cv2.dilate(np.uint8(self.labels[window] == label), np.ones((3, 3), np.uint8))
        return self.ink[window] * own, (left, top)


def connected(ink: np.ndarray) -> Pieces:
    """Find the connected components of ink, [H, W] float32 in [0, 1]."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.uint8(ink > ON), connectivity=8)
    return Pieces(ink, labels, np.hstack([stats[:, :2], stats[:, :2] + stats[:, 2:4]]))


def isolate(ink: np.ndarray) -> np.ndarray:
    """Keep the one digit of a picture: drop specks, and what hangs on the picture's rim where the digit does not.

    Args:
        ink: [H, W] float32 in [0, 1].

    Returns:
        The same with all that is dropped at 0. The strokes of one digit need not touch.
    """
    on = np.uint8(ink > ON)
    x, y, across, down = cv2.boundingRect(on)
    if not across:
        return ink
    window = slice(y, y + down), slice(x, x + across)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(on[window], connectivity=8)
    left, top, width, height, _ = boxes.T
    mass = np.bincount(labels.ravel(), ink[window].ravel(), count)
    mass[0] = 0  # the paper
    right, bottom = left + width + x, top + height + y
    on_rim = (left + x == 0) | (top + y == 0) | (right == ink.shape[1]) | (bottom == ink.shape[0])
    digit = np.argmax(np.where(on_rim, mass / 4, mass))
    on[window] = ((mass >= 0.04 * mass[digit]) & (~on_rim | on_rim[digit]))[labels]
    return ink * cv2.dilate(on, np.ones((3, 3), np.uint8))


def glyph_of(image: Source) -> np.ndarray | None:
    """Take a picture that holds one digit all the way: image -> ink -> the digit alone -> glyph, or None if blank."""
    return fit(isolate(ink(image)))


def fit(ink: np.ndarray) -> np.ndarray | None:
    """Frame one digit as MNIST does: 20 pixels long, its centre of mass in the middle of 28 x 28.

    Drawing, photo and training set all pass here, so the network never meets a digit framed another way. The framing is
    that of http://yann.lecun.com/exdb/mnist/: an anti-aliased reduction, and a shift by whole pixels.

    Args:
        ink: [H, W] float32 in [0, 1]; 0 is paper, 1 is pen. Any H and W.

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
    """Return where the true part of each row of [N, L] starts and how long it is, 0 if none is: [N] each."""
    start, back = on.argmax(axis=1), on[:, ::-1].argmax(axis=1)
    return start, (on.shape[1] - back - start) * on.any(axis=1)


def _resampling(n: int, start: np.ndarray, length: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the matrices [N, 20, n] that take `length` of n pixels from `start` on to `size` pixels of at most 20.

    The filter is a triangle as wide as two new pixels, or two old ones if those are wider: an area average.
    """
    start, length, size = (np.float32(part)[:, None, None] for part in (start, length, size))
    step = length / size
    new, old = np.arange(LONG, dtype=np.float32)[:, None], np.arange(n, dtype=np.float32)
    centre = (new + 0.5) * step + start  # [N, 20, 1]
    weights = (1 - np.abs(old + 0.5 - centre) / step.clip(1)).clip(0)
    weights *= (old >= start) & (old < start + length) & (new < size)
    return weights / weights.sum(axis=2, keepdims=True).clip(1e-6)


def _paper(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """Fit the brightness of the paper, [H, W] float32, and say whether the pen is darker than it.

    A surface of second degree is fitted by quantile regression (Koenker and Bassett 1978), once as if three quarters of
    what is off it were darker, once lighter; what is written may then cover half of the picture. The better fit wins.
    Leaning and bending cost a little, so that the surface follows the light and not fat strokes.
    """
    size = min(grey.shape[1], 16), min(grey.shape[0], 16)
    level = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).ravel()
    trust, basis, products = _grid(*size)
    above = np.array([[0.75], [0.25]])  # of missing what is brighter than the surface: pen dark, pen light
    bend = STIFFNESS * trust.sum()
    stiff = bend * np.diag([0, 1, 1, 1, 1, 1])
    coefficients = np.zeros((2, 6))
    coefficients[:, 0] = np.average(level, weights=trust)
    for _ in range(8):  # iteratively reweighted least squares
        off = level - coefficients @ basis.T  # [2, pixels]
        weights = trust * np.where(off > 0, above, 1 - above) / (np.abs(off) + 1e-3)
        left = (weights @ products).reshape(2, 6, 6) + stiff
        coefficients = np.linalg.solve(left, ((weights * level) @ basis)[:, :, None])[:, :, 0]
    off = level - coefficients @ basis.T
    losses = (trust * np.where(off > 0, above, 1 - above) * np.abs(off)).sum(axis=1)
    losses += bend * np.square(coefficients[:, 1:]).sum(axis=1) / 2
    pen_is_dark = bool(losses[0] <= losses[1])
    c, x, xx, y, xy, yy = coefficients[0 if pen_is_dark else 1]
    height, width = (_powers(n).astype(np.float32) for n in grey.shape)
    surface = np.array([[c, x, xx], [y, xy, 0], [yy, 0, 0]], np.float32)
    return height @ surface @ width.T, pen_is_dark


@functools.lru_cache(maxsize=8)
def _grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for each pixel how far to trust it [N], the surfaces there [N, 6], and their products [N, 36]."""
    trust = np.ones((height, width))  # the rim of a picture is more often paper than its middle
    trust[[0, -1], :] = trust[:, [0, -1]] = max(1, trust.size / (2 * (width + height)))
    y, x = _powers(height), _powers(width)
    basis = (y[:, None, :, None] * x[None, :, None, :]).reshape(trust.size, 9)[:, [0, 1, 2, 3, 4, 6]]
    return trust.ravel(), basis, (basis[:, :, None] * basis[:, None, :]).reshape(trust.size, 36)


def _powers(n: int) -> np.ndarray:
    """Return 1, t, t^2 at the centres of n pixels, t in [-1, 1]: [n, 3]."""
    t = (2 * np.arange(n) + 1 - n) / n
    return np.stack([np.ones(n), t, t * t], axis=1)
