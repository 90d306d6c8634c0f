import cv2
import numpy as np
import pytest
from PIL import Image

from model.rectify import flat, laid_flat, map_box_back, rotation_matrix, sheet, warp

CORNERS = np.float32([[80, 60], [330, 90], [300, 420], [50, 380]])


def desk():
    tone = np.full((480, 400), 0.3, np.float32)
    cv2.fillPoly(tone, [np.int32(CORNERS)], 0.9)
    return tone


@pytest.mark.parametrize("scale", [1, 3])
def test_a_sheet_on_a_desk_is_found_by_its_corners(scale):
    large = cv2.resize(desk(), None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    assert np.abs(sheet(large) - scale * CORNERS).max() < 5 * scale


@pytest.mark.parametrize("tone", [np.ones((300, 400), np.float32), np.zeros((9, 9), np.float32)])
def test_no_sheet_is_detected_in_a_uniform_picture(tone):
    assert sheet(tone) is None


def test_a_sheet_cut_off_by_the_picture_edge_is_not_detected():
    assert sheet(desk()[100:, 70:]) is None


def test_a_disc_is_not_detected_as_a_sheet():
    tone = np.full((300, 300), 0.2, np.float32)
    cv2.circle(tone, (150, 150), 90, 1, -1)
    assert sheet(tone) is None


def test_a_rectified_sheet_fills_the_picture():
    matrix, size = flat(CORNERS)
    paper = warp(desk(), matrix, size)
    assert paper.shape == size[::-1]
    assert paper[5:-5, 5:-5].min() == pytest.approx(0.9, abs=0.02)
    shown = laid_flat(Image.fromarray(np.uint8(255 * desk())), [tuple(corner) for corner in CORNERS.tolist()])
    assert shown.size == size


@pytest.mark.parametrize("degrees", [17, 90, 180, 270, -30])
def test_a_box_maps_back_to_its_ink_after_a_rotation(degrees):
    tone = np.ones((200, 300), np.float32)
    tone[50:80, 200:220] = 0
    matrix, size = rotation_matrix(degrees, (300, 200))
    after = warp(tone, matrix, size)
    assert (1 - after).sum() == pytest.approx(600, rel=0.02)
    rows, columns = np.nonzero(after < 0.5)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    left, top, right, bottom = map_box_back(box, np.linalg.inv(matrix), (1000, 1000))
    assert left <= 200 + 1
    assert right >= 220 - 1
    assert top <= 50 + 1
    assert bottom >= 80 - 1
    if degrees % 90 == 0:
        assert (left, top, right, bottom) == pytest.approx((200, 50, 220, 80), abs=1)


def test_a_quarter_turn_matches_numpy_rot90():
    picture = np.random.default_rng(0).random((40, 60)).astype(np.float32)
    matrix, size = rotation_matrix(90, (60, 40))
    assert np.allclose(warp(picture, matrix, size), np.rot90(picture), atol=0.02)
