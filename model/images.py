"""A picture of any kind -> its brightness. The single entry point for files and arrays."""

import contextlib
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageOps

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # the limits below are our own
pillow_heif.register_heif_opener(thumbnails=False)  # the format in which many phones save photos

FORMATS = "PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "HEIF"  # the only formats that are opened
MAX_PIXELS = 100_000_000  # larger pictures are rejected before decoding
UNREDUCED = 32_000_000  # pixel limit if a file cannot be decoded at a reduced size: decoding takes less than 400 MB
WHOLE_WEBP = 20_000_000  # the same for WebP, whose decoder keeps four copies of each pixel
MIN_CONTRAST = 0.04  # smallest visible step in brightness, where black to white is 1

Source = str | os.PathLike | Image.Image | np.ndarray

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in Pillow's mode L
_OPPONENTS = np.array([[1, -1, 0], [-0.5, -0.5, 1]], np.float32)  # red against green, and blue against both
COLOUR_ALONE = 3  # ink differs in colour alone if colours vary more than this many times as much as brightness
DAMAGE = (  # exceptions that Pillow's decoders raise on broken files
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError),
    *(struct.error, zlib.error),
)


def brightness(image: Source, side: int) -> np.ndarray:
    """Decode a picture to the brightness of each pixel: the first value that `decoded` returns."""
    return decoded(image, side)[0]


