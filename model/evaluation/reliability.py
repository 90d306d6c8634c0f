"""Reliability, confidence against accuracy: are answers with 90 % confidence right 90 % of the time?"""

import torch


def reliability(confidence: torch.Tensor, right: torch.Tensor, bins: int = 15) -> list[tuple[int, float, float]]:
    """Return, for bins of equal width, the number of answers, the sum of their confidences, and the number right."""
    place = (confidence * bins).long().clamp(max=bins - 1)
    columns = torch.ones_like(confidence), confidence, right.float()
    n, sure, good = (torch.zeros(bins).index_add(0, place, column).tolist() for column in columns)
    return [(int(n), sure, good) for n, sure, good in zip(n, sure, good, strict=True)]


def calibration_error(confidence: torch.Tensor, right: torch.Tensor) -> float:
    """Return the expected calibration error in [0, 1] (Guo et al. 2017)."""
    return sum(abs(sure - good) for _, sure, good in reliability(confidence, right)) / len(confidence)
