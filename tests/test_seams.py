import numpy as np

from model.seams import seams


def test_two_bars_joined_by_a_thin_bridge_are_cut_at_the_bridge():
    ink = np.zeros((40, 50), np.float32)
    ink[:, :10] = ink[:, 40:] = ink[18:20, 10:40] = 1
    found = [(seam, crossed) for seam, crossed in seams(ink, ink > 0.2) if seam.min() >= 10 and seam.max() < 40]
    assert found
    assert min(crossed for _, crossed in found) < 0.5  # of the width of a bar


def test_a_seam_goes_from_top_to_bottom_by_steps_of_one():
    ink = np.random.default_rng(0).random((30, 40)).astype(np.float32) * 0.2
    ink[:, 15:18] = 1
    for seam, crossed in seams(ink, ink > 0.2):
        assert seam.shape == (30,)
        assert np.abs(np.diff(seam)).max() <= 1
        assert 0 <= seam.min() <= seam.max() < 40
        assert crossed >= 0


def test_a_stroke_is_not_split_along_its_length():
    ink = np.ones((40, 4), np.float32)
    assert seams(ink, ink > 0.2) == []
