"""Contact sheets: many glyphs in one picture, for inspection."""

import numpy as np
from PIL import Image, ImageDraw

from model.glyph import SIDE


def contact_sheet(shown: list[tuple[np.ndarray, str]], columns: int = 20) -> Image.Image:
    """Lay out glyphs, [28, 28] float32 in [0, 1], row by row at twice their size, each below its caption."""
    width, height = 2 * SIDE + 14, 2 * SIDE + 14
    sheet = Image.new("L", (columns * width, -(-len(shown) // columns) * height), 255)
    pencil = ImageDraw.Draw(sheet)
    for i, (glyph, text) in enumerate(shown):
        x, y = i % columns * width + 7, i // columns * height
        sheet.paste(Image.fromarray(np.uint8(255 * (1 - glyph))).resize((2 * SIDE, 2 * SIDE), 0), (x, y + 13))
        pencil.text((x, y), text, fill=0)
    return sheet
