import numpy as np
import torch
from model.spell import STEP, rarities, spell

from model.networks import BLANK, SYMBOLS, build


class Said(torch.nn.Module):
    """A network that says the same whatever it sees: a symbol for each column, "_" for none."""

    def __init__(self, *texts):
        super().__init__()
        self.texts = texts

    def forward(self, strips):
        best = [[BLANK if c == "_" else SYMBOLS.index(c) for c in text] for text in self.texts]
        columns = strips.shape[3] // STEP
        return 8 * torch.nn.functional.one_hot(
            torch.tensor([row + [BLANK] * (columns - len(row)) for row in best]), BLANK + 1
        )


def test_a_run_is_one_symbol_and_stands_in_its_middle():
    (symbols,) = spell(Said("_77_7__-1"), [np.zeros((28, 18), np.float32)])
    assert [symbol.text for symbol in symbols] == ["7", "7", "-", "1"]
    assert [symbol.column for symbol in symbols] == [4.0, 9.0, 15.0, 17.0]


def test_evidence_is_the_log_odds_of_each_digit_against_none():
    (symbols,) = spell(Said("_4#_"), [np.zeros((28, 8), np.float32)])
    four, other = (symbol.evidence() for symbol in symbols)
    assert four.shape == (10,)
    assert four.argmax() == 4
    assert four[4] > 0 > other.max()
    assert np.allclose(symbols[0].evidence(0.1), four + np.log(10))


def test_what_is_no_digit_is_rare_among_digits_and_common_in_words():
    (number,), (word,) = (spell(Said(text), [np.zeros((28, 20), np.float32)]) for text in ("_12#4", "_#1#_##"))
    assert np.allclose(rarities(number), [1.03 / 4, 1.03 / 4, 0.03 / 4, 1.03 / 4])
    assert min(rarities(word)) > 0.5
    assert rarities(number[:1]) == [0.03]


def test_strips_of_any_length_come_back_in_their_order():
    torch.manual_seed(0)
    net = build("line").eval()
    random = np.random.default_rng(0)
    strips = [random.random((28, width), np.float32) for width in (60, 20, 40)]
    together = spell(net, strips)
    alone = [spell(net, [strip])[0] for strip in strips]
    for one, other, strip in zip(together, alone, strips, strict=True):
        assert all(0 <= symbol.column <= strip.shape[1] for symbol in one)
        assert [symbol.text for symbol in one][:-2] == [symbol.text for symbol in other][:-2]  # the paper added is seen
    assert spell(net, []) == []
