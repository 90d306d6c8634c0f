"""The letters of words, written by hand and printed."""

import string

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

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
ASCII = string.ascii_letters + ".,;:!?()&"
HERSHEY = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
)
SCRIPTS = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX
FINER = 3  # supersampling: a stroke is drawn this many times larger, then averaged down

Random = np.random.Generator


def letters(random: Random, most: int = 9) -> str:
    """Return a random word of at most `most` letters."""
    word = "".join(random.choice(list(COMMON), random.integers(1 if random.random() < 0.1 else 2, most + 1)))
    style = random.random()
    return word.upper() if style < 0.08 else word.capitalize() if style < 0.25 else word


def printed(random: Random, text: str, size: float, script: bool = False) -> np.ndarray:
    """Print a text, in a regular or script font: [H, W] float32 in [0, 1].

    Args:
        random: decides the font.
        text: ASCII characters.
        size: height of a capital, in pixels.
        script: use a font that looks like handwriting.
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
    return smaller(board)


def smaller(board: np.ndarray) -> np.ndarray:
    """Average a drawing, [h, w] uint8, down by FINER: float32 in [0, 1]."""
    size = max(1, board.shape[1] // FINER), max(1, board.shape[0] // FINER)
    return np.float32(cv2.resize(board, size, interpolation=cv2.INTER_AREA)) / 255
