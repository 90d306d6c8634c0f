"""Which ink spoke for a digit."""

import numpy as np
import torch
from torch import nn

STEPS = 12  # from blank paper to the glyph


def heat_map(net: nn.Module, glyph: np.ndarray, digit: int) -> np.ndarray:
    """Share out among the pixels of a glyph what they say for a digit: integrated gradients (Sundararajan et al. 2017).

    What is shared out are the log-odds of the digit against all others and against being none. The ink is raised from
    blank paper to what it is, in steps that are closer together where it is faint, since most is decided there.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10], as of `model.networks`.
        glyph: [28, 28] float32 in [0, 1].
        digit: 0 to 9.

    Returns:
        [28, 28] float32: above 0 where ink speaks for the digit, below where it speaks against it, 0 where there is
        none. Their sum is about by how much the glyph's log-odds exceed those of blank paper.
    """
    edges = torch.linspace(0, 1, STEPS + 1) ** 3
    ink = torch.from_numpy(np.ascontiguousarray(glyph, dtype=np.float32))
    path = (((edges[1:] + edges[:-1]) / 2)[:, None, None, None] * ink).requires_grad_()  # [STEPS, 1, 28, 28]
    with torch.enable_grad():
        (gradients,) = torch.autograd.grad(log_odds(net(path), digit).sum(), path)
    return (ink * (gradients[:, 0] * edges.diff()[:, None, None]).sum(dim=0)).numpy()


def log_odds(logits: torch.Tensor, digit: int) -> torch.Tensor:
    """Return the log-odds of a digit against the nine others and "no digit", whose logit is 0: [N, 10] -> [N]."""
    others = torch.cat([logits[:, :digit], logits[:, digit + 1 :], logits.new_zeros(len(logits), 1)], dim=1)
    return logits[:, digit] - others.logsumexp(dim=1)
