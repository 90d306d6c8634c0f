"""HTML of an answer: headline, bars, pictures of the stages, and the form for corrections."""

import html

import cv2
import numpy as np
from PIL import Image

from model.finder import ink_bounds
from model.networks import NO_DIGIT
from model.page import Page
from model.png import as_data_url
from model.prediction import Prediction

TILE = 168  # maximum side in pixels of a stage's picture: 84 CSS pixels on a high-density screen
GLOW = np.array([(0.13, 0.13, 0.15), (0.45, 0.14, 0.1), (0.93, 0.36, 0.08), (1.0, 0.85, 0.45)])  # ink, cold to hot


def percent(probability: float) -> str:
    """Format a probability as a percentage, at most 99.9%: nothing is ever certain."""
    return f"{min(probability, 0.999):.1%}"


def headline(name: str, words: str, marked: str = "") -> str:
    """Set the digit or number large, with the words beside it.

    Args:
        name: the digit or number.
        words: the sentence about it.
        marked: the name as HTML, if parts of it are marked.
    """
    size = "long" if len(name) > 4 else "short"
    return (
        f'<p class="headline {size}"><output data-testid="label-output-value">{marked or html.escape(name)}</output>'
        f'<span class="words">{html.escape(words)}</span></p>'
    )


def busy(words: str) -> str:
    """Say that the page is too busy to answer; the page's script then asks again."""
    return headline("", words).replace("<p ", "<p data-busy ", 1)


def bars(prediction: Prediction) -> str:
    """List each digit's probability, the most probable first; the style sheet shows three, or all on demand."""
    items = "".join(
        f'<li><b>{digit}</b><i style="--share:{probability:.4f}"></i><span>{percent(probability)}</span></li>'
        for digit, probability in prediction.top(10)
    )
    return f'<ol class="bars" aria-label="Probability of each digit">{items}</ol>'


INSIDE = "<details class='inside' hidden></details>"  # filled by inside.js, which the device may not be able to run


def side_by_side(answers: dict[str, str]) -> str:
    """Set answers side by side, each under its name."""
    columns = "".join(f"<section><h3>{name}</h3>{answer}</section>" for name, answer in answers.items())
    return f'<div class="side-by-side">{columns}</div>'


def stages(*tiles: str) -> str:
    """Set tiles side by side, each the next step from the picture to the digit."""
    return f'<div class="stages">{"".join(tiles)}</div>'


def tile(picture: Image.Image, caption: str, described: str, kind: str = "picture") -> str:
    """Show a picture with a caption under it.

    Args:
        picture: of any size.
        caption: a word or two.
        described: alternative text for screen readers.
        kind: CSS class of the figure.
    """
    picture = f'<img src="{as_data_url(picture)}" alt="{html.escape(described)}">'
    return f'<figure class="{kind}">{picture}<figcaption>{caption}</figcaption></figure>'


def on_white(ink: np.ndarray) -> Image.Image:
    """Draw ink, [H, W] float32 in [0, 1], in black on white."""
    return Image.fromarray(np.uint8(np.rint(255 * (1 - ink))))


def ink_tile(picture: Image.Image, page: Page) -> str:
    """Show only the ink of the digits, or of the marks if none is a digit, each in its place.

    The page's boxes are in pixels of the picture.
    """
    board = np.zeros(picture.size[::-1], np.float32)
    for (left, top, right, bottom), each in [mark for mark in page.marks if mark[1].digit is not None] or page.marks:
        glyph = np.float32(Image.fromarray(each.glyph).rotate(-page.turn, expand=True))
        y, x, height, width = ink_bounds(glyph)
        size = max(1, right - left), max(1, bottom - top)
        ink = cv2.resize(glyph[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
        window = board[top:bottom, left:right]
        np.maximum(window, ink[: window.shape[0], : window.shape[1]], out=window)
    return tile(on_white(board), "ink", "The ink alone, without the paper")


def glyph_tile(prediction: Prediction, caption: str = "glyph") -> str:
    """Show the glyph of a prediction, 28 x 28, as the network sees it."""
    return tile(on_white(prediction.glyph), caption, "The digit as the network sees it, 28 by 28 pixels", "glyph")


def in_colour(glyph: np.ndarray, heat: np.ndarray) -> Image.Image:
    """Colour the ink of a glyph by how strongly it supports the digit.

    Args:
        glyph: [28, 28] in [0, 1].
        heat: [28, 28], see `model.explain.heat_map`; ink that counts against the digit stays cold.

    Returns:
        An RGB picture, on white.
    """
    around = cv2.blur(heat, (3, 3), borderType=cv2.BORDER_CONSTANT).clip(0)  # smooth: a single pixel says little
    part = around / max(float(around.max()), 1e-6)
    steps = np.linspace(0, 1, len(GLOW))
    colour = np.stack([np.interp(part, steps, channel) for channel in GLOW.T], axis=-1)
    return Image.fromarray(np.uint8(np.rint(255 * (1 + (colour - 1) * glyph[..., None].clip(0, 1)))))


def correction_form(saved: bool) -> str:
    """Return the form that corrects a wrong answer; `saved` if the server keeps corrections for training."""
    digits = "".join(f'<button type="button" value="{digit}">{digit}</button>' for digit in range(10))
    more = " If it is a digit, the picture is also saved on the server for the next training run." if saved else ""
    return f"""<details class="tell"><summary>Wrong? Correct it</summary>
<p>Which digit is it? This browser remembers the picture (28 by 28 pixels) and uses it for later answers.{more}</p>
<p>{digits}<button type="button" class="wide" value="{NO_DIGIT}">not a digit</button></p>
<p class="thanks" role="status"></p>
<p class="kept" hidden><span></span> <button type="button" class="wide" value="undo">Undo last</button>
<button type="button" class="wide" value="forget">Forget my corrections</button></p></details>"""
