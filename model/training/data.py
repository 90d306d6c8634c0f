"""MNIST, framed in the same way as pictures are at inference."""

import math
import os
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torchvision.datasets import MNIST

from model.glyph import frame

VALIDATION_FRACTION = 1 / 24  # of the training digits, for validation and calibration: 2,500 of 60,000


def mnist(folder: str | os.PathLike, train: bool, limit: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Load MNIST's training or test digits as one batch; download them into `folder` if they are missing.

    Args:
        folder: holds `MNIST/raw`, in torchvision's layout.
        train: load the 60,000 training digits, else the 10,000 test digits.
        limit: load only the first `limit` digits.

    Returns:
        The glyphs, [N, 1, 28, 28] float32 in [0, 1], and the labels, [N] int64.

    Raises:
        FileNotFoundError: the folder has no MNIST and it cannot be downloaded.
        ValueError: the files are damaged.
    """
    try:
        digits = MNIST(os.fspath(folder), train=train, download=True)
    except (URLError, OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"no MNIST in {os.fspath(folder)!r} and it could not be downloaded ({error}): "
            f"connect to the internet, or put MNIST's four files into {Path(folder) / 'MNIST' / 'raw'}"
        ) from None
    except (ValueError, TypeError, IndexError, AssertionError) as error:
        raise ValueError(f"MNIST in {os.fspath(folder)!r} is damaged ({error}): delete its MNIST folder") from None
    glyphs = np.concatenate([frame(images.float().numpy() / 255) for images in digits.data[:limit].split(1000)])
    return torch.from_numpy(glyphs)[:, None], digits.targets[:limit].clone()


def split(glyphs: torch.Tensor, labels: torch.Tensor, fraction: float) -> tuple[tuple, tuple]:
    """Split off the last `fraction`, in [0, 1), for validation: (glyphs, labels) to train and to validate on."""
    n = len(labels) - math.ceil(fraction * len(labels))
    return (glyphs[:n], labels[:n]), (glyphs[n:], labels[n:])


class Digits:
    """Batches of unmodified digits: glyphs [N, 1, 28, 28] float32 in [0, 1] and labels [N] int64."""

    def __init__(self, glyphs: torch.Tensor, labels: torch.Tensor):
        self.glyphs, self.labels = glyphs, labels

    def __call__(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the chosen digits and their labels."""
        return self.glyphs[chosen], self.labels[chosen]

    @staticmethod
    def loss_and_correct(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> tuple[torch.Tensor, int]:
        """Return the loss of logits [N, 10], and the number of correct answers."""
        return cross_entropy(logits, labels, label_smoothing=smoothing), int((logits.argmax(dim=1) == labels).sum())
