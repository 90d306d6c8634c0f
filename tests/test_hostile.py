"""Any file gives a prediction or a one-sentence error. `--hypothesis-profile long` tries many more."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from model import images
from model.evaluation.strokes import STROKES, draw

SENTENCE = re.compile(
    r"'[^']*picture' (is an empty|is not a readable|is damaged|is larger|cannot be read)|got values from .*: pass"
)


def saved(picture, kind, **more):
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


SEVEN = Image.fromarray(draw(STROKES[7], 14, 160, (70, 50))).resize((140, 140))
EXIF = Image.Exif()
EXIF[0x0112] = 6
VALID = {
    "png": saved(SEVEN, "PNG"),
    "png, palette": saved(SEVEN.convert("P"), "PNG", transparency=3),
    "png, 16 bits": saved(Image.fromarray(np.asarray(SEVEN).astype(np.uint16) * 257), "PNG"),
    "png, 1 bit": saved(SEVEN.convert("1"), "PNG"),
    "png, transparent": saved(SEVEN.convert("LA"), "PNG", exif=EXIF),
    "jpeg": saved(SEVEN.convert("RGB"), "JPEG", exif=EXIF),
    "jpeg, progressive": saved(SEVEN, "JPEG", progressive=True),
    "jpeg, cmyk": saved(SEVEN.convert("CMYK"), "JPEG"),
    "jpeg, two in one file": saved(SEVEN.convert("RGB"), "MPO", save_all=True, append_images=[SEVEN]),
    "webp": saved(SEVEN.convert("RGB"), "WEBP", exif=EXIF),
    "webp, animated": saved(SEVEN.convert("RGBA"), "WEBP", save_all=True, append_images=[SEVEN.convert("RGBA")]),
    "gif": saved(SEVEN, "GIF", save_all=True, append_images=[SEVEN.rotate(90)]),
    "bmp": saved(SEVEN, "BMP"),
    "tiff": saved(SEVEN, "TIFF"),
    "tiff, deflate": saved(SEVEN.convert("RGB"), "TIFF", compression="tiff_deflate"),
    "tiff, float": saved(SEVEN.convert("F"), "TIFF"),
    "ppm": saved(SEVEN, "PPM"),
    "avif": saved(SEVEN.convert("RGB"), "AVIF", speed=10),
    "heic": saved(SEVEN.convert("RGB"), "HEIF"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile") / "picture"


def read(reader, place, content):
    """Read a file as the page does: return the digit, None if there is none, or the error message."""
    place.write_bytes(content)
    try:
        prediction = reader.read_digit(place)
        images.upright(place, 168)
    except ValueError as error:
        assert SENTENCE.search(str(error)), error
        return str(error)
    return prediction.digit


@pytest.mark.parametrize("name", VALID)
def test_every_kind_of_file_is_read(reader, place, name):
    upside = "transparent" in name or name in ("jpeg", "webp")  # rotated by EXIF: a 7 on its side
    digit = read(reader, place, VALID[name])
    assert not isinstance(digit, str)
    assert digit == 7 or upside


@st.composite
def mutated(draw):
    """A valid file that was truncated, spliced with another, partly repeated, or had bytes changed."""
    content = bytearray(VALID[draw(st.sampled_from(sorted(VALID)))])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.integers(0, 5)):
            case 0:
                content[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                content[at : at + 4] = draw(st.sampled_from([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"]))
            case 2:
                del content[at:]
            case 3:
                other = VALID[draw(st.sampled_from(sorted(VALID)))]
                content[at:] = other[draw(st.integers(0, len(other))) :]
            case 4:
                content[at:at] = content[at : at + draw(st.integers(1, 200))]
            case 5:
                del content[at : at + draw(st.integers(1, 50))]
    return bytes(content)


@given(mutated())
def test_a_corrupted_file_is_read_or_gives_an_error_message(reader, place, content):
    read(reader, place, content)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_give_an_error_message(reader, place, content):
    read(reader, place, content)


def png(width, height, *more, data=b"", depth=8, colour=0):
    """A PNG whose header may claim anything."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def bomb():
    """A complete PNG of 30 megapixels in 30 kB."""
    return png(6000, 5000, data=bytes(6001 * 5000))


def text_bomb():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 80_000_000, zip=True)
    return saved(SEVEN, "PNG", pnginfo=info)


def frames():
    small = SEVEN.convert("L").resize((40, 40))
    return saved(small, "GIF", save_all=True, append_images=[small.rotate(i % 360) for i in range(3000)])


def profile():
    colours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return saved(SEVEN.convert("RGB"), "JPEG", icc_profile=colours + bytes(3_000_000))


def phone_photo():
    """A JPEG of 36 megapixels with a second, smaller one in the same file, as phones save them."""
    return saved(SEVEN.resize((6000, 6000)), "MPO", save_all=True, append_images=[SEVEN])


def dots():
    """Twenty thousand dots at uneven heights."""
    paper, random = np.full((600, 800), 255, np.uint8), np.random.default_rng(0)
    for x in range(2, 794, 5):
        for y in range(2, 594, 5):
            top = y + random.integers(3)
            paper[top : top + 2, x : x + 2] = 0
    return saved(Image.fromarray(paper), "PNG")


NASTY = {
    "twenty thousand dots": (dots, None),
    "a large photo of a phone": (phone_photo, 7),
    "bomb": (bomb, None),
    "more pixels than there are": (lambda: png(200_000, 200_000), "is larger than 100 megapixels: make it smaller"),
    "a lying header": (lambda: png(5000, 5000, data=b"few"), "is damaged"),
    "text that unpacks to 80 MB": (text_bomb, "is damaged"),
    "three thousand frames": (frames, 7),
    "a colour profile of 3 MB": (profile, 7),
    "a strip": (lambda: saved(Image.new("L", (1, 65_000), 255), "PNG"), None),
    "a lying strip": (lambda: saved(Image.new("L", (65_000, 1), 255), "PNG"), None),
    "one pixel": (lambda: saved(Image.new("L", (1, 1), 255), "PNG"), None),
    "no numbers": (
        lambda: saved(Image.fromarray(np.full((30, 30), np.nan, np.float32)), "TIFF"),
        "got values from nan",
    ),
    "nothing": (lambda: b"", "is an empty file: choose a picture"),
    "text": (lambda: b"hello, I am text", "is not a readable picture: use a PNG, JPEG"),
    "text as BMP": (lambda: b"BM, this is text too", ": save or send it again"),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "is not a readable picture"),
    "a cut-off picture": (lambda: VALID["jpeg"][:1000], "is damaged"),
}


@pytest.mark.parametrize("name", NASTY)
def test_malicious_files_give_the_expected_result(reader, place, name):
    make, wanted = NASTY[name]
    said = read(reader, place, make())
    if isinstance(wanted, str):
        assert wanted in said
    else:
        assert said == wanted
