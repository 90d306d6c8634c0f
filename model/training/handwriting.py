"""Words and signs that appear next to digits on paper, in synthetic handwriting and in print."""

from itertools import pairwise

import cv2
import numpy as np

from model.training.letters import CURSIVE, FINER, OTHERS, PLAIN, letters, smaller

Random = np.random.Generator

ONES = {"0,0 0,10; 4,0 4,10", "0,0 6,10; 3,0 9,10"}  # shapes whose individual strokes look like the digit 1
AMONG_DIGITS = {"0,5 10,5; 5,0 5,10", "0,0 8,0; 0,4 8,4", "0,0 10,0.5"}  # plus, equals, minus: see `separator`
LETTERS_AND_SIGNS = [shape for shape in OTHERS if shape not in ONES | AMONG_DIGITS]
SLIM = 0.6  # ratio of width to height below which an upright shape is a one


class Hand:
    """One person's handwriting, at random."""

    def __init__(self, random: Random):
        plain = random.choice([0.0, 0.3, 0.9])  # fraction of the letters that are not cursive
        self.forms = {
            letter: _deformed(random, (PLAIN if random.random() < plain else CURSIVE)[letter]) for letter in CURSIVE
        }
        self.joined = 0.0 if plain > 0.5 else random.choice([0.0, 0.5, 1.0])  # probability that letters are joined
        self.wide, self.shake = random.uniform(0.6, 1.3), random.uniform(0.02, 0.1)  # width; shake of each point
        self.slant, self.apart = random.normal(0.2, 0.3), random.uniform(0, 0.4)  # in heights; space between letters


def _deformed(random: Random, letter: str) -> list[np.ndarray]:
    """Bend, stretch, squeeze and shear a letter at random, into the form that one hand gives it."""
    matrix = np.eye(2) + random.normal(0, 0.12, (2, 2))
    return [(part + 0.05 * random.standard_normal(part.shape)) @ matrix for part in points_of(letter)]


def written_word(random: Random, size: float, pen: float, hand: Hand, most: int) -> tuple[np.ndarray, int, float]:
    """Write a random word by hand: ink [H, W] float32 in [0, 1], its number of letters, and the row of its baseline.

    Args:
        random: determines the word.
        size: x-height, in pixels.
        pen: pen width, in pixels.
        hand: the handwriting to use.
        most: maximum number of letters.
    """
    word, strokes, path, x = letters(random, most), [], [], 0.0
    for letter in word:
        parts = hand.forms[letter] if letter in hand.forms else _capital(random)
        parts = [(part + hand.shake * random.standard_normal(part.shape)) * (hand.wide, 1) for part in parts]
        if path and random.random() > hand.joined:
            strokes.append(np.concatenate(path))
            path = []
            x += hand.apart * random.uniform(0.5, 1.5)
        path.append(parts[0] + (x, 0))
        strokes += [np.add(part, (x, 0)) for part in parts[1:]]
        x += max(part[:, 0].max() for part in parts) * random.uniform(0.9, 1.15)
    strokes.append(np.concatenate(path))
    lean = np.array([[1, 0], [-hand.slant, 1]])
    strokes = [size * curve(stroke @ lean) for stroke in strokes]
    return draw_strokes(strokes, pen), len(word), pen / 2 + 1 - min(stroke[:, 1].min() for stroke in strokes)


def _capital(random: Random) -> list[np.ndarray]:
    return [stroke / 5 - (0, 2) for stroke in points_of(OTHERS[random.integers(27)])]


def sign(random: Random, size: float, pen: float) -> np.ndarray:
    """Write a random letter or sign: [H, W] float32 in [0, 1], `size` pixels long."""
    strokes = points_of(LETTERS_AND_SIGNS[random.integers(len(LETTERS_AND_SIGNS))])
    strokes = [stroke + 0.4 * random.standard_normal(stroke.shape) for stroke in strokes]
    angle = random.normal(0, 0.15)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    strokes = [curve(stroke @ matrix) for stroke in strokes]
    whole = np.concatenate(strokes)
    scale = size / max(np.ptp(whole, axis=0).max(), 1)
    return draw_strokes([stroke * scale for stroke in strokes], pen)


