"""The training loop: recipe and data in, a trained network out."""

import math
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from model import weights
from model.memory import keep_memory
from model.networks import build, half_precision, predict
from model.training import checkpoint, distributed
from model.training.checkpoint import Run
from model.training.data import Digits
from model.training.glyphs import Mixture
from model.training.lines import Strips
from model.training.progress import Bar, until_interrupted
from model.training.recipes import Recipe
from model.training.scenes import Scenes

Batch = tuple[torch.Tensor, torch.Tensor]
SCENE_WORKERS = max(2, (os.cpu_count() or 1) // 3)  # worker processes that draw scenes


def train(
    recipe: Recipe, digits: Batch, validation: Batch, seed: int, device: torch.device, path: Path, resume: bool = False
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train a network, with a progress bar and one line per epoch.

    The whole set is one tensor and a batch is an index into it; only scenes, slow to draw, use data loader workers. The
    returned weights are those of the epoch with the highest validation accuracy.

    Args:
        recipe: how to train.
        digits: glyphs [N, 1, 28, 28] float32 in [0, 1], and labels [N] int64, 0 to 9.
        validation: the validation set, in the same format.
        seed: determines the initial weights and the order of the digits; on the same CPU it gives the same weights.
        device: where to compute.
        path: checkpoint file, written after each epoch.
        resume: continue the run saved there.

    Returns:
        The network on the CPU, in evaluation mode, and its history as in `Run`.

    Raises:
        KeyboardInterrupt: on Ctrl-C; the epochs that were finished are saved.
        FileNotFoundError, ValueError: as in `checkpoint.load`; ValueError also if a batch is smaller than the number
            of processes, or if several would learn from scenes, whose loss is no mean over pictures.
    """
    n = len(digits[1])
    if recipe.scenes and distributed.count() > 1:
        raise ValueError(f"{recipe.network!r} is trained by one process: run it without torchrun")
    if (n % recipe.batch_size or min(n, recipe.batch_size)) < distributed.count():
        raise ValueError(f"{n:,} digits in batches of {recipe.batch_size}: too few for {distributed.count()} processes")
    keep_memory()
    torch.manual_seed(seed)
    net = build(recipe.network)
    if recipe.start:
        copy_matching(net, weights.load(recipe.start)[0])
    net = distributed.share_norms(net).to(device, memory_format=torch.channels_last)  # 1.3 times as fast on a CPU
    how = _average(recipe.averaging)
    average = AveragedModel(net, multi_avg_fn=how, use_buffers=True) if recipe.averaging else None
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    judged = average.module if average else net
    kind = Scenes if recipe.scenes else Strips if recipe.strips else Mixture if recipe.mixture else Digits
    data, validation_set = kind(*digits), validation_batches(kind, *validation)
    run = Run(net, optimizer, average, best={}, history=[])
    if resume:
        checkpoint.load(run, recipe, seed, n, path)
    batches = -(-n // recipe.batch_size)
    with until_interrupted() as interrupted, Bar(recipe, n, len(run.history)) as bar:
        for epoch in range(len(run.history), recipe.epochs):
            net.train()
            sums = [0.0, 0.0, 0.0]  # total loss, digits read correctly, digits seen
            parts = prefetched(data, torch.randperm(n).split(recipe.batch_size))
            for i, (chosen, batch) in enumerate(parts, epoch * batches):
                part = i / (recipe.epochs * batches)
                rate = recipe.learning_rate * (learning_rate_factor(part) if recipe.annealed else 1.0)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                *more, stopped = step(run, data.loss_and_correct, batch, recipe, device, interrupted)
                if stopped:
                    raise KeyboardInterrupt
                sums = [total + one for total, one in zip(sums, more, strict=True)]
                bar.move(len(chosen), epoch + 1, sums, rate)
            loss, right, seen = sums
            last = {"loss": loss / seen, "accuracy": right / seen, "learning_rate": rate}
            last |= validate(judged, data.loss_and_correct, validation_set, recipe.smoothing, device)
            run.history.append(last)
            if last["validation_accuracy"] >= max(each["validation_accuracy"] for each in run.history):
                run.best = {name: tensor.detach().to("cpu").clone() for name, tensor in judged.state_dict().items()}
            bar.log_epoch(epoch + 1, last)
            if distributed.rank() == 0:
                checkpoint.save(run, recipe, seed, n, path)
    trained = build(recipe.network)
    trained.load_state_dict(run.best)
    return trained.eval(), run.history


def copy_matching(net: nn.Module, other: nn.Module) -> None:
    """Copy every tensor of the same name and shape from another network."""
    known, mine = other.state_dict(), net.state_dict()
    same = {name: tensor for name, tensor in known.items() if name in mine and mine[name].shape == tensor.shape}
    net.load_state_dict(same, strict=False)


def prefetched(data: Callable, parts: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, Batch]]:
    """Yield parts of the digits, each with its batch; workers draw scenes in advance, since that is slow."""
    if not hasattr(data, "__getitem__"):
        yield from ((part, data(part)) for part in parts)
        return
    loader = DataLoader(
        data,
        sampler=parts,
        batch_size=None,
        num_workers=SCENE_WORKERS,
        prefetch_factor=4,
        worker_init_fn=_quietly,
        generator=torch.Generator(),
    )
    yield from zip(parts, loader, strict=True)


def _quietly(_: int) -> None:
    """Ignore Ctrl-C in a worker; the main process handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def step(
    run: Run,
    loss_and_correct: Callable,
    drawn: Batch,
    recipe: Recipe,
    device: torch.device,
    interrupted: Callable[[], bool],
) -> tuple[float, float, float, bool]:
    """Take one optimiser step.

    Returns:
        The loss times the batch size, the number of correct answers, the batch size, and whether to stop: once one
        process is interrupted, all stop after the same step.
    """
    batch, truth = drawn
    size = len(truth)
    batch, truth = distributed.share(batch).to(device), distributed.share(truth).to(device)
    with half_precision(device):
        logits = run.net(batch.contiguous(memory_format=torch.channels_last))
        loss, right = loss_and_correct(logits, truth, recipe.smoothing)
    loss = loss * (len(truth) / size)
    run.optimizer.zero_grad()
    loss.backward()
    total, right, stop = distributed.sum_gradients(run.net, loss.item(), right, interrupted())
    if recipe.clipping:
        nn.utils.clip_grad_norm_(run.net.parameters(), recipe.clipping)
    run.optimizer.step()
    if run.average:
        run.average.update_parameters(run.net)
    return total * size, right, size, bool(stop)


def validation_batches(kind: type, glyphs: torch.Tensor, labels: torch.Tensor) -> list[Batch]:
    """Make the validation batches once, augmented as in training, without advancing torch's random generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        data = kind(glyphs, labels)
        return [data(chosen) for chosen in torch.arange(len(labels)).split(500)]


@torch.no_grad()
def validate(
    net: nn.Module, loss_and_correct: Callable, validation_set: list[Batch], smoothing: float, device: torch.device
) -> dict[str, float]:
    """Return the mean loss on the validation batches, and the fraction read correctly, in [0, 1]."""
    net.eval()
    loss_sum, right, seen = 0.0, 0, 0
    for batch, truth in validation_set:
        with half_precision(device):
            loss, exact = loss_and_correct(net(batch.to(device)), truth.to(device), smoothing)
        loss_sum, right, seen = loss_sum + loss.item() * len(truth), right + exact, seen + len(truth)
    return {"validation_loss": loss_sum / seen, "validation_accuracy": right / seen}


def _average(decay: float) -> Callable:
    """Return the update of a running average with this `decay` per step.

    It forgets faster at first, while the weights are poor.
    """

    def update(averages: list[torch.Tensor], current: list[torch.Tensor], n: torch.Tensor) -> None:
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, current, max(1 - decay, 9 / (10 + int(n))))
        else:  # counts of batches
            torch._foreach_copy_(averages, current)

    return update


def learning_rate_factor(done: float) -> float:
    """Return the fraction of the peak learning rate to use after the fraction `done` of the training."""
    return min(done / 0.05, 0.5 + 0.5 * math.cos(math.pi * done))


def accuracy(net: nn.Module, glyphs: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the fraction of digits read correctly, in [0, 1]; a line recognizer reads each as a line of its own."""
    logits = predict(net, glyphs)
    if logits.dim() == 3:
        return Strips.loss_and_correct(logits, labels[:, None], 0)[1] / len(labels)
    return (logits.argmax(dim=1) == labels).float().mean().item()
