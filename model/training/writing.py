"""Digits, signs and numbers written on a synthetic sheet."""

import cv2
import numpy as np

from model.networks import SIGNS
from model.training.backgrounds import paper
from model.training.handwriting import cross_out, outline, separator, sign
from model.training.pen import GRID
from model.training.sheet import DIGIT_KINDS, OTHER, Pools, Random, Sheet, dot, trimmed

OWN_PEN, SCANNED = 0.25, 0.3  # fractions: digits drawn by our simulated pen; MNIST digits used as scanned
STRUCK = 0.015  # fraction of the digits of a number that are crossed out


class NumberWriter:
    """A simulated writer, who fills a sheet with given digits in one of many layouts, with one pen.

    Args:
        random: determines everything else.
        pools: the digits.
        chosen: indices into the pools of the digits to write first.
        larger: scale of the writing, for a sheet that is seen from further away.
    """

    def __init__(self, random: Random, pools: Pools, chosen: np.ndarray, larger: float):
        self.random, self.pools, self.queue, self.larger = random, pools, list(chosen), larger
        self.steady = False  # whether a number's digits are of similar size, written with one pen, and not crossed out

    def number(self, side: int = 448, clean: bool = False) -> tuple[Sheet, str]:
        """Write one number on a sheet, `side` pixels wide and high; return the sheet and the number's text.

        If `clean`, the paper is white, the pen black and neither too thin nor too thick, as on a canvas, and the digits
        are written steadily.
        """
        random, sheet = self.random, self._sheet_for_one(side, clean)
        self.steady = clean
        length = int(random.integers(1, 8))
        size = min(self.size, 0.8 * side / (1.1 * length + 1))
        self._number(sheet, 0.08 * side, side / 2, length, size, random.random() < 0.6)
        kinds = [kind for kind, *_ in sheet.things if kind != OTHER]
        return sheet, "".join(str(kind) if kind < DIGIT_KINDS else SIGNS[kind - DIGIT_KINDS] for kind in kinds)

    def _sheet_for_one(self, side: int, clean: bool) -> Sheet:
        """Choose a sheet and a pen for one number, or for something else that stands alone."""
        random, sheet = self.random, self._blank(side)
        if clean:
            sheet, self.bright, self.dark = Sheet(np.ones((side, side), np.float32), sheet.owner), 1.0, 0.0
            self.size, self.pen = random.uniform(40, 110), random.uniform(1, 2.6)
        return sheet

    def _blank(self, side: int) -> Sheet:
        """Choose a blank sheet and a pen at random."""
        random = self.random
        self.bright = random.uniform(0.75, 1) if random.random() < 0.6 else random.uniform(0.25, 1)
        if random.random() < 0.25:  # perfectly clean, like a canvas or a scan
            tone = np.full((side, side), 1.0, np.float32)
            self.bright = 1.0
        else:
            tone = paper(random, side) * np.float32(self.bright)
        self.dark = self.bright * (random.uniform(0, 0.3) if random.random() < 0.6 else random.uniform(0, 0.85))
        self.size = self.larger * float(np.exp(random.uniform(np.log(15), np.log(60))))
        self.pen = float(0.8 * (5 / 0.8) ** random.random())  # in glyph pixels; a digit is 20 long
        self.lean = random.normal(0, 0.18)
        return Sheet(tone, np.zeros((side, side), np.int16))

    def _ink(self) -> float:
        return float(np.clip(self.dark * self.random.uniform(0.8, 1.25), 0, 0.95 * self.bright))

    def digit(self, size: float, pen: float, lean: float = 0.0) -> tuple[np.ndarray, int]:
        """Write the next digit: its ink [h, w] float32 in [0, 1], about `size` pixels long, and its label."""
        random = self.random
        place = int(self.queue.pop()) if self.queue else int(random.integers(len(self.pools.labels)))
        label, scanned = int(self.pools.labels[place]), random.random() < SCANNED and not self.steady
        if random.random() < OWN_PEN:
            place, scanned = int(random.integers(len(self.pools.drawn))), False
            source, label = self.pools.drawn[place], int(self.pools.drawn_labels[place])
        else:
            source = self.pools.scans[place] if scanned else self.pools.maps[place]
        if label not in (1, 4, 7):
            pen = min(pen, 5.5)
        scale = size / 20
        long = int(np.ceil(32 * scale))
        angle, shear = random.normal(0, 0.08), lean + random.normal(0, 0.08)
        aspect = np.exp(random.normal(0, 0.12))
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[aspect, shear], [0, 1]]
        matrix *= GRID / 28 / scale
        affine = np.column_stack([matrix, GRID / 2 - 0.5 - matrix @ [long / 2, long / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(source, affine, (long, long), flags=flags, borderValue=0 if scanned else 96)
        if scanned:
            ink = (warped * (random.uniform(1, 1.6) / 255)).clip(0, 1).astype(np.float32)
        else:
            width = max(pen * scale, random.uniform(0.9, 1.3))
            ink = ((width / 2 - warped * (scale / 16)) / random.uniform(0.8, 1.6) + 0.5).clip(0, 1).astype(np.float32)
        return trimmed(ink), label

    def _number(self, sheet: Sheet, left: float, middle: float, length: int, size: float, touching: bool) -> float:
        """Write a number starting at `left`; return the x where it ends."""
        random, colour = self.random, self._ink()
        pen, x = self.pen * random.uniform(0.9, 1.1), left
        uneven = 0.25 if random.random() < 0.3 and not self.steady else 0.07
        widest = 1.2 if random.random() < 0.15 else 0.5
        signs = self._signs(length)
        edge = np.full(len(sheet.tone) + 400, -np.inf)  # right edge of the ink per row, from 200 rows above the sheet
        for i in range(length):
            if i in signs:
                x = self._separator(sheet, signs[i], x, middle, size, pen, colour)
                edge[:] = -np.inf
            ink, label = self.digit(size * np.exp(random.normal(-0.02, uneven)), pen, self.lean)
            if random.random() < STRUCK and not self.steady:
                ink, label = cross_out(random, ink, pen * size / 20), OTHER
            top = round(middle + size / 2 + random.normal(0, 0.06) * size - ink.shape[0]) + 200
            rows = slice(max(0, top), max(0, min(top + ink.shape[0], len(edge))))
            on = ink[: rows.stop - rows.start] > 0.4
            first = np.where(on.any(axis=1), on.argmax(axis=1), np.inf)
            last = np.where(on.any(axis=1), ink.shape[1] - on[:, ::-1].argmax(axis=1), -np.inf)
            if np.isfinite(met := (edge[rows] - first).max(initial=-np.inf)):  # x at which their strokes meet
                x = max(x - 0.6 * size, met)
                near = touching and random.random() < 0.75
                x += -random.uniform(0, 0.5) * pen * size / 20 - 1 if near else random.uniform(0.04, widest) * size
            x = round(x)
            sheet.put(ink, x, top - 200, colour, [label])
            edge[rows] = np.maximum(edge[rows], last + x)
            x += ink.shape[1]
        return self._separator(sheet, signs[length], x, middle, size, pen, colour) if length in signs else x

    def _signs(self, length: int) -> dict[int, str]:
        """Choose the signs of a number, such as a point or those of a date: {index of the digit that follows: sign}.

        A sign after the last digit has the index `length`.
        """
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
        """Write a sign of a number; return the x where it ends."""
        random = self.random
        ink, top = separator(random, text, size, max(1.2, pen * size / 20))
        most = 0.2 if text in ".," else 0.5
        x += size * (random.uniform(-0.1 if text in ".," else 0.03, most))
        sheet.put(ink, x, middle + top, colour, [DIGIT_KINDS + SIGNS.index(text)])
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
                    self._enclose(sheet, x, y, ink)

    def _enclose(self, sheet: Sheet, x: float, y: float, ink: np.ndarray) -> None:
        """Draw a box or a ring around a digit, or a line below it."""
        random, colour = self.random, self._ink()
        height, width = ink.shape
        away = self.size * random.uniform(0.15, 0.8)
        thick = int(random.integers(1, 2 + self.size // 12))
        a, b = (round(x - away), round(y - away)), (round(x + width + away), round(y + height + away))
        kind = random.random()
        if kind < 0.5:
            cv2.rectangle(sheet.tone, a, b, colour, thick, cv2.LINE_AA)
        elif kind < 0.75:
            middle = round(x + width / 2), round(y + height / 2)
            axes = round(width / 2 + away), round(height / 2 + away)
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
        """Draw a non-digit: a letter, a sign, a shape or a spot."""
        random, pen = self.random, max(1.0, self.pen * size / 20)
        kind = random.random()
        if kind < 0.08:
            self._separator(sheet, str(random.choice(list(SIGNS))), x, y, size, 20 * pen / size, self._ink())
        elif kind < 0.6:
            sheet.put(sign(random, size, pen), x, y, self._ink(), [OTHER])
        elif kind < 0.85:
            sheet.put(outline(random, size, pen), x, y, self._ink(), [OTHER])
        else:
            sheet.put(dot(random, random.uniform(0.1, 0.8) * size), x, y, self._ink(), [OTHER])
