import cv2
import numpy as np
import pytest

from model.evaluation.strokes import STROKES, draw
from model.ink import WORKING_SIDE, ink, is_frame, isolate
from tests.digits import difference, glyph


def test_specks_and_the_sheet_edge_are_removed(seven):
    photo = ink(seven)
    dirty = photo.copy()
    dirty[20:23, 20:23] = dirty[250, 40] = 1
    dirty[:4, :] = 0.9
    assert np.array_equal(isolate(dirty), isolate(photo))


def test_separate_strokes_of_a_digit_stay_together():
    five = ink(
        draw(
            [[[0.12, 0.1], [0.08, 0.45], [0.5, 0.5], [0.5, 0.9], [0, 1]], [[0.3, 0.0], [0.7, -0.05]]], 8, 150, (60, 60)
        )
    )
    assert difference(isolate(five), five) < 1e-3


def test_polarity_does_not_change_the_ink(seven):
    assert difference(ink(seven), ink(255 - seven)) < 0.001


def test_brightness_and_contrast_do_not_change_the_glyph(seven):
    faint = (200 - 0.15 * (255 - seven.astype(float))).astype(np.uint8)
    assert difference(glyph(faint), glyph(seven)) < 0.01


def test_uneven_lighting_does_not_change_the_glyph(seven):
    light = np.linspace(1, 0.45, 280)[:, None] * np.linspace(1, 0.8, 280)
    assert difference(glyph(seven / 255 * light), glyph(seven)) < 0.03


def test_paper_noise_is_not_ink(seven):
    random = np.random.default_rng(0)
    photo = np.clip(seven * 0.6 + 60 + random.normal(0, 4, seven.shape), 0, 255).astype(np.uint8)
    assert difference(glyph(photo), glyph(seven)) < 0.03


@pytest.mark.parametrize("value", [0, 1, 128, 255])
@pytest.mark.parametrize("shape", [(280, 280), (1, 1), (1, 50), (2, 2), (28, 28, 3)])
def test_a_uniform_picture_is_blank(value, shape):
    assert not ink(np.full(shape, value, np.uint8)).any()


def test_a_picture_of_pure_noise_is_blank():
    random = np.random.default_rng(0)
    assert not ink(np.clip(random.normal(200, 3, (300, 300)), 0, 255).astype(np.uint8)).any()


def test_a_large_picture_is_downscaled(seven):
    large = np.kron(seven, np.ones((8, 8), np.uint8))
    assert max(ink(large).shape) <= WORKING_SIDE
    assert difference(glyph(large), glyph(seven)) < 0.01


def test_a_frame_is_told_from_digits_and_strokes():
    frame = np.zeros((60, 90), np.float32)
    cv2.rectangle(frame, (5, 5), (80, 50), 1.0, 3)
    assert is_frame(frame)
    frame[45:] = 0  # its lower side is missing
    assert is_frame(frame)
    stroke = np.zeros((60, 30), np.float32)
    stroke[5:55, 10:16] = 1
    assert not is_frame(stroke)
    assert not any(is_frame(1 - draw(STROKES[digit], 9, 90, (20, 40)) / 255) for digit in range(10))
