"""The architectures by name: batch [N, 1, 28, 28] of ink in [0, 1] -> logits [N, 10]."""

from torch import nn


def reference() -> nn.Sequential:
    """Build the reference network: three unpadded 3 x 3 convolutions and one linear layer, 365,514 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),  # [N, 32, 26, 26]
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),  # [N, 64, 24, 24]
        nn.ReLU(),
        nn.Conv2d(64, 64, 3),  # [N, 64, 22, 22]
        nn.ReLU(),
        nn.Flatten(),  # [N, 30976]
        nn.Linear(64 * 22 * 22, 10),  # [N, 10]
    )


NETWORKS = {"reference": reference}


def build(name: str) -> nn.Module:
    """Build a network by its name, freshly initialised.

    Raises:
        ValueError: no network has that name.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}: choose {' or '.join(NETWORKS)}")
    return NETWORKS[name]()
