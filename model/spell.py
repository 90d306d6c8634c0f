"""What the network `line` says of the columns of a strip -> the symbols that stand there."""

from dataclasses import dataclass

import numpy as np
import torch

from model.networks import BLANK, SYMBOLS

AT_ONCE = 8  # strips that go through the network together, so that memory is bounded
LEAST = 0.01  # the share below which the network is not trusted: of a symbol, that it is not there
ALONE = 0.03  # how rare, next to training, it is that a single mark is no digit
STEP = 2  # columns of a strip to one column of the network


@dataclass(frozen=True, eq=False)
class Symbol:
    """One symbol of a line.

    Attributes:
        text: one of `model.networks.SYMBOLS`.
        column: of the strip, where it is.
        shares: [SYMBOLS] float32, how probable each symbol is there, sums to 1.
    """

    text: str
    column: float
    shares: np.ndarray

    def evidence(self, rare: float = 1.0) -> np.ndarray:
        """The log-odds of each digit against all that is none: [10] float32.

        Args:
            rare: how much rarer than in training is what is no digit, in (0, 1].
        """
        shares = self.shares.clip(LEAST)
        return np.log(shares[:10] / (rare * shares[10:].sum()))


@torch.inference_mode()
def spell(net: torch.nn.Module, strips: list[np.ndarray]) -> list[list[Symbol]]:
    """Read strips [28, W] float32 in [0, 1], each to its symbols from left to right.

    The best symbol of each column is taken, and a run of one symbol is read once (Graves et al. 2006).
    """
    found: list[list[Symbol]] = [[] for _ in strips]
    order = sorted(range(len(strips)), key=lambda i: strips[i].shape[1])
    for start in range(0, len(order), AT_ONCE):  # strips of about one length go together
        chosen = order[start : start + AT_ONCE]
        width = strips[chosen[-1]].shape[1]
        batch = np.stack([np.pad(strips[i], ((0, 0), (0, width - strips[i].shape[1]))) for i in chosen])
        logits = net(torch.from_numpy(batch)[:, None]).float()
        for i, some in zip(chosen, logits, strict=True):
            found[i] = _symbols(some[: strips[i].shape[1] // STEP])
    return found


def _symbols(logits: torch.Tensor) -> list[Symbol]:
    best = logits.argmax(dim=1)
    runs, lengths = best.unique_consecutive(return_counts=True)
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


def rarities(symbols: list[Symbol]) -> list[float]:
    """Return for each symbol of a line how rare it is that it is no digit, going by the others; ALONE for one alone."""
    other = [symbol.text == "#" for symbol in symbols]
    return [(sum(other) - each + ALONE) / len(symbols) for each in other]
