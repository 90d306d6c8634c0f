"""Test sheets for measuring accuracy as light, camera and paper get worse.

The sheets are synthetic: three lines of numbers in our own strokes, so their text is known.
"""

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from model import Recognizer
from model.evaluation.numbers import compose
from model.evaluation.pages import compare
from model.evaluation.strokes import STROKES

SHEETS = 20  # per nuisance and strength
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIDES = 700, 900  # pixels, height and width

Paper = np.ndarray  # [H, W] float32 in [0, 1], brightness
Random = np.random.Generator


def sheet(random: Random) -> tuple[Paper, str]:
    """Write three numbers one below the other; return the paper and its text."""
    paper = np.ones(SIDES, np.float32)
    texts = ["".join(str(digit) for digit in random.integers(10, size=random.integers(3, 7))) for _ in range(3)]
    for i, text in enumerate(texts):
        number = compose([{"strokes": wobbly(STROKES[int(digit)], random)} for digit in text], random, touching=False)
        scale = min(1.0, 170 / number.shape[0], 700 / number.shape[1])
        number = cv2.resize(number, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) / 255
        y, x = 60 + 200 * i, int(random.integers(60, 880 - number.shape[1]))
        paper[y : y + number.shape[0], x : x + number.shape[1]] = 0.15 + 0.85 * number
    grain = 0.01 * random.standard_normal(SIDES)  # no paper is perfectly uniform
    return np.float32(0.95 * paper + grain), "\n".join(texts)


def wobbly(strokes: list, random: Random) -> list:
    """Slant and stretch strokes slightly, and shift them to start at 0."""
    matrix = np.eye(2) + 0.12 * random.standard_normal((2, 2)).clip(-2, 2) * ((0.7, 1), (0.3, 0.7))
    moved = [np.asarray(stroke) @ matrix.T for stroke in strokes]
    corner = np.concatenate(moved).min(axis=0)
    return [(stroke - corner).clip(0).tolist() for stroke in moved]


def gradient(paper: Paper, strength: float, random: Random) -> Paper:
    """Light the sheet from one side: the far corner loses up to nine tenths of its brightness."""
    y, x = np.ogrid[0 : 1 : paper.shape[0] * 1j, 0 : 1 : paper.shape[1] * 1j]
    return paper * (1 - 0.9 * strength * (x if random.random() < 0.5 else 1 - x) * (0.5 + 0.5 * y))


def shadow(paper: Paper, strength: float, random: Random) -> Paper:
    """Cast a hard shadow across the sheet, which removes up to seven tenths of the brightness."""
    y, x = np.mgrid[: paper.shape[0], : paper.shape[1]]
    side = x + random.uniform(-0.5, 0.5) * y - random.uniform(0.3, 0.7) * paper.shape[1]
    return paper * (1 - 0.7 * strength / (1 + np.exp(-side.clip(-50, 50) / 3)))


def noise(paper: Paper, strength: float, random: Random) -> Paper:
    """Add camera noise with a standard deviation of up to a quarter."""
    return (0.9 * paper + 0.25 * strength * random.standard_normal(paper.shape)).clip(0, 1)


def blur(paper: Paper, strength: float, random: Random) -> Paper:
    """Defocus: blur with a standard deviation of up to 8 pixels."""
    return cv2.GaussianBlur(paper, None, 8 * strength) if strength else paper


def ruling(paper: Paper, strength: float, random: Random) -> Paper:
    """Draw ruled lines, up to nine tenths as dark as the pen."""
    paper = paper.copy()
    for y in range(int(random.integers(10, 60)), paper.shape[0], 64):
        paper[y : y + 2] = np.minimum(paper[y : y + 2], 1 - 0.8 * strength)
    return paper


def squares(paper: Paper, strength: float, random: Random) -> Paper:
    """Draw squared ruling, as dark as in `ruling`."""
    return ruling(ruling(paper, strength, random).T, strength, random).T


def tilt(paper: Paper, strength: float, random: Random) -> Paper:
    """Rotate the sheet by up to 45 degrees, in either direction."""
    angle = 45 * strength * random.choice([-1, 1])
    turned = Image.fromarray(np.uint8(255 * paper)).rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    return np.float32(turned) / 255


