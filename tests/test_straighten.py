import numpy as np
import pytest

from model.segment import find_lines
from model.straighten import box_back, tilt, turned

LINES = np.zeros((400, 600), np.float32)
for row in range(60, 360, 80):
    for column in range(60, 540, 50):
        LINES[row : row + 40, column : column + 22] = 1


@pytest.mark.parametrize("degrees", [-40, -12, 0, 9, 33])
def test_the_tilt_of_lines_is_found(degrees):
    page, _ = turned(LINES, degrees)
    assert tilt(page, find_lines(page)) == pytest.approx(-degrees, abs=1.1)


def test_few_marks_are_left_as_they_stand():
    page, _ = turned(LINES[:120, :140], 20)
    assert tilt(page, find_lines(page)) == 0
    assert tilt(np.zeros((9, 9), np.float32), []) == 0


@pytest.mark.parametrize("degrees", [17, 90, 180, -30])
def test_a_box_goes_back_to_where_its_ink_was(degrees):
    page = np.zeros((200, 300), np.float32)
    page[50:80, 200:220] = 1
    after, back = turned(page, degrees)
    assert after.sum() == pytest.approx(page.sum(), rel=0.02)
    rows, columns = np.nonzero(after > 0.5)
    left, top, right, bottom = box_back(
        (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), back, across=2, down=3
    )
    assert left <= 401
    assert right >= 439
    assert top <= 152
    assert bottom >= 238
