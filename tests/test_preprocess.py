import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from model.preprocess import WORKING_SIDE, fit, ink
from model.training.strokes import draw
from tests.digits import STROKES


@pytest.fixture(scope="module")
def seven():
    """A 7 on a canvas, [280, 280] uint8, black on white."""
    return draw(STROKES[7], 14, 160, (70, 50))


def glyph(image):
    return fit(ink(image))


def difference(one, other):
    return float(np.abs(one - other).mean())


# fit


def test_fit_is_near_identity_on_what_is_framed_already(seven):
    once = glyph(seven)
    assert difference(fit(once), once) < 0.005


def test_fit_frames_20_pixels_long_with_the_centre_of_mass_in_the_middle(seven):
    framed = glyph(seven)
    rows, columns = framed.any(axis=1).nonzero()[0], framed.any(axis=0).nonzero()[0]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    for axis in (0, 1):
        centre = np.arange(28) @ framed.sum(axis=1 - axis) / framed.sum()
        assert abs(centre - 14) <= 0.5  # as in MNIST, whose digits are shifted by whole pixels
    assert framed.dtype == np.float32
    assert framed.shape == (28, 28)
    assert framed.min() >= 0
    assert framed.max() == 1


def test_fit_ignores_where_the_digit_was_drawn():
    one, other = (glyph(draw(STROKES[4], 12, 120, corner)) for corner in ((10, 12), (170, 150)))
    assert difference(one, other) < 0.005


def test_fit_ignores_how_large_the_digit_was_drawn():
    one, other = (glyph(draw(STROKES[3], size / 10, size, (20, 20))) for size in (90, 230))
    assert difference(one, other) < 0.02


def test_fit_averages_areas_when_it_reduces(seven):
    """A pattern finer than the glyph's pixels becomes grey, as it does to the eye, not stripes."""
    stripes = np.zeros((400, 400), np.float32)
    stripes[:, ::2] = 1
    framed = fit(stripes)
    assert np.ptp(framed[10:18, 10:18]) < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (300, 20)])
def test_fit_of_no_ink_is_none(shape):
    assert fit(np.zeros(shape, np.float32)) is None


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (1, 1)])
def test_fit_takes_slivers(shape):
    framed = fit(np.ones(shape, np.float32))
    assert framed.shape == (28, 28)
    assert np.isfinite(framed).all()


# ink


def test_polarity_does_not_change_the_ink(seven):
    assert difference(ink(seven), ink(255 - seven)) < 0.001


def test_brightness_and_contrast_do_not_change_the_glyph(seven):
    faint = (200 - 0.15 * (255 - seven.astype(float))).astype(np.uint8)
    assert difference(glyph(faint), glyph(seven)) < 0.01


def test_light_that_falls_from_one_side_does_not_change_the_glyph(seven):
    light = np.linspace(1, 0.45, 280)[:, None] * np.linspace(1, 0.8, 280)
    assert difference(glyph(seven / 255 * light), glyph(seven)) < 0.03


def test_noise_of_the_paper_is_not_ink(seven):
    random = np.random.default_rng(0)
    photo = np.clip(seven * 0.6 + 60 + random.normal(0, 4, seven.shape), 0, 255).astype(np.uint8)
    assert difference(glyph(photo), glyph(seven)) < 0.03


@pytest.mark.parametrize("value", [0, 1, 128, 255])
@pytest.mark.parametrize("shape", [(280, 280), (1, 1), (1, 50), (2, 2), (28, 28, 3)])
def test_one_brightness_everywhere_is_blank(value, shape):
    assert not ink(np.full(shape, value, np.uint8)).any()


def test_paper_with_nothing_but_noise_is_blank():
    random = np.random.default_rng(0)
    assert not ink(np.clip(random.normal(200, 3, (300, 300)), 0, 255).astype(np.uint8)).any()


def test_a_large_picture_is_reduced(seven):
    large = np.kron(seven, np.ones((8, 8), np.uint8))
    assert max(ink(large).shape) < 2 * WORKING_SIDE
    assert difference(glyph(large), glyph(seven)) < 0.01


# every kind of array and picture


