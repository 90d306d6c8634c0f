import numpy as np
import pytest
import torch

from model.evaluation.strokes import STROKES, draw
from model.explain import heat_map, log_odds
from tests.digits import glyph


@pytest.fixture
def net(reader):
    return reader.net


@pytest.fixture(scope="module")
def glyphs():
    return {digit: glyph(draw(STROKES[digit], 14, 160, (70, 50))) for digit in STROKES}


def odds(net, picture, digit):
    with torch.inference_mode():
        return log_odds(net(torch.from_numpy(np.float32(picture))[None, None]), digit).item()


def test_the_attribution_sums_to_the_log_odds_that_the_ink_adds(net, glyphs):
    """Completeness (Sundararajan et al. 2017), to the accuracy of twelve integration steps."""
    for digit, picture in glyphs.items():
        gain = odds(net, picture, digit) - odds(net, np.zeros_like(picture), digit)
        assert heat_map(net, picture, digit).sum() == pytest.approx(gain, abs=2.5), digit


def test_the_attribution_of_a_linear_network_is_exact():
    torch.manual_seed(0)
    weights = torch.randn(784)
    net = lambda batch: torch.stack([batch.flatten(1) @ weights, *9 * [torch.full((len(batch),), -1e4)]], dim=1)  # noqa: E731
    picture = np.random.default_rng(0).random((28, 28), np.float32)
    # if only one digit is possible, its log-odds equal its logit
    assert heat_map(net, picture, 0) == pytest.approx(picture * weights.view(28, 28).numpy(), abs=1e-3)


def test_paper_gets_zero_attribution(net, glyphs):
    assert (heat_map(net, glyphs[3], 3)[glyphs[3] == 0] == 0).all()


def test_removing_the_highest_attributed_ink_hurts_more_than_removing_random_ink(net, glyphs):
    """Deletion metric (Samek et al. 2017): remove a tenth of the ink, by attribution or at random."""
    random = np.random.default_rng(0)
    hottest, any_ink = [], []
    for digit, picture in glyphs.items():
        ink = np.flatnonzero(picture > 0.1)
        n = len(ink) // 10
        for order, left in (
            (ink[np.argsort(-heat_map(net, picture, digit).flat[ink])], hottest),
            (random.permutation(ink), any_ink),
        ):
            without = picture.copy()
            without.flat[order[:n]] = 0
            left.append(odds(net, without, digit))
    assert np.mean(hottest) < np.mean(any_ink) - 0.5