def decoded(image: Source, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode a picture once: return the brightness of each pixel and the original size.

    Args:
        image: a path, a PIL image of any mode, or an array [H, W], [H, W, 1], [H, W, 3] (RGB) or [H, W, 4] (RGBA) of
            bool, integers or floats; 0 is black, and white is the smallest of 1, 255 and 65535 that no value exceeds by
            more than 1%. Floats that exceed 1 or 255 by more, but not twofold, are an error.
        side: maximum length in pixels; a longer picture is reduced by the smallest whole factor that makes it fit.

    Returns:
        [H, W] float32 in [0, 1], and (width, height) in pixels before the reduction. EXIF orientation is applied; for
        an animation, the first frame is used. A transparent picture is composited on white, or on black if white
        would hide all of it.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the image cannot be read; the message says why.
    """
    if isinstance(image, np.ndarray):
        given = image.shape[1::-1]
        return np.asarray(_resized(Image.fromarray(_from_array(np.asarray(image))), _size_within(given, side))), given
    if isinstance(image, Image.Image):
        return _from_picture(image, side)
    if isinstance(image, str | os.PathLike):
        picture, given = load(image, side)
        return _from_pixels(picture), given
    raise UnreadableError(f"got {type(image).__name__}: pass a path, a PIL image or a numpy array")


def load(path: str | os.PathLike, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """Open and decode a picture file, once for everything that needs its pixels; arguments and errors as for `decoded`.

    Returns:
        The picture, upright and reduced, which gives the same reading as the file; and its original (width, height).
    """
    with _opened(path) as picture:
        given, small = size(picture), _size_within(picture.size, side)
        picture.draft("RGB", small)  # a large JPEG is decoded at a reduced size, many times faster
        loaded = _reduced(picture, small)
    loaded.info.clear()  # what it says about transparency and orientation has been applied
    return loaded, given


def size(image: Source) -> tuple[int, int]:
    """Return (width, height) in pixels of a picture that `brightness` can read, with EXIF orientation applied."""
    if isinstance(image, np.ndarray):
        return image.shape[1], image.shape[0]
    if isinstance(image, Image.Image):
        if image.format == "TIFF":  # Pillow turns it upright when loading it, and only then drops the orientation tag;
            name, image.filename = image.filename, ""  # if it knew the file's name, it would scramble the rows of some
            image.load()
            image.filename = name
        turned = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)  # a quarter-turn
        return image.size[::-1] if turned else image.size
    with _opened(image) as picture:
        return size(picture)


def upright(image: Source, side: int | None = None) -> Image.Image:
    """Return a picture for display, in RGB: as `brightness` sees it, but in colour where it has any.

    Args:
        image: a path, a PIL image or an array.
        side: maximum length in pixels; None keeps the size.
    """
    if isinstance(image, str | os.PathLike):
        with _opened(image) as file:
            if side:
                file.draft("RGB", (side, side))
            return upright(file, side)
    longest = max(size(image))
    if isinstance(image, Image.Image) and not image.mode.startswith(("I", "F")):
        small = _reduced(image, _size_within(image.size, side or longest))
        if small.mode != "RGBA":
            return small.convert("RGB")
        on_white = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small).convert("RGB")
        if np.ptp(on_white) >= 255 * MIN_CONTRAST:
            return on_white
    return Image.fromarray(np.uint8(np.rint(255 * brightness(image, side or longest)))).convert("RGB")


def _size_within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size divided by the smallest whole number that makes its longer side at most `side`."""
    factor = max(1, -(-max(size) // side))
    return -(-size[0] // factor), -(-size[1] // factor)


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Reduce a picture; each new pixel is the mean of the pixels it replaces."""
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BOX)


class UnreadableError(ValueError):
    """A picture cannot be read; the message says why, in one sentence."""


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[Image.Image]:
    """Open a file that is not too large; turn Pillow's errors, now or during decoding, into one sentence."""
    name = repr(os.fspath(path))
    try:
        if Path(path).stat().st_size == 0 and Path(path).is_file():
            raise UnreadableError(f"{name} is an empty file: choose a picture")
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > _most(picture):
                raise _too_large(name, _most(picture))
            yield picture
    except UnreadableError:
        raise
    except FileNotFoundError:
        raise FileNotFoundError(f"no file {name}: choose a picture") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(name) from None
    except Image.UnidentifiedImageError:
        raise UnreadableError(
            f"{name} is not a readable picture: use a PNG, JPEG, HEIC, WebP, AVIF, GIF, BMP or TIFF"
        ) from None
    except DAMAGE as error:
        if getattr(error, "errno", None):
            raise UnreadableError(f"{name} cannot be read ({error.strerror}): choose a picture") from None
        raise UnreadableError(f"{name} is damaged ({_in_one_line(error)}): save or send it again") from None


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _most(picture: Image.Image) -> int:
    """Return the pixel limit of a file; it is lower for formats that are decoded, or buffered, at full size."""
    if picture.format in ("JPEG", "MPO") and not picture.info.get("progressive"):  # MPO: JPEGs of phones, in one file
        return MAX_PIXELS
    return WHOLE_WEBP if picture.format == "WEBP" else UNREDUCED


def _too_large(name: str, most: int = MAX_PIXELS) -> UnreadableError:
    advice = "make it smaller" if most == MAX_PIXELS else "make it smaller, or save it as a baseline JPEG"
    return UnreadableError(f"{name} is larger than {most // 10**6} megapixels: {advice}")


def _from_picture(picture: Image.Image, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large("the picture")
    try:
        given = size(picture)
        small = _reduced(picture, _size_within(picture.size, side))
    except Image.DecompressionBombError:
        raise _too_large("the picture") from None
    except DAMAGE as error:
        raise UnreadableError(f"the picture is damaged ({_in_one_line(error)}): save or send it again") from None
    return _from_pixels(small), given


def _from_pixels(picture: Image.Image) -> np.ndarray:
    return _from_array(np.asarray(picture), white=None if picture.mode in ("I", "F") else 255)


def _reduced(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Reduce a picture as `brightness` does, and rotate it upright; the result has mode L, RGB, RGBA, I or F."""
    orientation = picture.getexif().get(ExifTags.Base.Orientation)
    if picture.mode.startswith("I;"):
        picture = picture.convert("I")
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
    elif picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode not in ("L", "RGB", "I", "F"):
        picture = picture.convert("RGB")
    small = _resized(picture, size)
    if orientation:
        small.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(small)


def _from_array(array: np.ndarray, white: int | None = None) -> np.ndarray:
    shape = " x ".join(map(str, array.shape))
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise UnreadableError(f"got an array of shape {shape}: pass [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise _too_large(f"the array of shape {shape}")
    if array.dtype.kind not in "buif":
        raise UnreadableError(f"got an array of {array.dtype}: pass bool, integers or floats")
    lowest, highest = float(array.min()), float(array.max())  # NaN if any value is NaN
    if white is None:  # resizing may push floats slightly out of range
        white = next((most for most in (1, 255, 65535) if highest <= 1.01 * most), None)
    overshoots = array.dtype.kind == "f" and any(1.01 * most < highest < 2 * most for most in (1, 255))
    if white is None or overshoots or not lowest >= -0.01 * max(1, highest):
        raise UnreadableError(f"got values from {lowest:g} to {highest:g}: pass [0, 1], [0, 255] or [0, 65535]")
    values = np.clip(array.reshape(*array.shape[:2], -1).astype(np.float32) / white, 0, 1)
    if values.shape[2] == 1:
        return values[..., 0]
    colours, alpha = values[..., :3], values[..., 3:]
    if not alpha.size:
        return _tone(colours)
    on_white = _tone(1 - alpha * (1 - colours))
    return on_white if np.ptp(on_white) >= MIN_CONTRAST else _tone(alpha * colours)


def _tone(colours: np.ndarray) -> np.ndarray:
    """Return the brightness of colours, [H, W, 3] -> [H, W]; where ink differs in colour alone, that difference."""
    some = colours[:: max(1, len(colours) // 256), :: max(1, colours.shape[1] // 256)]
    spread = (some @ _OPPONENTS.T).std(axis=(0, 1))
    if spread.max() <= max(COLOUR_ALONE * float((some @ _LUMINANCE).std()), MIN_CONTRAST / 2):
        return colours @ _LUMINANCE
    colour = colours @ _OPPONENTS[spread.argmax()]
    return (colour - colour.min()) / np.ptp(colour)
