"""Picture -> the page's answer: the digit or number in words, with the steps that led to it."""

import functools
import os
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TypeVar

from model.annotate import annotated
from model.explain import heat_map
from model.images import Source, load, size, upright
from model.numbers import Number
from model.page import Page
from model.prediction import Prediction
from model.recognizer import PAGE_SIDE, Recognizer
from model.rectify import laid_flat
from model.serving import markup

Read = TypeVar("Read")

CONFIDENT = 0.8  # minimum confidence for a digit to be named without the runner-up
NOT_FOUND = "No digits found. Try writing larger or, for a photo, moving closer or adding light."
SET_LARGE = 12  # maximum number of symbols in a number that is set large
TILES = 12  # maximum number of glyphs shown for a page


def read(method: Callable[[Source], Read], image: Source) -> Read:
    """Read a picture with a method of the recognizer, or load it.

    Raises:
        ValueError: the picture cannot be read; the message gives a file's name without its path on the server.
    """
    try:
        return method(image)
    except FileNotFoundError:
        raise ValueError("it is no longer on this server; upload it again") from None
    except ValueError as error:
        name = repr(Path(str(image)).name)
        raise ValueError(str(error).replace(repr(str(image)), name)) from None


def answer(
    reader: Recognizer, image: Source | None, invitation: str, beside: Recognizer | None = None, explained: bool = True
) -> tuple[str, Page | None, Source | None]:
    """Read a picture; return the answer as HTML and, if anything is written there, the page, in image pixels.

    Args:
        reader: the recognizer that gives the answer.
        image: see `model.images.brightness`; None if there is no picture.
        invitation: tells the user what to do; shown if there is no picture or it is blank.
        beside: the textbook network, whose answer is shown beside the first for comparison.
        explained: show the heat map of a single digit, which accounts for half of the time.

    Returns:
        The HTML, the page, and the picture as it was read: a file is opened only once.
    """
    if image is None:
        return markup.headline("", invitation), None, None
    start = time.perf_counter()
    try:
        if isinstance(image, str | os.PathLike):
            image, _ = read(functools.partial(load, side=PAGE_SIDE), image)
        page = reader.read_page(image)
    except ValueError as error:
        return markup.headline("", f"This picture cannot be read: {error}."), None, None
    took = f'<p class="took">read in {1000 * (time.perf_counter() - start):.0f} ms</p>'
    if not page.marks:
        return markup.headline("", f"No handwriting found. {invitation}"), None, None
    html = verdict(page)
    if beside:
        html = markup.side_by_side({"This page's network": html, "Textbook network": verdict(beside.read_page(image))})
    return html + stages(reader, image, page, explained) + took, page, image


def stages(reader: Recognizer, image: Source, page: Page, explained: bool) -> str:
    """Show the steps from a picture to its digits, as HTML."""
    picture = upright(image, markup.TILE)
    tiles = [markup.tile(picture, "original", "The original picture")]
    small = page.scaled(max(picture.size) / max(size(image)))
    if page.sheet:
        tiles.append(markup.tile(laid_flat(picture, small.sheet), "sheet", "The sheet of paper, laid flat"))
    digits = [each for _, each in page.marks if each.digit is not None] or [page.marks[0][1]]
    tiles.append(markup.ink_tile(picture, small))
    tiles.append(markup.tile(annotated(picture, small), "found", "The picture with a box around each digit"))
    if len(digits) > 1:
        tiles += [markup.glyph_tile(one, f"{one.digit}, {markup.percent(one.confidence)}") for one in digits[:TILES]]
        return markup.stages(*tiles)
    (one,) = digits
    tiles.append(markup.glyph_tile(one))
    if one.digit is not None and explained:
        heat = markup.in_colour(one.glyph, heat_map(reader.net, one.glyph, one.digit))
        tiles.append(markup.tile(heat, "why", "The strokes behind the answer, highlighted", "heat"))
    return markup.stages(*tiles)


def in_words(one: Prediction) -> str:
    """Put a prediction into words: "It is a 7 (98.0% sure).", "Unsure: 1 or 7?", or that it is not a digit."""
    if one.digit is None:
        return "This does not look like a digit."
    if one.confidence < CONFIDENT:
        (first, _), (second, _) = one.top(2)
        return f"Unsure: {first} or {second}?"
    return f"It is {with_article(one.digit)} ({markup.percent(one.confidence)} sure)."


def with_article(digit: int) -> str:
    """Return a digit with its article: "a 7", "an 8"."""
    return f"{'an' if digit == 8 else 'a'} {digit}"


def verdict(page: Page) -> str:
    """Show what is written on a page: the digit with its bars, the number, or that no digits were found."""
    if not page.marks:
        return markup.headline("?", NOT_FOUND)
    digits = [each for _, each in page.marks if each.digit is not None]
    if not digits:
        one = page.marks[0][1]
        return markup.headline("?", in_words(one) if len(page.marks) == 1 else NOT_FOUND) + markup.bars(one)
    if len(digits) == 1 and page.text == str(digits[0].digit):
        return markup.headline(page.text, in_words(digits[0])) + markup.bars(digits[0])
    if len(page.text) > SET_LARGE or "\n" in page.text:
        count = f"{len(digits)} digits"
        return markup.headline(count, f"{count} found{skipped(page)}.", f'<span class="count">{count}</span>')
    sure = f" ({markup.percent(page.numbers[0].confidence)} sure)" if len(page.numbers) == 1 else ""
    words = f"It is {page.text}{sure}{skipped(page)}."
    return markup.headline(page.text, words, " ".join(map(in_signs, page.numbers)))


def in_signs(number: Number) -> str:
    """Return a number as HTML: its unsure digits are marked and show their rivals on hover or focus."""
    return "".join(
        f'<mark tabindex="0" data-rivals="{alternatives(one)}">{sign}</mark>' if unsure(one) else escape(sign)
        for sign, one in zip(number.text, number.digits, strict=True)
    )


def unsure(one: Prediction | None) -> bool:
    """Return whether a digit must be named together with its rival; a sign (None) never is."""
    return one is not None and one.confidence < CONFIDENT


def alternatives(one: Prediction) -> str:
    """Name the digit and its rival with their probabilities: "4: 62.1%, 9: 30.4%"."""
    return ", ".join(f"{digit}: {markup.percent(probability)}" for digit, probability in one.top(2))


def doubts(number: Number) -> str:
    """List the unsure digits of a number, each with its rival."""
    return "; ".join(alternatives(one) for one in number.digits if unsure(one))


def skipped(page: Page) -> str:
    """Say how many marks of a page were skipped because they are not digits, if any."""
    marks = sum(prediction.digit is None for _, prediction in page.marks)
    if not marks:
        return ""
    return "; 1 mark skipped (not a digit)" if marks == 1 else f"; {marks} marks skipped (not digits)"
