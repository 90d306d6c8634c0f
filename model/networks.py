"""The architectures by name; those in `NETWORKS` map a batch [N, 1, 28, 28] of ink in [0, 1] to logits [N, 10]."""

import contextlib
import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate
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
    """Two 3 x 3 convolutions with a skip connection (He et al. 2016): [N, C, H, W] -> the same shape.

    Args:
        channels: C.
        across: horizontal dilation of the convolutions, in columns.
    """

    def __init__(self, channels: int, across: int = 1):
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(channels, channels, across=across), *_convolution(channels, channels, across=across)[:-1]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102, as in every module
        return torch.relu(x + self.body(x))


def _convolution(
    channels: int,
    wider: int,
    stride: int | tuple[int, int] = 1,
    kernel: tuple[int, int] = (3, 3),
    padding: tuple[int, int] = (1, 1),
    across: int = 1,
) -> list[nn.Module]:
    """Return a convolution, batch normalisation and ReLU."""
    padding = padding[0], padding[1] * across
    convolution = nn.Conv2d(channels, wider, kernel, stride, padding, (1, across), bias=False)
    return [convolution, nn.BatchNorm2d(wider), nn.ReLU()]


def world() -> nn.Sequential:
    """Build the network for real-world digits: a small residual network."""
    return nn.Sequential(
        *_convolution(1, 32),  # [N, 32, 28, 28]
        *_convolution(32, 64, stride=2),  # [N, 64, 14, 14]
        Residual(64),
        Residual(64),
        *_convolution(64, 128, stride=2),  # [N, 128, 7, 7]
        Residual(128),
        nn.Flatten(),
        nn.Linear(128 * 7 * 7, 10),  # [N, 10]
    )


def quick() -> nn.Sequential:
    """Build a small network for experiments: 99% on MNIST after seconds of training; 99,826 parameters."""
    return nn.Sequential(
        *_convolution(1, 24, stride=2, kernel=(5, 5), padding=(2, 2)),  # [N, 24, 14, 14]
        *_convolution(24, 48),
        nn.MaxPool2d(2),  # [N, 48, 7, 7]
        *_convolution(48, 96),  # [N, 96, 7, 7]
        nn.Flatten(),
        nn.Linear(96 * 7 * 7, 10),  # [N, 10]
    )


def pocket() -> nn.Sequential:
    """Build the network that reads in the browser: 115,162 parameters and 4.9 million multiplications."""
    return nn.Sequential(
        *_convolution(1, 16, stride=2, kernel=(5, 5), padding=(2, 2)),  # [N, 16, 14, 14]
        *_convolution(16, 32),
        *_convolution(32, 48, stride=2),  # [N, 48, 7, 7]
        *_convolution(48, 64),
        *_convolution(64, 64),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 10),  # [N, 10]
    )


SIGNS = ".,-:/+="  # characters other than digits that occur in numbers
HEAT_CHANNELS = 2 + len(SIGNS)  # of the network `finder`: centres of digits, of each sign, of other symbols
NEITHER = "#"  # neither a digit nor a sign, such as a letter
SYMBOLS = f"0123456789{SIGNS}{NEITHER}"  # the alphabet of the network `line`
BLANK = len(SYMBOLS)  # its last class, the CTC blank: no new symbol in this column


