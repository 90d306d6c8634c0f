"""Calibration of glyph networks and of the line recognizer, on digits not used for training.

`calibrate` and `lower_blank` seed torch's random generator, so that their results depend on the weights alone.
"""

from itertools import product

import torch
from torch.nn.functional import cross_entropy

from model.confidence import temperature_factors, thickness
from model.glyph import frame
from model.networks import BLANK, NO_DIGIT, digit_scores
from model.test_time_augmentation import predict_augmented
from model.training.augmentation import ink_of, skeleton_distances, warp
from model.training.glyphs import Mixture
from model.training.lines import Strips

KEPT = 0.99  # fraction of digits that pass the threshold
THINNEST, THICKEST = 0.7, 10.0  # glyph pixels: pens with which digits are redrawn to learn from thick strokes
THICK_FROM = [i / 4 for i in range(4, 25)]  # glyph pixels
RISES = [i / 20 for i in range(31)]  # relative rise in temperature per glyph pixel
ROUNDS = 4  # number of times each validation digit is drawn, augmented differently each time
BATCHES, DIGITS_PER_BATCH = 80, 250  # of strips on which the bias of the CTC blank is learned
BLANK_CUTS = [i / 4 for i in range(13)]  # amounts by which it may be lowered


def calibrate(
    net: torch.nn.Module, glyphs: torch.Tensor, labels: torch.Tensor, refuses: bool = True
) -> dict[str, float | tuple[float, float]]:
    """Calibrate a trained network on validation digits under the training augmentations.

    Args:
        net: on the CPU, in evaluation mode.
        glyphs: [N, 1, 28, 28] float32 in [0, 1], digits not used for training.
        labels: [N] int64, 0 to 9.
        refuses: the network was trained to refuse non-digits.

    Returns:
        temperature: divides the logits before the softmax (Guo et al. 2017); maximises the likelihood of the digits.
        thick: see `learn_thickness`.
        threshold: lowest score accepted as a digit, reached by `KEPT` of the digits; 0 if the network never refuses.
        refused: fraction of non-digits below the threshold, in [0, 1]. The drawings are new, but the network was
            trained on their shapes, so the fraction is higher than for real letters.
    """
    torch.manual_seed(0)
    mixture = Mixture(glyphs, labels, per_shape=20)
    drawn = [mixture(torch.arange(len(labels))) for _ in range(ROUNDS)]
    truth = torch.cat([labels for _, labels in drawn])
    logits = torch.cat([predict_augmented(net, batch) for batch, _ in drawn])
    digits = truth != NO_DIGIT
    temperatures = torch.logspace(-0.7, 0.7, 141)
    losses = torch.stack([cross_entropy(logits[digits] / t, truth[digits]) for t in temperatures])
    scores = digit_scores(logits)
    threshold = scores[digits].quantile(1 - KEPT).item() if refuses else 0.0
    temperature = temperatures[losses.argmin()].item()
    return {
        "temperature": temperature,
        "thick": learn_thickness(net, glyphs, labels, temperature),
        "threshold": threshold,
        "refused": (scores[~digits] < threshold).float().mean().item(),
    }


@torch.inference_mode()
def learn_thickness(
    net: torch.nn.Module, glyphs: torch.Tensor, labels: torch.Tensor, temperature: float
) -> tuple[float, float]:
    """Learn how much less to trust a network on thick strokes; see `model.confidence.temperature_factors`.

    The digits are redrawn with pens from the thinnest to one that fills most loops, and the likelihood of their
    labels is maximised over a grid.

    Args:
        net, glyphs, labels: see `calibrate`.
        temperature: of digits as they are usually drawn.
    """
    pens = THINNEST * (THICKEST / THINNEST) ** torch.rand(len(glyphs))
    drawn = frame(warp(ink_of(skeleton_distances(glyphs).float() / 16, pens)[:, None]).numpy())
    logits, thicknesses = predict_augmented(net, torch.from_numpy(drawn)[:, None]) / temperature, thickness(drawn)

    def loss(thick: tuple[float, float]) -> float:
        return cross_entropy(logits / temperature_factors(thicknesses, thick), labels).item()

    return min(product(THICK_FROM, RISES), key=loss)


@torch.inference_mode()
def lower_blank(net: torch.nn.Sequential, glyphs: torch.Tensor, labels: torch.Tensor) -> float:
    """Lower the bias of the CTC blank in a trained line recognizer, by the amount that it returns.

    The blank is one class in every column, while the probability of a symbol is spread over a few: greedy decoding
    reads too few symbols. The amount reads the most validation strips exactly.

    Args:
        net: on the CPU, in evaluation mode; changed in place.
        glyphs, labels: see `calibrate`.
    """
    torch.manual_seed(0)
    strips, blank = Strips(glyphs, labels, per_shape=20), torch.zeros(BLANK + 1)
    blank[BLANK] = 1
    drawn = [strips(torch.randint(len(labels), (DIGITS_PER_BATCH,))) for _ in range(BATCHES)]
    read = [(net(batch), truth) for batch, truth in drawn]

    def correct(by: float) -> int:
        return sum(Strips.loss_and_correct(logits - by * blank, truth, 0)[1] for logits, truth in read)

    lower = max(BLANK_CUTS, key=correct)
    net[-1].body[-1].bias[BLANK] -= lower
    return lower
