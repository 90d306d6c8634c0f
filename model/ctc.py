"""ink of a line -> strip -> symbols: CTC decoding for the network `line`."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn.functional import ctc_loss

from model.glyph import LONG, SIDE
from model.networks import BLANK, SYMBOLS

MARGIN = 4  # pixels of blank paper at each end of a strip
STEP = 2  # strip columns per output column of the network
FAINTEST = 0.2  # the faintest ink that is normalised to full darkness


@dataclass(frozen=True, eq=False)
class Symbol:
    """One decoded symbol of a line.

    Attributes:
        text: one of `model.networks.SYMBOLS`.
        column: its horizontal position, in columns of the strip.
        shares: [SYMBOLS] float32, the probability of each symbol there; sums to 1.
    """

    text: str
    column: float
    shares: np.ndarray


def to_strip(ink: np.ndarray) -> tuple[np.ndarray, float]:
    """Scale ink to a height of 20 pixels: return the strip [28, W] float32 in [0, 1], W even, and the scale.

    Column x of the ink moves to column MARGIN + scale * x.
    """
    scale = LONG / len(ink)
    width = max(1, round(scale * ink.shape[1]))
    strip = np.zeros((SIDE, 2 * MARGIN + width + width % 2), np.float32)
    top = (SIDE - LONG) // 2
    strip[top : top + LONG, MARGIN : MARGIN + width] = cv2.resize(ink, (width, LONG), interpolation=cv2.INTER_AREA)
    # some strokes are fainter than others: normalise each by the darkest ink near it
    around = cv2.dilate(strip.max(axis=0)[None], np.ones((1, LONG + 1), np.uint8))
    return strip / np.maximum(around, FAINTEST), scale


@torch.inference_mode()
def classify(net: nn.Module, strip: np.ndarray) -> torch.Tensor:
    """Return the logits of each column, [W / 2, SYMBOLS + 1], that the network `line` gives a strip [28, W]."""
    return net(torch.from_numpy(strip)[None, None])[0].float()


def decode(logits: torch.Tensor) -> list[Symbol]:
    """Decode logits [W / 2, SYMBOLS + 1] greedily: return the symbols from left to right.

    Takes the best symbol of each column and collapses repeats (Graves et al. 2006).
    """
    runs, lengths = logits.argmax(dim=1).unique_consecutive(return_counts=True)
    symbols, start = [], 0
    for run, length in zip(runs.tolist(), lengths.tolist(), strict=True):
        if run != BLANK:
            part = logits[start : start + length]
            sure = part.softmax(dim=1)[:, run]
            column = start + float((sure * torch.arange(length)).sum() / sure.sum())
            shares = part[sure.argmax(), :BLANK].softmax(dim=0).numpy()
            symbols.append(Symbol(SYMBOLS[run], STEP * (column + 0.5), shares))
        start += length
    return symbols


def log_probability(logits: torch.Tensor, text: str) -> float:
    """Return the logarithm of the probability of a text, given logits [W / 2, SYMBOLS + 1]: the CTC likelihood."""
    symbols = torch.tensor([[SYMBOLS.index(sign) for sign in text]])
    shares = logits.log_softmax(dim=1)[:, None]
    sizes = torch.tensor([len(shares)]), torch.tensor([len(text)])
    return -float(ctc_loss(shares, symbols, *sizes, blank=BLANK, reduction="sum"))
