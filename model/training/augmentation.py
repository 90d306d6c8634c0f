"""Data augmentation: imitate how people write and photograph digits, differently at every training step.

All operations work on whole batches of tensors. The last one is `frame`, as at inference.
"""

import cv2
import numpy as np
import torch
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, interpolate

from model.glyph import frame
from model.training.pen import GRID, to_bytes

STRETCHED = 0.08  # fraction of digits stretched towards a square, as in data sets of square bitmaps
_RING = np.arange(256)[:, None] >> np.arange(8) & 1  # [256, 8]: the neighbours of a pixel, clockwise from above
_UP, _RIGHT, _DOWN, _LEFT = _RING[:, ::2].T
_THIN = (_RING.sum(1) >= 2) & (_RING.sum(1) <= 6) & ((np.roll(_RING, -1, 1) > _RING).sum(1) == 1)
NEIGHBOURS = np.array([[128, 1, 2], [64, 0, 4], [32, 16, 8]], np.float32)  # the bit of each neighbour
REMOVABLE = (  # which ring lets its pixel go, in each of the two turns
    _THIN & ((_UP & _RIGHT & _DOWN) | (_RIGHT & _DOWN & _LEFT) == 0),
    _THIN & ((_UP & _RIGHT & _LEFT) | (_UP & _DOWN & _LEFT) == 0),
)
BOARD = 36  # pixels: side of the canvas on which a digit is drawn before it is framed


def skeleton_distances(glyphs: torch.Tensor) -> torch.Tensor:
    """Return each pixel's distance from the digit's skeleton, so that the digit can be redrawn with any pen width.

    Digits [N, 1, 28, 28] are thinned to their skeletons as in Zhang and Suen (1984). Returns [N, GRID, GRID] uint8, in
    sixteenths of a glyph pixel, at most 16 * FAR.
    """
    paper = (1 - skeleton for some in glyphs.split(2000) for skeleton in _thin(some))
    chamfer = np.stack([cv2.distanceTransform(one, cv2.DIST_L2, 3) for one in paper])  # Borgefors 1986
    return to_bytes(torch.from_numpy(chamfer) * (28 / GRID))


def enlarge(glyphs: torch.Tensor) -> torch.Tensor:
    """Upsample glyphs to the size of the distance maps: [N, 1, 28, 28] -> [N, GRID, GRID], float32."""
    return interpolate(glyphs, size=(GRID, GRID), mode="bilinear", align_corners=False)[:, 0]


def _thin(glyphs: torch.Tensor) -> torch.Tensor:
    """Return the skeletons of digits: [N, 1, 28, 28] -> [N, GRID, GRID] uint8."""
    ink = np.uint8(np.pad(enlarge(glyphs) > 0.5, ((0, 0), (1, 1), (1, 1))))
    all_at_once, before = ink.reshape(-1, GRID + 2), -1
    while before != (before := int(all_at_once.sum())):
        for gone in REMOVABLE:
            all_at_once[gone[cv2.filter2D(all_at_once, -1, NEIGHBOURS, borderType=cv2.BORDER_CONSTANT)]] = 0
    return ink[:, 1:-1, 1:-1]


def _uniform(n: int, low: float, high: float) -> torch.Tensor:
    return low + (high - low) * torch.rand(n)


def _some(n: int, probability: float) -> torch.Tensor:
    """Return a random mask, [n, 1, 1] bool, true with probability `probability`."""
    return torch.rand(n, 1, 1) < probability


def apply_pens(distance: torch.Tensor, thickest: float | torch.Tensor = 5.0) -> torch.Tensor:
    """Draw strokes with random pen widths, from thin to thick.

    Args:
        distance: [N, GRID, GRID] uint8, see `skeleton_distances`.
        thickest: width of the thickest pen in glyph pixels, one for all or [N]; the thinnest pen is 0.7 wide.

    Returns:
        The ink, [N, 1, GRID, GRID] float32 in [0, 1].
    """
    width = 0.7 * (torch.as_tensor(thickest) / 0.7) ** torch.rand(len(distance))
    return ink_of(distance.float() / 16, width)[:, None]


