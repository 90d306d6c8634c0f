"""Picture -> the page's answer: the digit or number as HTML, with the steps that led to it."""

import time
from collections.abc import Callable
from pathlib import Path

from model.explain import heat_map
from model.images import Source, size, upright
from model.page import Page
from model.prediction import Prediction
from model.recognizer import Recognizer
from model.rectify import laid_flat
from model.serving import html

GLYPHS = 12  # maximum number of glyphs shown for a page


def read(method: Callable[[Source], Prediction | Page], image: Source) -> Prediction | Page:
    """Read a picture with a method of the recognizer.

    Raises:
        ValueError: the picture cannot be read; the message gives a file's name without its path on the server.
    """
    try:
        return method(image)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(str(error).replace(str(image), Path(str(image)).name)) from None


def answer(
    reader: Recognizer, image: Source | None, invitation: str, beside: Recognizer | None = None
) -> tuple[str, Page | None]:
    """Read a picture; return the answer as HTML, and the page if anything is written on it.

    Args:
        reader: the recognizer that gives the answer.
        image: see `model.images.brightness`; None if there is no picture.
        invitation: tells the user what to do; shown if there is no picture or it is blank.
        beside: a second recognizer, whose answer is shown beside the first for comparison.
    """
    if image is None:
        return html.headline("", invitation), None
    start = time.perf_counter()
    try:
        page = read(reader.read_page, image)
    except ValueError as error:
        return html.headline("", f"This picture cannot be read: {error}."), None
    took = f'<p class="took">read in {1000 * (time.perf_counter() - start):.0f} ms</p>'
    if not page.marks:
        return html.headline("", f"Nothing is written here yet. {invitation}"), None
    said = html.verdict(page)
    if beside:
        columns = {reader.card["network"]: said, beside.card["network"]: html.verdict(beside.read_page(image))}
        said = html.side_by_side(**columns)
    return said + stages(reader, image, page) + took, page


def stages(reader: Recognizer, image: Source, page: Page) -> str:
    """Show the steps from a picture to its digits, as HTML."""
    picture = upright(image, html.TILE)
    tiles = [html.tile(picture, "as given", "The picture as it was given")]
    small = page.scaled(max(picture.size) / max(size(image)))
    if page.sheet:
        tiles.append(html.tile(laid_flat(picture, small.sheet), "sheet", "The sheet of paper, laid flat"))
    digits = [each for _, each in page.marks if each.digit is not None]
    tiles += [html.ink_tile(picture, small)] * bool(digits) + [html.marks_tile(picture, small)]
    digits = digits or [page.marks[0][1]]
    if len(digits) > 1:
        tiles += [html.glyph_tile(each, f"{each.digit}, {html.percent(each.confidence)}") for each in digits[:GLYPHS]]
        return html.stages(*tiles)
    (one,) = digits
    tiles.append(html.glyph_tile(one))
    if one.digit is not None:
        tiles.append(html.heat_tile(one.glyph, heat_map(reader.net, one.glyph, one.digit)))
    return html.stages(*tiles)
