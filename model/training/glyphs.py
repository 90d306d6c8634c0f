"""Training data for the world network: MNIST digits, rewritten and redrawn, and non-digits."""

import torch
from torch.nn.functional import interpolate

from model.networks import NO_DIGIT, with_no_digit
from model.training.augmentation import apply_pens, augment, enlarge, skeleton_distances
from model.training.data import Digits
from model.training.digit_styles import DIGITS
from model.training.letters import OTHERS
from model.training.pen import FAR, GRID, bar, draw, draw_all, outlines, scribble

UNMODIFIED = 1 / 3  # fraction of the MNIST digits that stay unmodified
SIMPLE = 1, 4, 7  # digits that stay legible when written with a very thick pen
DRAWN_PER_DIGIT, OTHERS_PER_DIGIT = 0.25, 0.4  # drawn digits, and non-digits, added per MNIST digit


class Mixture:
    """Batches of MNIST digits with digits and non-digits from our simulated pen, augmented differently each time.

    Args:
        glyphs: [N, 1, 28, 28] float32 in [0, 1].
        labels: [N] int64, 0 to 9.
        per_shape: number of drawings kept of each shape.
    """

    def __init__(self, glyphs: torch.Tensor, labels: torch.Tensor, per_shape: int = 200):
        self.glyphs = glyphs
        self.ink = (255 * enlarge(glyphs)).round().to(torch.uint8)
        self.distance = skeleton_distances(glyphs)
        self.labels = labels
        self.drawn, self.drawn_labels = draw_all(DIGITS, per_shape)
        others = [draw(shape, per_shape) for shape in OTHERS]
        scribbles = [scribble(500) for _ in range(per_shape * 20 // 500 + 1)]
        spoilt = make_non_digits(self.distance[: per_shape * 40], labels[: per_shape * 40])
        self.others = torch.cat([*others, *scribbles, outlines(per_shape * 30), spoilt])

    def __call__(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch and its labels: the chosen MNIST digits, followed by drawn digits and non-digits."""
        labels = self.labels[chosen]
        as_scanned = self.ink[chosen].float().div(255)[:, None]
        redrawn = rewrite(self.distance[chosen], labels)
        keep = (torch.rand(len(chosen)) < 0.5) & ~redrawn[1]
        digits = torch.where(keep[:, None, None, None], as_scanned, apply_pens(redrawn[0]))
        drawn = torch.randint(len(self.drawn), (round(DRAWN_PER_DIGIT * len(chosen)),))
        thickest = torch.where(torch.isin(self.drawn_labels[drawn], torch.tensor(SIMPLE)), 7.0, 5.0)
        others = torch.randint(len(self.others), (round(OTHERS_PER_DIGIT * len(chosen)),))
        batch = augment(torch.cat([digits, apply_pens(self.drawn[drawn], thickest), apply_pens(self.others[others])]))
        plain = round(UNMODIFIED * len(chosen))
        batch[:plain] = self.glyphs[chosen[:plain]]
        return batch, torch.cat([labels, self.drawn_labels[drawn], torch.full((len(others),), NO_DIGIT)])

    @staticmethod
    def loss_and_correct(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> tuple[torch.Tensor, int]:
        """Return the loss of logits [N, 10], extended with the class "no digit", and the number of correct answers."""
        return Digits.loss_and_correct(with_no_digit(logits), labels, smoothing)


def rewrite(distance: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Slash some zeros and cross some sevens: [N, GRID, GRID] uint8 -> the same, and [N] bool, true where changed."""
    n = len(labels)
    row = (GRID * (0.5 + 0.08 * torch.randn(n))).long().clamp(0, GRID - 1)
    stem = distance[torch.arange(n), row].int().argmin(dim=1)  # the column of the ink in that row
    zero = labels == 0
    middle = torch.where(zero, GRID / 2 + 1.5 * torch.randn(n), stem), torch.where(zero, GRID / 2, row)
    middle = torch.stack(middle, dim=1) * (28 / GRID)
    lean = torch.where(torch.rand(n) < 0.8, 1.0, -1.0) * (1.0 + 0.35 * torch.randn(n))  # angle of a slash, in radians
    angle = torch.where(zero, lean, 0.15 * torch.randn(n))
    half = torch.where(zero, 5 + 8 * torch.rand(n), 2.5 + 3 * torch.rand(n))
    stroke = bar(middle, half, angle)
    done = (zero | (labels == 7)) & (torch.rand(n) < 0.3)
    return torch.where(done[:, None, None], torch.minimum(distance, stroke), distance), done


def make_non_digits(distance: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Turn digits into non-digits: mirrored, sideways, upside down, two side by side: [N, GRID, GRID] -> [M, ...]."""

    def some(*digits: int) -> torch.Tensor:
        return distance[torch.isin(labels, torch.tensor(digits))]

    pairs = distance[0::2][: len(distance) // 4], distance[1::2][: len(distance) // 4]
    narrow = beside(*pairs, GRID)
    small = torch.full_like(narrow, int(16 * FAR))
    small[:, GRID // 4 : GRID // 4 + GRID // 2 + 4] = beside(*pairs, GRID // 2 + 4)
    return torch.cat([some(3, 4, 9).flip(2), some(3, 4).rot90(1, (1, 2)), some(4).flip(1, 2), narrow, small])


def beside(left: torch.Tensor, right: torch.Tensor, height: int) -> torch.Tensor:
    """Place digits side by side, touching or nearly so: two of [N, GRID, GRID] uint8 -> [N, height, GRID]."""
    width = GRID // 2 + 4
    far = torch.full((len(left), height, GRID - width), int(16 * FAR), dtype=torch.uint8)
    left, right = (
        interpolate(side[:, None].float(), size=(height, width), mode="bilinear")[:, 0].round().to(torch.uint8)
        for side in (left, right)
    )
    return torch.minimum(torch.cat([left, far], 2), torch.cat([far, right], 2))
