"""ink of a line -> strip -> symbols: CTC decoding for the network `line`; an uncertain line is read in four views."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn.functional import ctc_loss

from model.glyph import LONG, SIDE
from model.networks import BLANK, SYMBOLS

MARGIN = 4  # pixels of blank paper at each end of a strip
STRIDE = 2  # strip columns per output column of the network
PALEST = 0.2  # the faintest ink that is normalised to full darkness
POINT, COMMA = SYMBOLS.index("."), SYMBOLS.index(",")
UNSURE_LINE = 0.8  # a line is uncertain if the probability of its text is below this
VIEWS = (LONG, 1.1, 0.12), (LONG, 1.1, -0.12), (22, 1.0, 0.0)  # of an uncertain line: height, stretch and slant


@dataclass(frozen=True, eq=False)
class Symbol:
    """One decoded symbol of a line.

    Attributes:
        text: one of `model.networks.SYMBOLS`.
        column: its horizontal position, in strip columns if from `decode`, in ink columns if from `read_line`.
        probabilities: [len(SYMBOLS)] float32, of each symbol there; they sum to 1.
    """

    text: str
    column: float
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class LineReading:
    """A line as the network `line` reads it.

    Attributes:
        symbols: from left to right, each with its column in the ink.
        logits: [W / 2, BLANK + 1] for each view of the line.
    """

    symbols: list[Symbol]
    logits: list[torch.Tensor]

    @property
    def text(self) -> str:  # noqa: D102
        return text_of(self.symbols)

    def log_probability(self, text: str) -> float:
        """Return the log of the mean probability of a text over the views."""
        each = torch.tensor([log_probability(logits, text) for logits in self.logits])
        return float(each.logsumexp(dim=0)) - math.log(len(each))


def read_line(net: nn.Module, ink: np.ndarray) -> LineReading:
    """Read the ink of a line, [h, w] float32 in [0, 1].

    An uncertain line is read in three more views: two wider ones, slanted to either side, and a taller one. The text
    that is likeliest on average over the views wins.
    """
    strip, scale = to_strip(ink)
    logits = classify(net, strip)
    readings = [_in_ink(decode(logits), scale)]
    read = LineReading(readings[0], [logits])
    if not read.symbols or math.exp(read.log_probability(read.text)) >= UNSURE_LINE:
        return read
    for height, stretch, slant in VIEWS:
        sheared, moved = slanted(ink, slant)
        strip, scale = to_strip(sheared, height, stretch)
        logits = classify(net, strip)
        readings.append(_in_ink(decode(logits), scale, moved))
        read.logits.append(logits)
    return replace(read, symbols=max(filter(None, readings), key=lambda some: read.log_probability(text_of(some))))


def text_of(symbols: Iterable[Symbol]) -> str:
    """Return the characters of several symbols."""
    return "".join(symbol.text for symbol in symbols)


def _in_ink(symbols: list[Symbol], scale: float, moved: float = 0.0) -> list[Symbol]:
    """Convert the columns of symbols from strip to ink pixels."""
    return [replace(symbol, column=(symbol.column - MARGIN) / scale - moved) for symbol in symbols]


def slanted(ink: np.ndarray, slant: float) -> tuple[np.ndarray, float]:
    """Shear ink [h, w]: return the result, and how far its middle row moves.

    A positive slant moves each row further right than the one above.
    """
    wider = abs(slant) * len(ink)
    matrix = np.array([[1, slant, max(0.0, -slant * len(ink))], [0, 1, 0]])
    return cv2.warpAffine(ink, matrix, (math.ceil(ink.shape[1] + wider), len(ink))) if slant else ink, wider / 2


def to_strip(ink: np.ndarray, height: int = LONG, stretch: float = 1.0) -> tuple[np.ndarray, float]:
    """Scale ink to a height in pixels, and stretch it: return the strip [28, W] float32 in [0, 1], W even, and a scale.

    Column x of the ink moves to column MARGIN + scale * x.
    """
    scale = stretch * height / len(ink)
    width = max(1, round(scale * ink.shape[1]))
    strip = np.zeros((SIDE, 2 * MARGIN + width + width % 2), np.float32)
    top = (SIDE - height) // 2
    strip[top : top + height, MARGIN : MARGIN + width] = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)
    # some strokes are fainter than others: normalise each by the darkest ink near it
    around = cv2.dilate(strip.max(axis=0)[None], np.ones((1, LONG + 1), np.uint8))
    return strip / np.maximum(around, PALEST), scale


@torch.inference_mode()
def classify(net: nn.Module, strip: np.ndarray) -> torch.Tensor:
    """Return the logits of each column, [W / 2, BLANK + 1], that the network `line` gives a strip [28, W]."""
    return net(torch.from_numpy(strip)[None, None])[0].float()


def decode(logits: torch.Tensor) -> list[Symbol]:
    """Decode logits [W / 2, BLANK + 1] greedily: return the symbols from left to right.

    Takes the best symbol of each column and collapses repeats (Graves et al. 2006).
    """
    runs, lengths = logits.argmax(dim=1).unique_consecutive(return_counts=True)
    symbols, start = [], 0
    for run, length in zip(runs.tolist(), lengths.tolist(), strict=True):
        if run != BLANK:
            part = logits[start : start + length]
            sure = part.softmax(dim=1)[:, run]
            column = start + float((sure * torch.arange(length)).sum() / sure.sum())
            probabilities = part[sure.argmax(), :BLANK].softmax(dim=0).numpy()
            symbols.append(Symbol(SYMBOLS[run], STRIDE * (column + 0.5), probabilities))
        start += length
    return symbols


def log_probability(logits: torch.Tensor, text: str) -> float:
    """Return the logarithm of the probability of a text, given logits [W / 2, BLANK + 1]: the CTC likelihood.

    Points and commas count as the same, since they often look the same in handwriting.
    """
    symbols = torch.tensor([[SYMBOLS.index(sign) for sign in text.replace(",", ".")]])
    log_probabilities = logits.log_softmax(dim=1)
    log_probabilities[:, POINT] = log_probabilities[:, [POINT, COMMA]].logsumexp(dim=1)
    sizes = torch.tensor([len(log_probabilities)]), torch.tensor([len(text)])
    return -float(ctc_loss(log_probabilities[:, None], symbols, *sizes, blank=BLANK, reduction="sum"))
