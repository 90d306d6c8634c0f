"""MNIST, framed as every picture is framed when it is read."""

import os
from urllib.error import URLError

import numpy as np
import torch
from torchvision.datasets import MNIST

from model.preprocess import fit


def mnist(folder: str | os.PathLike, train: bool, limit: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Load MNIST's training or test digits as one batch; they are downloaded into `folder` where it has none.

    Args:
        folder: holds `MNIST/raw`, as torchvision keeps it.
        train: the 60,000 training digits, else the 10,000 test digits.
        limit: take only the first so many.

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
            f"no MNIST in {os.fspath(folder)!r} and none could be downloaded ({error}): "
            "connect to the network, or give --data the folder that holds MNIST/raw"
        ) from None
    except (ValueError, TypeError, IndexError, AssertionError) as error:
        raise ValueError(f"MNIST in {os.fspath(folder)!r} is damaged ({error}): delete its MNIST folder") from None
    images = digits.data[:limit].numpy().astype(np.float32) / 255
    glyphs = np.stack([fit(image) for image in images])
    return torch.from_numpy(glyphs)[:, None], digits.targets[:limit].clone()
