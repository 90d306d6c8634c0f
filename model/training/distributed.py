"""Data-parallel training under torchrun: each process takes its part of every batch.

All processes draw the same batches from the same seed, so the result is that of a single process, up to rounding.
"""

import contextlib
import os
from collections.abc import Iterator

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce


def join(device: torch.device) -> torch.device:
    """Join the process group if torchrun started this process; return this process's device."""
    if "WORLD_SIZE" not in os.environ:
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def leave() -> None:
    """Leave the process group, if there is one."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def count() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Return the rank of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


@contextlib.contextmanager
def first_alone() -> Iterator[None]:
    """Let the first process finish the body of the `with` statement before the others begin it."""
    if rank() > 0:
        distributed.barrier()
    try:
        yield
    finally:
        if count() > 1 and rank() == 0:
            distributed.barrier()


def share(batch: torch.Tensor) -> torch.Tensor:
    """Return this process's part of a batch: every count-th item."""
    return batch[rank() :: count()]


def sum_gradients(net: nn.Module, *more: float) -> list[float]:
    """Sum the gradients over all processes, in place, and the given numbers too; return the sums of the numbers."""
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
    """Batch normalisation (Ioffe and Szegedy 2015) over the batch parts of all processes, on any device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # noqa: D102, as in every module
        if not self.training:
            return super().forward(x)
        values = x.float()
        count = values.new_full((len(values[0]),), len(values))
        sums = torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3)), count])
        total, squares, images = all_reduce(sums)
        n = images * values[0, 0].numel()
        mean = total / n
        variance = squares / n - mean.square()
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (values * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]).to(x.dtype)


def share_norms(net: nn.Module) -> nn.Module:
    """Make batch normalisation use the whole batch even if split across processes; change the network in place."""
    if count() > 1:
        for module in net.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = SharedNorm  # same attributes, different forward
    return net
