"""python -m scripts.examples FOLDER: the pictures that the page offers as examples, all drawn here."""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
from PIL import Image

from model.evaluation.nuisances import gradient, ruling, shadow, sheet, squares, tilt, wobbly
from model.evaluation.numbers import compose
from model.evaluation.strokes import STROKES, arc, draw
from tests.digits import LETTER

Random = np.random.Generator


def slashed_zero(random: Random) -> np.ndarray:
    """A zero with a slash, as in a paint program: black on white."""
    return draw([arc(0.35, 0.5, 0.3, 0.45, -80, 290), [[0.75, -0.02], [-0.05, 1.04]]], 16, 170, (75, 50)) / 255


def chalk(random: Random) -> np.ndarray:
    """A barred seven in chalk on a board."""
    strokes = draw([*wobbly(STROKES[7], random), [[0.12, 0.52], [0.58, 0.47]]], 17, 170, (85, 55)) / 255
    dust = 0.25 + 0.06 * random.standard_normal(strokes.shape)
    return np.where(strokes < 0.5, 0.85 + 0.1 * random.standard_normal(strokes.shape), dust)


def letter(random: Random) -> np.ndarray:
    """An A: not a digit."""
    return draw(wobbly(LETTER, random), 14, 170, (75, 50)) / 255


def number(random: Random) -> np.ndarray:
    """A number composed of our own digits, on shaded paper."""
    digits = [{"strokes": wobbly(STROKES[int(digit)], random)} for digit in "2026"]
    written = 0.2 + 0.75 * compose(digits, random, touching=False) / 255
    return gradient(np.pad(written, 60, constant_values=0.95), 0.6, random)


def squared(random: Random) -> np.ndarray:
    """Numbers on squared paper with a shadow across."""
    return shadow(squares(sheet(random)[0], 0.35, random), 0.6, random)


def askew(random: Random) -> np.ndarray:
    """Numbers on ruled paper at an angle."""
    return gradient(tilt(ruling(sheet(random)[0], 0.4, random), 0.35, random), 0.4, random)


def main(folder: Path) -> None:
    """Write each picture as a JPEG."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, picture in enumerate((slashed_zero, chalk, number, letter, squared, askew)):
        grey = np.uint8(np.rint(255 * picture(np.random.default_rng(place)).clip(0, 1)))
        Image.fromarray(grey).save(folder / f"{place + 1}-{picture.__name__.replace('_', '-')}.jpg", quality=88)


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m scripts.examples", description=__doc__.split(": ", 1)[1])
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
