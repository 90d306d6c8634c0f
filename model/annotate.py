"""Draw the recognised digits onto a copy of a picture."""

from PIL import Image, ImageDraw

from model.page import Page

RED, GREY = "#dc143c", "#808080"  # boxes of digits, and of non-digits


def annotated(picture: Image.Image, page: Page) -> Image.Image:
    """Return an RGB copy with the box and digit of each mark; non-digits get a grey "?".

    Args:
        picture: any mode, at the size that the page's boxes refer to; see `model.images.upright`.
        page: the result of reading it.
    """
    copy = picture.convert("RGB")
    pen = ImageDraw.Draw(copy)
    line = max(1, max(copy.size) // 400)
    for (left, top, right, bottom), prediction in page.marks:
        colour, text = (GREY, "?") if prediction.digit is None else (RED, str(prediction.digit))
        pen.rectangle((left - line, top - line, right + line, bottom + line), outline=colour, width=line)
        size = max(12, max(copy.size) // 40, (bottom - top) // 4)
        above = top - line >= size  # otherwise the label goes inside the box
        pen.text(
            (left, top - line if above else top), text, fill=colour, anchor="lb" if above else "lt", font_size=size
        )
    return copy
