"""Words and signs in our own hand and in print: what stands on paper beside digits.

A letter is a text of points "x,y", x to the right and y down, the baseline at 0 and the height of an x at -1, so that
letters written one after the other make a cursive word; strokes are apart by ";", and the first stroke of a letter goes
on where that of the letter before ends.
"""

import string
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.training.shapes import OTHERS

Random = np.random.Generator

ONES = {"0,0 0,10; 4,0 4,10", "0,0 6,10; 3,0 9,10"}  # shapes that are ones to who sees them part by part
AMONG_DIGITS = {"0,5 10,5; 5,0 5,10", "0,0 8,0; 0,4 8,4", "0,0 10,0.5"}  # plus, equals, minus: see `separator`
SYMBOLS = [shape for shape in OTHERS if shape not in ONES | AMONG_DIGITS]
SLIM = 0.6  # width of an upright shape, if it is 1 high, below which it is a one

CURSIVE = {
    "a": ".8,-.8 .4,-1 .05,-.5 .4,0 .8,-.8 .85,-.15 1.1,-.05",
    "b": "0,-.3 .3,-1.9 .1,-.2 .4,0 .7,-.5 .5,-.9 .9,-.8",
    "c": ".7,-.8 .4,-1 .05,-.5 .35,0 .8,-.2",
    "d": ".75,-.8 .4,-1 .05,-.5 .4,0 .75,-.7 .85,-2 .8,-.2 1.1,-.05",
    "e": ".05,-.4 .6,-.6 .4,-1 .05,-.5 .35,0 .85,-.25",
    "f": "0,-.3 .6,-1.7 .4,-2 .25,-1 .2,.8 .4,.3 .3,-.2 .8,-.4",
    "g": ".8,-.8 .4,-1 .05,-.5 .4,0 .8,-.8 .75,.7 .35,1 .2,.6 1,-.2",
    "h": "0,-.2 .4,-1.9 .15,0 .4,-.9 .75,-.7 .75,-.1 1.05,0",
    "i": "0,-.3 .25,-1 .25,-.1 .5,-.05; .3,-1.5 .35,-1.45",
    "j": "0,-.3 .3,-1 .2,.8 -.1,1 -.1,.6 .5,-.1; .3,-1.5 .35,-1.45",
    "k": "0,-.2 .4,-1.9 .15,0 .2,-.6 .7,-.9 .3,-.5 .8,0",
    "l": "0,-.3 .4,-1.8 .2,-1.9 .15,-.2 .5,-.1",
    "m": "0,-.7 .2,-1 .2,0 .4,-.9 .65,-.8 .6,0 .8,-.9 1.1,-.8 1.1,-.1 1.35,0",
    "n": "0,-.7 .2,-1 .2,0 .45,-.9 .75,-.8 .75,-.1 1,0",
    "o": ".5,-1 .1,-.7 .1,-.2 .5,0 .8,-.5 .5,-1 .7,-.8 1,-.85",
    "p": "0,-.6 .25,-1 .15,1 .2,-.6 .6,-1 .8,-.5 .5,0 .2,-.1 .9,-.1",
    "q": ".8,-.8 .4,-1 .05,-.5 .4,0 .8,-.8 .75,1 1,.6 .95,-.1",
    "r": "0,-.4 .25,-1 .3,-.85 .7,-.9 .6,-.1 .9,0",
    "s": "0,-.2 .4,-1 .65,-.4 .4,0 .05,-.15 .8,-.1",
    "t": "0,-.3 .35,-1.6 .25,-.1 .6,0; -.1,-1.1 .7,-1.15",
    "u": "0,-.8 .15,-1 .15,-.2 .45,0 .75,-1 .75,-.15 1,0",
    "v": "0,-.8 .15,-1 .35,0 .7,-1 1,-.9",
    "w": "0,-.8 .15,-1 .25,-.1 .5,-.1 .6,-.9 .7,-.1 1,-.2 1.1,-1 1.3,-.9",
    "x": "0,-.8 .2,-1 .6,0 .9,-.1; .7,-1 0,0",
    "y": "0,-.8 .15,-1 .2,-.4 .5,-.3 .75,-1 .6,.8 .2,1 .2,.6 1,-.2",
    "z": "0,-.8 .3,-1 .6,-.9 .1,0 .5,-.1 .4,.7 .1,.9 .9,-.2",
}
PLAIN = {
    "a": ".75,-.75 .4,-1 .05,-.5 .35,0 .72,-.4; .78,-1 .75,-.2 .9,0",
    "b": ".1,-1.9 .1,-.1; .1,-.6 .45,-1 .8,-.5 .45,0 .1,-.2",
    "c": ".75,-.8 .4,-1 .05,-.5 .4,0 .75,-.2",
    "d": ".75,-.7 .4,-1 .05,-.5 .4,0 .75,-.35; .75,-1.9 .75,0",
    "e": ".1,-.5 .7,-.55 .45,-1 .05,-.5 .4,0 .75,-.2",
    "f": ".7,-1.75 .5,-1.9 .3,-1.5 .3,0; 0,-1 .6,-1",
    "g": ".75,-.7 .4,-1 .05,-.5 .4,0 .75,-.4; .75,-1 .75,.5 .4,.9 .05,.7",
    "h": ".1,-1.9 .1,0; .1,-.6 .45,-1 .7,-.7 .7,0",
    "i": ".1,-1 .1,0; .1,-1.5 .12,-1.45",
    "j": ".3,-1 .3,.6 .05,.9 -.15,.7; .3,-1.5 .32,-1.45",
    "k": ".1,-1.9 .1,0; .65,-1 .1,-.45; .1,-.45 .7,0",
    "l": ".1,-1.9 .1,0",
    "m": ".1,-1 .1,0; .1,-.7 .35,-1 .55,-.7 .55,0; .55,-.7 .8,-1 1,-.7 1,0",
    "n": ".1,-1 .1,0; .1,-.7 .45,-1 .7,-.7 .7,0",
    "o": ".4,-1 .05,-.5 .4,0 .75,-.5 .4,-1",
    "p": ".1,-1 .1,.9; .1,-.7 .45,-1 .8,-.5 .45,0 .1,-.3",
    "q": ".75,-.7 .4,-1 .05,-.5 .4,0 .75,-.4; .75,-1 .75,.9",
    "r": ".1,-1 .1,0; .1,-.6 .35,-.95 .6,-.9",
    "s": ".65,-.85 .35,-1 .1,-.75 .6,-.35 .4,0 .05,-.15",
    "t": ".3,-1.5 .3,-.2 .5,0 .65,-.1; 0,-1 .6,-1",
    "u": ".1,-1 .1,-.3 .35,0 .7,-.4; .7,-1 .7,0",
    "v": ".05,-1 .4,0; .4,0 .75,-1",
    "w": ".05,-1 .3,0; .3,0 .55,-.9; .55,-.9 .8,0; .8,0 1.05,-1",
    "x": ".05,-1 .7,0; .7,-1 .05,0",
    "y": ".05,-1 .4,-.1; .75,-1 .15,.9",
    "z": ".05,-1 .7,-1; .7,-1 .05,0; .05,0 .75,0",
}
COMMON = "eeeeeeeeeeeettttttttaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrrddddlllluuucccmmmffyywwggppbbvkxjqz"
FINER = 3  # a stroke is drawn this many times larger, then averaged down
HERSHEY = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
)
SCRIPTS = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX


