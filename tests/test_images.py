import contextlib
import io
import os
import threading

import numpy as np
import pytest
from PIL import Image

from model.evaluation.strokes import STROKES, draw
from model.images import brightness, size, upright
from model.ink import ink
from tests.digits import difference, glyph


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
        "mask of uint8": lambda a: (a > 127).astype(np.uint8),
        "float32 to 1": lambda a: a.astype(np.float32) / 255,
        "float32 a little beyond": lambda a: a.astype(np.float32) / 255 * 1.002 - 0.001,
        "float64 to 255": lambda a: a.astype(np.float64),
        "not contiguous": lambda a: a.repeat(2, axis=1)[:, ::2],
    }.items(),
    ids=lambda item: item[0],
)
def test_every_array_type_gives_the_same_glyph(seven, array):
    assert difference(glyph(array[1](seven)), glyph(seven)) < 0.01


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16"]


@pytest.mark.parametrize("mode", MODES)
def test_every_pil_mode_gives_the_same_glyph(seven, mode):
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
def test_a_transparent_background_counts_as_paper(seven, colour):
    """Black, white and grey ink on a transparent background read the same."""
    alpha = Image.fromarray(255 - seven)
    for mode in ("LA", "RGBA"):
        picture = Image.new(mode[:-1], alpha.size, colour if mode == "LA" else (colour,) * 3)
        picture.putalpha(alpha)
        assert difference(glyph(picture), glyph(seven)) < 0.02


def test_a_transparent_palette_colour_counts_as_paper(seven):
    picture = Image.frombytes("P", seven.shape[::-1], np.where(seven > 127, 0, 1).astype(np.uint8).tobytes())
    picture.putpalette([0, 0, 0, 0, 0, 0])
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=0)
    assert difference(glyph(Image.open(file)), glyph(np.where(seven > 127, 255, 0).astype(np.uint8))) < 0.01


def test_only_the_first_frame_of_an_animation_is_read(seven, tmp_path):
    frames = [Image.fromarray(seven), Image.fromarray(draw(STROKES[0], 14, 160, (70, 50)))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert difference(glyph(tmp_path / "a.gif"), glyph(seven)) < 0.01


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(seven, tmp_path, orientation):
    straight = Image.fromarray(seven[:, 20:260])
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
    turned = straight.transpose(stored) if stored is not None else straight
    large = turned.resize([2 * n for n in turned.size]).convert("CMYK")
    for picture, name, options in (
        (turned, "turned.jpg", {}),
        (turned, "turned.tif", {"compression": "tiff_lzw"}),
        (turned, "whole.tif", {}),
        (large, "large.tif", {}),
    ):
        picture.save(tmp_path / name, exif=exif, **options)
        scale = max(picture.size) / 280
        for opened in (contextlib.nullcontext, Image.open):  # anew each time
            with opened(tmp_path / name) as source:
                assert difference(glyph(source), glyph(seven)) < 0.02
            with opened(tmp_path / name) as source:
                assert size(source) == (240 * scale, 280 * scale)
            with opened(tmp_path / name) as source:
                assert brightness(source, 280).shape == (280, 240)
            with opened(tmp_path / name) as source:
                shown = np.asarray(upright(source, 280).convert("L"))
            assert np.abs(shown - seven[:, 20:260].astype(float)).mean() < 2


def test_red_ink_beside_black_ink_on_a_transparent_ground_is_seen(seven):
    clear = np.zeros((*seven.shape, 4), np.uint8)
    clear[seven < 128] = 0, 0, 0, 255
    clear[:, 140:][seven[:, 140:] < 128] = 255, 0, 0, 255  # the right half
    on_white = Image.alpha_composite(Image.new("RGBA", clear.shape[1::-1], "white"), Image.fromarray(clear))
    assert np.allclose(brightness(clear, 280), brightness(on_white.convert("RGB"), 280), atol=0.01)
    assert np.array_equal(np.asarray(upright(Image.fromarray(clear))), np.asarray(on_white.convert("RGB")))


def test_ink_that_differs_from_paper_in_colour_alone_is_seen(seven):
    ink = (255 - np.float32(seven))[..., None] / 255
    red, green = np.array([190.0, 60, 60]), np.array([40.0, 139.1, 50])  # equally bright
    picture = np.uint8(np.rint(ink * red + (1 - ink) * green))
    assert np.ptp(np.asarray(Image.fromarray(picture).convert("L"))) < 6
    assert difference(glyph(picture), glyph(seven)) < 0.03


# unreadable input


def test_a_missing_file_raises_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file '.*7\.png': choose a picture"):
        ink(tmp_path / "7.png")


def test_a_folder_raises_a_clear_error(tmp_path):
    with pytest.raises(ValueError, match=r"cannot be read .*: choose a picture"):
        ink(tmp_path)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.full((28, 28), np.nan), "got values from nan to nan: pass"),
        (np.array([[0.0, np.inf], [0, 1]]), "got values from 0 to inf: pass"),
        (np.full((28, 28), -1.0), "got values from -1 to -1: pass"),
        (np.linspace(0, 1.03, 784).reshape(28, 28), "got values from 0 to 1.03: pass"),  # white overshoots
        (np.linspace(0, 262, 784).reshape(28, 28), "got values from 0 to 262: pass"),
        (np.linspace(-0.42, 2.8, 784).reshape(28, 28), "got values from -0.42 to 2.8: pass"),  # normalised
        (np.zeros((3, 28, 28)), "got an array of shape 3 x 28 x 28: pass"),
        (np.zeros(28), "got an array of shape 28: pass"),
        (np.zeros((2, 2, 2, 2)), "got an array of shape 2 x 2 x 2 x 2: pass"),
        (np.zeros((0, 28)), "got an array of shape 0 x 28: pass"),
        (Image.new("L", (0, 0)), "got an array of shape 0 x 0: pass"),
        (np.full((4, 4), "x"), "got an array of <U1: pass"),
        (np.zeros((4, 4), complex), "got an array of complex128: pass"),
    ],
)
def test_an_invalid_array_raises_a_clear_error(array, sentence):
    with pytest.raises(ValueError, match=sentence):
        ink(array)


