"""A picture -> what the page says of it: the digit or the number in HTML, with the way to it."""

import time
from collections.abc import Callable
from pathlib import Path

from model import show
from model.explain import heat_map
from model.page import Page
from model.pictures import Source, size, upright
from model.prediction import Prediction
from model.preprocess import ink
from model.recognize import Recognizer

SURELY = 0.9  # confidence from which a picture is one digit, and not looked at as a page too
GLYPHS = 12  # that are shown of a page at most


def read(method: Callable[[Source], Prediction | Page], image: Source) -> Prediction | Page:
    """Read a picture by a method of the recognizer, but call a file by its name alone, not by where it lies here."""
    try:
        return method(image)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(str(error).replace(str(image), Path(str(image)).name)) from None


def digit_or_page(reader: Recognizer, image: Source) -> tuple[Prediction, Page | None]:
    """Read a picture as one digit, and where that is not sure and there are more of them, as a page."""
    one = read(reader.read_digit, image)
    if one.confidence >= SURELY or not one.glyph.any():
        return one, None
    page = read(reader.read_page, image)
    return one, page if sum(each.digit is not None for _, each in page.marks) > 1 else None


def answer(
    reader: Recognizer, image: Source | None, invitation: str, beside: Recognizer | None = None
) -> tuple[str, Page | None]:
    """Say what is written in a picture, as HTML, with what another network says beside it; and its page if it is one.

    Args:
        reader: reads it.
        image: see `model.pictures.brightness`; None if there is none.
        invitation: what to do, for who has not done it.
        beside: the other network.
    """
    if image is None:
        return show.headline("", invitation), None
    start = time.perf_counter()
    try:
        one, page = digit_or_page(reader, image)
    except ValueError as error:
        return show.headline("", f"This picture cannot be read: {error}."), None
    took = f'<p class="took">read in {1000 * (time.perf_counter() - start):.0f} ms</p>'
    if not one.glyph.any():
        return show.headline("", f"Nothing is written here. {invitation}"), None
    said = show.verdict(one, page)
    if beside:
        columns = {reader.card["network"]: said, beside.card["network"]: show.verdict(*digit_or_page(beside, image))}
        said = show.side_by_side(**columns)
    return said + stages(reader, image, one, page) + took, page


def stages(reader: Recognizer, image: Source, one: Prediction, page: Page | None) -> str:
    """Show the way from a picture to its digits."""
    picture = upright(image, show.TILE)
    tiles = [show.tile(picture, "as given", "The picture as it was given"), show.ink_tile(ink(image))]
    if page:
        tiles.append(show.marks_tile(picture, page.scaled(picture.width / size(image)[0])))
        digits = [each for _, each in page.marks if each.digit is not None]
        tiles += [show.glyph_tile(each, f"{each.digit}, {each.confidence:.0%}") for each in digits[:GLYPHS]]
        return show.stages(*tiles)
    tiles.append(show.glyph_tile(one))
    if one.digit is not None:
        tiles.append(show.heat_tile(one.glyph, heat_map(reader.net, one.glyph, one.digit)))
    return show.stages(*tiles)
