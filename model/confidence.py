"""Calibrated probabilities: temperature scaling, with a higher temperature for thick strokes."""

import numpy as np
import torch

UNCALIBRATED = {"temperature": 1.0, "threshold": 0.0, "thick": (0.0, 0.0)}  # plain softmax; everything is a digit


def calibration_of(card: dict) -> dict:
    """Return the calibration in the card of a network; missing keys default to `UNCALIBRATED`."""
    return UNCALIBRATED | card.get("calibration", {})


def thickness(glyphs: np.ndarray) -> np.ndarray:
    """Return how thick the strokes of glyphs are: twice their ink over its total variation.

    Args:
        glyphs: [N, 28, 28] float32 in [0, 1], with paper all around.

    Returns:
        [N] float32, in pixels: about three quarters of the pen width, or 0.4 of the diameter of a disc; 0 for no ink.
    """
    across, down = (np.abs(np.diff(glyphs, axis=axis)).sum(axis=(1, 2)) for axis in (2, 1))
    return 2 * glyphs.sum(axis=(1, 2)) / np.maximum(across + down, 1e-6)


def temperature_factors(thicknesses: np.ndarray, thick: tuple[float, float]) -> torch.Tensor:
    """Return the factors by which thick strokes raise the temperature: [N] -> [N, 1], at least 1.

    Args:
        thicknesses: as `thickness` returns them.
        thick: the thickness above which the temperature rises, and how fast, as
            `model.training.calibrate.learn_thickness` learns them.
    """
    start, slope = thick
    return torch.from_numpy(1 + slope * np.maximum(0, thicknesses - start))[:, None]


def probabilities(logits: torch.Tensor, glyphs: np.ndarray, calibration: dict) -> torch.Tensor:
    """Return the calibrated probability of each digit (Guo et al. 2017): [N, 10] -> [N, 10].

    Args:
        logits: of the glyphs.
        glyphs: see `thickness`.
        calibration: as `model.training.calibrate.calibrate` returns it.
    """
    return (
        logits / (calibration["temperature"] * temperature_factors(thickness(glyphs), calibration["thick"]))
    ).softmax(dim=1)


def tempered(logits: torch.Tensor, glyphs: np.ndarray, thick: tuple[float, float]) -> torch.Tensor:
    """Return logits that are less certain of the digit where strokes are thick; digit scores are unchanged."""
    cooled = logits / temperature_factors(thickness(glyphs), thick)
    return cooled.log_softmax(dim=1) + logits.logsumexp(dim=1, keepdim=True)
