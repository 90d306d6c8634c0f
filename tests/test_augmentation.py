import torch

from model.evaluation.strokes import STROKES, draw
from model.glyph import fit
from model.ink import ink
from model.training.augmentation import apply_pens, augment, skeleton_distances
from model.training.pen import FAR, GRID


def glyphs(pen):
    return torch.stack([torch.from_numpy(fit(ink(draw(STROKES[d], pen, 160, (60, 60)))))[None] for d in range(10)])


def test_the_skeleton_follows_the_stroke_at_any_pen_width():
    thin, fat = (skeleton_distances(glyphs(pen)).float() / 16 for pen in (10, 24))
    assert thin.shape == (10, GRID, GRID)
    assert thin.max() <= FAR
    near = thin < 0.5
    assert fat[near].mean() < 1.2  # glyph pixels; a thick pen is framed slightly differently
    assert thin[~near].mean() > 2


def test_redrawing_a_skeleton_with_the_original_pen_width_restores_the_digit():
    original = glyphs(16)
    distance = skeleton_distances(original).float() / 16
    again = ((1.0 - distance) + 0.5).clamp(0, 1)[:, None]  # a pen 2 glyph pixels wide
    small = torch.nn.functional.interpolate(again, size=(28, 28), mode="area")
    assert (small - original).abs().mean() < 0.04


def test_augmented_digits_are_framed_as_at_inference():
    torch.manual_seed(0)
    batch = augment(apply_pens(skeleton_distances(glyphs(14)).repeat(20, 1, 1)))
    assert batch.shape == (200, 1, 28, 28)
    assert batch.min() >= 0
    assert batch.max() <= 1
    again = torch.stack([torch.from_numpy(fit(image.numpy())) for image in batch[:, 0]])
    differences = (again - batch[:, 0]).abs().mean(dim=(1, 2))
    assert differences.median() < 1e-6
    assert differences.quantile(0.9) < 0.03  # the second time, faint stroke ends fall below the threshold


def test_augmentations_differ_and_are_reproducible_from_a_seed():
    distance = skeleton_distances(glyphs(14))
    torch.manual_seed(1)
    one, other = augment(apply_pens(distance)), augment(apply_pens(distance))
    torch.manual_seed(1)
    again = augment(apply_pens(distance))
    assert not torch.equal(one, other)
    assert torch.equal(one, again)
