"""Letters for words, handwritten and printed, and single letters and signs as shapes for our simulated pen."""

import string

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model.training.digit_styles import read_shapes

CURSIVE, PLAIN = dict(read_shapes("cursive")), dict(read_shapes("plain"))
OTHERS = [shape for _, shape in read_shapes("others")]  # letters and signs as shapes for our simulated pen
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
    word = "".join(random.choice(list(COMMON), random.integers(min(most, 1 if random.random() < 0.1 else 2), most + 1)))
    style = random.random()
    return word.upper() if style < 0.08 else word.capitalize() if style < 0.25 else word


def printed(random: Random, text: str, size: float, script: bool = False) -> np.ndarray:
    """Render text in a regular or script font: [H, W] float32 in [0, 1].

    Args:
        random: determines the font.
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
    """Downsample a drawing, [h, w] uint8, by the factor FINER: averaged, float32 in [0, 1]."""
    size = max(1, board.shape[1] // FINER), max(1, board.shape[0] // FINER)
    return np.float32(cv2.resize(board, size, interpolation=cv2.INTER_AREA)) / 255
