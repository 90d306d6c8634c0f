import itertools
import math

import numpy as np
import pytest
import torch

from model import ctc
from model.ctc import MARGIN, STRIDE, UNSURE_LINE, VIEWS, classify, decode, log_probability, read_line, to_strip
from model.networks import BLANK, SYMBOLS


class Said(torch.nn.Module):
    """A network with a fixed output, one symbol per column; "_" is the CTC blank."""

    def __init__(self, text, logit=8.0):
        super().__init__()
        self.text, self.logit = text, logit

    def forward(self, strips):
        best = [BLANK if c == "_" else SYMBOLS.index(c) for c in self.text]
        best += [BLANK] * (strips.shape[3] // STRIDE - len(best))
        return self.logit * torch.nn.functional.one_hot(torch.tensor([best]), BLANK + 1)


def bars():
    """Two vertical bars, joined in the middle."""
    ink = np.zeros((40, 60), np.float32)
    ink[:, 5:10] = ink[:, 45:50] = ink[18:22, 5:50] = 1
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


class InTurn(torch.nn.Module):
    """A network that reads each view of a line differently."""

    def __init__(self, *views):
        super().__init__()
        self.views, self.seen = list(views), []

    def forward(self, strips):
        self.seen.append(strips[0, 0])
        return self.views[len(self.seen) - 1](strips)


def test_a_line_is_read_once_unless_it_is_doubtful():
    sure, doubtful = InTurn(Said("___1", 20.0)), InTurn(*[Said("___1", 4.0)] * (1 + len(VIEWS)))
    assert math.exp(read_line(sure, bars()).log_probability("1")) > UNSURE_LINE
    assert read_line(doubtful, bars()).text == "1"
    assert len(sure.seen) == 1
    assert len(doubtful.seen) == 1 + len(VIEWS)
    assert len({strip.shape for strip in doubtful.seen}) > 1
    assert all((strip > 0).any() for strip in doubtful.seen)


def test_the_text_that_is_likeliest_over_all_views_is_taken():
    read = read_line(InTurn(Said("___7", 4.0), Said("___1", 8.0), Said("___1", 8.0), Said("___7", 2.0)), bars())
    assert read.text == "1"
    shares = [math.exp(log_probability(logits, "1")) for logits in read.logits]
    assert math.isclose(math.exp(read.log_probability("1")), sum(shares) / 4, rel_tol=1e-5)


class Darkest(torch.nn.Module):
    """A network that sees a "1" in the darkest column of the middle row."""

    def forward(self, strips):
        column = int(strips[0, 0, 14].argmax()) // STRIDE
        return Said("_" * column + "1", 20.0)(strips)


@pytest.mark.parametrize("view", VIEWS)
def test_symbols_keep_their_place_in_the_ink_whatever_the_view(view, monkeypatch):
    monkeypatch.setattr(ctc, "VIEWS", [view])
    ink = np.zeros((200, 300), np.float32)
    ink[:, 210:214] = 1
    (symbol,) = read_line(InTurn(Said("___7", 4.0), Darkest()), ink).symbols
    assert symbol.text == "1"
    assert abs(symbol.column - 212) < 10  # the slant alone moves the middle of the ink by 12
