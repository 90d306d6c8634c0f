import torch

from model.networks import NO_DIGIT
from model.training.augmentation import skeleton_distances
from model.training.digit_styles import AMONG_OTHERS
from model.training.glyphs import Mixture, rewrite
from model.training.letters import OTHERS
from model.training.pen import FAR, GRID, draw, outlines, scribble
from tests.test_augmentation import glyphs


def test_every_shape_is_drawn_at_the_right_size():
    wrong = {}
    for shape in [shape for shapes in AMONG_OTHERS.values() for shape in shapes] + OTHERS:
        maps = draw(shape, 2)
        touched = (maps < 16).any(dim=0).nonzero()
        extent = (touched.amax(dim=0) - touched.amin(dim=0)).max() * 28 / GRID
        if maps.shape != (2, GRID, GRID) or maps.max() != 16 * FAR or not 17 < extent < 24:
            wrong[shape] = extent
    assert not wrong


def test_corners_stay_sharp_and_straight_strokes_stay_straight():
    maps = draw("0,0! 0,10! 10,10", 1, shake=0)[0]
    on = maps < 8
    assert on[:, : GRID // 2].any(dim=1).sum() > 0.6 * GRID
    assert on[GRID // 2 :, :].any(dim=0).sum() > 0.6 * GRID
    assert not on[: GRID // 2, GRID // 2 :].any()


def test_scribbles_differ():
    torch.manual_seed(0)
    maps = scribble(20)
    assert len(maps) == 20
    assert len({tuple(m.flatten().tolist()) for m in maps}) == 20


def test_only_zeros_and_sevens_get_a_crossbar():
    torch.manual_seed(0)
    labels = torch.arange(10).repeat(30)
    before = skeleton_distances(glyphs(14)).repeat(30, 1, 1)
    after, done = rewrite(before, labels)
    assert set(labels[done].tolist()) == {0, 7}
    assert torch.equal(after[~done], before[~done])
    assert ((after[done] < 16).sum(dim=(1, 2)) > (before[done] < 16).sum(dim=(1, 2))).float().mean() > 0.9


def test_a_mixture_holds_real_digits_synthetic_digits_and_non_digits():
    torch.manual_seed(0)
    mixture = Mixture(glyphs(14).repeat(8, 1, 1, 1), torch.arange(10).repeat(8), per_shape=1)
    batch, labels = mixture(torch.arange(40))
    assert batch.shape == (len(labels), 1, 28, 28)
    assert labels[:40].tolist() == list(range(10)) * 4
    assert set(labels[40:50].tolist()) <= set(range(10))
    assert (labels[50:] == NO_DIGIT).all()
    assert len(labels) == 66


def test_an_outline_is_too_wide_for_a_one():
    for on in outlines(200) < 16:
        rows, columns = on.nonzero(as_tuple=True)
        assert columns.max() - columns.min() > 0.5 * (rows.max() - rows.min())
