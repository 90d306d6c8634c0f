"""Fuse the outputs of the finder and the glyph classifier for a mark."""

import numpy as np
import torch
from torch.special import logit

from model.finder import Mark

WEIGHTS = 7  # number of weights of `fuse`
CLAMP = 1e-4  # probabilities are clamped this far from 0 and 1
LONE = 1.0, 0.15, 5.5, 1.0, 0.0, 0.0, -1.5  # weights for a lone mark: the glyph counts most
NEIGHBOUR_PRIOR = 0.03  # added to the number of neighbours, so that the first does not outweigh all others


def fuse(logits: torch.Tensor, marks: list[Mark], weights: torch.Tensor) -> torch.Tensor:
    """Classify marks by multinomial logistic regression on the outputs of both networks.

    Args:
        logits: of the glyphs, [N, 10]; the logit of "no digit" is 0.
        marks: the same N marks.
        weights: [WEIGHTS], as `model.training.calibrate_finder.learn_fusion` learns them, for marks that are not lone,
            in this order: the weights of the glyph's logits and of the finder's; the logit of "no digit"; the weights
            of the finder's log-odds of a digit there and of another symbol there, and of the logarithms of the number
            of digits, and of other symbols, beside it.

    Returns:
        Logits [N, 11] for the ten digits and "no digit".
    """
    classes = torch.from_numpy(np.stack([mark.logits for mark in marks])).log_softmax(1)  # [N, 10]
    odds = logit(torch.tensor([[mark.score, mark.around[0]] for mark in marks]), CLAMP)  # [N, 2]
    neighbours = (torch.tensor([mark.around[1:] for mark in marks]) + NEIGHBOUR_PRIOR).log()  # [N, 2]
    lone = torch.tensor([mark.lone for mark in marks])[:, None]
    weights = torch.where(lone, torch.tensor(LONE), weights)[:, :, None]  # [N, WEIGHTS, 1]
    more = (torch.cat([odds, neighbours], 1)[:, :, None] * weights[:, 3:]).sum(1)
    return torch.cat([weights[:, 0] * logits + weights[:, 1] * classes + more, weights[:, 2]], 1)
