import itertools
import math

import numpy as np
import torch

from model.ctc import MARGIN, STEP, classify, decode, log_probability, to_strip
from model.networks import BLANK, SYMBOLS


class Said(torch.nn.Module):
    """A network with a fixed output, one symbol per column; "_" is the CTC blank."""

    def __init__(self, text):
        super().__init__()
        self.text = text

    def forward(self, strips):
        best = [BLANK if c == "_" else SYMBOLS.index(c) for c in self.text]
        best += [BLANK] * (strips.shape[3] // STEP - len(best))
        return 8 * torch.nn.functional.one_hot(torch.tensor([best]), BLANK + 1)


def bars():
    """Two vertical bars, joined at the bottom."""
    ink = np.zeros((40, 60), np.float32)
    ink[:, 5:10] = ink[:, 45:50] = ink[36:, 5:50] = 1
    return ink


def test_a_run_of_columns_decodes_to_one_symbol_at_its_centre():
    symbols = decode(classify(Said("_77_7__-1"), np.zeros((28, 18), np.float32)))
    assert [symbol.text for symbol in symbols] == ["7", "7", "-", "1"]
    assert [symbol.column for symbol in symbols] == [4.0, 9.0, 15.0, 17.0]


def test_a_strip_scales_ink_to_the_height_of_a_digit():
    strip, scale = to_strip(bars())
    assert strip.shape == (28, 2 * MARGIN + 30)
    assert scale == 0.5
    assert strip[:4].max() == strip[24:].max() == 0
    assert strip[4:24, MARGIN + 3].min() > 0.9


def test_the_probability_of_a_text_sums_over_every_way_to_align_it():
    """An oracle: all paths of a short strip, enumerated; those that collapse to the text add up to its probability."""
    torch.manual_seed(0)
    logits = torch.randn(4, BLANK + 1)
    shares = logits.softmax(1)

    def collapsed(path):
        return [a for i, a in enumerate(path) if a != BLANK and (i == 0 or path[i - 1] != a)]

    seven, one = SYMBOLS.index("7"), SYMBOLS.index("1")
    total = sum(
        float(torch.stack([shares[i, a] for i, a in enumerate(path)]).prod())
        for path in itertools.product((seven, one, BLANK), repeat=4)
        if collapsed(path) == [seven, one]
    )
    assert math.isclose(math.exp(log_probability(logits, "71")), total, rel_tol=1e-5)
