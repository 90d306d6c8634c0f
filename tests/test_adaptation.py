import numpy as np
import pytest
import torch

from model import Recognizer, corrections
from model.adaptation import Adapted
from model.evaluation.adaptation import extract_features, measure_learning
from model.evaluation.strokes import STROKES, draw
from model.networks import NO_DIGIT
from tests.digits import LETTER


def drawn(digit):
    return draw(STROKES[digit], 14, 160, (70, 50))


@pytest.fixture(scope="module")
def glyphs(reader):
    return np.stack([reader.read_digit(drawn(digit)).glyph for digit in range(10)])


def test_a_corrected_glyph_is_read_as_its_label_and_the_others_as_before(reader, glyphs):
    before = reader.read_glyphs(glyphs)
    after = reader.adapt(glyphs[7:8], [1]).read_glyphs(glyphs)
    assert [one.digit for one in after] == [0, 1, 2, 3, 4, 5, 6, 1, 8, 9]
    assert [one.digit for one in reader.read_glyphs(glyphs)] == list(range(10))  # the recognizer itself is unchanged
    for digit in {0, 2, 3, 5, 6, 8}:
        assert np.allclose(after[digit].probabilities, before[digit].probabilities, atol=1e-3)


def test_a_glyph_can_be_taught_to_be_no_digit(reader, glyphs):
    after = reader.adapt(glyphs[[8]], [NO_DIGIT]).read_glyphs(glyphs)
    assert [one.digit for one in after] == [0, 1, 2, 3, 4, 5, 6, 7, None, 9]


def test_later_corrections_are_added_to_earlier_ones(reader, glyphs):
    after = reader.adapt(glyphs[[7]], [1]).adapt(glyphs[[3]], [8]).read_glyphs(glyphs)
    assert [one.digit for one in after] == [0, 1, 2, 8, 4, 5, 6, 1, 8, 9]


def test_the_folder_of_corrections_is_used_when_loading(reader, glyphs, tmp_path):
    corrections.save(glyphs[7], 1, tmp_path)
    adapted = Recognizer.load(corrections=str(tmp_path))
    assert adapted.read_page(drawn(7)).text == "1"
    assert adapted.read_page(drawn(3)).text == "3"
    with pytest.raises(ValueError, match="holds no corrections"):
        Recognizer.load(corrections=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("shape", "labels"), [((0, 28, 28), []), ((1, 28, 28), [1, 2]), ((28, 28), 1), ((1, 28), [1]), ((1, 28, 28), [11])]
)
def test_glyphs_and_labels_that_do_not_match_are_refused(reader, shape, labels):
    with pytest.raises(ValueError, match="give"):
        reader.adapt(np.zeros(shape), labels)


@pytest.mark.parametrize(
    ("scale", "label", "sentence"),
    [(255, 1, "from 0 to 255"), (np.nan, 1, "from nan"), (-1, 1, "from -1"), (1, 1.9, "labels"), (1, "x", "labels")],
)
def test_glyphs_and_labels_with_impossible_values_are_refused(reader, glyphs, scale, label, sentence):
    with pytest.raises(ValueError, match=f"got .*{sentence}.*: give"):
        reader.adapt(np.round(glyphs[:1]) * scale, [label])


def test_only_a_network_that_ends_in_a_linear_layer_can_adapt(glyphs):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10), torch.nn.Softplus())
    with pytest.raises(ValueError, match="linear layer"):
        Adapted(net, torch.from_numpy(glyphs), torch.arange(10))


def test_what_writers_correct_lowers_their_errors_only(reader):
    """A writer whose 9s look like 4s gets them right after one correction; nobody else loses."""
    random = np.random.default_rng(0)

    def by(writer, shape, label):
        strokes = [[[x + random.normal(0, 0.01), y] for x, y in stroke] for stroke in STROKES[shape]]
        return {"strokes": strokes, "label": str(label), "writer": writer}

    odd = [by("odd", 4 if i < 5 else 0, 9 if i < 5 else 0) for i in range(20)]
    usual = [by("usual", 3, 3) for _ in range(20)]
    letters = [{"strokes": LETTER, "label": "A", "writer": "odd"}]
    measured = measure_learning(extract_features(reader, odd + usual, letters))
    assert (measured["writers"], measured["digits"]) == (2, 40)
    assert measured["before_1"] == 4 / 39
    assert measured["after_1"] == 0
    assert (measured["same"], measured["fixed"]) == (5, 5)
    assert measured["others"] == 0
    assert measured["refused_worst"] == 0
    few = measure_learning(extract_features(reader, usual[:3]))
    assert (few["writers"], few["before_any"], few["others_worst"]) == (0, 0, 0)