class Columns(nn.Module):
    """Classify each column, with context from both sides: [N, C, H, W] -> [N, W, classes]."""

    def __init__(self, channels: int, height: int, hidden: int, classes: int):
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(channels, hidden, kernel=(height, 5), padding=(0, 2), across=2),
            *_convolution(hidden, hidden, kernel=(1, 5), padding=(0, 2)),
            nn.Conv2d(hidden, classes, (1, 3), padding=(0, 1)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102, as in every module
        return self.body(x)[:, :, 0].transpose(1, 2)


def line() -> nn.Sequential:
    """Build the line recognizer (CTC): strips [N, 1, 28, W], W even -> logits [N, W / 2, BLANK + 1].

    It slides the layers of `world`, from which its training starts, along the line: the last ones are dilated by two
    columns, so that each sees what it would in `world`. Convolutions over columns follow, trained with connectionist
    temporal classification (Graves et al. 2006).
    """
    return nn.Sequential(
        *_convolution(1, 32),  # [N, 32, 28, W]
        *_convolution(32, 64, stride=2),  # [N, 64, 14, W / 2]
        Residual(64),
        Residual(64),
        *_convolution(64, 128, stride=(2, 1)),  # [N, 128, 7, W / 2]
        Residual(128, across=2),
        Columns(128, 7, 128, BLANK + 1),
    )


SPREAD = 0.03  # brightness, added to the local standard deviation so that blank paper stays blank


class Finder(nn.Module):
    """Detect digits: brightness [N, 1, H, W] in [0, 1], H and W multiples of 16 -> [N, 31, H / 4, W / 4].

    Each cell of 4 x 4 pixels has, for each of its four quarters, a logit for strokes of digits and signs (4 channels)
    and the offset right (4) and down (4) to the centre of their symbol, in units of 16 pixels; nine logits for the
    centre of a digit, of each of `SIGNS`, and of another symbol; ten for which digit it is. The body is a feature
    pyramid (Lin et al. 2017), the quarters use sub-pixel convolution (Shi et al. 2016), and each stroke points to the
    centre of its symbol as in Panoptic-DeepLab (Cheng et al. 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(*_convolution(2, 16, stride=2), *_convolution(16, 32, stride=2), Residual(32))
        self.middle = nn.Sequential(*_convolution(32, 64, stride=2), Residual(64))
        self.coarse = nn.Sequential(*_convolution(64, 96, stride=2), Residual(96), Residual(96))
        self.down = nn.Sequential(*_convolution(96, 64, kernel=(1, 1), padding=(0, 0)))
        self.joined = nn.Sequential(*_convolution(64, 64), Residual(64))
        self.further = nn.Sequential(*_convolution(64, 32, kernel=(1, 1), padding=(0, 0)))
        self.head = nn.Sequential(Residual(32), *_convolution(32, 48), nn.Conv2d(48, 22 + HEAT_CHANNELS, 1))
        for channels in (slice(0, 4), slice(12, 12 + HEAT_CHANNELS)):  # strokes and centres are rare
            nn.init.constant_(self.head[-1].bias[channels], -4.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102, as in every module
        both = torch.cat([x, local_contrast(x)], 1).to(self.head[-1].weight.dtype)
        fine = self.fine(both)  # [N, 32, H / 4, W / 4]
        middle = self.middle(fine)  # [N, 64, H / 8, W / 8]
        coarse = self.coarse(middle)  # [N, 96, H / 16, W / 16]
        middle = self.joined(middle + interpolate(self.down(coarse), scale_factor=2.0))
        return self.head(fine + interpolate(self.further(middle), scale_factor=2.0))


def local_contrast(x: torch.Tensor) -> torch.Tensor:
    """Return each pixel's contrast with its surroundings: [N, 1, H, W] -> the same shape.

    It is in [-2, 2], with a standard deviation of about 0.5.
    """
    small = avg_pool2d(torch.cat([x, x * x], 1), 8)
    mean, square = avg_pool2d(small, 5, 1, 2, count_include_pad=False).chunk(2, 1)
    spread = (square - mean * mean).clamp(min=0).sqrt() + SPREAD
    mean, spread = (interpolate(part, size=x.shape[2:], mode="bilinear") for part in (mean, spread))
    return ((x - mean) / (2 * spread)).clamp(-2, 2)


def folded(net: nn.Module) -> nn.Module:
    """Return a copy for inference only: the same function, each batch norm folded into the convolution before it.

    The finder, which works on whole pictures, is converted to bfloat16 where the CPU is faster at it.
    """
    net = copy.deepcopy(net).eval()
    for module in list(net.modules()):
        if isinstance(module, nn.Sequential):
            for i, (layer, following) in enumerate(pairwise(list(module))):
                if isinstance(following, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(layer, following), nn.Identity()
    if isinstance(net, Finder) and bfloat16_is_faster(torch.device("cpu")):
        net = net.to(torch.bfloat16)
    return net.to(memory_format=torch.channels_last)


def half_precision(device: torch.device) -> contextlib.AbstractContextManager:
    """Return a context that computes in bfloat16 where the hardware is faster at it, and in float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16) if bfloat16_is_faster(device) else contextlib.nullcontext()


def bfloat16_is_faster(device: torch.device) -> bool:
    """Return whether the hardware computes faster in bfloat16 than in float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.7 lacks it
    return device.type == "cpu" and capabilities.get("avx512_bf16", False)


NETWORKS = {"reference": reference, "world": world, "quick": quick, "pocket": pocket}  # those that classify glyphs


def build(name: str) -> nn.Module:
    """Build a network by its name, freshly initialised.

    Raises:
        ValueError: no network has that name.
    """
    known = NETWORKS | {"line": line, "finder": Finder}
    if name not in known:
        raise ValueError(f"unknown network {name!r}: choose {' or '.join(known)}")
    return known[name]()


@torch.inference_mode()
def predict(net: nn.Module, glyphs: torch.Tensor, batch_size: int = 500) -> torch.Tensor:
    """Return the logits [N, 10] float32 for glyphs [N, 1, 28, 28], computed on the device that holds both."""
    return torch.cat([net(batch) for batch in glyphs.split(batch_size)])


NO_DIGIT = 10  # label of a non-digit: the class that `with_no_digit` appends


def with_no_digit(logits: torch.Tensor) -> torch.Tensor:
    """Append the class "no digit", whose logit is always 0: [N, 10] -> [N, 11]."""
    return torch.cat([logits, torch.zeros_like(logits[:, :1])], dim=1)


def digit_scores(logits: torch.Tensor) -> torch.Tensor:
    """Return how digit-like each glyph is: logits [N, 10] -> [N] float64 in [0, 1].

    It is the total probability of the ten digits against an eleventh class "no digit" whose logit is always 0, and so
    falls as the energy of Liu et al. (2020) rises.
    """
    return logits.double().logsumexp(dim=1).sigmoid()
