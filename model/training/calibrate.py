"""How sure is sure: set a network's temperature and threshold on digits that it was not trained on."""

import torch
from torch.nn.functional import cross_entropy

from model.looks import look
from model.recognize import digit_scores
from model.training.mixture import NONE, Mixture

KEPT = 0.99  # share of digits that the threshold lets pass
ROUNDS = 4  # how many times each held-back digit is seen, each time another way


def calibrate(net: torch.nn.Module, glyphs: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Measure a trained network on held-back digits under the training augmentations.

    Args:
        net: on the CPU, in evaluation mode.
        glyphs: [N, 1, 28, 28] float32 in [0, 1], digits that were not trained on.
        labels: [N] int64, 0 to 9.

    Returns:
        temperature: divides the logits before the softmax (Guo et al. 2017); the likelihood of the digits is greatest.
        threshold: the least score of a digit, which `KEPT` of the digits reach.
        refused: share of what is no digit that stays below it, in [0, 1]; of new drawings, but of shapes that were
            trained on, so more than of real letters.
    """
    mixture = Mixture(glyphs, labels, per_shape=20)
    drawn = [mixture(torch.arange(len(labels))) for _ in range(ROUNDS)]
    truth = torch.cat([labels for _, labels in drawn])
    logits = torch.cat([look(net, batch) for batch, _ in drawn])
    digits = truth != NONE
    temperatures = torch.logspace(-0.7, 0.7, 141)
    losses = torch.stack([cross_entropy(logits[digits] / t, truth[digits]) for t in temperatures])
    scores = digit_scores(logits)
    threshold = scores[digits].quantile(1 - KEPT).item()
    return {
        "temperature": temperatures[losses.argmin()].item(),
        "threshold": threshold,
        "refused": (scores[~digits] < threshold).float().mean().item(),
    }