def letters(random: Random, most: int = 9) -> str:
    """Make up a word."""
    word = "".join(random.choice(list(COMMON), random.integers(1 if random.random() < 0.1 else 2, most + 1)))
    style = random.random()
    return word.upper() if style < 0.08 else word.capitalize() if style < 0.25 else word


@dataclass(frozen=True)
class Hand:
    """How somebody writes.

    Attributes:
        forms: the strokes of each letter, as that hand has grown used to them.
        joined: share of letters that are joined to the next.
        slant: how far the top of a letter leans to the right, of its height.
        wide: width of the letters.
        shake: how far a point of a letter is off, each time another way.
        apart: space between letters.
    """

    forms: dict[str, list[np.ndarray]]
    joined: float
    slant: float
    wide: float
    shake: float
    apart: float

    @classmethod
    def of(cls, random: Random) -> "Hand":
        """Make up a hand."""
        plain = random.choice([0.0, 0.3, 0.9])
        forms = {letter: _grown(random, (PLAIN if random.random() < plain else CURSIVE)[letter]) for letter in CURSIVE}
        joined = 0.0 if plain > 0.5 else random.choice([0.0, 0.5, 1.0])
        wide, shake = random.uniform(0.6, 1.3), random.uniform(0.02, 0.1)
        return cls(forms, joined, random.normal(0.2, 0.3), wide, shake, random.uniform(0, 0.4))


