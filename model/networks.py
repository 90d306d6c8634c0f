"""The architectures by name: batch [N, 1, 28, 28] of ink in [0, 1] -> logits [N, 10]."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval


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


class Residual(nn.Module):
    """Two 3 x 3 convolutions and a way around them (He et al. 2016): [N, C, H, W] -> the same shape."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(*_convolution(channels, channels), *_convolution(channels, channels)[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102, as of every module
        return torch.relu(x + self.body(x))


def _convolution(channels: int, wider: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels, wider, 3, stride, padding=1, bias=False), nn.BatchNorm2d(wider), nn.ReLU()]


def world() -> nn.Sequential:
    """Build the network that reads the world's digits: a small residual network."""
    return nn.Sequential(
        *_convolution(1, 32),  # [N, 32, 28, 28]
        *_convolution(32, 64, stride=2),  # [N, 64, 14, 14]
        Residual(64),
        *_convolution(64, 128, stride=2),  # [N, 128, 7, 7]
        Residual(128),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 10),  # [N, 10]
    )


def folded(net: nn.Module) -> nn.Module:
    """Return a copy for reading alone: the same function, each normalisation folded into the convolution before it."""
    net = copy.deepcopy(net).eval()
    for module in list(net.modules()):
        if isinstance(module, nn.Sequential):
            for i, (layer, following) in enumerate(pairwise(list(module))):
                if isinstance(following, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(layer, following), nn.Identity()
    return net.to(memory_format=torch.channels_last)


NETWORKS = {"reference": reference, "world": world}


def build(name: str) -> nn.Module:
    """Build a network by its name, freshly initialised.

    Raises:
        ValueError: no network has that name.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}: choose {' or '.join(NETWORKS)}")
    return NETWORKS[name]()


@torch.inference_mode()
def predict(net: nn.Module, glyphs: torch.Tensor, batch_size: int = 500) -> torch.Tensor:
    """Return the logits [N, 10] float32 for glyphs [N, 1, 28, 28], computed on the CPU in float32."""
    return torch.cat([net(batch) for batch in glyphs.split(batch_size)])


def with_none(logits: torch.Tensor) -> torch.Tensor:
    """Set the class "no digit" beside the ten, its logit always 0: [N, 10] -> [N, 11]."""
    return torch.cat([logits, torch.zeros_like(logits[:, :1])], dim=1)