@pytest.mark.parametrize(
    "array",
    {
        "uint8": lambda a: a,
        "column of channels": lambda a: a[..., None],
        "rgb": lambda a: np.stack([a] * 3, axis=-1),
        "rgba": lambda a: np.stack([a, a, a, np.full_like(a, 255)], axis=-1),
        "bool": lambda a: a > 127,
        "uint16": lambda a: a.astype(np.uint16) * 257,
        "int64": lambda a: a.astype(np.int64),
        "zero and one": lambda a: (a > 127).astype(int),
        "float32 to 1": lambda a: a.astype(np.float32) / 255,
        "float64 to 255": lambda a: a.astype(np.float64),
        "not contiguous": lambda a: a.repeat(2, axis=1)[:, ::2],
    }.items(),
    ids=lambda item: item[0],
)
def test_every_kind_of_array_gives_the_same_glyph(seven, array):
    assert difference(glyph(array[1](seven)), glyph(seven)) < 0.01


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_picture_gives_the_same_glyph(seven, mode):
    if mode == "I;16":
        picture = Image.fromarray(seven.astype(np.uint16) * 257)
    elif mode in ("LAB", "HSV"):
        picture = Image.fromarray(seven).convert("RGB").convert("HSV") if mode == "HSV" else _lab(seven)
    else:
        picture = Image.fromarray(seven).convert(mode)
    assert picture.mode == mode
    assert difference(glyph(picture), glyph(seven)) < 0.01


def _lab(grey):
    return Image.merge("LAB", [Image.fromarray(grey), *[Image.new("L", grey.shape[::-1], 128)] * 2])


@pytest.mark.parametrize("colour", [0, 255, 90])
def test_transparent_paper_is_paper(seven, colour):
    """Black, white or grey ink on a transparent ground is read alike."""
    alpha = Image.fromarray(255 - seven)
    for mode in ("LA", "RGBA"):
        picture = Image.new(mode[:-1], alpha.size, colour if mode == "LA" else (colour,) * 3)
        picture.putalpha(alpha)
        assert difference(glyph(picture), glyph(seven)) < 0.02


def test_a_palette_with_a_transparent_colour(seven):
    picture = Image.fromarray(np.where(seven > 127, 0, 1).astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=0)
    assert difference(glyph(Image.open(file)), glyph(np.where(seven > 127, 255, 0).astype(np.uint8))) < 0.01


def test_of_an_animation_the_first_frame_is_read(seven, tmp_path):
    frames = [Image.fromarray(seven), Image.fromarray(draw(STROKES[0], 14, 160, (70, 50)))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert difference(glyph(tmp_path / "a.gif"), glyph(seven)) < 0.01


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_followed(seven, tmp_path, orientation):
    upright = Image.fromarray(seven)
    stored = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (upright.transpose(stored) if stored is not None else upright).save(tmp_path / "turned.jpg", exif=exif)
    assert difference(glyph(tmp_path / "turned.jpg"), glyph(seven)) < 0.02


# what cannot be read


def _png():
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)).save(file, "PNG")
    return file.getvalue()


def _huge():
    """A whole PNG that claims 20,000 x 20,000 pixels and holds next to none."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is an empty file: give the path of a picture"),
        (b"hello, I am text", "is no picture that can be read: give a PNG, JPEG"),
        (_png()[:1000], "is damaged .*: save or send it again"),
        (_huge(), "is larger than 100 megapixels: make it smaller"),
    ],
    ids=["empty", "text", "truncated", "huge"],
)
def test_a_file_that_is_no_picture_gets_a_sentence(tmp_path, content, sentence):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        ink(path)


def test_a_missing_file_is_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file '.*7\.png': give the path of a picture"):
        ink(tmp_path / "7.png")


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(ValueError, match="is no file: give the path of a picture"):
        ink(tmp_path)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.full((28, 28), np.nan), "got values from nan to nan: give"),
        (np.array([[0.0, np.inf], [0, 1]]), "got values from 0 to inf: give"),
        (np.full((28, 28), -1.0), "got values from -1 to -1: give"),
        (np.zeros((3, 28, 28)), "got an array of shape 3 x 28 x 28: give"),
        (np.zeros(28), "got an array of shape 28: give"),
        (np.zeros((2, 2, 2, 2)), "got an array of shape 2 x 2 x 2 x 2: give"),
        (np.zeros((0, 28)), "got an array of shape 0 x 28: give"),
        (np.full((4, 4), "x"), "got an array of <U1: give"),
        (np.zeros((4, 4), complex), "got an array of complex128: give"),
    ],
)
def test_an_array_that_is_no_picture_gets_a_sentence(array, sentence):
    with pytest.raises(ValueError, match=sentence):
        ink(array)


@pytest.mark.parametrize("image", [None, 7, b"bytes", [[0, 1]]])
def test_what_is_no_image_at_all_gets_a_sentence(image):
    with pytest.raises(ValueError, match="give a path, a PIL image or a numpy array"):
        ink(image)