@pytest.mark.parametrize("image", [None, 7, b"bytes", [[0, 1]]])
def test_an_unsupported_type_raises_a_clear_error(image):
    with pytest.raises(ValueError, match="pass a path, a PIL image or a numpy array"):
        ink(image)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_an_impossible_file_name_raises_a_clear_error(name):
    with pytest.raises(ValueError, match=r"choose a picture|null"):
        ink(name)


def test_the_callers_picture_is_not_modified(tmp_path):
    Image.new("RGB", (3000, 2000), "white").save(tmp_path / "large.jpg")
    picture = Image.open(tmp_path / "large.jpg")
    ink(picture)
    assert (picture.size, picture.mode) == ((3000, 2000), "RGB")
    small = Image.new("L", (28, 28))
    brightness(small, 28)
    assert dict(small.getexif()) == {}


def test_a_pipe_is_not_called_an_empty_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"\x89PNG",))
    writer.start()
    with pytest.raises(ValueError, match="is not a readable picture"):
        ink(tmp_path / "pipe")
    writer.join()


@pytest.mark.parametrize("size", [(100, 100), (101, 30), (3000, 10), (1, 9999)])
def test_a_picture_is_downscaled_to_the_requested_side(size, tmp_path):
    Image.new("RGB", size, "white").save(tmp_path / "a.jpg")
    for image in (tmp_path / "a.jpg", Image.open(tmp_path / "a.jpg"), np.zeros(size[::-1], np.uint8)):
        assert 34 <= max(brightness(image, 100).shape) <= 100


@pytest.mark.parametrize("size", [(250, 180), (399, 20), (801, 1201), (4000, 3000)])
def test_a_jpeg_is_read_at_the_same_size_as_a_png(size, tmp_path):
    shapes = []
    for kind in ("jpg", "png"):
        Image.new("L", size, 200).save(tmp_path / f"a.{kind}")
        shapes.append(brightness(tmp_path / f"a.{kind}", 400).shape)
    assert shapes[0] == shapes[1]
