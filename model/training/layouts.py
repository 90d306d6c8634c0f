"""Sheets as people fill them: numbers, tables, boxes, words, signs, with MNIST's digits and those of our own pen."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from model.networks import SIGNS
from model.training.augment import enlarge, skeleton_distances
from model.training.grounds import leaves, paper, rules
from model.training.handwriting import ASCII, Hand, inked, letters, outline, printed, separator, sign, written_word
from model.training.shapes import DIGITS
from model.training.styles import GRID, draw_all

DRAWN, SCANNED = 0.25, 0.3  # shares of our own pen, and of MNIST's digits as they were scanned
ALIKE = 0.4  # share of the words in which digits stand for the letters that look like them
GHOST = 0.03  # contrast that what shines through the paper stays below
STRUCK = 0.015  # share of the digits of a number that are scribbled out
TEN = 10  # kinds of digits; signs and others are counted from here on
OTHER = TEN + len(SIGNS)

Random = np.random.Generator


@dataclass
class Sheet:
    """A sheet while it is written on.

    Attributes:
        tone: [S, S] float32, brightness.
        owner: [S, S] int16, whose stroke each pixel is: 0 for nobody's, else 1 + its place in `things`.
        things: of each its kind (0 to 9, TEN plus the place of its sign, OTHER), how many pixels it has, its contrast.
    """

    tone: np.ndarray
    owner: np.ndarray
    things: list[tuple[int, int, float]] = field(default_factory=list)

    def put(self, ink: np.ndarray, left: float, top: float, colour: float, kinds: list[int] | None = None) -> None:
        """Write ink [h, w] with its corner at a place; its equal parts from left to right are new things."""
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


class Pools:
    """The digits that are written: MNIST's, as scans and as distances from their skeletons, and our own pen's.

    Args:
        glyphs: [N, 1, 28, 28] float32 in [0, 1].
        labels: [N] int64, 0 to 9.
        per_shape: how many drawings are kept of each shape.
    """

    def __init__(self, glyphs: torch.Tensor, labels: torch.Tensor, per_shape: int):
        self.maps = skeleton_distances(glyphs).numpy()
        self.scans = (255 * enlarge(glyphs)).round().to(torch.uint8).numpy()
        self.labels = labels.numpy()
        drawn, drawn_labels = draw_all(DIGITS, per_shape)
        self.drawn, self.drawn_labels = drawn.numpy(), drawn_labels.numpy()


class Writer:
    """Somebody who fills a sheet with given digits, in one of many ways, with one pen.

    Args:
        random: decides the rest.
        pools: of digits.
        chosen: places in the pools, of the digits that are written first.
        larger: how much larger to write, for a sheet that is seen from further away.
    """

    def __init__(self, random: Random, pools: Pools, chosen: np.ndarray, larger: float):
        self.random, self.pools, self.queue, self.larger = random, pools, list(chosen), larger

    def photo(self, side: int) -> Sheet:
        """Return a picture like a photo, with some print in it or none."""
        random = self.random
        sheet = Sheet(leaves(random, side), np.zeros((side, side), np.int16))
        if random.random() < 0.25:  # a sign in it, a caption
            for _ in range(int(random.integers(1, 4))):
                size = random.uniform(6, 30)
                text = printed(random, letters(random), size)
                sheet.put(text, *random.uniform(0, side, 2), random.random(), None)
        return sheet

    def sheet(self, side: int) -> Sheet:
        """Fill a sheet, `side` pixels wide and high."""
        random, sheet = self.random, self._blank(side)
        layout = random.choice(
            [
                self._alone,
                self._numbers,
                self._scattered,
                self._grid,
                self._boxes,
                self._text,
                self._shapes,
                self._dirt,
            ],
            p=[0.1, 0.28, 0.07, 0.12, 0.1, 0.23, 0.08, 0.02],
        )
        if layout in (self._alone, self._numbers, self._scattered, self._text) and random.random() < 0.3:
            rules(random, sheet.tone, max(8, self.size * random.uniform(0.8, 2)))
        layout(sheet)
        if random.random() < 0.12:
            self._dirt(sheet)
        return sheet

    def number(self, side: int = 448) -> tuple[Sheet, str]:
        """Write one number on a sheet, `side` pixels wide and high: the sheet, and its digits and signs."""
        random, sheet = self.random, self._blank(side)
        length = int(random.integers(1, 8))
        size = min(self.size, 0.8 * side / (1.1 * length + 1))
        self._number(sheet, 0.08 * side, side / 2, length, size, random.random() < 0.6)
        kinds = [kind for kind, *_ in sheet.things if kind != OTHER]
        return sheet, "".join(str(kind) if kind < TEN else SIGNS[kind - TEN] for kind in kinds)

    def _blank(self, side: int) -> Sheet:
        """Take a sheet of paper and a pen."""
        random = self.random
        self.bright = random.uniform(0.75, 1) if random.random() < 0.6 else random.uniform(0.25, 1)
        if random.random() < 0.25:  # very clean: a canvas, a scan
            tone = np.full((side, side), 1.0, np.float32)
            self.bright = 1.0
        else:
            tone = paper(random, side) * np.float32(self.bright)
        self.dark = self.bright * (random.uniform(0, 0.3) if random.random() < 0.6 else random.uniform(0, 0.85))
        self.size = self.larger * float(np.exp(random.uniform(np.log(15), np.log(60))))
        self.pen = float(0.8 * (5 / 0.8) ** random.random())  # in pixels of a glyph, which is 20 long
        self.lean = random.normal(0, 0.18)
        return Sheet(tone, np.zeros((side, side), np.int16))

    def _ink(self) -> float:
        return float(np.clip(self.dark * self.random.uniform(0.8, 1.25), 0, 0.95 * self.bright))

    def digit(self, size: float, pen: float, lean: float = 0.0) -> tuple[np.ndarray, int]:
        """Write the next digit: its ink [h, w] float32 in [0, 1], about `size` pixels long, and which it is."""
        random = self.random
        place = int(self.queue.pop()) if self.queue else int(random.integers(len(self.pools.labels)))
        label, scanned = int(self.pools.labels[place]), random.random() < SCANNED
        if random.random() < DRAWN:
            place, scanned = int(random.integers(len(self.pools.drawn))), False
            source, label = self.pools.drawn[place], int(self.pools.drawn_labels[place])
        else:
            source = self.pools.scans[place] if scanned else self.pools.maps[place]
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
        widest = 1.2 if random.random() < 0.15 else 0.5
        signs = self._signs(length)
        edge = np.full(len(sheet.tone) + 400, -np.inf)  # how far right it reaches, from 200 rows above on
        for i in range(length):
            if i in signs:
                x = self._separator(sheet, signs[i], x, middle, size, pen, colour)
                edge[:] = -np.inf
            ink, label = self.digit(size * np.exp(random.normal(-0.02, uneven)), pen, self.lean)
            if random.random() < STRUCK:
                ink, label = scribbled(random, ink, pen * size / 20), OTHER
            top = round(middle + size / 2 + random.normal(0, 0.06) * size - ink.shape[0]) + 200
            rows = slice(max(0, top), max(0, min(top + ink.shape[0], len(edge))))
            on = ink[: rows.stop - rows.start] > 0.4
            first = np.where(on.any(axis=1), on.argmax(axis=1), np.inf)
            last = np.where(on.any(axis=1), ink.shape[1] - on[:, ::-1].argmax(axis=1), -np.inf)
            if np.isfinite(met := (edge[rows] - first).max(initial=-np.inf)):  # where their strokes meet
                x = max(x - 0.6 * size, met)
                near = touching and random.random() < 0.75
                x += -random.uniform(0, 0.5) * pen * size / 20 - 1 if near else random.uniform(0.04, widest) * size
            x = round(x)
            sheet.put(ink, x, top - 200, colour, [label])
            edge[rows] = np.maximum(edge[rows], last + x)
            x += ink.shape[1]
        return self._separator(sheet, signs[length], x, middle, size, pen, colour) if length in signs else x

    def _signs(self, length: int) -> dict[int, str]:
        """Make up what stands before which digit of a number, and behind the last: a point, the signs of a date."""
        random, signs = self.random, {}
        if random.random() < 0.05:
            signs[0] = "-" if random.random() < 0.85 else "+"
        if random.random() < 0.02:
            signs[length] = str(random.choice(list("-=/.")))
        if length == 1 or random.random() > 0.35:
            return signs
        places, kind = (1 + random.permutation(length - 1)[:2]).tolist(), random.random()
        if kind < 0.4:
            some = str(random.choice([".", ","], p=[0.6, 0.4]))
            places = places[:1]
        elif kind < 0.55:
            some = ":"
        elif kind < 0.75:
            some = str(random.choice(list("/-.")))
        elif kind < 0.9:
            some = str(random.choice(list("+-"))) + "="
        else:
            some = "".join(random.choice(list(SIGNS), 2))
        return signs | dict(zip(sorted(places), some * 2, strict=False))

    def _separator(
        self, sheet: Sheet, text: str, x: float, middle: float, size: float, pen: float, colour: float
    ) -> float:
        """Write a sign of a number; return where it ends."""
        random = self.random
        ink, top = separator(random, text, size, max(1.2, pen * size / 20))
        most = 0.2 if text in ".," else 0.5
        x += size * (random.uniform(-0.1 if text in ".," else 0.03, most))
        sheet.put(ink, x, middle + top, colour, [TEN + SIGNS.index(text)])
        return x + ink.shape[1] + size * random.uniform(0.03, most)

    def _alone(self, sheet: Sheet) -> None:
        random, side = self.random, len(sheet.tone)
        self.size = float(np.exp(random.uniform(np.log(14), np.log(76))))
        self.pen = float(0.8 * (7 / 0.8) ** random.random())
        for _ in range(1 if random.random() < 0.7 else int(random.integers(2, 4))):
            ink, label = self.digit(self.size, self.pen, self.lean)
            if random.random() < 0.15:
                ink, label = sign(random, self.size, max(1.0, self.pen * self.size / 20)), OTHER
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
            middle, axes = (
                (round(x + width / 2), round(y + height / 2)),
                (round(width / 2 + away), round(height / 2 + away)),
            )
            cv2.ellipse(sheet.tone, middle, axes, random.normal(0, 8), 0, 360, colour, thick, cv2.LINE_AA)
        else:
            foot = round(y + height + 0.3 * away)
            cv2.line(sheet.tone, (a[0], foot), (b[0], foot + round(random.normal(0, 2))), colour, thick, cv2.LINE_AA)

    def _numbers(self, sheet: Sheet) -> None:
        random, side = self.random, len(sheet.tone)
        size = min(self.size, 90)
        pitch, touching = size * random.uniform(1.15, 2.2), random.random() < 0.6
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
        if kind < 0.08:
            self._separator(sheet, str(random.choice(list(SIGNS))), x, y, size, 20 * pen / size, self._ink())
        elif kind < 0.6:
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
        columns, rows = np.arange(left, max(far, left + 2 * wide), wide), np.arange(top, max(low, top + 2 * tall), tall)
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
                    length, touching = int(random.integers(1, digits + 1)), random.random() < 0.3
                    self._number(sheet, x + 0.1 * wide, y + tall / 2, length, size, touching)
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
            small = size * (random.uniform(0.35, 0.8) if hand is None else 0.5)
            x = self._handwritten(sheet, x, y + 0.25 * size, small, pen, hand or Hand.of(random))
            return x + size * random.uniform(0.2, 1)
        text = letters(random) if kind < 0.9 else "".join(random.choice(list(ASCII), random.integers(1, 8)))
        ink = printed(random, text, size * random.uniform(0.5, 1), script=kind > 0.75)
        sheet.put(ink, x, y - ink.shape[0] / 2, self._ink(), [OTHER] * len(text))
        return x + ink.shape[1] + size * random.uniform(0.2, 1)

    def _handwritten(self, sheet: Sheet, x: float, foot: float, small: float, pen: float, hand: Hand) -> float:
        """Write a word on a line; return where it ends. In some, digits stand for letters: an o is a 0, an s a 5."""
        random, colour = self.random, self._ink()
        alike = random.random() < ALIKE
        for _ in range(int(random.integers(1, 4)) if alike else 1):
            ink, owners, base = written_word(random, small, pen, hand, most=4 if alike else 9)
            sheet.put(ink, x, foot - base, colour, [OTHER] * owners)
            x += ink.shape[1] + small * random.uniform(0.02, 0.25)
            if alike and random.random() < 0.8:
                ink, _ = self.digit(small * random.uniform(0.9, 2), 20 * pen / (1.5 * small), self.lean)
                sheet.put(ink, x, foot - ink.shape[0], colour, [OTHER])
                x += ink.shape[1] + small * random.uniform(0.02, 0.25)
        return x

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
                faint = self.bright * (1 - random.uniform(0.01, GHOST))
                sheet.put(ghost, *a, float(faint), None)
            elif kind < 0.9:
                axes = (int(random.uniform(10, 80)), int(random.uniform(10, 80)))
                cv2.ellipse(
                    sheet.tone,
                    _xy(*a),
                    axes,
                    0,
                    *random.uniform(0, 360, 2),
                    tone,
                    int(random.integers(1, 5)),
                    cv2.LINE_AA,
                )
            else:
                self._mark(sheet, *a, random.uniform(5, 60))


def scribbled(random: Random, ink: np.ndarray, pen: float) -> np.ndarray:
    """Cross a digit out, by a zigzag or lines through it: [h, w] float32 in [0, 1], a little larger."""
    height, width = ink.shape
    n = int(random.integers(2, 8))
    down = height * (np.linspace(0.15, 0.85, n) + random.normal(0, 0.05, n))
    across = width * (np.arange(n) % 2 + random.normal(0, 0.15, n))
    zigzag = np.stack([across, down], 1)
    strokes = [zigzag] if n > 3 else [np.stack([across, down + 0.2 * height], 1), np.stack([across, height - down], 1)]
    over = inked(strokes, max(1.2, pen))
    left, top = (round(max(0, (a - b) / 2)) for a, b in zip(over.shape[::-1], ink.shape[::-1], strict=True))
    board = np.zeros((max(over.shape[0], top + height), max(over.shape[1], left + width)), np.float32)
    board[top : top + height, left : left + width] = ink
    y, x = ((a - b) // 2 for a, b in zip(board.shape, over.shape, strict=True))
    window = board[y : y + over.shape[0], x : x + over.shape[1]]
    np.maximum(window, over, out=window)
    return board


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
