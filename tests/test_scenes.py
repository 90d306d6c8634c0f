import numpy as np
import pytest
import torch

from model.finder import CELL, DIGIT
from model.networks import HEAT_CHANNELS, SIGNS
from model.training.camera import turn_sideways
from model.training.data import mnist
from model.training.layouts import Writer
from model.training.scenes import SCENE_SIDE, Scenes, boxes, targets
from model.training.sheet import DIGIT_KINDS, OTHER, Sheet


@pytest.fixture(scope="module")
def scenes(folder):
    return Scenes(*mnist(folder, train=True), per_shape=1)


def test_the_same_digits_give_the_same_scenes(scenes):
    chosen = torch.arange(48) % len(scenes.pools.labels)
    (one, truth), (again, same) = scenes(chosen), scenes(chosen)
    assert torch.equal(one, again)
    assert torch.equal(truth, same)
    assert one.shape == (2, 1, SCENE_SIDE, SCENE_SIDE)
    assert truth.shape == (2, 18 + HEAT_CHANNELS, SCENE_SIDE // CELL, SCENE_SIDE // CELL)
    assert 0 <= one.min() <= one.max() <= 1


def test_every_target_peak_lies_on_an_object_of_its_kind(scenes):
    found = 0
    for seed in range(12):
        random = np.random.default_rng(seed)
        _, owner, things = scenes.scene(random, random.integers(len(scenes.pools.labels), size=24))
        truth = targets(owner, things)
        box, _ = boxes(owner, len(things))
        for row, column in zip(*np.nonzero(truth[16 + DIGIT] == 1), strict=True):
            inside = [
                thing[0]
                for thing, (left, top, right, bottom) in zip(things, box / CELL, strict=True)
                if left - 1 <= column <= right + 1 and top - 1 <= row <= bottom + 1
            ]
            assert truth[16 + HEAT_CHANNELS, row, column] in inside
            found += 1
    assert found > 10


def sheet():
    return Sheet(np.ones((64, 64), np.float32), np.zeros((64, 64), np.int16))


def test_strokes_point_to_the_centre_of_their_digit():
    page = sheet()
    page.put(np.ones((24, 8), np.float32), 20, 16, 0.0, [7])
    truth = targets(page.owner, page.things)
    strokes, right, down = (torch.pixel_shuffle(torch.from_numpy(truth[k : k + 4])[None], 2)[0, 0] for k in (0, 4, 8))
    rows, columns = strokes.nonzero(as_tuple=True)
    assert torch.allclose(2.0 * columns + 1 + right[rows, columns], torch.tensor(24.0))
    assert torch.allclose(2.0 * rows + 1 + down[rows, columns], torch.tensor(28.0))
    assert strokes.sum() == 24 * 8 / 4


@pytest.mark.parametrize(
    ("ink", "colour", "kind", "seen", "counts"),
    [
        (np.ones((24, 8)), 0.0, 4, 1, True),
        (np.ones((24, 8)), 0.99, 4, 0, True),  # too faint to see: counts as absent
        (np.ones((24, 8)), 0.96, 4, 0, False),  # barely visible: either answer is accepted
        (np.ones((12, 4)), 0.0, 4, 0, False),  # a little too small
        (np.ones((24, 8)), 0.0, OTHER, 0, True),
        (np.ones((3, 3)), 0.0, DIGIT_KINDS + SIGNS.index("."), 1, True),
        (np.ones((3, 9)), 0.0, DIGIT_KINDS + SIGNS.index("-"), 1, True),
    ],
)
def test_only_readable_objects_become_targets(ink, colour, kind, seen, counts):
    page = sheet()
    page.put(np.float32(ink), 20, 16, colour, [kind])
    truth = targets(page.owner, page.things)
    assert (truth[:4].sum() > 0) == bool(seen)
    assert (truth[-1].min() == 1) == counts
    heat = truth[16 : 16 + HEAT_CHANNELS].max(axis=(1, 2)) == 1
    assert heat[0] == (seen and kind < DIGIT_KINDS)
    assert heat[-1] == (kind == OTHER)
    assert heat[1:-1].sum() == (DIGIT_KINDS <= kind < OTHER)


def test_a_digit_cut_off_by_more_than_half_is_not_a_target():
    page = sheet()
    page.put(np.ones((24, 24), np.float32), -16, 16, 0.0, [3])
    assert not targets(page.owner, page.things)[:4].any()


def test_a_digit_lying_on_its_side_is_not_a_target():
    page = sheet()
    page.put(np.ones((24, 8), np.float32), 8, 16, 0.0, [4])
    page.put(np.ones((24, 8), np.float32), 40, 16, 0.0, [8])
    over = turn_sideways(page, 1)
    truth = targets(over.owner, over.things)
    assert over.things[0][0] == OTHER
    assert not truth[:4].any()
    assert truth[-1].min() == 0


def test_the_label_of_a_number_lists_its_symbols_from_left_to_right(scenes):
    texts = set()
    for seed in range(40):
        random = np.random.default_rng(seed)
        page, text = Writer(random, scenes.pools, random.integers(len(scenes.pools.labels), size=24), 1.0).number()
        box, _ = boxes(page.owner, len(page.things))
        left = [edge for (kind, *_), (edge, *_) in zip(page.things, box, strict=True) if kind != OTHER]
        assert len(left) == len(text)
        assert len(text) < 2 or np.diff(left).min() > -20  # digits may overlap but not swap places
        texts |= set(text)
    assert texts >= set("0123456789.-")


@pytest.mark.parametrize("clean", [True, False])
def test_sheets_without_a_number_hold_no_labelled_digits(scenes, clean):
    marked = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        sheet = Writer(random, scenes.pools, np.arange(9), 1.0).no_number(200, clean)
        assert all(kind >= DIGIT_KINDS for kind, *_ in sheet.things)
        letter = Writer(random, scenes.pools, np.arange(9), 1.0).letter(200, clean)
        assert [kind for kind, *_ in letter.things] == [OTHER]
        marked += [np.ptp(sheet.tone) > 0.1, np.ptp(letter.tone) > 0.1]
    assert np.mean(marked) > 0.9


def test_clutter_adds_no_digits_and_leaves_most_of_a_sheet_free(scenes):
    changed = []
    for seed in range(30):
        writer = Writer(np.random.default_rng(seed), scenes.pools, np.arange(9), 1.0)
        sheet, _ = writer.number(300, clean=True)
        before, digits = sheet.tone.copy(), len(sheet.things)
        writer.clutter(sheet)
        assert all(kind >= DIGIT_KINDS for kind, *_ in sheet.things[digits:])
        changed.append((sheet.tone != before).mean())
    assert np.mean(np.array(changed) > 0) > 0.9
    assert np.median(changed) < 0.2