def _grown(random: Random, letter: str) -> list[np.ndarray]:
    """Bend a letter, drawn out, squeezed and sheared: how one hand writes it."""
    matrix = np.eye(2) + random.normal(0, 0.12, (2, 2))
    return [(part + 0.05 * random.standard_normal(part.shape)) @ matrix for part in _points(letter)]


def written_word(random: Random, size: float, pen: float, hand: Hand, most: int) -> tuple[np.ndarray, int, float]:
    """Write a word by hand: its ink [H, W] float32 in [0, 1], how many letters it has, and the row of its baseline.

    Args:
        random: decides the word.
        size: height of an x, in pixels.
        pen: width of the line, in pixels.
        hand: whose it is.
        most: letters that it has.
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
    return inked(strokes, pen), len(word), pen / 2 + 1 - min(stroke[:, 1].min() for stroke in strokes)


def _capital(random: Random) -> list[np.ndarray]:
    return [stroke / 5 - (0, 2) for stroke in _points(OTHERS[random.integers(27)])]


def sign(random: Random, size: float, pen: float) -> np.ndarray:
    """Write one letter or sign: [H, W] float32 in [0, 1], `size` pixels long."""
    strokes = _points(SYMBOLS[_any(random, SYMBOLS)])
    strokes = [stroke + 0.4 * random.standard_normal(stroke.shape) for stroke in strokes]
    turn = random.normal(0, 0.15)
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    strokes = [curve(stroke @ matrix) for stroke in strokes]
    whole = np.concatenate(strokes)
    scale = size / max(np.ptp(whole, axis=0).max(), 1)
    return inked([stroke * scale for stroke in strokes], pen)


def separator(random: Random, text: str, size: float, pen: float) -> tuple[np.ndarray, float]:
    """Write what stands in a number beside its digits: ink [H, W] float32 in [0, 1], and its top.

    Args:
        random: decides how.
        text: one of `model.networks.SIGNS`.
        size: height of the digits, in pixels; their middle is at 0.
        pen: width of the line, in pixels.
    """
    strokes, thicker = separator_strokes(random, text)
    strokes = [curve(size * stroke) for stroke in strokes]
    top = min(stroke[:, 1].min() for stroke in strokes) - thicker * pen / 2 - 1
    return inked(strokes, thicker * pen), float(top)


def separator_strokes(random: Random, text: str) -> tuple[list[np.ndarray], float]:
    """Make up how somebody writes one of `model.networks.SIGNS`.

    Returns:
        Its strokes, [N, 2] each, in heights of the digits, whose middle is at 0; and how many times thicker than the
        digits it is drawn.
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


def outline(random: Random, size: float, pen: float) -> np.ndarray:
    """Draw the outline of a shape: [H, W] float32 in [0, 1], `size` pixels long."""
    return inked([stroke * size for stroke in outline_strokes(random)], pen)


def outline_strokes(random: Random) -> list[np.ndarray]:
    """Make up the outline of a shape, a polygon, some with bent sides: its strokes, [N, 2] each, the shape 1 long."""
    n = int(random.choice([2, 3, 3, 3, 4, 4, 4, 5]))
    angles = np.sort(random.uniform(0, 2 * np.pi, n)) if random.random() < 0.4 else np.arange(n) * 2 * np.pi / n
    corners = np.stack([np.cos(angles), np.sin(angles)], 1) * random.uniform(0.7, 1.1, (n, 1))
    turn = random.uniform(0, 2 * np.pi)
    corners = corners @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners *= (1, random.uniform(0.2, 1)) if random.random() < 0.6 else (1, 1)
    if random.random() < 0.5:
        corners = corners[:, ::-1]
    points = np.concatenate([corners, corners[:1] + 0.06 * random.standard_normal((1, 2))])
    if random.random() < 0.25:  # a corner is not met
        points[-1] += random.uniform(-0.5, 0.5, 2)
    bent = random.uniform(-0.5, 0.5, n) if random.random() < 0.35 else np.zeros(n)
    bent[0] = -np.copysign(bent[0], bent[1])  # bent all to one side it would be a zero
    if n == 2:  # a crescent: straight it would be a one
        bent = random.uniform(0.25, 0.6) * np.array([1, -random.uniform(0.2, 0.7)])
    strokes = [_along(points, bent, random)]
    if random.random() < 0.2:  # a solid: the same again, a little off, and edges
        off = random.uniform(-0.7, 0.7, 2)
        strokes += [stroke + off for stroke in strokes] + [np.stack([p, p + off]) for p in corners]
    if random.random() < 0.1:
        strokes.append(random.uniform(-0.6, 0.6, 2) + 0.3 * np.stack([np.cos(angles), np.sin(angles)], 1))
    width, height = np.ptp(np.concatenate(strokes), axis=0)
    if width < SLIM * height:  # a one
        return outline_strokes(random)
    return [stroke / max(width, height) for stroke in strokes]


