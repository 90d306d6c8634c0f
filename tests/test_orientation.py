from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from model import orientation
from model import recognizer as recognizer_module
from tests.test_read_page import number, sheet
from tests.test_whole_numbers import written


def rotated(degrees):
    return Image.fromarray(sheet(number("314"), number("926", seed=1), number("589", seed=2))).rotate(
        degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255
    )


@pytest.mark.slow
def test_angles_between_eighths_of_a_turn_are_tried_beside_the_best_eighth(reader, monkeypatch):
    tried = []
    original = orientation.View.rotated
    monkeypatch.setattr(orientation.View, "rotated", lambda view, to: tried.append(to % 360) or original(view, to))
    page = reader.read_page(rotated(-60))
    assert tried == [*orientation.COARSE_ANGLES, 30, 60]
    assert (page.turn, page.text) == (60, "314\n926\n589")


@pytest.mark.slow
def test_numbers_are_read_as_a_whole_before_a_picture_is_rotated(reader, monkeypatch):
    reread, times = recognizer_module.reread, []
    monkeypatch.setattr(recognizer_module, "reread", lambda *given: times.append(1) or reread(*given))
    page = reader.read_page(rotated(90))
    assert page.turn
    assert page.text == "314\n926\n589"
    assert len(times) == 2


@pytest.mark.parametrize(("confidence", "times"), [(0.95, 1), (0.93, 10)])
def test_a_picture_of_many_certain_digits_is_read_once_and_otherwise_rotated_too(confidence, times):
    paper = np.ones((100, 600), np.float32)
    read = Mock(return_value=[written((30 * i, 20, 30 * i + 20, 60), 7, confidence) for i in range(20)])
    found, view = orientation.oriented(read, paper)
    assert (found, view.degrees, read.call_count) == (read.return_value, 0, times)


def test_a_picture_is_not_turned_if_it_then_shows_no_more_digits():
    """The fast reading of the turned copy may see digits that the full reading does not confirm."""
    paper = np.ones((100, 600), np.float32)
    doubtful, sure = ([written((30 * i, 20, 30 * i + 20, 60), 7, share) for i in range(4)] for share in (0.5, 0.99))
    read = Mock(side_effect=lambda tone, fast=False: sure if fast and tone.shape != paper.shape else doubtful)
    found, view = orientation.oriented(read, paper)
    assert (found, view.degrees) == (doubtful, 0)
