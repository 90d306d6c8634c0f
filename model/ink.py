"""image -> ink: remove paper and lighting, keep the writing."""

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from model.images import MIN_CONTRAST, Source, brightness

ON = 0.2  # threshold above which a pixel belongs to a component
BAND = 0.1  # fraction of the shorter side of a frame: how far its sides may be from those of its bounding box
ALONG, HOLLOW = 0.85, 0.5  # minimum fraction of a frame's side that is inked, and maximum fraction of its box
WORKING_SIDE = 400  # pixels; larger pictures are reduced before their ink is extracted
QUANTUM = 1 / 255  # quantisation step of an 8-bit picture
SCAN_SIDE = 200  # pixels: a picture with a shorter side below this counts as a scan of one digit, and is not corrected
GRAINY, GRAIN = 0.04, 2.0  # noise above which a picture is smoothed, and the sigma of the blur in pixels
PAPER = 0.75  # if a larger fraction of the picture lies on one side of the surface, that side is paper
STIFFNESS = 0.1  # penalty on tilt and curvature of the paper surface, relative to a brightness error of 1


def ink(image: Source, side: int = WORKING_SIDE) -> np.ndarray:
    """Separate ink from paper: remove lighting, paper colour and polarity, keep the writing.

    Lighting varies smoothly over paper, so the brightness of paper is a smooth surface, fitted to the bulk of the
    picture. Ink is what deviates clearly from that surface, on the side (darker or lighter) that fits better.

    Args:
        image: a path, a PIL image or an array, see `model.images.brightness`; dark on light or light on dark.
        side: maximum length in pixels; a longer picture is reduced by a whole factor.

    Returns:
        [H, W] float32 in [0, 1]; 0 is paper, 1 is ink. All zeros if nothing stands out.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the image cannot be read; the message says why.
    """
    grey = brightness(image, side)
    if min(grey.shape) < 2:
        return np.zeros_like(grey)
    paper, pen_is_dark = _paper(grey)
    return _written(paper - grey if pen_is_dark else grey - paper)


def _written(step: np.ndarray) -> np.ndarray:
    """Convert differences from the paper, positive towards the pen, to ink: [H, W] float32 -> [H, W] in [0, 1]."""
    if step.max() < -step.min() / 4:  # hardly anything deviates on that side
        step = -step
    every = max(1, min(step.shape) // 50)
    sample = step[::every, ::every]
    large = min(step.shape) >= SCAN_SIDE
    if large and np.mean(sample < 0) > PAPER:  # ruled lines pulled the surface off the paper
        off = np.median(sample)
        step, sample = step - off, sample - off
    beyond = -sample[sample < 0]  # deviations away from the pen are noise, not ink
    noise = 1.4826 * (float(np.median(beyond)) + QUANTUM / 2) if beyond.size else 0.0  # as a standard deviation
    if noise > GRAINY and large:
        step, noise = cv2.GaussianBlur(step, None, GRAIN), noise / (2 * GRAIN)
    deepest = float(step.max())
    if deepest < max(MIN_CONTRAST, 6 * noise):
        return np.zeros_like(step)
    pen = float(np.median(step[step > deepest / 2]))
    floor = min(max(0.1 * pen, 3 * noise), 0.5 * pen)
    return np.clip((step - floor) * (1 / (pen - floor)), 0, 1)


@dataclass(frozen=True, eq=False)
class Components:
    """Ink and its connected components.

    Attributes:
        ink: [H, W] float32 in [0, 1].
        labels: [H, W] int32, the component of each pixel, 0 for paper.
        boxes: [N, 4] int32, bounding box (left, top, right, bottom) of each label in pixels; the first is the paper's.
    """

    ink: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray

    def cut_out(self, *labels: int) -> tuple[np.ndarray, tuple[int, int]]:
        """Return the given components with their soft edges, [h, w] float32, and their corner (left, top)."""
        boxes = self.boxes[list(labels)]
        (left, top), (right, bottom) = (boxes[:, :2].min(0) - 1).clip(0).tolist(), (boxes[:, 2:].max(0) + 1).tolist()
        window = slice(top, bottom), slice(left, right)
        own = cv2.dilate(np.uint8(np.isin(self.labels[window], labels)), np.ones((3, 3), np.uint8))
        return self.ink[window] * own, (left, top)


def connected_components(ink: np.ndarray) -> Components:
    """Find the connected components of ink, [H, W] float32 in [0, 1]."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.uint8(ink > ON), connectivity=8)
    return Components(ink, labels, np.hstack([stats[:, :2], stats[:, :2] + stats[:, 2:4]]))


def is_frame(ink: np.ndarray) -> bool:
    """Return whether connected ink [h, w] is a frame: it follows three or more sides of its box, with little inside.

    Angular digits, such as seven-segment ones, also count as frames.
    """
    x, y, width, height = cv2.boundingRect(np.uint8(ink > ON))
    on, band = ink[y : y + height, x : x + width] > ON, round(BAND * min(width, height))
    sides = [on[:band], on[height - band :], on[:, :band].T, on[:, width - band :].T]
    return band > 0 and on.mean() < HOLLOW and sum(side.any(axis=0).mean() > ALONG for side in sides) >= 3


def isolate(ink: np.ndarray) -> np.ndarray:
    """Keep the one digit of a picture: drop specks, and components on the border unless the digit touches it too.

    Args:
        ink: [H, W] float32 in [0, 1].

    Returns:
        The same ink with everything dropped set to 0. The strokes of one digit need not touch.
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


def _paper(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """Fit the brightness of the paper, [H, W] float32; also return whether the pen is darker than it.

    A quadratic surface is fitted twice by quantile regression (Koenker and Bassett 1978): once as if three quarters of
    the deviations were darker, once as if they were lighter. So writing may cover up to half of the picture. The better
    fit wins. A small penalty on tilt and curvature makes the surface follow the lighting and not thick strokes.
    """
    size = min(grey.shape[1], 16), min(grey.shape[0], 16)
    level = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).ravel()
    trust, basis, products = _grid(*size)
    above = np.array([[0.75], [0.25]])  # weight of pixels brighter than the surface: pen dark, pen light
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
    """Return each pixel's weight [N], the basis functions there [N, 6], and their products [N, 36]."""
    trust = np.ones((height, width))  # the border of a picture is more often paper than its centre
    trust[[0, -1], :] = trust[:, [0, -1]] = max(1, trust.size / (2 * (width + height)))
    y, x = _powers(height), _powers(width)
    basis = (y[:, None, :, None] * x[None, :, None, :]).reshape(trust.size, 9)[:, [0, 1, 2, 3, 4, 6]]
    return trust.ravel(), basis, (basis[:, :, None] * basis[:, None, :]).reshape(trust.size, 36)


def _powers(n: int) -> np.ndarray:
    """Return 1, t, t^2 at the centres of n pixels, t in [-1, 1]: [n, 3]."""
    t = (2 * np.arange(n) + 1 - n) / n
    return np.stack([np.ones(n), t, t * t], axis=1)
