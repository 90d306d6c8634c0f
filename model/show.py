"""What was read of a picture -> HTML for people: words, shares, and the stages from the picture to the digit."""

import html

import cv2
import numpy as np
from PIL import Image

from model.annotate import annotated
from model.finder import tight
from model.numbers import Number
from model.page import Page
from model.pictures import as_data_url
from model.prediction import Prediction

SURE = 0.8  # confidence from which a digit is named without its rival
NONE = "No digits found. Try closer, with more light."
LONGEST = 12  # symbols of a number that is set large
TILE = 168  # pixels of a stage's picture at most: 84 of the page, on a fine screen
GLOW = np.array([(0.13, 0.13, 0.15), (0.45, 0.14, 0.1), (0.93, 0.36, 0.08), (1.0, 0.85, 0.45)])  # of ink: cold to hot


def said(one: Prediction) -> str:
    """Say in words what a prediction is: "It is a 7.", "Unsure: 1 or 7?", or that it looks like no digit."""
    if one.digit is None:
        return "This does not look like a digit."
    if one.confidence < SURE:
        (first, _), (second, _) = one.top(2)
        return f"Unsure: {first} or {second}?"
    return f"It is {with_article(one.digit)}, {percent(one.confidence)} sure."


def with_article(digit: int) -> str:
    """Name a digit in a sentence: "a 7", "an 8"."""
    return f"{'an' if digit == 8 else 'a'} {digit}"


def verdict(page: Page) -> str:
    """Say what is written on a page: the digit with its bars, or the number, or that there is none."""
    if not page.marks:
        return headline("?", NONE)
    digits = [each for _, each in page.marks if each.digit is not None]
    if not digits:
        one = page.marks[0][1]
        return headline("?", said(one) if len(page.marks) == 1 else NONE) + bars(one)
    if len(digits) == 1 and page.text == str(digits[0].digit):
        return headline(page.text, said(digits[0])) + bars(digits[0])
    if len(page.text) > LONGEST or "\n" in page.text:
        return headline(f"{len(digits)} digits", f"It reads {len(digits)} digits.{left_out(page)}")
    sure = f", {percent(page.numbers[0].confidence)} sure" if len(page.numbers) == 1 else ""
    words = f"It reads {page.text}{sure}.{left_out(page)}"
    return headline(page.text, words, " ".join(map(in_signs, page.numbers)))


def in_signs(number: Number) -> str:
    """Set a number as HTML, its unsure digits marked, each with its rivals for who points at it."""
    return "".join(
        f'<mark tabindex="0" data-rivals="{rivals(one)}">{sign}</mark>' if unsure(one) else html.escape(sign)
        for sign, one in zip(number.text, number.digits, strict=True)
    )


def unsure(one: Prediction | None) -> bool:
    """Say whether a digit is named with its rival only; a sign is not."""
    return one is not None and one.confidence < SURE


def rivals(one: Prediction) -> str:
    """Name the digit and its rival with their shares: "4 62.1%, 9 30.4%"."""
    return ", ".join(f"{digit} {percent(share)}" for digit, share in one.top(2))


def doubts(number: Number) -> str:
    """List the unsure digits of a number, each with its rivals."""
    return "; ".join(rivals(one) for one in number.digits if unsure(one))


def percent(share: float) -> str:
    """Write a probability; nothing is ever sure."""
    return f"{min(share, 0.999):.1%}"


def left_out(page: Page) -> str:
    """Say how many marks of a page are not read, if any."""
    marks = sum(prediction.digit is None for _, prediction in page.marks)
    if not marks:
        return ""
    return f" What it leaves out, {marks} {'mark' if marks == 1 else 'marks'}, looks like no digit, or like a word."


def headline(name: str, words: str, marked: str = "") -> str:
    """Set the digit or number large, with the words beside it.

    Args:
        name: the digit or number.
        words: what is said of it.
        marked: the name as HTML, if some of it is marked.
    """
    size = "long" if len(name) > 4 else "short"
    return (
        f'<p class="headline {size}"><output data-testid="label-output-value">{marked or html.escape(name)}</output>'
        f'<span class="words">{html.escape(words)}</span></p>'
    )


def busy(words: str) -> str:
    """Say that there is no answer now; the page's script asks again."""
    return headline("", words).replace("<p ", "<p data-busy ", 1)


