"""Training data for the network `finder`: synthetic scenes, in which the position and label of each digit are known.

Digits from MNIST and from our simulated pen stand alone, scattered, in numbers, in boxes and tables, next to words,
signs and print, on paper of every kind, on desks, in any light. Many scenes contain no digit.
"""

import cv2
import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid, max_pool2d, pixel_unshuffle

from model.finder import CELL, DIGIT, STEP, boxes_of
from model.networks import HEAT_CHANNELS
from model.training.camera import cut_out, light, photograph, turn_sideways
from model.training.layouts import Writer
from model.training.sheet import DIGIT_KINDS, OTHER, Pools, Random

SCENE_SIDE = 256  # pixels: side of a scene
SMALLEST, LARGEST = 14, 64  # pixels: lengths of the digits to find at one level of the image pyramid
BEYOND = 10, 88  # pixels: at this level, shorter or longer digits count as non-digits; in between, either is right
SEEN, CLEAR = 0.03, 0.05  # contrast below which a digit counts as absent, and at or above which it must be found
CUT, WHOLE = 0.5, 0.8  # visible fraction below which a digit counts as absent, and at or above which it must be found
DIGITS_PER_SCENE = 24
PHOTOS = 0.13  # fraction of scenes that are photo-like
FURTHER = 1.6  # how much larger digits are written on a sheet that lies on a desk


