import numpy as np
import pytest
from PIL import Image

from model.preprocess import WORKING_SIDE, fit, frame, ink, isolate
from model.training.strokes import draw
from tests.conftest import ROOT
from tests.digits import STROKES, difference, glyph

# fit


def test_fit_is_near_identity_on_what_is_framed_already(seven):
    once = glyph(seven)
    assert difference(fit(once), once) < 0.005


def test_fit_is_near_identity_on_mnist():
    files = [ROOT / place / "MNIST/raw/t10k-images-idx3-ubyte" for place in ("data", "../shared/data")]
    present = [file for file in files if file.exists()]
    if not present:
        pytest.skip("no MNIST here: train.py downloads it into data/")
    digits = np.fromfile(present[0], np.uint8)[16:].reshape(-1, 28, 28)[:500] / np.float32(255)
    differences = np.array([difference(fit(digit), digit) for digit in digits])
    assert np.median(differences) < 1e-6
    assert differences.mean() < 0.002


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


def test_frame_gives_a_batch_what_fit_gives_each():
    inks = np.stack([ink(draw(STROKES[d], 10, 100 + 12 * d, (9 * d, 30))) for d in range(10)])
    inks[3] = 0
    for one, framed in zip(inks, frame(inks), strict=True):
        expected = fit(one)
        assert np.allclose(framed, 0 if expected is None else expected, atol=1e-5)


def test_frame_resamples_as_pillow_does():
    """Pillow's anti-aliased bilinear filter is the oracle: 33 x 47 pixels become 14 x 20."""
    image = np.random.default_rng(0).random((47, 33), np.float32) * 0.8 + 0.2
    expected = np.asarray(Image.fromarray(image).resize((14, 20), Image.Resampling.BILINEAR))
    framed = fit(image)
    found = framed[framed.any(axis=1)][:, framed.any(axis=0)]
    assert np.abs(found - expected / expected.max()).max() < 1e-4


# isolate


def test_specks_and_the_edge_of_the_sheet_are_dropped(seven):
    photo = ink(seven)
    dirty = photo.copy()
    dirty[20:23, 20:23] = dirty[250, 40] = 1
    dirty[:4, :] = 0.9
    assert np.array_equal(isolate(dirty), isolate(photo))


def test_strokes_that_do_not_touch_stay_together():
    five = ink(
        draw(
            [[[0.12, 0.1], [0.08, 0.45], [0.5, 0.5], [0.5, 0.9], [0, 1]], [[0.3, 0.0], [0.7, -0.05]]], 8, 150, (60, 60)
        )
    )
    assert difference(isolate(five), five) < 1e-3


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
    assert max(ink(large).shape) <= WORKING_SIDE
    assert difference(glyph(large), glyph(seven)) < 0.01