def _along(points: np.ndarray, bent: np.ndarray, random: Random) -> np.ndarray:
    """Go along lines with an unsteady hand; each may be bent, by a share of its length."""
    t = np.linspace(0, 1, 8)[:, None]
    path = [
        a + t * (b - a) + 4 * t * (1 - t) * much * (b - a)[::-1] * (1, -1)
        for (a, b), much in zip(pairwise(points), bent, strict=True)
    ]
    return np.concatenate(path) + 0.012 * random.standard_normal((8 * len(bent), 2))


def printed(random: Random, text: str, size: float, script: bool = False) -> np.ndarray:
    """Print a text, or write it in a script that a machine draws: [H, W] float32 in [0, 1].

    Args:
        random: decides the font.
        text: of ASCII characters.
        size: height of a capital, in pixels.
        script: a font that looks like handwriting.
    """
    if not script and random.random() < 0.5:
        font = ImageFont.load_default(max(4, 1.4 * size))
        left, top, right, bottom = font.getbbox(text)
        picture = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
        ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=font)
        return np.float32(picture) / 255
    font = int(random.choice(SCRIPTS if script else HERSHEY))
    scale = FINER * size / 21
    weight = max(1, round(FINER * size * random.uniform(0.05, 0.2 if script else 0.12)))
    (width, height), base = cv2.getTextSize(text, font, scale, weight)
    board = np.zeros((height + base + 2 * weight, width + 2 * weight), np.uint8)
    cv2.putText(board, text, (weight, height + weight // 2), font, scale, 255, weight, cv2.LINE_AA)
    return _smaller(board)


def curve(points: np.ndarray, finer: int = 5) -> np.ndarray:
    """Lead a Catmull-Rom spline (Catmull and Rom 1974) through points: [N, 2] -> [M, 2]."""
    around = np.concatenate([points[:1], points, points[-1:]])
    a, b, c, d = (around[i : len(around) - 3 + i, None] for i in range(4))
    t = np.arange(finer)[None, :, None] / finer
    path = b + t / 2 * (c - a) + t**2 * (a - 2.5 * b + 2 * c - d / 2) + t**3 * (1.5 * (b - c) + (d - a) / 2)
    return np.concatenate([path.reshape(-1, 2), points[-1:]])


def inked(strokes: list[np.ndarray], pen: float) -> np.ndarray:
    """Draw strokes, each [N, 2] in pixels, with a round pen: the ink [H, W] float32 in [0, 1]."""
    corner = np.min([stroke.min(axis=0) for stroke in strokes], axis=0) - pen / 2 - 1
    far = np.max([stroke.max(axis=0) for stroke in strokes], axis=0) + pen / 2 + 1
    width, height = np.ceil(far - corner).astype(int).clip(2, 2000)
    board = np.zeros((height * FINER, width * FINER), np.uint8)
    lines = [np.int32(np.rint((stroke - corner) * FINER * 4)) for stroke in strokes]
    cv2.polylines(board, lines, False, 255, max(1, round(pen * FINER)), cv2.LINE_AA, 2)
    return _smaller(board)


def _smaller(board: np.ndarray) -> np.ndarray:
    size = max(1, board.shape[1] // FINER), max(1, board.shape[0] // FINER)
    return np.float32(cv2.resize(board, size, interpolation=cv2.INTER_AREA)) / 255


def _points(shape: str) -> list[np.ndarray]:
    """Parse a shape: its strokes, each [N, 2]."""
    strokes = (stroke.split() for stroke in shape.split(";"))
    return [np.array([[float(v) for v in word.rstrip("!").split(",")] for word in stroke]) for stroke in strokes]


def _any(random: Random, things: list) -> int:
    return int(random.integers(len(things)))


ASCII = string.ascii_letters + ".,;:!?()&"
