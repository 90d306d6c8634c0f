import numpy as np
import pytest
from PIL import Image

from model.evaluation.strokes import STROKES, draw
from model.glyph import fit, frame
from model.ink import ink
from tests.conftest import ROOT
from tests.digits import difference, glyph


def test_fit_barely_changes_a_framed_glyph(seven):
    once = glyph(seven)
    assert difference(fit(once), once) < 0.005


def test_fit_barely_changes_mnist_digits():
    files = [ROOT / place / "MNIST/raw/t10k-images-idx3-ubyte" for place in ("data", "../shared/data")]
    present = [file for file in files if file.exists()]
    if not present:
        pytest.skip("no MNIST here: train.py downloads it into data/")
    digits = np.fromfile(present[0], np.uint8)[16:].reshape(-1, 28, 28)[:500] / np.float32(255)
    differences = np.array([difference(fit(digit), digit) for digit in digits])
    assert np.median(differences) < 1e-6
    assert differences.mean() < 0.002


def test_fit_scales_to_20_pixels_and_centres_the_mass(seven):
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


def test_fit_antialiases_when_it_downscales(seven):
    """A pattern finer than the glyph's pixels becomes grey instead of aliasing into stripes."""
    stripes = np.zeros((400, 400), np.float32)
    stripes[:, ::2] = 1
    framed = fit(stripes)
    assert np.ptp(framed[10:18, 10:18]) < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (300, 20)])
def test_fit_returns_none_without_ink(shape):
    assert fit(np.zeros(shape, np.float32)) is None


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (1, 1)])
def test_fit_handles_slivers(shape):
    framed = fit(np.ones(shape, np.float32))
    assert framed.shape == (28, 28)
    assert np.isfinite(framed).all()


def test_frame_matches_fit_on_each_image_of_a_batch():
    inks = np.stack([ink(draw(STROKES[d], 10, 100 + 12 * d, (9 * d, 30))) for d in range(10)])
    inks[3] = 0
    for one, framed in zip(inks, frame(inks), strict=True):
        expected = fit(one)
        assert np.allclose(framed, 0 if expected is None else expected, atol=1e-5)


def test_frame_resamples_like_pillow():
    """The oracle is Pillow's anti-aliased bilinear filter: 33 x 47 pixels become 14 x 20."""
    image = np.random.default_rng(0).random((47, 33), np.float32) * 0.8 + 0.2
    expected = np.asarray(Image.fromarray(image).resize((14, 20), Image.Resampling.BILINEAR))
    framed = fit(image)
    found = framed[framed.any(axis=1)][:, framed.any(axis=0)]
    assert np.abs(found - expected / expected.max()).max() < 1e-4
