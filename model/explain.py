"""Attribution: the strokes behind an answer."""

import numpy as np
import torch
from torch import nn

STEPS = 12  # integration steps from blank paper to the glyph


def heat_map(net: nn.Module, glyph: np.ndarray, digit: int) -> np.ndarray:
    """Attribute a digit's log-odds to the pixels of a glyph by integrated gradients (Sundararajan et al. 2017).

    The log-odds are those of the digit against all others and "no digit". The integration path goes from blank paper to
    the glyph, in smaller steps near blank paper, since the logits change most there.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10], as in `model.networks`.
        glyph: [28, 28] float32 in [0, 1].
        digit: 0 to 9.

    Returns:
        [28, 28] float32: positive where ink supports the digit, negative where it contradicts it, 0 where there is no
        ink. The sum is approximately the log-odds of the glyph minus those of blank paper.
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
