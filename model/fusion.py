"""What the finder and the network that reads glyphs say of a mark, taken together."""

import numpy as np
import torch
from torch.special import logit

from model.finder import Mark

WEIGHTS = 7  # of `fuse`
EXTREME = 1e-4  # probabilities are kept so far from 0 and 1
LONE = 1.0, 0.15, 5.5, 1.0, 0.0, 0.0, -1.5  # weights of a lone mark: the glyph says most
SOME = 0.03  # neighbours, which are added to those that there are, so that the first does not weigh more than all


def fuse(logits: torch.Tensor, marks: list[Mark], weights: torch.Tensor) -> torch.Tensor:
    """Judge marks by a multinomial logistic regression on what both networks say.

    Args:
        logits: of the glyphs, [N, 10], where no digit is 0.
        marks: the same N.
        weights: how much each says, [WEIGHTS], as `model.training.calibrate.learn_fusion` learns them: the logits of
            the glyph; those of the finder; that it is no digit; that the finder sees a digit; that it sees another
            symbol there; how many digits, and how many other symbols, stand beside it.

    Returns:
        Logits [N, 11] for the ten digits and for none.
    """
    said = torch.from_numpy(np.stack([mark.logits for mark in marks])).log_softmax(1)  # [N, 10]
    seen = logit(torch.tensor([[mark.score, mark.around[0]] for mark in marks]), EXTREME)  # [N, 2]
    beside = (torch.tensor([mark.around[1:] for mark in marks]) + SOME).log()  # [N, 2]
    lone = torch.tensor([mark.lone for mark in marks])[:, None]
    weights = torch.where(lone, torch.tensor(LONE), weights)[:, :, None]  # [N, WEIGHTS, 1]
    more = (torch.cat([seen, beside], 1)[:, :, None] * weights[:, 3:]).sum(1)
    return torch.cat([weights[:, 0] * logits + weights[:, 1] * said + more, weights[:, 2]], 1)
