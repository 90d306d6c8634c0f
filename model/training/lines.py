"""Training data for the line recognizer (CTC): numbers with digits side by side, from wide gaps to overlaps.

The digits come from MNIST and from our simulated pen, with signs and other symbols among them. Each number is written
with one pen and one slant.
"""

import math

import numpy as np
import torch
from torch.nn.functional import affine_grid, ctc_loss, grid_sample, interpolate

from model.glyph import LONG, SIDE
from model.networks import BLANK, NEITHER, SIGNS, SYMBOLS
from model.training.augmentation import degrade, ink_of, skeleton_distances
from model.training.digit_styles import AMONG_OTHERS
from model.training.handwriting import separator_strokes
from model.training.letters import OTHERS
from model.training.pen import FAR, GRID, bar, distances, draw, draw_all, scribble, segments

# zeros that end in a stroke leading to the next digit, see `model.training.digit_styles`
LINKED = "4,0 1,2 0,5 1.5,8 4,9 7,7 8,4 6.5,1 4,0.3 7,1 12,0.5", "4,1 1,2 0,5 2,8 4.5,8.5 7,6 7,3 4,1 6,2.5 11,1"

LENGTHS = 1, 6  # fewest and most symbols in a strip
MIN_PEN, MAX_PEN, MAX_PEN_ALONE = 0.8, 3.4, 5.5  # pen widths in strip pixels; the last for a lone symbol
DRAWN_SHARE, OTHER_SHARE = 0.25, 0.03  # fractions of the MNIST digits replaced by drawn digits, and by non-digits
WORDS = 0.08  # fraction of strips without any digit
SIGN, MINUS = 0.35, 0.06  # fractions of strips that contain a sign, and that begin with a minus
DATES = {3: [1], 4: [1, 2], 5: [2], 6: [1]}  # places of a slash in dates and fractions of that many symbols
DATED = 0.8  # fraction of the slashes that are put there, so that 133/2 is less likely than 13312
ROUND = 0.06  # fraction of longer numbers that end in several zeros, half of them LINKED
RULED, LEAD = 0.1, 30  # fraction of strips with a ruled line or an underline; how far it may begin before the number
THICK = 0.75  # strip pixels: half the pen width assumed when thickening dots
PIXEL = GRID / SIDE  # map pixels per strip pixel