def jpeg(paper: Paper, strength: float, random: Random) -> Paper:
    """Save as JPEG, with quality from 80 down to 5."""
    file = io.BytesIO()
    Image.fromarray(np.uint8(255 * paper)).save(file, "JPEG", quality=round(80 - 75 * strength))
    return np.float32(Image.open(file)) / 255


def desk(paper: Paper, strength: float, random: Random) -> Paper:
    """Lay the whole sheet on a dark desk: the higher the strength, the smaller and the more rotated it is."""
    if not strength:
        return paper
    height, width = paper.shape
    angle, zoom = 0.3 * strength * random.choice([-1, 1]), 0.95 - 0.35 * strength
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), np.rad2deg(angle), zoom)
    under = 0.25 + 0.05 * cv2.resize(random.standard_normal((height, 40)), (width, height))
    cover = cv2.warpAffine(np.ones_like(paper), matrix, (width, height))
    return np.float32(under * (1 - cover) + cv2.warpAffine(paper, matrix, (width, height)) * cover)


def perspective(paper: Paper, strength: float, random: Random) -> Paper:
    """View the sheet at an angle: the far edge loses up to four tenths of its length."""
    height, width = paper.shape
    whole = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    off = 0.2 * strength * width
    seen = whole + np.float32([[off, 0], [-off, 0], [0, 0], [0, 0]])
    matrix = cv2.getPerspectiveTransform(whole, seen)
    return cv2.warpPerspective(np.float32(paper), matrix, (width, height), borderValue=float(np.median(paper)))


def boxes(paper: Paper, strength: float, random: Random) -> Paper:
    """Print a box around each line, at most as dark as the pen."""
    paper = paper.copy()
    for y in range(30, paper.shape[0] - 150, 200):
        cv2.rectangle(paper, (25, y), (paper.shape[1] - 25, y + 190), 0.95 - 0.8 * strength, 4)
    return paper


def margin(paper: Paper, strength: float, random: Random) -> Paper:
    """Draw a margin line from top to bottom on ruled paper, up to nine tenths as dark as the pen."""
    paper = ruling(paper, strength / 2, random)
    paper[:, 30:34] = np.minimum(paper[:, 30:34], 1 - 0.8 * strength)
    return paper


def combined(paper: Paper, strength: float, random: Random) -> Paper:
    """Combine several nuisances, as on a real desk: ruling, light, tilt, a soft and noisy camera, and JPEG."""
    for first, second in ((ruling, squares), (gradient, shadow)):
        paper = (first if random.random() < 0.5 else second)(paper, 0.6 * strength, random)
    for nuisance, part in ((tilt, 0.4), (blur, 0.2), (noise, 0.2), (jpeg, 0.6)):
        paper = nuisance(paper, part * strength, random)
    return paper


NUISANCES = [gradient, shadow, noise, blur, ruling, squares, tilt, jpeg, desk, perspective, boxes, margin, combined]


def degraded_sheets(nuisance: Callable, strength: float, count: int) -> list[tuple[np.ndarray, str]]:
    """Write sheets and apply a nuisance, with a fixed seed: (picture uint8, text)."""
    writing, degrading = np.random.default_rng(0), np.random.default_rng(1)  # so that the sheets are always the same
    pictures = []
    for _ in range(count):
        paper, text = sheet(writing)
        pictures.append((np.uint8(255 * nuisance(paper, strength, degrading)), text))
    return pictures


def measure_nuisances(recognizer: Recognizer) -> dict[str, list[float]]:
    """Return, for each nuisance, the character accuracy in [0, 1] at each of STRENGTHS."""
    cells = [(nuisance, strength) for nuisance in NUISANCES for strength in STRENGTHS]
    results = {nuisance.__name__: [] for nuisance in NUISANCES}
    for nuisance, strength in tqdm(cells, "nuisances", leave=False):
        pictures = degraded_sheets(nuisance, strength, SHEETS)
        results[nuisance.__name__].append(compare(recognizer, pictures)["characters"])
    return results
