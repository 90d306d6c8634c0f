import torch

from model.evaluation.strokes import draw
from model.glyph import fit
from model.ink import ink
from model.training.augmentation import augment, skeleton_distances, write
from model.training.pen import FAR, GRID
from tests.digits import STROKES


def glyphs(pen):
    return torch.stack([torch.from_numpy(fit(ink(draw(STROKES[d], pen, 160, (60, 60)))))[None] for d in range(10)])


def test_the_skeleton_runs_along_the_pen_whatever_its_width():
    thin, fat = (skeleton_distances(glyphs(pen)).float() / 16 for pen in (10, 24))
    assert thin.shape == (10, GRID, GRID)
    assert thin.max() <= FAR
    near = thin < 0.5
    assert fat[near].mean() < 1.2  # pixels of a glyph: the framing of a fat pen differs a little
    assert thin[~near].mean() > 2


def test_writing_a_skeleton_with_its_own_pen_gives_the_digit_back():
    original = glyphs(16)
    distance = skeleton_distances(original).float() / 16
    again = ((1.0 - distance) + 0.5).clamp(0, 1)[:, None]  # a pen of 2 pixels of a glyph
    small = torch.nn.functional.interpolate(again, size=(28, 28), mode="area")
    assert (small - original).abs().mean() < 0.04


def test_augmented_digits_are_framed_as_reading_frames_them():
    torch.manual_seed(0)
    batch = augment(write(skeleton_distances(glyphs(14)).repeat(20, 1, 1)))
    assert batch.shape == (200, 1, 28, 28)
    assert batch.min() >= 0
    assert batch.max() <= 1
    again = torch.stack([torch.from_numpy(fit(image.numpy())) for image in batch[:, 0]])
    differences = (again - batch[:, 0]).abs().mean(dim=(1, 2))
    assert differences.median() < 1e-6
    assert differences.quantile(0.9) < 0.03  # faint ends fall below the frame's threshold the second time


def test_no_two_augmentations_are_alike_and_a_seed_repeats_them():
    distance = skeleton_distances(glyphs(14))
    torch.manual_seed(1)
    one, other = augment(write(distance)), augment(write(distance))
    torch.manual_seed(1)
    again = augment(write(distance))
    assert not torch.equal(one, other)
    assert torch.equal(one, again)