class Scenes:
    """Batches of scenes, different each time; same arguments as `model.training.glyphs.Mixture`."""

    def __init__(self, glyphs: torch.Tensor, labels: torch.Tensor, per_shape: int = 100):
        cv2.setNumThreads(1)  # a process forked while OpenCV has threads would hang
        self.pools = Pools(glyphs, labels, per_shape)

    def __call__(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw scenes with the chosen digits, `DIGITS_PER_SCENE` each: brightness [M, 1, 256, 256], and targets."""
        pictures, truths = [], []
        for some in chosen.split(DIGITS_PER_SCENE):
            picture, owner, things = self.scene(np.random.default_rng(some.numpy()), some.numpy())
            pictures.append(torch.from_numpy(picture)[None])
            truths.append(torch.from_numpy(targets(owner, things)))
        return torch.stack(pictures), torch.stack(truths)

    __getitem__ = __call__  # a data loader indexes its data set

    @staticmethod
    def loss_and_correct(output: torch.Tensor, truth: torch.Tensor, _: float) -> tuple[torch.Tensor, int]:
        """Return the loss of the output, [N, 22 + HEAT_CHANNELS, h, w], and the number of scenes read correctly.

        The loss of the centres is that of CenterNet (Zhou et al. 2019). Labels are not smoothed.
        """
        output = output.float()
        strokes, right_down, heat, classes = output.split([4, 8, HEAT_CHANNELS, DIGIT_KINDS], 1)
        t_strokes, t_right_down, t_sure, t_heat, label, counts = truth.split([4, 8, 4, HEAT_CHANNELS, 1, 1], 1)
        mask = binary_cross_entropy_with_logits(strokes, t_strokes, weight=t_sure, reduction="sum")
        mask = mask / (t_strokes.sum() + 0.01 * t_strokes.numel())
        probability = heat.sigmoid()
        focal = torch.where(
            t_heat == 1,
            -((1 - probability) ** 2) * logsigmoid(heat),
            -((1 - t_heat) ** 4) * probability**2 * logsigmoid(-heat),
        )
        middles = t_heat[:, :1] == 1
        weights = focal.new_tensor([1.0] * (HEAT_CHANNELS - 1) + [0.6])[:, None, None]
        centre = (focal * counts * weights).sum() / (t_heat == 1).sum().clamp(min=16)
        on = t_strokes.repeat(1, 2, 1, 1)
        offset = ((right_down - t_right_down / STEP).abs() * on).sum() / on.sum().clamp(min=1)
        known = label[:, 0] >= 0
        right = cross_entropy(classes.movedim(1, -1)[known], label[:, 0][known].long()) if known.any() else 0 * offset
        loss = mask + centre + offset + 0.3 * right
        probability = probability[:, :1]
        missed = middles & (max_pool2d(probability, 3, 1, 1) < 0.5)
        peak = (probability == max_pool2d(probability, 3, 1, 1)) & (probability > 0.5) & (counts > 0)
        invented = peak & (max_pool2d(middles.float(), 5, 1, 2) == 0)
        return loss, int((~(missed | invented).flatten(1).any(1)).sum())

    def scene(self, random: Random, chosen: np.ndarray, side: int = SCENE_SIDE) -> tuple[np.ndarray, np.ndarray, list]:
        """Draw one scene: brightness [side, side] float32 in [0, 1], the owner of each pixel, and the things."""
        kind = random.random()
        if kind < PHOTOS:
            sheet = Writer(random, self.pools, chosen, 1.0).photo(side)
            small = random.random() < 0.2
        else:
            warped, on_desk = random.random() < 0.6, random.random() < 0.3
            writer = Writer(random, self.pools, chosen, FURTHER if warped and on_desk else 1.0)
            sheet = writer.sheet(int(1.4 * side) if warped else side)
            if warped:
                sheet = photograph(random, sheet, side, on_desk)
            small = not on_desk and random.random() < 0.2
        sheet.tone = light(random, sheet.tone)
        if small:
            sheet = cut_out(random, sheet)
        written = any(kind < DIGIT_KINDS for kind, *_ in sheet.things)
        if random.random() < (0.06 if written else 0.3):
            sheet = turn_sideways(sheet, int(random.integers(1, 4)))
        return np.float32(sheet.tone), sheet.owner, sheet.things


def boxes(owner: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the box (left, top, right, bottom) of each thing, [count, 4], and its number of pixels, [count]."""
    box = np.array(boxes_of(owner, count)).reshape(count, 4)
    return box, np.bincount(owner[owner > 0] - 1, minlength=count)


def targets(owner: np.ndarray, things: list[tuple[int, int, float]]) -> np.ndarray:
    """Return the training targets of a scene: [18 + HEAT_CHANNELS, H / CELL, W / CELL] float32.

    For the four quarters of a cell: 4 channels for the strokes of digits and signs, 4 and 4 for how far right and down
    the centre of the digit or sign is, in pixels, and 4 for whether the quarter counts. For each cell: HEAT_CHANNELS
    channels with a peak at the centre of each thing, the digit there (-1 if none), and whether its heat counts.
    """
    rows, columns = (n // CELL for n in owner.shape)
    box, pixels = boxes(owner, len(things))
    kinds = np.array([kind for kind, *_ in things], int)
    whole = np.array([n for _, n, _ in things], float)
    contrast = np.array([c for *_, c in things], float)
    size = (box[:, 2:] - box[:, :2]).max(axis=1, initial=0)
    visible = pixels / np.maximum(whole, 1)
    written = (kinds != OTHER) & (pixels > 0)
    signs = written & (kinds >= DIGIT_KINDS)
    large_enough = signs | (size >= SMALLEST)
    shown = written & (contrast >= CLEAR) & (visible >= WHOLE) & large_enough & (size <= LARGEST)
    none = (contrast < SEEN) | (visible < CUT) | (~signs & (size < BEYOND[0])) | (size > BEYOND[1])
    unsure = written & ~shown & ~none
    heat = np.zeros((HEAT_CHANNELS, rows, columns), np.float32)
    label = np.full((rows, columns), -1, np.float32)
    counts = np.ones((rows, columns), np.float32)
    y, x = np.mgrid[:rows, :columns]
    middle = np.zeros((len(things) + 1, 2), np.float32)
    middle[1:] = (box[:, :2] + box[:, 2:]) / 2
    for i in np.flatnonzero(shown | unsure | ((kinds == OTHER) & (pixels > 0))):
        if kinds[i] == OTHER and not (contrast[i] >= CLEAR and 8 <= size[i] <= BEYOND[1]):
            continue
        left, top, right, bottom = box[i] / CELL
        if unsure[i]:
            counts[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = 0
            continue
        channel = max(0, kinds[i] - 9)
        cx, cy = middle[i + 1] / CELL - 0.5
        sigma = np.clip(size[i] / CELL / 9, 0.5, 1.6)
        near = slice(max(0, int(cy) - 5), int(cy) + 7), slice(max(0, int(cx) - 5), int(cx) + 7)
        bump = np.exp(-((x[near] - cx) ** 2 + (y[near] - cy) ** 2) / (2 * sigma**2)).astype(np.float32)
        row, column = int(np.clip(round(cy), 0, rows - 1)), int(np.clip(round(cx), 0, columns - 1))
        np.maximum(heat[channel][near], bump, out=heat[channel][near])
        heat[channel, row, column] = 1
        if channel == DIGIT:
            label[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = kinds[i]
    known = np.zeros(len(things) + 1, np.float32)
    known[1:] = shown
    doubt = np.zeros(len(things) + 1, np.float32)
    doubt[1:] = unsure
    half = owner[::2, ::2], owner[1::2, ::2], owner[::2, 1::2], owner[1::2, 1::2]  # a quarter cell is 2 x 2 pixels
    strokes = np.maximum.reduce([known[part] for part in half])
    who = np.maximum.reduce([np.where(known[part] > 0, part, 0) for part in half])
    yy, xx = np.mgrid[: rows * 2, : columns * 2]
    right, down = middle[who, 0] - (2 * xx + 1), middle[who, 1] - (2 * yy + 1)
    sure = 1 - np.maximum.reduce([doubt[part] for part in half])
    quarters = torch.from_numpy(np.float32([strokes, right * strokes, down * strokes, sure]))
    return np.concatenate([pixel_unshuffle(quarters, 2).numpy(), heat, label[None], counts[None]])
