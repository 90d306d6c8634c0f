"""Contact sheets: many pictures in one, for inspection."""

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw

from model.glyph import SIDE


def contact_sheet(
    shown: Iterable[tuple[Image.Image | np.ndarray, str]], columns: int, side: int = 2 * SIDE
) -> Image.Image:
    """Lay out pictures, or glyphs at twice their size, row by row, each `side` pixels long and below its caption."""
    shown, pitch = list(shown), side + 14
    sheet = Image.new("RGB", (columns * pitch, -(-len(shown) // columns) * pitch), "white")
    pencil = ImageDraw.Draw(sheet)
    for i, (picture, text) in enumerate(shown):
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(np.uint8(255 * (1 - picture))).resize((side, side), Image.Resampling.NEAREST)
        picture.thumbnail((side, side))
        x, y = i % columns * pitch + 7, i // columns * pitch
        sheet.paste(picture, (x, y + 13))
        pencil.text((x, y), text, fill=0)
    return sheet