def separator(random: Random, text: str, size: float, pen: float) -> tuple[np.ndarray, float]:
    """Write a sign that occurs in numbers: ink [H, W] float32 in [0, 1], and the row of its top.

    Args:
        random: determines its form.
        text: one of `model.networks.SIGNS`.
        size: height of the digits, in pixels; row 0 is their middle.
        pen: pen width, in pixels.
    """
    strokes, thicker = separator_strokes(random, text)
    strokes = [curve(size * stroke) for stroke in strokes]
    top = min(stroke[:, 1].min() for stroke in strokes) - thicker * pen / 2 - 1
    return draw_strokes(strokes, thicker * pen), float(top)


def separator_strokes(random: Random, text: str) -> tuple[list[np.ndarray], float]:
    """Choose a random form of one of `model.networks.SIGNS`.

    Returns:
        Its strokes, [N, 2] each, in units of the digit height, with the middle of the digits at 0; and its pen width
        relative to that of the digits.
    """

    def dot(low: float) -> list[list[float]]:
        return [[0, low], [random.normal(0, 0.02), low + random.uniform(0, 0.05)]]

    def dash(middle: float, long: float) -> list[list[float]]:
        return [[-long / 2, middle], [long / 2, middle + random.normal(0, 0.1) * long]]

    thicker = 1.0
    match text:
        case ".":
            strokes, thicker = [dot(random.uniform(0.3, 0.52))], random.uniform(0.9, 1.9)
        case ",":
            top, long = random.uniform(0.3, 0.5), random.uniform(0.12, 0.35)
            bend = random.uniform(-0.05, 0.12) * long
            strokes = [[[0, top], [bend, top + long / 2], [-random.uniform(0, 0.5) * long, top + long]]]
        case ":":
            low, thicker = random.uniform(0.2, 0.5), random.uniform(0.9, 1.7)
            strokes = [dot(low), dot(low - random.uniform(0.25, 0.6))]
        case "-":
            strokes = [dash(random.uniform(-0.15, 0.2), random.uniform(0.25, 0.7))]
        case "=":
            middle, apart, long = random.uniform(-0.1, 0.2), random.uniform(0.12, 0.3), random.uniform(0.35, 0.8)
            strokes = [dash(middle - apart / 2, long), dash(middle + apart / 2, long * random.uniform(0.8, 1.2))]
        case "+":
            middle, long, tall = random.uniform(-0.15, 0.2), *random.uniform(0.35, 0.8, 2)
            upright = [[random.normal(0, 0.04), middle - tall / 2], [random.normal(0, 0.04), middle + tall / 2]]
            strokes = [dash(middle, long), upright]
        case "/":
            tall, low = random.uniform(0.9, 1.6), random.uniform(0.4, 0.75)
            strokes = [[[tall * random.uniform(0.25, 0.8), low - tall], [0, low]]]
    return [np.array(stroke) + random.normal(0, 0.015, (len(stroke), 2)) for stroke in strokes], thicker


