"""One network trained by several processes, as torchrun starts them: each takes its share of every batch.

All of them draw the same batches, from the same seed, so that they come to what one process comes to, but for rounding.
"""

import os

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce


def join(device: torch.device) -> torch.device:
    """Join the processes that torchrun started, if it did; return the device of this one."""
    if "WORLD_SIZE" not in os.environ:
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def leave() -> None:
    """Part from the other processes, if there are any."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def count() -> int:
    """Return how many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return which of the processes this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def share(batch: torch.Tensor) -> torch.Tensor:
    """Take this process's share of a batch: every count-th of it."""
    return batch[rank() :: count()]


def add_up(net: nn.Module, *more: float) -> list[float]:
    """Add up the gradients of all processes, in place, and some numbers; return the numbers' sums."""
    if count() == 1:
        return list(more)
    gradients = [parameter.grad for parameter in net.parameters()]
    flat = torch.cat([gradient.flatten() for gradient in gradients] + [gradients[0].new_tensor(more)])
    distributed.all_reduce(flat)
    *parts, sums = flat.split([gradient.numel() for gradient in gradients] + [len(more)])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
    return sums.tolist()


class SharedNorm(nn.BatchNorm2d):
    """Batch normalisation (Ioffe and Szegedy 2015) over the shares of all processes; on any device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102, as of every module
        if not self.training:
            return super().forward(x)
        ink = x.float()
        sums = torch.stack([ink.sum((0, 2, 3)), ink.square().sum((0, 2, 3)), ink.new_full((len(ink[0]),), len(ink))])
        total, squares, images = all_reduce(sums)
        n = images * ink[0, 0].numel()
        mean = total / n
        variance = squares / n - mean.square()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (ink * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]).to(x.dtype)


def share_norms(net: nn.Module) -> nn.Module:
    """Let the normalisations of a network look at the whole batch, where it is shared out; in place."""
    if count() > 1:
        for module in net.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = SharedNorm  # the same attributes, another forward
    return net
