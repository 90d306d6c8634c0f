"""Synthetic sheets, laid out as people fill them in: numbers, tables, boxes, words, signs; MNIST or drawn digits."""

from itertools import pairwise

import cv2
import numpy as np

from model.training.backgrounds import leaves, rules
from model.training.handwriting import Hand, sign, written_word
from model.training.letters import ASCII, letters, printed
from model.training.sheet import DIGIT_KINDS, OTHER, Sheet
from model.training.writing import NumberWriter

ALIKE = 0.4  # fraction of handwritten words with digits among their letters
GHOST = 0.03  # upper limit of the contrast of print that shows through the paper


class Writer(NumberWriter):
    """A simulated writer, who fills a sheet in one of many layouts; same arguments as `NumberWriter`."""

    def photo(self, side: int) -> Sheet:
        """Return a photo-like picture, with or without print in it."""
        random = self.random
        sheet = Sheet(leaves(random, side), np.zeros((side, side), np.int16))
        if random.random() < 0.25:  # a sign or a caption
            for _ in range(int(random.integers(1, 4))):
                size = random.uniform(6, 30)
                text = printed(random, letters(random), size)
                sheet.put(text, *random.uniform(0, side, 2), random.random(), None)
        return sheet

    def no_number(self, side: int = 448, clean: bool = False) -> Sheet:
        """Write a word, a sign or a shape alone on a sheet, or draw clutter or a frame; same arguments as `number`."""
        random, sheet = self.random, self._sheet_for_one(side, clean)
        kind = random.random()
        if kind < 0.6:
            self._word(sheet, 0.1 * side, side / 2, self.size, Hand(random) if random.random() < 0.5 else None)
        elif kind < 0.8:
            self._mark(sheet, *random.uniform(0.2, 0.5, 2) * side, self.size)
        elif kind < 0.9:
            self._dirt(sheet)
        else:
            self._enclose(sheet, 0.3 * side, 0.4 * side, np.zeros((round(self.size), round(3 * self.size))))
        return sheet

    def letter(self, side: int = 448, clean: bool = False) -> Sheet:
        """Write one letter by hand, alone on a sheet; same arguments as `number`."""
        random, sheet = self.random, self._sheet_for_one(side, clean)
        pen = max(1.0, self.pen * self.size / 20)
        ink, owners, _ = written_word(random, self.size * random.uniform(0.4, 1), pen, Hand(random), most=1)
        sheet.put(ink, *random.uniform(0.1, 0.5, 2) * side, self._ink(), [OTHER] * owners)
        return sheet

    def clutter(self, sheet: Sheet) -> None:
        """Draw clutter on and around what is written, or a frame around it, a line below, or a box for each symbol."""
        random, (y, x) = self.random, np.nonzero(sheet.owner)
        kind = random.random()
        if kind < 0.3 or not len(y):
            self._dirt(sheet)
        elif kind < 0.6:
            self._enclose(sheet, x.min(), y.min(), sheet.owner[y.min() : y.max(), x.min() : x.max()])
        else:
            each = [np.flatnonzero((sheet.owner == i + 1).any(axis=0)) for i in range(len(sheet.things))]
            edges = sorted((some[0], some[-1]) for some in each if len(some))
            away, colour, thick = random.uniform(0.1, 0.6) * self.size, self._ink(), int(random.integers(1, 4))
            bars = [x.min() - away, *((a + b) / 2 for (_, a), (b, _) in pairwise(edges)), x.max() + away]
            top, foot = y.min() - away, y.max() + away
            for left, right in pairwise(bars):
                cv2.rectangle(sheet.tone, _xy(left, top), _xy(right, foot), colour, thick, cv2.LINE_AA)

    def sheet(self, side: int) -> Sheet:
        """Fill a sheet, `side` pixels wide and high."""
        random, sheet = self.random, self._blank(side)
        digits = self._alone, self._numbers, self._scattered
        layouts = [*digits, self._grid, self._boxes, self._text, self._shapes, self._dirt]
        layout = random.choice(layouts, p=[0.1, 0.28, 0.07, 0.12, 0.1, 0.23, 0.08, 0.02])
        if layout in (*digits, self._text) and random.random() < 0.3:
            rules(random, sheet.tone, max(8, self.size * random.uniform(0.8, 2)))
        layout(sheet)
        if random.random() < 0.12:
            self._dirt(sheet)
        return sheet

    def _grid(self, sheet: Sheet) -> None:
        """Draw a table of ruled or boxed cells: some hold written or printed digits, some words, some are empty."""
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
        label = int(self.random.integers(DIGIT_KINDS))
        ink = printed(self.random, str(label), size)
        sheet.put(ink, x - ink.shape[1] / 2, y - ink.shape[0] / 2, self._ink(), [label])

    def _written_digit(self, sheet: Sheet, x: float, y: float, size: float, stray: float) -> None:
        random = self.random
        ink, label = self.digit(size * random.uniform(0.7, 1.15), self.pen, self.lean)
        x, y = x + random.normal(0, max(stray, 0)), y + random.normal(0, max(stray, 0))
        sheet.put(ink, x - ink.shape[1] / 2, y - ink.shape[0] / 2, self._ink(), [label])

    def _boxes(self, sheet: Sheet) -> None:
        """Draw separate boxes, single or in rows, each with a digit or empty."""
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
        """Write or print a word, its letters about as large as digits of `size`; return the x where it ends.

        Args:
            hand: the handwriting of all words; if None, each word gets a new hand or is printed.
        """
        random, pen = self.random, max(1.0, self.pen * size / 24)
        kind = random.random() if hand is None else 0.5
        if kind < 0.15:  # separate letters
            for _ in range(int(random.integers(1, 8))):
                letter = sign(random, size * random.uniform(0.4, 1), pen)
                sheet.put(letter, x, y + 0.4 * size - letter.shape[0], self._ink(), [OTHER])
                x += letter.shape[1] + size * random.uniform(0.02, 0.25)
            return x + size * random.uniform(0.2, 1)
        if kind < 0.65:
            small = size * (random.uniform(0.35, 0.8) if hand is None else 0.5)
            x = self._handwritten(sheet, x, y + 0.25 * size, small, pen, hand or Hand(random))
            return x + size * random.uniform(0.2, 1)
        text = letters(random) if kind < 0.9 else "".join(random.choice(list(ASCII), random.integers(1, 8)))
        ink = printed(random, text, size * random.uniform(0.5, 1), script=kind > 0.75)
        sheet.put(ink, x, y - ink.shape[0] / 2, self._ink(), [OTHER] * len(text))
        return x + ink.shape[1] + size * random.uniform(0.2, 1)

    def _handwritten(self, sheet: Sheet, x: float, foot: float, small: float, pen: float, hand: Hand) -> float:
        """Write a word on a line; return the x where it ends. Some have digits, labelled OTHER, among their letters."""
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
        """Write lines of words, mostly without digits."""
        random, side = self.random, len(sheet.tone)
        size = self.size * (random.uniform(1, 2) if random.random() < 0.4 else 1)
        numbers, hand = random.choice([0, 0, 0, 0.1]), Hand(random) if random.random() < 0.6 else None
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
        """Draw clutter: long lines, punched holes, stamps, scan edges, spots, print that shows through the paper."""
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
                ghost = printed(random, str(random.integers(DIGIT_KINDS)), self.size)
                faint = self.bright * (1 - random.uniform(0.01, GHOST))
                sheet.put(ghost, *a, float(faint), None)
            elif kind < 0.9:
                axes, ends = random.uniform(10, 80, 2).astype(int), random.uniform(0, 360, 2)
                cv2.ellipse(sheet.tone, _xy(*a), axes, 0, *ends, tone, int(random.integers(1, 5)), cv2.LINE_AA)
            else:
                self._mark(sheet, *a, random.uniform(5, 60))


def _xy(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)
