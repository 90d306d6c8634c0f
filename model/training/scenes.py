"""Scenes for the network `finder`: pictures of our own, in which it is known where digits stand and what they are.

Digits of MNIST and of our own pen stand alone, scattered, in numbers, in boxes and tables, beside words, signs and
print, on paper of every kind, on desks, in any light; and many scenes hold none.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid, max_pool2d

from model.finder import CELL, DIGIT, HEATS, MINUS, OTHER, POINT, STEP, padded
from model.training.augment import enlarge, skeleton_distances
from model.training.grounds import desk, leaves, paper, rules
from model.training.handwriting import ASCII, Hand, letters, outline, printed, sign, written_word
from model.training.shapes import DIGITS
from model.training.styles import GRID, draw_all

SIDE = 256  # pixels of a scene
SMALLEST, LARGEST = 14, 64  # pixels that a digit is long to be found; one level of a picture's pyramid finds those
BEYOND = 10, 88  # what is shorter or longer is no digit on this level; between, either answer is right
SEEN, CLEAR = 0.03, 0.05  # contrast below which a digit is not there, and from which it is to be found
CUT, WHOLE = 0.5, 0.8  # share of a digit below which it is none, and from which it is one
DRAWN, SCANNED = 0.25, 0.3  # shares of our own pen, and of MNIST's digits as they were scanned
DIGITS_A_SCENE = 24
TEN = 10
ROUND = 0, 1, 6, 8, 9, POINT, MINUS  # what may look like a digit or sign when it has fallen over

Random = np.random.Generator


@dataclass
class Sheet:
    """A sheet while it is written on.

    Attributes:
        tone: [S, S] float32, brightness.
        owner: [S, S] int16, whose stroke each pixel is: 0 for nobody's, else 1 + its place in `things`.
        things: of each its kind (0 to 9, POINT, MINUS, OTHER), how many pixels it has, its contrast.
    """

    tone: np.ndarray
    owner: np.ndarray
    things: list[tuple[int, int, float]] = field(default_factory=list)

    def put(self, ink: np.ndarray, left: float, top: float, colour: float, kinds: list[int] | None = None) -> None:
        """Write ink [h, w] with its corner at a place; its owners, from left to right in equal parts, are new things."""
        side = len(self.tone)
        left, top = round(left), round(top)
        x, y = max(0, left), max(0, top)
        right, bottom = min(side, left + ink.shape[1]), min(side, top + ink.shape[0])
        if right <= x or bottom <= y:
            return
        window = slice(y, bottom), slice(x, right)
        part = ink[y - top : bottom - top, x - left : right - left]
        before = float(np.median(self.tone[window]))
        self.tone[window] += part * (colour - self.tone[window])
        if kinds:
            on = part > 0.4
            share = np.minimum(np.arange(x - left, right - left) * len(kinds) // ink.shape[1], len(kinds) - 1)
            first = len(self.things) + 1
            self.owner[window] = np.where(on, first + share[None, :], self.owner[window])
            contrast = abs(colour - before) * float(ink.max())
            pixels = max(1, int((ink > 0.4).sum()) // len(kinds))
            self.things += [(kind, pixels, contrast) for kind in kinds]

    def free(self, left: float, top: float, width: float, height: float) -> bool:
        """Say whether nobody has written there."""
        x, y = max(0, int(left)), max(0, int(top))
        return not self.owner[y : int(top + height), x : int(left + width)].any()


class Scenes:
    """Batches of scenes, each time others.

    Args:
        glyphs: [N, 1, 28, 28] float32 in [0, 1], MNIST digits.
        labels: [N] int64, 0 to 9.
        per_shape: how many drawings are kept of each shape.
    """

    def __init__(self, glyphs: torch.Tensor, labels: torch.Tensor, per_shape: int = 100):
        cv2.setNumThreads(1)  # a process that is forked from one in which OpenCV has threads would wait for ever
        self.maps = skeleton_distances(glyphs).numpy()
        self.scans = (255 * enlarge(glyphs)).round().to(torch.uint8).numpy()
        self.labels = labels.numpy()
        drawn, drawn_labels = draw_all(DIGITS, per_shape)
        self.drawn, self.drawn_labels = drawn.numpy(), drawn_labels.numpy()

    def __call__(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw scenes that hold the chosen digits, `DIGITS_A_SCENE` each: brightness [M, 1, SIDE, SIDE], and targets."""
        pictures, truths = [], []
        for some in chosen.split(DIGITS_A_SCENE):
            picture, owner, things = self.scene(np.random.default_rng(some.numpy()), some.numpy())
            pictures.append(torch.from_numpy(picture)[None])
            truths.append(torch.from_numpy(targets(owner, things)))
        return torch.stack(pictures), torch.stack(truths)

    def __getitem__(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the same, for a loader."""
        return self(chosen)

    @staticmethod
    def judge(said: torch.Tensor, truth: torch.Tensor, _: float) -> tuple[torch.Tensor, int]:
        """Return the loss of what the network says, [N, 26, h, w], and in how many scenes all digits are found and no other.

        The loss of the middles is that of CenterNet (Zhou et al. 2019). There is no smoothing.
        """
        said = said.float()
        strokes, right_down, heat, classes = said.split([4, 8, HEATS, TEN], 1)
        t_strokes, t_right_down, t_sure, t_heat, label, counts = truth.split([4, 8, 4, HEATS, 1, 1], 1)
        mask = binary_cross_entropy_with_logits(strokes, t_strokes, weight=t_sure, reduction="sum")
        mask = mask / (t_strokes.sum() + 0.01 * t_strokes.numel())
        share = heat.sigmoid()
        focal = torch.where(
            t_heat == 1,
            -((1 - share) ** 2) * logsigmoid(heat),
            -((1 - t_heat) ** 4) * share**2 * logsigmoid(-heat),
        )
        middles = t_heat[:, :1] == 1
        weights = focal.new_tensor([1.0, 1.0, 1.0, 0.3])[:, None, None]
        centre = (focal * counts * weights).sum() / (t_heat == 1).sum().clamp(min=16)
        on = t_strokes.repeat(1, 2, 1, 1)
        offset = ((right_down - t_right_down / STEP).abs() * on).sum() / on.sum().clamp(min=1)
        known = label[:, 0] >= 0
        right = cross_entropy(classes.movedim(1, -1)[known], label[:, 0][known].long()) if known.any() else 0 * offset
        loss = mask + centre + offset + 0.3 * right
        share = share[:, :1]
        missed = middles & (max_pool2d(share, 3, 1, 1) < 0.5)
        peak = (share == max_pool2d(share, 3, 1, 1)) & (share > 0.5) & (counts > 0)
        invented = peak & (max_pool2d(middles.float(), 5, 1, 2) == 0)
        return loss, int((~(missed | invented).flatten(1).any(1)).sum())

    def scene(self, random: Random, chosen: np.ndarray, side: int = SIDE) -> tuple[np.ndarray, np.ndarray, list]:
        """Draw one scene: brightness [side, side] float32 in [0, 1], whose each pixel is, and the things."""
        self.queue, self.random = list(chosen), random
        kind = random.random()
        if kind < 0.16:
            sheet = self._photo(side)
            small = random.random() < 0.2
        else:
            warped, on_desk = random.random() < 0.6, random.random() < 0.3
            self.zoom = 1.6 if warped and on_desk else 1.0  # a sheet on a desk is seen from further away
            sheet = self._sheet(int(1.4 * side) if warped else side)
            if warped:
                sheet = laid(random, sheet, side, on_desk)
            small = not on_desk and random.random() < 0.2
        sheet.tone = lit(random, sheet.tone)
        if small:
            sheet = cut_out(random, sheet)
        written = any(kind < TEN for kind, *_ in sheet.things)
        if random.random() < (0.06 if written else 0.3):
            sheet = fallen(sheet, int(random.integers(1, 4)))
        return np.float32(sheet.tone), sheet.owner, sheet.things

    # ---- what stands on a sheet

    def _photo(self, side: int) -> Sheet:
        random = self.random
        sheet = Sheet(leaves(random, side), np.zeros((side, side), np.int16))
        if random.random() < 0.25:  # a sign in it, a caption
            for _ in range(int(random.integers(1, 4))):
                size = random.uniform(6, 30)
                text = printed(random, letters(random), size)
                sheet.put(text, *random.uniform(0, side, 2), random.random(), None)
        return sheet

    def _sheet(self, side: int) -> Sheet:
        random = self.random
        self.bright = random.uniform(0.75, 1) if random.random() < 0.6 else random.uniform(0.25, 1)
        if random.random() < 0.25:  # very clean: a canvas, a scan
            tone = np.full((side, side), 1.0, np.float32)
            self.bright = 1.0
        else:
            tone = paper(random, side) * np.float32(self.bright)
        sheet = Sheet(tone, np.zeros((side, side), np.int16))
        self.dark = self.bright * (random.uniform(0, 0.3) if random.random() < 0.6 else random.uniform(0, 0.85))
        self.size = self.zoom * float(np.exp(random.uniform(np.log(12), np.log(60))))
        self.pen = float(0.8 * (5 / 0.8) ** random.random())  # in pixels of a glyph, which is 20 long
        self.lean = random.normal(0, 0.18)
        layout = random.choice(
            [self._alone, self._numbers, self._scattered, self._grid, self._boxes, self._text, self._shapes, self._nothing],
            p=[0.15, 0.18, 0.11, 0.15, 0.1, 0.21, 0.07, 0.03],
        )
        if layout in (self._alone, self._numbers, self._scattered, self._text) and random.random() < 0.3:
            rules(random, sheet.tone, max(8, self.size * random.uniform(0.8, 2)))
        layout(sheet)
        if random.random() < 0.12:
            self._dirt(sheet)
        return sheet

    def _ink(self) -> float:
        return float(np.clip(self.dark * self.random.uniform(0.8, 1.25), 0, 0.95 * self.bright))

    def digit(self, size: float, pen: float, lean: float = 0.0) -> tuple[np.ndarray, int]:
        """Write the next digit: its ink [h, w] float32 in [0, 1], about `size` pixels long, and which it is."""
        random = self.random
        place = int(self.queue.pop()) if self.queue else int(random.integers(len(self.labels)))
        label, scanned = int(self.labels[place]), random.random() < SCANNED
        if random.random() < DRAWN:
            place, scanned = int(random.integers(len(self.drawn))), False
            source, label = self.drawn[place], int(self.drawn_labels[place])
        else:
            source = self.scans[place] if scanned else self.maps[place]
        if label not in (1, 4, 7):
            pen = min(pen, 5.5)
        scale = size / 20
        long = int(np.ceil(32 * scale))
        turn, shear = random.normal(0, 0.08), lean + random.normal(0, 0.08)
        aspect = np.exp(random.normal(0, 0.12))
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[aspect, shear], [0, 1]]
        matrix *= GRID / 28 / scale
        affine = np.column_stack([matrix, GRID / 2 - 0.5 - matrix @ [long / 2, long / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(source, affine, (long, long), flags=flags, borderValue=0 if scanned else 96)
        if scanned:
            ink = (warped * (random.uniform(1, 1.6) / 255)).clip(0, 1).astype(np.float32)
        else:
            width = max(pen * scale, random.uniform(0.9, 1.3))
            ink = ((width / 2 - warped * (scale / 16)) / random.uniform(0.8, 1.6) + 0.5).clip(0, 1).astype(np.float32)
        return _trimmed(ink), label

    def _number(self, sheet: Sheet, left: float, middle: float, length: int, size: float, touching: bool) -> float:
        """Write a number from a place on; return where it ends."""
        random, colour = self.random, self._ink()
        pen, x, uneven = self.pen * random.uniform(0.9, 1.1), left, 0.25 if random.random() < 0.3 else 0.07
        minus, point = random.random() < 0.06, int(random.integers(1, length)) if length > 1 and random.random() < 0.15 else 0
        if minus:
            dash = _stroke(random, size * random.uniform(0.25, 0.6), max(1.0, pen * size / 20))
            sheet.put(dash, x, middle - dash.shape[0] / 2 + random.normal(0, 0.06) * size, colour, [MINUS])
            x += dash.shape[1] + size * random.uniform(0.1, 0.4)
        for i in range(length):
            if point and i == point:
                x = self._between(sheet, x, middle, size, pen, colour)
            ink, label = self.digit(size * np.exp(random.normal(-0.02, uneven)), pen, self.lean)
            bottom = middle + size / 2 + random.normal(0, 0.06) * size
            sheet.put(ink, x, bottom - ink.shape[0], colour, [label])
            near = touching and random.random() < 0.7
            x += ink.shape[1] + size * (random.uniform(-0.16, 0.02) if near else random.uniform(0.06, 0.4))
        return x

    def _between(self, sheet: Sheet, x: float, middle: float, size: float, pen: float, colour: float) -> float:
        """Write what stands between the digits of a number: mostly a point."""
        random = self.random
        kind, width = random.random(), max(1.2, pen * size / 20)
        foot = middle + size / 2
        if kind < 0.6:
            dot = _dot(random, width * random.uniform(0.9, 1.8))
            sheet.put(dot, x, foot - dot.shape[0] * random.uniform(0.3, 1), colour, [POINT])
        elif kind < 0.8:
            dot = _stroke(random, size * random.uniform(0.15, 0.3), width, upright=True)
            sheet.put(dot, x, foot - dot.shape[0] * 0.4, colour, [OTHER])
        elif kind < 0.9:
            dot = _dot(random, width)
            sheet.put(dot, x, foot - 0.3 * size, colour, [OTHER])
            sheet.put(dot, x, foot - 0.75 * size, colour, [OTHER])
        else:
            dot = _stroke(random, size, width, upright=True, lean=0.4)
            sheet.put(dot, x, middle - size / 2, colour, [OTHER])
        return x + dot.shape[1] + size * random.uniform(0.08, 0.25)

    def _alone(self, sheet: Sheet) -> None:
        random, side = self.random, len(sheet.tone)
        self.size = float(np.exp(random.uniform(np.log(14), np.log(76))))
        self.pen = float(0.8 * (7 / 0.8) ** random.random())
        for _ in range(1 if random.random() < 0.7 else int(random.integers(2, 4))):
            ink, label = self.digit(self.size, self.pen, self.lean)
            x, y = (random.uniform(0.1 * side, max(0.1 * side + 1, 0.9 * side - length)) for length in ink.shape[::-1])
            if sheet.free(x, y, *ink.shape[::-1]):
                sheet.put(ink, x, y, self._ink(), [label])
                if random.random() < 0.15:
                    self._round(sheet, x, y, ink)

    def _round(self, sheet: Sheet, x: float, y: float, ink: np.ndarray) -> None:
        """Draw a box or a ring round a digit, or a line below it."""
        random, colour = self.random, self._ink()
        height, width = ink.shape
        away = self.size * random.uniform(0.15, 0.8)
        thick = int(random.integers(1, 2 + self.size // 12))
        a, b = (round(x - away), round(y - away)), (round(x + width + away), round(y + height + away))
        kind = random.random()
        if kind < 0.5:
            cv2.rectangle(sheet.tone, a, b, colour, thick, cv2.LINE_AA)
        elif kind < 0.75:
            middle, axes = (round(x + width / 2), round(y + height / 2)), (round(width / 2 + away), round(height / 2 + away))
            cv2.ellipse(sheet.tone, middle, axes, random.normal(0, 8), 0, 360, colour, thick, cv2.LINE_AA)
        else:
            foot = round(y + height + 0.3 * away)
            cv2.line(sheet.tone, (a[0], foot), (b[0], foot + round(random.normal(0, 2))), colour, thick, cv2.LINE_AA)

    def _numbers(self, sheet: Sheet) -> None:
        random, side = self.random, len(sheet.tone)
        size = min(self.size, 90)
        pitch, touching = size * random.uniform(1.15, 2.2), random.random() < 0.45
        y = random.uniform(0.3, 1.5) * size
        most = int(random.integers(1, 9))
        left = random.uniform(-0.5, 2) * size
        while y < side:
            x = left + random.normal(0, 0.3) * size
            while x < side:
                if random.random() < 0.06:
                    x = self._word(sheet, x, y, size)
                x = self._number(sheet, x, y, int(random.integers(1, most + 1)), size, touching)
                x += size * random.uniform(0.5, 3)
                if random.random() < 0.2:
                    break
            y += pitch * (1 if random.random() < 0.85 else 2)
            if random.random() < 0.06:
                break

    def _scattered(self, sheet: Sheet) -> None:
        random, side = self.random, len(sheet.tone)
        signs = random.random() < 0.4
        for _ in range(int(random.integers(5, 50))):
            size = float(np.clip(self.size * np.exp(random.normal(0, 0.5)), 9, 110))
            x, y = random.uniform(-0.3 * size, side - 0.5 * size, 2)
            if not sheet.free(x - 2, y - 2, size + 4, size + 4):
                continue
            if signs and random.random() < 0.4:
                self._mark(sheet, x, y, size)
            else:
                ink, label = self.digit(size, self.pen * random.uniform(0.7, 1.3), self.lean)
                sheet.put(ink, x, y, self._ink(), [label])

    def _mark(self, sheet: Sheet, x: float, y: float, size: float) -> None:
        """Draw something that is no digit: a letter, a sign, a shape, a spot."""
        random, pen = self.random, max(1.0, self.pen * size / 20)
        kind = random.random()
        if kind < 0.6:
            sheet.put(sign(random, size, pen), x, y, self._ink(), [OTHER])
        elif kind < 0.85:
            sheet.put(outline(random, size, pen), x, y, self._ink(), [OTHER])
        else:
            sheet.put(_dot(random, random.uniform(0.1, 0.8) * size), x, y, self._ink(), [OTHER])

    def _grid(self, sheet: Sheet) -> None:
        """Draw a table: ruled or boxed cells, some with digits, written or printed, some with words, some empty."""
        random, side = self.random, len(sheet.tone)
        size = min(self.size, 80)
        tall = size * random.uniform(1.2, 2.4)
        digits = 1 if random.random() < 0.5 else int(random.integers(2, 6))
        wide = tall * random.uniform(0.8, 1.4) * (1 + 0.6 * (digits - 1))
        colour, thick = self.bright * random.uniform(0, 0.85), int(random.integers(1, max(2, size // 12) + 1))
        bold, every = thick + int(random.integers(0, 4)), int(random.choice([3, 3, 100]))
        left, top = random.uniform(-wide, 0.5 * wide), random.uniform(-tall, 0.5 * tall)
        far, low = side * random.uniform(0.6, 1.5), side * random.uniform(0.6, 1.5)
        upright = random.random() < 0.9
        columns, rows = np.arange(left, far, wide), np.arange(top, low, tall)
        for i, y in enumerate(rows):
            weight = bold if i % every == 0 else thick
            cv2.line(sheet.tone, _xy(columns[0], y), _xy(columns[-1], y), colour, weight, cv2.LINE_AA)
        for i, x in enumerate(columns if upright else ()):
            weight = bold if i % every == 0 else thick
            cv2.line(sheet.tone, _xy(x, rows[0]), _xy(x, rows[-1]), colour, weight, cv2.LINE_AA)
        filled, in_print = random.uniform(0, 1) ** 0.5, random.choice([0, 0, 0.5, 1.0])
        words = random.random() * 0.3 if random.random() < 0.3 else 0
        for y in rows[:-1]:
            for x in columns[:-1]:
                if random.random() > filled or x > side or y > side:
                    continue
                if random.random() < words:
                    self._word(sheet, x + 0.1 * wide, y + tall / 2, 0.8 * size)
                elif digits > 1:
                    self._number(sheet, x + 0.1 * wide, y + tall / 2, int(random.integers(1, digits + 1)), size, False)
                elif random.random() < in_print:
                    self._printed_digit(sheet, x + wide / 2, y + tall / 2, size)
                else:
                    self._written_digit(sheet, x + wide / 2, y + tall / 2, size, 0.15 * (wide - size))

    def _printed_digit(self, sheet: Sheet, x: float, y: float, size: float) -> None:
        label = int(self.random.integers(TEN))
        ink = printed(self.random, str(label), size)
        sheet.put(ink, x - ink.shape[1] / 2, y - ink.shape[0] / 2, self._ink(), [label])

    def _written_digit(self, sheet: Sheet, x: float, y: float, size: float, stray: float) -> None:
        random = self.random
        ink, label = self.digit(size * random.uniform(0.7, 1.15), self.pen, self.lean)
        x, y = x + random.normal(0, max(stray, 0)), y + random.normal(0, max(stray, 0))
        sheet.put(ink, x - ink.shape[1] / 2, y - ink.shape[0] / 2, self._ink(), [label])

    def _boxes(self, sheet: Sheet) -> None:
        """Draw boxes that stand apart, one or a row of them, each with a digit or empty."""
        random, side = self.random, len(sheet.tone)
        size = min(self.size, 80)
        wide, tall = size * random.uniform(1.2, 3), size * random.uniform(1.2, 2.6)
        gap = random.choice([0.0, random.uniform(0.02, 0.8) * size])
        colour, thick = self.bright * random.uniform(0, 0.8), int(random.integers(1, max(2, size // 14) + 1))
        filled, y = random.uniform(0.3, 1), random.uniform(-0.2, 1) * tall
        while y < side:
            x = random.uniform(-0.5, 0.6) * wide
            for _ in range(int(random.integers(1, 9))):
                cv2.rectangle(sheet.tone, _xy(x, y), _xy(x + wide, y + tall), colour, thick, cv2.LINE_AA)
                if random.random() < filled:
                    self._written_digit(sheet, x + wide / 2, y + tall / 2, size, 0.12 * wide)
                elif random.random() < 0.1:
                    self._mark(sheet, x + wide / 2 - size / 3, y + tall / 2 - size / 3, 0.7 * size)
                x += wide + gap
            y += tall * random.uniform(1.1, 3) + (0.5 * size if random.random() < 0.5 else 0)
            if random.random() < 0.3:
                self._word(sheet, random.uniform(0, 0.4) * side, y - 0.3 * size, random.uniform(8, 24))
                y += size

    def _word(self, sheet: Sheet, x: float, y: float, size: float, hand: Hand | None = None) -> float:
        """Write or print a word, its letters about as large as digits of a size; return where it ends.

        Args:
            hand: that of all words; each time another, or print, if None.
        """
        random, pen = self.random, max(1.0, self.pen * size / 24)
        kind = random.random() if hand is None else 0.5
        if kind < 0.15:  # letters that stand apart
            for _ in range(int(random.integers(1, 8))):
                letter = sign(random, size * random.uniform(0.4, 1), pen)
                sheet.put(letter, x, y + 0.4 * size - letter.shape[0], self._ink(), [OTHER])
                x += letter.shape[1] + size * random.uniform(0.02, 0.25)
            return x + size * random.uniform(0.2, 1)
        if kind < 0.65:
            hand, small = hand or Hand.of(random), random.uniform(0.35, 0.8) if hand is None else 0.5
            ink, owners = written_word(random, size * small, pen, hand)
        else:
            text = letters(random) if kind < 0.9 else "".join(random.choice(list(ASCII), random.integers(1, 8)))
            ink, owners = printed(random, text, size * random.uniform(0.5, 1), script=kind > 0.75), len(text)
        sheet.put(ink, x, y - ink.shape[0] / 2, self._ink(), [OTHER] * owners)
        return x + ink.shape[1] + size * random.uniform(0.2, 1)

    def _text(self, sheet: Sheet) -> None:
        """Write lines of words, most without any digit."""
        random, side = self.random, len(sheet.tone)
        size = self.size * (random.uniform(1, 2) if random.random() < 0.4 else 1)
        numbers, hand = random.choice([0, 0, 0, 0.1]), Hand.of(random) if random.random() < 0.6 else None
        pitch = size * random.uniform(1.2, 2.5)
        y = random.uniform(0, 1) * pitch
        while y < side:
            x = random.uniform(-2, 1) * size
            while x < side:
                if random.random() < numbers:
                    x = self._number(sheet, x, y, int(random.integers(1, 5)), size, False) + 0.5 * size
                else:
                    x = self._word(sheet, x, y, size, hand)
            y += pitch

    def _shapes(self, sheet: Sheet) -> None:
        random, side = self.random, len(sheet.tone)
        for _ in range(int(random.integers(1, 9))):
            size = float(np.exp(random.uniform(np.log(12), np.log(160))))
            self._mark(sheet, *(random.uniform(-0.2, 1, 2) * (side - size)), size)

    def _nothing(self, sheet: Sheet) -> None:
        self._dirt(sheet)

    def _dirt(self, sheet: Sheet) -> None:
        """Draw what lies about: long lines, punched holes, stamps, the edge of a scan, spots, what shines through."""
        random, side = self.random, len(sheet.tone)
        for _ in range(int(random.integers(1, 5))):
            kind = random.random()
            a, b = random.uniform(-0.1, 1.1, (2, 2)) * side
            tone = float(self.bright * random.uniform(0, 1))
            if kind < 0.3:
                cv2.line(sheet.tone, _xy(*a), _xy(*b), tone, int(random.integers(1, 6)), cv2.LINE_AA)
            elif kind < 0.45:
                cv2.circle(sheet.tone, _xy(*a), int(random.uniform(1, 14)), tone, -1, cv2.LINE_AA)
            elif kind < 0.6:
                edge = int(random.uniform(1, 30))
                window = sheet.tone[:, :edge] if random.random() < 0.5 else sheet.tone[-edge:]
                window[:] = tone
            elif kind < 0.75:
                ghost = printed(random, str(random.integers(TEN)), self.size)
                faint = self.bright * (1 - random.uniform(0.01, SEEN))
                sheet.put(ghost, *a, float(faint), None)
            elif kind < 0.9:
                axes = (int(random.uniform(10, 80)), int(random.uniform(10, 80)))
                cv2.ellipse(sheet.tone, _xy(*a), axes, 0, *random.uniform(0, 360, 2), tone, int(random.integers(1, 5)), cv2.LINE_AA)
            else:
                self._mark(sheet, *a, random.uniform(5, 60))


def _xy(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)


def _trimmed(ink: np.ndarray) -> np.ndarray:
    x, y, width, height = cv2.boundingRect(np.uint8(ink > 0.2))
    return ink[y : y + height, x : x + width] if width else ink[:1, :1]


def _dot(random: Random, across: float) -> np.ndarray:
    side = int(np.ceil(across)) + 2
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    flat = np.hypot(x, y * random.uniform(0.8, 1.3))
    return (across / 2 - flat + 0.5).clip(0, 1).astype(np.float32)


def _stroke(random: Random, long: float, pen: float, upright: bool = False, lean: float = 0.15) -> np.ndarray:
    """Draw a short straight stroke: [h, w] float32 in [0, 1]."""
    angle = random.normal(0, 0.08) + (np.pi / 2 + random.uniform(0, lean) if upright else 0)
    arm = np.array([np.cos(angle), np.sin(angle)]) * long / 2
    width, height = np.ceil(2 * np.abs(arm) + pen + 2).astype(int)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x - (width - 1) / 2, y - (height - 1) / 2
    t = ((x * arm[0] + y * arm[1]) / (arm @ arm)).clip(-1, 1)
    return (pen / 2 - np.hypot(x - t * arm[0], y - t * arm[1]) + 0.5).clip(0, 1).astype(np.float32)


def laid(random: Random, sheet: Sheet, side: int, on_desk: bool) -> Sheet:
    """Lay a sheet before the camera: turned, in perspective, a little curled; on a desk, its edges in the picture."""
    given = len(sheet.tone)
    turn = np.clip(random.normal(0, 0.14), -0.45, 0.45)
    zoom = random.uniform(0.55, 1.0) if on_desk else random.uniform(0.95, 1.15)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * given / 2 * (1, 1 if not on_desk else random.uniform(0.6, 1))
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = corners * zoom * (side / given if on_desk else 1) * (1 + random.normal(0, 0.08 if on_desk else 0.04, (4, 2)))
    place = side / 2 + (random.normal(0, 0.18, 2) * side if on_desk else 0)
    whole = np.array([[0, 0], [given, 0], [given, given], [0, given]], np.float32)
    back = cv2.getPerspectiveTransform(np.float32(corners + place), whole)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    curl = cv2.resize(random.standard_normal((4, 4, 2)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    curl *= random.uniform(0, 3)
    u = np.float32((back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth + curl[..., 0])
    v = np.float32((back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth + curl[..., 1])
    edge = cv2.BORDER_CONSTANT if on_desk else cv2.BORDER_REPLICATE
    small = zoom * side / given < 0.7 and on_desk
    source = cv2.GaussianBlur(sheet.tone, None, 0.6) if small else sheet.tone
    tone = cv2.remap(source, u, v, cv2.INTER_LINEAR, borderMode=edge)
    owner = cv2.remap(sheet.owner, u, v, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    if on_desk:
        cover = cv2.remap(np.ones_like(sheet.tone), u, v, cv2.INTER_LINEAR)
        under = desk(random, side)
        if random.random() < 0.6:  # the sheet's shadow
            shift = np.float32([[1, 0, random.normal(0, 4)], [0, 1, random.normal(0, 4)]])
            shade = cv2.GaussianBlur(cv2.warpAffine(cover, shift, (side, side)), None, random.uniform(0.5, 5))
            under = under * (1 - random.uniform(0.2, 0.8) * shade)
        tone = under * (1 - cover) + tone * cover if cover.min() < 1 else tone
        scale = (zoom * side / given) ** 2
        things = [(kind, pixels * scale, contrast) for kind, pixels, contrast in sheet.things]
    else:
        things = [(kind, pixels * zoom**2, contrast) for kind, pixels, contrast in sheet.things]
    return Sheet(np.float32(tone), owner, things)


def lit(random: Random, tone: np.ndarray) -> np.ndarray:
    """Light a scene and take its picture: light and shade, blur, noise, JPEG, either polarity."""
    side = len(tone)
    if random.random() < 0.5:
        y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
        slope = random.normal(0, 0.2, 2)
        tone = tone * (1 + slope[0] * x + slope[1] * y - random.uniform(0, 0.3) * (x * x + y * y)).clip(0.15, 1.6)
        if random.random() < 0.4:  # a shadow falls across it
            normal, off = random.uniform(-1, 1, 2), random.normal(0, 0.5)
            edge = (normal[0] * x + normal[1] * y - off) / random.uniform(0.005, 0.3)
            tone = tone * (1 - random.uniform(0.1, 0.7) / (1 + np.exp(-edge.clip(-30, 30))))
        if random.random() < 0.15:  # a lamp is mirrored
            place = random.uniform(-1, 1, 2)
            tone = tone + random.uniform(0, 0.4) * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 0.1)
        tone = tone * random.uniform(0.5, 1.1)
    if random.random() < 0.45:
        tone = cv2.GaussianBlur(np.float32(tone), None, random.uniform(0.3, 1.6))
    if random.random() < 0.1:  # enlarged
        small = cv2.resize(np.float32(tone), None, fx=random.uniform(0.25, 0.7), fy=random.uniform(0.25, 0.7), interpolation=cv2.INTER_AREA)
        tone = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.2:
        tone = 1 - tone
    if random.random() < 0.15:
        low = random.uniform(0, 0.5)
        tone = low + tone * random.uniform(0.3, 1 - low)
    if random.random() < 0.5:
        grain = random.standard_normal(tone.shape, np.float32)
        if random.random() < 0.4:
            grain = cv2.GaussianBlur(grain, None, 0.8) * 2
        tone = tone + random.uniform(0, 0.07) ** 1.3 * grain
    if random.random() < 0.04:  # two tones, as of a fax
        tone = np.float32(tone > np.median(tone) - random.uniform(0.05, 0.3))
    tone = np.float32(tone).clip(0, 1)
    if random.random() < 0.5:
        _, coded = cv2.imencode(".jpg", np.uint8(255 * tone), [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 96))])
        tone = np.float32(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)) / 255
    return tone


def fallen(sheet: Sheet, quarters: int) -> Sheet:
    """Turn a scene by quarters: its digits are none any more, but for those that look like digits still, or nearly."""
    things = []
    for kind, pixels, contrast in sheet.things:
        if kind in ROUND:
            contrast = min(contrast, (SEEN + CLEAR) / 2)  # so that either answer is right
        elif kind < TEN:
            kind = OTHER
        things.append((kind, pixels, contrast))
    return Sheet(np.rot90(sheet.tone, quarters).copy(), np.rot90(sheet.owner, quarters).copy(), things)


def cut_out(random: Random, sheet: Sheet) -> Sheet:
    """Give only a part of a scene, as a small picture is seen: what lies beyond it is as bright as its border."""
    side = len(sheet.tone)
    numbers = [i + 1 for i, (kind, *_) in enumerate(sheet.things) if kind < TEN]
    width, height = np.exp(random.uniform(np.log(28), np.log(0.9 * side), 2)).astype(int)
    y, x = np.nonzero(sheet.owner == random.choice(numbers)) if numbers and random.random() < 0.8 else ([], [])
    if len(y):  # round a digit, with little or much beside it
        room = random.uniform(0, 0.8)
        if random.random() < 0.6:
            width, height = np.ptp(x) * (1 + room) + 1, np.ptp(y) * (1 + room) + 1
        else:
            width, height = max(width, np.ptp(x) * (1 + room)), max(height, np.ptp(y) * (1 + room))
        width, height = int(width), int(height)
        if random.random() < 0.3:  # with its whole line
            width = int(side * random.uniform(0.5, 1))
        middle = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    else:
        middle = random.uniform(0, side, 2)
    width, height = min(width, side), min(height, side)
    left, top = (
        int(np.clip(m - n / 2 + random.normal(0, 0.05) * n, 0, side - n)) for m, n in zip(middle, (width, height), strict=True)
    )
    window = slice(top, top + height), slice(left, left + width)
    room = side - height, side - width
    offset = [n // 2 for n in room]
    tone = padded(sheet.tone[window], offset, (side, side))
    owner = np.zeros_like(sheet.owner)
    owner[offset[0] : offset[0] + height, offset[1] : offset[1] + width] = sheet.owner[window]
    return Sheet(tone, owner, sheet.things)


def boxes(owner: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the box (left, top, right, bottom) of each thing, [count, 4], and how many pixels it has, [count]."""
    y, x = np.nonzero(owner)
    who = owner[y, x] - 1
    box = np.zeros((count, 4), np.int64)
    box[:, :2] = 10**6
    np.minimum.at(box[:, 0], who, x)
    np.minimum.at(box[:, 1], who, y)
    np.maximum.at(box[:, 2], who, x + 1)
    np.maximum.at(box[:, 3], who, y + 1)
    return box, np.bincount(who, minlength=count)


def targets(owner: np.ndarray, things: list[tuple[int, int, float]]) -> np.ndarray:
    """Return what the network is to say of a scene: [22, H / CELL, W / CELL] float32.

    Of each quarter of a cell: 4 channels for strokes of digits and their signs, 4 and 4 for how far right and down the
    middle of the digit is, in pixels, 4 that say whether it counts. Of each cell: HEATS channels with a peak in the
    middle of each thing, the digit there (-1 if none), whether its heat counts.
    """
    rows, columns = (n // CELL for n in owner.shape)
    box, pixels = boxes(owner, len(things))
    kinds = np.array([kind for kind, *_ in things], int)
    whole = np.array([n for _, n, _ in things], float)
    contrast = np.array([c for *_, c in things], float)
    size = (box[:, 2:] - box[:, :2]).max(axis=1, initial=0)
    share = pixels / np.maximum(whole, 1)
    written = (kinds != OTHER) & (pixels > 0)
    signs = written & (kinds >= TEN)
    small, large = np.where(signs, 0, SMALLEST), np.where(signs, LARGEST, LARGEST)
    shown = written & (contrast >= CLEAR) & (share >= WHOLE) & (size >= small) & (size <= large)
    none = (contrast < SEEN) | (share < CUT) | (~signs & (size < BEYOND[0])) | (size > BEYOND[1])
    unsure = written & ~shown & ~none
    heat = np.zeros((HEATS, rows, columns), np.float32)
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
    strokes = sum(known[part] for part in half) >= 2
    who = np.maximum.reduce([np.where(known[part] > 0, part, 0) for part in half])
    yy, xx = np.mgrid[: rows * 2, : columns * 2]
    right, down = middle[who, 0] - (2 * xx + 1), middle[who, 1] - (2 * yy + 1)
    sure = 1 - np.maximum.reduce([doubt[part] for part in half])
    quarters = [_unshuffled(part.astype(np.float32)) for part in (strokes, right * strokes, down * strokes, sure)]
    return np.concatenate([*quarters, heat, label[None], counts[None]])


def _unshuffled(plane: np.ndarray) -> np.ndarray:
    """Lay the four quarters of each cell into four channels, as `torch.nn.PixelShuffle` takes them."""
    return np.stack([plane[y::2, x::2] for y in (0, 1) for x in (0, 1)])