class Strips:
    """Batches of numbers, different each time; same arguments as `model.training.glyphs.Mixture`."""

    def __init__(self, glyphs: torch.Tensor, labels: torch.Tensor, per_shape: int = 200):
        self.distance, self.labels = skeleton_distances(glyphs), labels
        self.drawn, self.drawn_labels = draw_all(AMONG_OTHERS, per_shape)
        zeros = torch.cat([draw(shape, per_shape) for shape in LINKED])
        self.zeros = torch.cat([zeros, self.distance[labels == 0][: len(zeros)]])
        self.signs = {text: written(text, per_shape) for text in SIGNS}
        self.others = torch.cat([*(draw(shape, per_shape) for shape in OTHERS), scribble(10 * per_shape)])
        self.other_symbols = torch.full((len(self.others),), SYMBOLS.index(NEITHER))

    def __call__(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the chosen MNIST digits in rows of a random length L <= N: strips [M, 1, 28, W] and symbols [M, L]."""
        length = int(torch.randint(LENGTHS[0], min(LENGTHS[1], len(chosen)) + 1, ()))
        n = len(chosen) // length
        maps, symbols = self._symbols(chosen[: n * length], words=round(WORDS * n) * length)
        maps, symbols = maps.view(n, length, GRID, GRID), symbols.view(n, length)
        if length > 2:
            last = torch.randint(2, length, (n, 1)) * (torch.rand(n, 1) < ROUND)  # how many zeros each ends in
            last[: round(WORDS * n)] = 0
            zero = torch.arange(length) >= length - last
            maps[zero], symbols[zero] = self.zeros[torch.randint(len(self.zeros), (int(zero.sum()),))], 0
        if length > 1:  # a leading minus; then any sign between digits
            minus = torch.rand(n) < MINUS
            maps[minus, 0], symbols[minus, 0] = self._signs("-", int(minus.sum())), SYMBOLS.index("-")
        if length > 2:
            kind, where = (len(SIGNS) / SIGN * torch.rand(n)).long(), torch.randint(1, length - 1, (n,))
            dated = (kind == SIGNS.index("/")) & (torch.rand(n) < DATED)
            where[dated] = torch.tensor(DATES[length])[torch.randint(len(DATES[length]), (int(dated.sum()),))]
            for i, text in enumerate(SIGNS):
                here = (kind == i).nonzero()[:, 0]
                maps[here, where[here]], symbols[here, where[here]] = self._signs(text, len(here)), SYMBOLS.index(text)
        pen = MIN_PEN * ((MAX_PEN if length > 1 else MAX_PEN_ALONE) / MIN_PEN) ** torch.rand(n)
        is_sign = (symbols >= SYMBOLS.index(SIGNS[0])) & (symbols <= SYMBOLS.index(SIGNS[-1]))
        return rendered(*side_by_side(maps, is_sign, pen)), symbols

    def _symbols(self, chosen: torch.Tensor, words: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return maps [N, GRID, GRID] and symbols [N]: digits, some replaced; non-digits replace the first `words`."""
        maps, symbols = self.distance[chosen], self.labels[chosen].clone()
        kind = torch.rand(len(chosen))
        kind[:words] = 0
        for here, pool, labels in (
            (kind < OTHER_SHARE, self.others, self.other_symbols),
            (kind > 1 - DRAWN_SHARE, self.drawn, self.drawn_labels),
        ):
            picked = torch.randint(len(pool), (int(here.sum()),))
            maps[here], symbols[here] = pool[picked], labels[picked]
        return maps, symbols

    def _signs(self, text: str, n: int) -> torch.Tensor:
        """Draw a sign n times, half of them as in scenes: [n, GRID, GRID] uint8."""
        pool = self.signs[text]
        return torch.where(torch.rand(n, 1, 1) < 0.5, pool[torch.randint(len(pool), (n,))], signs(text, n))

    @staticmethod
    def loss_and_correct(logits: torch.Tensor, symbols: torch.Tensor, _: float) -> tuple[torch.Tensor, int]:
        """Return the CTC loss (Graves et al. 2006) of logits [M, T, BLANK + 1], and how many strips are read exactly.

        Labels are not smoothed, since they do not belong to single columns.
        """
        if logits.device.type == "mps":  # torch has no CTC loss there
            logits, symbols = logits.cpu(), symbols.cpu()
        log_probabilities = logits.float().log_softmax(dim=2)
        lengths = [torch.full((len(symbols),), size) for size in (log_probabilities.shape[1], symbols.shape[1])]
        loss = ctc_loss(log_probabilities.transpose(0, 1), symbols, *lengths, blank=BLANK, zero_infinity=True)
        right = 0
        for best, truth in zip(log_probabilities.argmax(dim=2).cpu(), symbols.cpu(), strict=True):
            runs = best.unique_consecutive()
            right += runs[runs != BLANK].tolist() == truth.tolist()
        return loss, right


def written(text: str, n: int) -> torch.Tensor:
    """Draw one of `model.networks.SIGNS` as in scenes, see `separator_strokes`: [n, GRID, GRID] uint8."""
    random = np.random.default_rng(int(torch.randint(2**31, ())))
    maps = []
    for _ in range(n):
        strokes, thicker = separator_strokes(random, text)
        points, starts = segments(strokes)
        points = LONG * (points - points.mean(1, keepdim=True) * torch.tensor([1.0, 0.0])) + SIDE / 2
        maps.append(distances(points, starts).float() - 16 * THICK * (thicker - 1))
    return torch.cat(maps).clamp(min=0).to(torch.uint8)


def signs(text: str, n: int) -> torch.Tensor:
    """Draw one of `model.networks.SIGNS` at its usual height in a line: [n, GRID, GRID] uint8."""

    def stroke(row: torch.Tensor, half: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
        return bar(torch.stack([torch.full((n,), SIDE / 2), row], 1), half, angle)

    def dash(row: torch.Tensor) -> torch.Tensor:
        return stroke(row, 2.5 + 4 * torch.rand(n), 0.1 * torch.randn(n))

    foot, middle, steep = 22.8 + 0.9 * torch.randn(n), 14.5 + 1.2 * torch.randn(n), math.pi / 2 - 0.6 * torch.rand(n)
    match text:
        case ".":
            return stroke(foot, 0.6 * torch.rand(n), math.pi * torch.rand(n))
        case ",":
            return stroke(foot + 1, 1 + 2 * torch.rand(n), steep)
        case ":":
            lower, dot = foot - 4 * torch.rand(n), 0.6 * torch.rand(n)
            return torch.minimum(stroke(lower, dot, steep), stroke(lower - 5 - 7 * torch.rand(n), dot, steep))
        case "-":
            return dash(middle)
        case "/":
            return stroke(middle, 9 + 4 * torch.rand(n), steep - 0.1)
        case "+":
            return torch.minimum(dash(middle), stroke(middle, 2.5 + 4 * torch.rand(n), steep + 0.3))
        case "=":
            apart = 1.2 + 1.8 * torch.rand(n)
            return torch.minimum(dash(middle - apart), dash(middle + apart))


def side_by_side(maps: torch.Tensor, signs: torch.Tensor, pen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Write numbers symbol by symbol: each moves left until it meets the one before, then a little further or back.

    That is up to half a pen width further left, or up to 0.8 digit heights back to the right.

    Args:
        maps: [N, L, GRID, GRID] uint8, distances as in `skeleton_distances`.
        signs: [N, L] bool, true for signs: a sign touches no digit, and nothing stands above it.
        pen: [N] float32, pen width in strip pixels.

    Returns:
        The ink, [N, GRID, W] float32 in [0, 1], with PIXEL pixels per strip pixel; and the end column of each, [N].
    """
    n, length = maps.shape[:2]
    lean, height = 0.15 * torch.randn(n), 0.08 * torch.randn(n)
    close, mixed = torch.rand(n) < 0.7, torch.rand(n) < 0.3
    board = torch.full((n, GRID, GRID * (length + 1)), FAR)
    columns = torch.arange(board.shape[2])
    edge = torch.full((n, GRID), -math.inf)  # right edge of the ink in each row
    place = torch.zeros(n)
    for i in range(length):
        tile = tilted(maps[:, i], lean, height)
        on = tile < pen[:, None, None] / 2
        first = torch.where(on.any(2), on.int().argmax(2), math.inf)
        last = torch.where(on.any(2), GRID - on.flip(2).int().argmax(2), -math.inf)
        if i:
            beside = signs[:, i] | signs[:, i - 1]
            met, alone = (edge - first).amax(1), edge.amax(1) - first.amin(1)
            met = torch.where(beside | met.isinf(), alone, met)
            near = torch.where(mixed, torch.rand(n) < 0.6, close)
            gap = torch.where(near, -0.5 * pen * torch.rand(n) - 0.5, LONG * (0.03 + 0.77 * torch.rand(n)))
            gap = torch.where(beside, gap.abs() / 3, gap)
            place = torch.maximum(met, place + 0.2 * LONG * PIXEL * ~signs[:, i]) + gap * PIXEL
            place = place.round().clamp(0, GRID * length)
        else:
            place = -first.amin(1).clamp(max=GRID)
        moved = columns - place[:, None].long()
        inside = ((moved >= 0) & (moved < GRID))[:, None, :]
        here = tile.gather(2, moved.clamp(0, GRID - 1)[:, None, :].expand(-1, GRID, -1))
        board = torch.where(inside, torch.minimum(board, here), board)
        edge = torch.maximum(edge, last + place[:, None])
    return ink_of(board, pen), edge.amax(1).clamp(min=1)


def tilted(maps: torch.Tensor, lean: torch.Tensor, height: torch.Tensor) -> torch.Tensor:
    """Slant, stretch and rotate symbols slightly, each differently: [N, GRID, GRID] uint8 -> float32, glyph pixels."""
    n, none = len(maps), torch.zeros(len(maps))
    tall = torch.exp(height + 0.08 * torch.randn(n)).clamp(0.75, 1.35)
    wide = tall * torch.exp(0.1 * torch.randn(n)).clamp(0.75, 1.35)
    angle, shift = 0.06 * torch.randn(n), 0.06 * torch.randn(n)
    matrix = [
        torch.stack([1 / wide, lean + 0.06 * torch.randn(n) + angle, none], 1),
        torch.stack([-angle, 1 / tall, shift], 1),
    ]
    grid = affine_grid(torch.stack(matrix, 1), [n, 1, GRID, GRID], align_corners=False)
    near = FAR - maps.float() / 16
    return FAR - grid_sample(near[:, None], grid, mode="bilinear", align_corners=False)[:, 0]


def rendered(ink: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Scale, tilt, bend, rule and degrade numbers [N, GRID, W] with end columns [N]: strips [N, 1, 28, w]."""
    n, _, width = ink.shape
    zoom = torch.exp(0.45 * torch.rand(n) - 0.3)
    ruled = torch.rand(n) < RULED
    start = 1 + 4 * torch.rand(n) + LEAD * torch.rand(n) * ruled
    wide = 2 * math.ceil(float((start + end / PIXEL * zoom).amax()) / 2 + 2)
    y, x = torch.arange(SIDE) + 0.5, torch.arange(wide) + 0.5
    along = (x - start[:, None])[:, None, :].expand(n, SIDE, wide)
    tilt, shift = 0.03 * torch.randn(n)[:, None, None], 4 * torch.rand(n)[:, None, None] - 2
    down = (y - SIDE / 2)[None, :, None] + shift - tilt * (along - (end / PIXEL * zoom / 2)[:, None, None])
    bend = 0.7 * (0.2 + 0.8 * torch.rand(n))[:, None, None, None] * torch.randn(n, 2, 4, max(4, wide // 7))
    bend = interpolate(bend, size=(SIDE, wide), mode="bicubic", align_corners=True)
    factor = (PIXEL / zoom)[:, None, None]
    place = (along + bend[:, 0]) * factor, (down + bend[:, 1]) * factor + GRID / 2
    grid = torch.stack([2 * place[0] / width - 1, 2 * place[1] / GRID - 1], 3)
    strips = grid_sample(ink[:, None], grid, mode="bilinear", align_corners=False)[:, 0]
    strips[ruled] = torch.maximum(strips, ruled_lines(start, start + end / PIXEL * zoom, wide))[ruled]
    strips = degrade(strips)
    faint = interpolate(torch.rand(n, 1, 9, wide // 3), size=(SIDE, wide), mode="bilinear")[:, 0]  # a dry pen
    dry = 0.25 + 0.25 * torch.rand(n, 1, 1)
    strips = torch.where((faint < dry) & (torch.rand(n, 1, 1) < 0.14), strips * 0.1, strips)
    return (strips / strips.amax((1, 2), keepdim=True).clamp(min=0.3))[:, None]


def ruled_lines(start: torch.Tensor, end: torch.Tensor, wide: int) -> torch.Tensor:
    """Draw a line below, above or through each number, half of them paler there than beside it: [N, 28, wide] float32.

    Args:
        start: [N] float32, the column where the number starts; the line starts further left.
        end: [N] float32, the column where the number ends; the line ends further right.
        wide: columns of a strip.
    """
    n = len(start)
    y, x = torch.arange(SIDE)[:, None] + 0.5, torch.arange(wide) + 0.5
    above, foot = 9 * torch.rand(n), SIDE - 11 * torch.rand(n)
    row = torch.where(torch.rand(n) < 0.1, above, foot)[:, None, None] + 0.01 * torch.randn(n, 1, 1) * (x - wide / 2)
    ink = (0.5 + 0.2 + 0.7 * torch.rand(n, 1, 1) - (y - row).abs()).clamp(0, 1) * (0.3 + 0.7 * torch.rand(n, 1, 1))
    left, right = start * torch.rand(n), end + (wide - end) * torch.rand(n)
    on = (x > left[:, None]) & (x < right[:, None])
    beside = (x < start[:, None]) | (x > end[:, None])
    pale = torch.where(torch.rand(n, 1) < 0.5, 1.0, torch.rand(n, 1))
    return ink * (on * torch.where(beside, 1.0, pale))[:, None]