def bars(prediction: Prediction) -> str:
    """List the share of each digit, the most probable first; the style sheet shows three of them, or all on demand."""
    items = "".join(
        f'<li><b>{digit}</b><i style="--share:{share:.4f}"></i><span>{percent(share)}</span></li>'
        for digit, share in prediction.top(10)
    )
    return f'<ol class="bars" aria-label="How probable each digit is">{items}</ol>'


def side_by_side(**answers: str) -> str:
    """Set answers side by side, each under its name."""
    columns = "".join(f"<section><h3>{name}</h3>{said}</section>" for name, said in answers.items())
    return f'<div class="side-by-side">{columns}</div>'


def stages(*tiles: str) -> str:
    """Set tiles side by side, each the next step from the picture to the digit."""
    return f'<div class="stages">{"".join(tiles)}</div>'


def tile(picture: Image.Image, caption: str, described: str, kind: str = "picture") -> str:
    """Show a picture with a caption under it.

    Args:
        picture: of any size.
        caption: a word or two.
        described: what a screen reader says of the picture.
        kind: class of the figure, for the style sheet.
    """
    picture = f'<img src="{as_data_url(picture)}" alt="{html.escape(described)}">'
    return f'<figure class="{kind}">{picture}<figcaption>{caption}</figcaption></figure>'


def on_white(ink: np.ndarray) -> Image.Image:
    """Picture ink, [H, W] float32 in [0, 1], black on white."""
    return Image.fromarray(np.uint8(np.rint(255 * (1 - ink))))


def marks_tile(picture: Image.Image, page: Page) -> str:
    """Show a picture with a box around each mark; the boxes are in its pixels."""
    return tile(annotated(picture, page), "found", "The picture with a box around each digit")


def ink_tile(picture: Image.Image, page: Page) -> str:
    """Show the ink of the digits alone, each where it stands in a picture; the boxes are in its pixels."""
    board = np.zeros(picture.size[::-1], np.float32)
    for (left, top, right, bottom), each in page.marks:
        if each.digit is not None:
            glyph = np.float32(Image.fromarray(each.glyph).rotate(-page.turn, expand=True))
            y, x, height, width = tight(glyph)
            size = max(1, right - left), max(1, bottom - top)
            ink = cv2.resize(glyph[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
            window = board[top:bottom, left:right]
            np.maximum(window, ink[: window.shape[0], : window.shape[1]], out=window)
    return tile(on_white(board), "ink", "The ink of the digits alone")


def glyph_tile(prediction: Prediction, caption: str = "glyph") -> str:
    """Show the glyph of a prediction, 28 x 28, as the network sees it."""
    return tile(on_white(prediction.glyph), caption, "The digit as the network sees it, 28 by 28 pixels", "glyph")


def heat_tile(glyph: np.ndarray, heat: np.ndarray) -> str:
    """Show a glyph in the colours of its heat map."""
    return tile(
        Image.fromarray(in_colour(glyph, heat)), "what spoke", "The ink that spoke for the digit, glowing", "heat"
    )


def in_colour(glyph: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Let the ink of a glyph glow as far as it speaks for the digit.

    Args:
        glyph: [28, 28] in [0, 1].
        heat: [28, 28], see `model.explain.heat_map`. What speaks against the digit stays cold.

    Returns:
        [28, 28, 3] uint8, on white.
    """
    around = cv2.blur(heat, (3, 3), borderType=cv2.BORDER_CONSTANT).clip(0)  # one pixel says little without the next
    part = around / max(float(around.max()), 1e-6)
    steps = np.linspace(0, 1, len(GLOW))
    colour = np.stack([np.interp(part, steps, channel) for channel in GLOW.T], axis=-1)
    return np.uint8(np.rint(255 * (1 + (colour - 1) * glyph[..., None].clip(0, 1))))


TELL = f"""<details class="tell"><summary>Wrong? Tell it</summary>
<p>Which digit is it? With your answer the 28 by 28 pixels are kept for the next training. Nothing else is, ever.</p>
<p>{"".join(f'<button type="button" value="{digit}">{digit}</button>' for digit in range(10))}</p>
<p class="thanks" role="status"></p></details>"""