def cross_out(random: Random, ink: np.ndarray, pen: float) -> np.ndarray:
    """Cross out a digit with a zigzag or lines: [h, w] float32 in [0, 1] -> the same, slightly larger."""
    height, width = ink.shape
    n = int(random.integers(2, 8))
    down = height * (np.linspace(0.15, 0.85, n) + random.normal(0, 0.05, n))
    across = width * (np.arange(n) % 2 + random.normal(0, 0.15, n))
    zigzag = np.stack([across, down], 1)
    strokes = [zigzag] if n > 3 else [np.stack([across, down + 0.2 * height], 1), np.stack([across, height - down], 1)]
    over = draw_strokes(strokes, max(1.2, pen))
    left, top = (round(max(0, (a - b) / 2)) for a, b in zip(over.shape[::-1], ink.shape[::-1], strict=True))
    board = np.zeros((max(over.shape[0], top + height), max(over.shape[1], left + width)), np.float32)
    board[top : top + height, left : left + width] = ink
    y, x = ((a - b) // 2 for a, b in zip(board.shape, over.shape, strict=True))
    window = board[y : y + over.shape[0], x : x + over.shape[1]]
    np.maximum(window, over, out=window)
    return board


def outline(random: Random, size: float, pen: float) -> np.ndarray:
    """Draw the outline of a random shape: [H, W] float32 in [0, 1], `size` pixels long."""
    return draw_strokes([stroke * size for stroke in outline_strokes(random)], pen)


def outline_strokes(random: Random) -> list[np.ndarray]:
    """Return a random outline, a polygon that may have bent sides, scaled to length 1: its strokes, [N, 2] each."""
    n = int(random.choice([2, 3, 3, 3, 4, 4, 4, 5]))
    angles = np.sort(random.uniform(0, 2 * np.pi, n)) if random.random() < 0.4 else np.arange(n) * 2 * np.pi / n
    corners = np.stack([np.cos(angles), np.sin(angles)], 1) * random.uniform(0.7, 1.1, (n, 1))
    angle = random.uniform(0, 2 * np.pi)
    corners = corners @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    corners *= (1, random.uniform(0.2, 1)) if random.random() < 0.6 else (1, 1)
    if random.random() < 0.5:
        corners = corners[:, ::-1]
    points = np.concatenate([corners, corners[:1] + 0.06 * random.standard_normal((1, 2))])
    if random.random() < 0.25:  # the outline does not close
        points[-1] += random.uniform(-0.5, 0.5, 2)
    bent = random.uniform(-0.5, 0.5, n) if random.random() < 0.35 else np.zeros(n)
    bent[0] = -np.copysign(bent[0], bent[1])  # with all sides bent the same way, it would be a zero
    if n == 2:  # a crescent; straight, it would be a one
        bent = random.uniform(0.25, 0.6) * np.array([1, -random.uniform(0.2, 0.7)])
    strokes = [_along(points, bent, random)]
    if random.random() < 0.2:  # a solid: a shifted copy, joined by edges
        off = random.uniform(-0.7, 0.7, 2)
        strokes += [stroke + off for stroke in strokes] + [np.stack([p, p + off]) for p in corners]
    if random.random() < 0.1:
        strokes.append(random.uniform(-0.6, 0.6, 2) + 0.3 * np.stack([np.cos(angles), np.sin(angles)], 1))
    width, height = np.ptp(np.concatenate(strokes), axis=0)
    if width < SLIM * height:  # it would be a one
        return outline_strokes(random)
    return [stroke / max(width, height) for stroke in strokes]


def _along(points: np.ndarray, bent: np.ndarray, random: Random) -> np.ndarray:
    """Trace lines with an unsteady hand; each may be bent, by a fraction of its length."""
    t = np.linspace(0, 1, 8)[:, None]
    path = [
        a + t * (b - a) + 4 * t * (1 - t) * much * (b - a)[::-1] * (1, -1)
        for (a, b), much in zip(pairwise(points), bent, strict=True)
    ]
    return np.concatenate(path) + 0.012 * random.standard_normal((8 * len(bent), 2))


def curve(points: np.ndarray, finer: int = 5) -> np.ndarray:
    """Interpolate points with a Catmull-Rom spline (Catmull and Rom 1974): [N, D] -> [M, D]."""
    around = np.concatenate([points[:1], points, points[-1:]])
    a, b, c, d = (around[i : len(around) - 3 + i, None] for i in range(4))
    t = np.arange(finer)[None, :, None] / finer
    path = b + t / 2 * (c - a) + t**2 * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    return np.concatenate([path.reshape(-1, points.shape[1]), points[-1:]])


def draw_strokes(strokes: list[np.ndarray], pen: float) -> np.ndarray:
    """Draw strokes, each [N, 2] in pixels, with a round pen: the ink [H, W] float32 in [0, 1]."""
    corner = np.min([stroke.min(axis=0) for stroke in strokes], axis=0) - pen / 2 - 1
    far = np.max([stroke.max(axis=0) for stroke in strokes], axis=0) + pen / 2 + 1
    width, height = np.ceil(far - corner).astype(int).clip(2, 2000)
    board = np.zeros((height * FINER, width * FINER), np.uint8)
    lines = [np.int32(np.rint((stroke - corner) * FINER * 4)) for stroke in strokes]
    cv2.polylines(board, lines, False, 255, max(1, round(pen * FINER)), cv2.LINE_AA, 2)
    return smaller(board)


def points_of(shape: str) -> list[np.ndarray]:
    """Parse a shape, "x,y x,y! ...; x,y ...", into its strokes, each [N, 2]; see `model.training.digit_styles`."""
    strokes = (stroke.split() for stroke in shape.split(";"))
    return [np.array([[float(v) for v in word.rstrip("!").split(",")] for word in stroke]) for stroke in strokes]
