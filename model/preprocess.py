"""image -> ink -> glyph: whatever the user gave becomes what the network reads."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIDE = 28  # a glyph is SIDE x SIDE pixels
LONG = 20  # the digit in it is LONG pixels long
MAX_PIXELS = 100_000_000  # a larger picture is refused before it is decoded
WORKING_SIDE = 400  # a larger picture is reduced to this at most before it is searched for ink
STIFFNESS = 0.1  # how much it costs the surface of the paper to lean or bend, beside missing the brightness by 1
FAINTEST = 0.04  # the least step from paper to pen that counts as ink, where black to white is 1

_FULL = {"bool": 1, "uint8": 255, "uint16": 65535}  # other types: the least of these that holds every value
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's mode L

Source = str | os.PathLike | Image.Image | np.ndarray


def ink(image: Source) -> np.ndarray:
    """Take pen from paper: light, paper colour and polarity go, what was written stays.

    Light falls smoothly on paper, so its brightness is a smooth surface, fitted where most of the picture lies; what
    stands well off that surface, on the side where more does, is ink.

    Args:
        image: a path, a PIL image of any mode, or an array [H, W], [H, W, 1], [H, W, 3] (RGB) or [H, W, 4] (RGBA) of
            bool, of integers in [0, 255] or [0, 65535], or of floats in [0, 1] or [0, 255]. Dark on light or light on
            dark. A transparent picture lies on white paper, or on black where white would hide it.

    Returns:
        [H, W] float32 in [0, 1]; 0 is paper, 1 is pen. A picture larger than `WORKING_SIDE` is reduced by a whole
        factor. All zeros where nothing stands out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture that can be read; the sentence says why.
    """
    grey = _grey(image)
    if min(grey.shape) < 2:
        return np.zeros_like(grey)
    paper, pen_is_dark = _paper(grey)
    step = paper - grey if pen_is_dark else grey - paper  # from paper to pen
    every = max(1, min(step.shape) // 100)
    beyond = step[::every, ::every]
    beyond = -beyond[beyond < 0]  # paper on the far side from the pen: noise, and no ink
    noise = 1.4826 * float(np.median(beyond)) if beyond.size else 0.0  # a standard deviation
    deepest = float(step.max())
    if deepest < max(FAINTEST, 6 * noise):
        return np.zeros_like(grey)
    pen = float(np.median(step[step > deepest / 2]))
    floor = min(max(0.1 * pen, 3 * noise), 0.5 * pen)
    return np.clip((step - floor) * (1 / (pen - floor)), 0, 1)


def fit(ink: np.ndarray) -> np.ndarray | None:
    """Frame one digit as MNIST does: 20 pixels long, its centre of mass in the middle of 28 x 28.

    Drawing, photo and training set all pass here, so the network never meets a digit framed another way. The framing is
    that of http://yann.lecun.com/exdb/mnist/: an anti-aliased reduction, and a shift by whole pixels.

    Args:
        ink: [H, W] float32 in [0, 1]; 0 is paper, 1 is pen. Any H and W.

    Returns:
        The glyph, [28, 28] float32 in [0, 1], its darkest pixel 1, or None if there is no ink.
    """
    rows, columns = np.flatnonzero(ink.max(axis=1) > 0.1), np.flatnonzero(ink.max(axis=0) > 0.1)
    if not rows.size:
        return None
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    crop = Image.fromarray(np.ascontiguousarray(ink[top:bottom, left:right], dtype=np.float32))
    scale = LONG / max(crop.size)
    width, height = (max(1, round(side * scale)) for side in crop.size)
    digit = np.asarray(crop.resize((width, height), Image.Resampling.BILINEAR))
    digit = digit / digit.max()
    y, x = (np.arange(side) @ digit.sum(axis=1 - axis) / digit.sum() for axis, side in enumerate(digit.shape))
    up, along = (
        int(np.clip(round(SIDE / 2 - centre), 0, SIDE - side)) for centre, side in zip((y, x), digit.shape, strict=True)
    )
    glyph = np.zeros((SIDE, SIDE), np.float32)
    glyph[up : up + height, along : along + width] = digit
    return glyph


def _paper(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """Fit the brightness of the paper, [H, W] float32, and say whether the pen is darker than it.

    A surface of second degree is fitted by quantile regression (Koenker and Bassett 1978), once as if three quarters of
    what is off it were darker, once lighter; what is written may then cover half of the picture. The better fit wins.
    Leaning and bending cost a little, so that the surface follows the light and not fat strokes.
    """
    size = min(grey.shape[1], 24), min(grey.shape[0], 24)
    small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))
    trust = np.ones_like(small)  # the rim of a picture is more often paper than its middle
    trust[[0, -1], :] = trust[:, [0, -1]] = max(1, small.size / (2 * sum(small.shape)))
    y, x = (_powers(n) for n in small.shape)
    basis = (y[:, None, :, None] * x[None, :, None, :]).reshape(small.size, 9)[:, [0, 1, 2, 3, 4, 6]]
    trust, level = trust.ravel(), small.ravel()
    fits, bend = [], STIFFNESS * trust.sum()
    for above, below in ((0.75, 0.25), (0.25, 0.75)):
        coefficients = np.array([np.average(level, weights=trust), 0, 0, 0, 0, 0])
        for _ in range(12):  # iteratively reweighted least squares
            off = level - basis @ coefficients
            weighted = basis * (trust * np.where(off > 0, above, below) / (np.abs(off) + 1e-3))[:, None]
            coefficients = np.linalg.solve(weighted.T @ basis + bend * np.diag([0, 1, 1, 1, 1, 1]), weighted.T @ level)
        off = level - basis @ coefficients
        loss = trust @ (np.where(off > 0, above, below) * np.abs(off)) + bend * np.square(coefficients[1:]).sum() / 2
        fits.append((float(loss), above > below, coefficients))
    _, pen_is_dark, (c, x, xx, y, xy, yy) = min(fits, key=lambda fit: fit[0])
    height, width = (_powers(n) for n in grey.shape)
    paper = height @ np.array([[c, x, xx], [y, xy, 0], [yy, 0, 0]]) @ width.T
    return paper.astype(np.float32), pen_is_dark


def _powers(n: int) -> np.ndarray:
    """Return 1, t, t^2 at the centres of n pixels, t in [-1, 1]: [n, 3]."""
    t = (2 * np.arange(n) + 1 - n) / n
    return np.stack([np.ones(n), t, t * t], axis=1)


def _grey(image: Source) -> np.ndarray:
    """Decode to brightness: [H, W] float32 in [0, 1], 0 is black; see `ink` for what it takes and raises."""
    if isinstance(image, np.ndarray):
        return _grey_of_array(image)
    if isinstance(image, Image.Image):
        return _grey_of_picture(image, "the picture")
    if not isinstance(image, str | os.PathLike):
        raise ValueError(f"got {type(image).__name__}: give a path, a PIL image or a numpy array")
    name = repr(os.fspath(image))
    path = Path(image)
    if not path.exists():
        raise FileNotFoundError(f"no file {name}: give the path of a picture")
    if not path.is_file() or path.stat().st_size == 0:
        raise ValueError(f"{name} is {'an empty file' if path.is_file() else 'no file'}: give the path of a picture")
    try:
        with Image.open(path) as picture:
            return _grey_of_picture(picture, name)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(name) from None
    except Image.UnidentifiedImageError:
        raise ValueError(f"{name} is no picture that can be read: give a PNG, JPEG, WebP, GIF, BMP or TIFF") from None


def _too_large(name: str) -> ValueError:
    return ValueError(f"{name} is larger than {MAX_PIXELS // 10**6} megapixels: make it smaller")


def _grey_of_picture(picture: Image.Image, name: str) -> np.ndarray:
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large(name)
    if picture.format == "JPEG":
        picture.draft("L", (WORKING_SIDE, WORKING_SIDE))  # decodes at a reduced size, which is many times faster
    try:
        picture.load()
        picture = ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as error:
        raise ValueError(f"{name} is damaged ({error}): save or send it again") from None
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 or 32 bits a pixel
        return _grey_of_array(np.asarray(picture))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
    elif picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    picture = picture.reduce(-(-max(picture.size) // WORKING_SIDE))
    return _grey_of_array(np.asarray(picture))


def _grey_of_array(array: np.ndarray) -> np.ndarray:
    shape = " x ".join(map(str, array.shape))
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(f"got an array of shape {shape}: give [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise _too_large(f"the array of shape {shape}")
    if array.dtype.kind not in "buif":
        raise ValueError(f"got an array of {array.dtype}: give bool, integers or floats")
    full = _FULL.get(array.dtype.name)
    lowest, highest = float(array.min()), float(array.max())  # NaN where there is one
    if full is None:
        full = next((full for full in (1, 255, 65535) if highest <= full), None)
    if full is None or not lowest >= 0:
        raise ValueError(f"got values from {lowest:g} to {highest:g}: give [0, 1], [0, 255] or [0, 65535]")
    values = array.reshape(*array.shape[:2], -1).astype(np.float32) / full
    grey = values[..., :3] @ _LUMINANCE if values.shape[2] > 1 else values[..., 0]
    if values.shape[2] == 4:
        alpha = values[..., 3]
        on_white, on_black = 1 - alpha * (1 - grey), alpha * grey
        grey = on_white if np.ptp(on_white) >= FAINTEST else on_black
    return np.asarray(Image.fromarray(grey).reduce(-(-max(grey.shape) // WORKING_SIDE)))
