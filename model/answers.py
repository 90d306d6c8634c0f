"""A picture -> what the page says of it: the digit or the number in HTML, with the way to it."""

import time
from collections.abc import Callable
from pathlib import Path

from model import show
from model.explain import heat_map
from model.page import Page
from model.pictures import Source, size, upright
from model.prediction import Prediction
from model.recognize import Recognizer
from model.upright import laid_flat

GLYPHS = 12  # that are shown of a page at most


def read(method: Callable[[Source], Prediction | Page], image: Source) -> Prediction | Page:
    """Read a picture by a method of the recognizer, but call a file by its name alone, not by where it lies here."""
    try:
        return method(image)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(str(error).replace(str(image), Path(str(image)).name)) from None


def answer(
    reader: Recognizer, image: Source | None, invitation: str, beside: Recognizer | None = None
) -> tuple[str, Page | None]:
    """Say what is written in a picture, as HTML, with what another network says beside it; and its page, if any.

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
        page = read(reader.read_page, image)
    except ValueError as error:
        return show.headline("", f"This picture cannot be read: {error}."), None
    took = f'<p class="took">read in {1000 * (time.perf_counter() - start):.0f} ms</p>'
    if not page.marks:
        return show.headline("", f"Nothing is written here. {invitation}"), None
    said = show.verdict(page)
    if beside:
        columns = {reader.card["network"]: said, beside.card["network"]: show.verdict(beside.read_page(image))}
        said = show.side_by_side(**columns)
    return said + stages(reader, image, page) + took, page


def stages(reader: Recognizer, image: Source, page: Page) -> str:
    """Show the way from a picture to its digits."""
    picture = upright(image, show.TILE)
    tiles = [show.tile(picture, "as given", "The picture as it was given")]
    small = page.scaled(max(picture.size) / max(size(image)))
    if page.sheet:
        tiles.append(show.tile(laid_flat(picture, small.sheet), "sheet", "The sheet of paper, laid flat"))
    digits = [each for _, each in page.marks if each.digit is not None]
    tiles += [show.ink_tile(picture, small)] * bool(digits) + [show.marks_tile(picture, small)]
    digits = digits or [page.marks[0][1]]
    if len(digits) > 1:
        tiles += [show.glyph_tile(each, f"{each.digit}, {show.percent(each.confidence)}") for each in digits[:GLYPHS]]
        return show.stages(*tiles)
    (one,) = digits
    tiles.append(show.glyph_tile(one))
    if one.digit is not None:
        tiles.append(show.heat_tile(one.glyph, heat_map(reader.net, one.glyph, one.digit)))
    return show.stages(*tiles)
