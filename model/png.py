"""PNG pictures of known size, such as drawings and glyphs, and data URLs (RFC 2397)."""

import base64
import io

import numpy as np
from PIL import Image

from model.images import DAMAGE, UnreadableError

PNG_URL = "data:image/png;base64,"  # prefix of a PNG data URL


def as_data_url(picture: Image.Image) -> str:
    """Encode a picture as a PNG data URL, for speed rather than small size."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return f"{PNG_URL}{base64.b64encode(file.getvalue()).decode()}"


def from_data_url(url: str, width: int, height: int) -> np.ndarray:
    """Decode a PNG of known size from a data URL: [height, width] uint8. ValueError if it holds none."""
    if not isinstance(url, str) or not url.startswith(PNG_URL) or len(url) > 8 * width * height + len(PNG_URL):
        raise ValueError(f"send a PNG of {width} x {height} pixels as a data URL")
    try:
        content = base64.b64decode(url[len(PNG_URL) :], validate=True)
    except ValueError:
        raise ValueError("the data URL is not valid base64") from None
    return from_png(content, width, height)


def from_png(content: bytes, width: int, height: int) -> np.ndarray:
    """Decode a PNG of known size, transparent or not, on white: [height, width] uint8. ValueError if it is not one."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            if picture.size != (width, height):
                raise UnreadableError(f"send {width} x {height} pixels, not {picture.width} x {picture.height}")
            if picture.has_transparency_data:
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
            return np.array(picture.convert("L"))
    except UnreadableError:
        raise
    except (*DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableError("this is not a readable PNG") from None
