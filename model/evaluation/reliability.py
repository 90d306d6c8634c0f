"""Statistics of answers: reliability (of those with 90% confidence, are 90% right?), intervals, AUROC, histograms."""

import math

import torch

SCORE_BINS = 40  # bins of the score histograms, from 0 to 1


def reliability(confidence: torch.Tensor, right: torch.Tensor, bins: int = 15) -> list[tuple[int, float, float]]:
    """Return, for bins of equal width, the number of answers, the sum of their confidences, and the number right."""
    place = (confidence * bins).long().clamp(max=bins - 1)
    columns = torch.ones_like(confidence), confidence, right.float()
    n, sure, good = (torch.zeros(bins).index_add(0, place, column).tolist() for column in columns)
    return [(int(n), sure, good) for n, sure, good in zip(n, sure, good, strict=True)]


def calibration_error(confidence: torch.Tensor, right: torch.Tensor) -> float:
    """Return the expected calibration error in [0, 1] (Guo et al. 2017); 0 if there are no answers."""
    return sum(abs(sure - good) for _, sure, good in reliability(confidence, right)) / max(1, len(confidence))


def interval(right: int, n: int) -> tuple[float, float]:
    """Return the 95% confidence interval of the fraction right / n (Wilson 1927), both ends in [0, 1]."""
    z, fraction = 1.96, right / n
    middle, spread = fraction + z * z / (2 * n), z * math.sqrt(fraction * (1 - fraction) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def auroc(higher: torch.Tensor, lower: torch.Tensor) -> float:
    """Return how often a score in `higher` exceeds one in `lower`; ties count half (Hanley and McNeil 1982)."""
    lower = lower.sort().values
    below, up_to = (torch.searchsorted(lower, higher, right=right).double() for right in (False, True))
    return float((below + up_to).mean() / 2 / len(lower))


def histogram(scores: torch.Tensor) -> list[int]:
    """Return the number of scores in each of SCORE_BINS equal bins of [0, 1]."""
    return torch.histc(scores.float(), SCORE_BINS, 0, 1).int().tolist()