def ink_of(distance: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    """Draw strokes with given pen widths [N] and random edge sharpness: distances [N, H, W] -> ink [N, H, W].

    Widths and distances are in glyph pixels.
    """
    edge = _uniform(len(distance), 0.5, 1.2)[:, None, None]
    return ((width[:, None, None] / 2 - distance) / edge + 0.5).clamp(0, 1)


def augment(ink: torch.Tensor) -> torch.Tensor:
    """Warp, degrade and frame digits: ink [N, 1, S, S] float32 in [0, 1] -> a batch [N, 1, 28, 28]."""
    return torch.from_numpy(frame(degrade(warp(ink)).numpy()))[:, None]


def warp(ink: torch.Tensor) -> torch.Tensor:
    """Shear, rotate, stretch, scale and bend digits at random: [N, 1, S, S] -> [N, BOARD, BOARD]."""
    n = len(ink)
    strength = _uniform(n, 0.2, 1.1)  # some are hardly warped at all
    angle = strength * 0.16 * torch.randn(n).clamp(-2, 2)
    shear = strength * 0.18 * torch.randn(n).clamp(-2, 2)
    aspect = torch.exp(strength * 0.13 * torch.randn(n).clamp(-2.5, 2.5))
    aspect = torch.where(torch.rand(n) < STRETCHED, torch.exp(-0.35 * torch.rand(n)), aspect)
    size = 28 / BOARD * _uniform(n, 0.62, 1.5)  # the digit becomes 12 to 30 pixels long
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    lean = torch.stack([torch.stack([aspect, shear], 1), torch.stack([torch.zeros(n), 1 / aspect], 1)], 1)
    matrix = rotation @ lean / size[:, None, None]  # canvas to ink coordinates
    grid = affine_grid(torch.cat([matrix, torch.zeros(n, 2, 1)], 2), [n, 1, BOARD, BOARD], align_corners=False)
    bend = 0.05 * strength[:, None, None, None] * torch.randn(n, 2, 5, 5)
    bend = interpolate(bend, size=(BOARD, BOARD), mode="bicubic", align_corners=True)
    return grid_sample(ink, grid + bend.permute(0, 2, 3, 1), mode="bilinear", align_corners=False)[:, 0]


def degrade(ink: torch.Tensor) -> torch.Tensor:
    """Imitate the defects of pens, scanners, cameras and paint programs: [N, H, W] in [0, 1] -> the same shape."""
    n, height, width = ink.shape
    blurred = avg_pool2d(ink[:, None], 3, 1, 1)[:, 0]
    ink = torch.lerp(ink, blurred, _uniform(n, 0, 1)[:, None, None] * _some(n, 0.5))
    # gaps: a thin band of paper across the ink
    y, x = torch.arange(height)[:, None], torch.arange(width)[None, :]
    angle, offset = _uniform(n, 0, 3.1416)[:, None, None], _uniform(n, -8, 8)[:, None, None]
    band = (x - width / 2) * angle.cos() + (y - height / 2) * angle.sin() - offset
    ink = torch.where(_some(n, 0.06) & (band.abs() < _uniform(n, 0.3, 1.0)[:, None, None]), ink * 0.1, ink)
    # uneven pressure, contrast, hard edges
    ink = (ink * _uniform(n, 0.8, 1.8)[:, None, None]).clamp(0, 1)
    hard = (ink > _uniform(n, 0.3, 0.7)[:, None, None]).float()
    ink = torch.where(_some(n, 0.12) & (hard.sum(dim=(1, 2), keepdim=True) > 12), hard, ink)
    # grain, and a few specks next to the ink
    ink = torch.where(_some(n, 0.15), ink * (1 - 0.5 * torch.rand(n, height, width)), ink)
    specks = (torch.rand(n, height, width) > 0.998) & _some(n, 0.05) & (blurred > 0)
    return torch.where(specks, 0.7, ink)
