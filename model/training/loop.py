"""The training loop: recipe and data in, a trained network out."""

import contextlib
import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader
from tqdm import tqdm

from model import weights
from model.memory import keep_memory
from model.networks import build, half_precision, predict
from model.training import checkpoint, together
from model.training.checkpoint import Progress, Run
from model.training.data import Digits
from model.training.mixture import Mixture
from model.training.recipes import Recipe
from model.training.scenes import Scenes
from model.training.strips import Strips

Batch = tuple[torch.Tensor, torch.Tensor]
DRAWING = 2  # processes that draw scenes


def train(
    recipe: Recipe,
    digits: Batch,
    held_back: Batch,
    seed: int,
    device: torch.device,
    path: Path,
    resume: bool = False,
) -> tuple[nn.Module, list[dict[str, float]]]:
    """Train a network from scratch, with a progress bar and a line for each epoch.

    The whole set is one tensor, and a batch is an index into it: digits this small leave nothing for a data loader's
    workers to do. What is returned are the weights of the epoch that read most of the held-back digits right.

    Args:
        recipe: how.
        digits: glyphs [N, 1, 28, 28] float32 in [0, 1], and labels [N] int64, 0 to 9.
        held_back: the same, of digits that are not trained on.
        seed: decides the first weights and the order of the digits; one CPU gives the same weights again.
        device: where to compute.
        path: where the run is kept after each epoch, and when it is interrupted.
        resume: go on with the run that is kept there.

    Returns:
        The network on the CPU, in evaluation mode, and its history as of `Progress`.

    Raises:
        KeyboardInterrupt: by Ctrl-C, after the run has been kept.
        FileNotFoundError, ValueError: as of `checkpoint.load`; ValueError also if a batch is too small to share out.
    """
    n = len(digits[1])
    if (n % recipe.batch_size or min(n, recipe.batch_size)) < together.count():
        raise ValueError(f"{n:,} digits in batches of {recipe.batch_size}: too few to share by {together.count()}")
    keep_memory()
    torch.manual_seed(seed)
    net = build(recipe.network)
    if recipe.start:
        begin_with(net, weights.load(weights.locate(recipe.start))[0])
    net = together.share_norms(net).to(device, memory_format=torch.channels_last)  # 1.3 times as fast on a CPU
    average = AveragedModel(net, avg_fn=_average(recipe.averaging), use_buffers=True) if recipe.averaging else None
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True
    )
    judged = average.module if average else net
    kind = Scenes if recipe.scenes else Strips if recipe.strips else Mixture if recipe.mixture else Digits
    take, trial = kind(*digits), rehearsal(kind, *held_back)
    run = Run(net, optimizer, average, best={}, order=torch.empty(0), progress=Progress())
    if resume:
        checkpoint.load(run, recipe, seed, n, path)
    batches = -(-n // recipe.batch_size)
    with until_interrupted() as interrupted, Bar(recipe, n, run.progress) as bar:
        while (done := run.progress).epoch <= recipe.epochs:
            if done.batch == 0:
                run.order = torch.randperm(n)
            net.train()
            for chosen, batch in ahead(take, run.order.split(recipe.batch_size)[done.batch :]):
                part = done.step / (recipe.epochs * batches)
                rate = recipe.learning_rate * (annealed(part) if recipe.annealed else 1.0)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                *sums, stopped = step(run, take.judge, batch, recipe, device, interrupted)
                done.sums = [total + more for total, more in zip(done.sums, sums, strict=True)]
                done.batch, done.step = done.batch + 1, done.step + 1
                bar.move(len(chosen), done, rate)
                if stopped:
                    break
            if done.batch == batches:
                loss, right, seen = done.sums
                last = {"loss": loss / seen, "accuracy": right / seen, "learning_rate": rate}
                last |= validate(judged, take.judge, trial, recipe.smoothing, device)
                done.history.append(last)
                if last["validation_accuracy"] >= max(epoch["validation_accuracy"] for epoch in done.history):
                    run.best = {name: tensor.detach().to("cpu").clone() for name, tensor in judged.state_dict().items()}
                bar.tell(done)
                run.progress = Progress(done.epoch + 1, step=done.step, history=done.history)
            if together.rank() == 0:
                checkpoint.save(run, recipe, seed, n, path)
            if stopped:
                raise KeyboardInterrupt
    trained = build(recipe.network)
    trained.load_state_dict(run.best)
    return trained.eval(), run.progress.history


def begin_with(net: nn.Module, other: nn.Module) -> None:
    """Copy from another network each tensor that has the same name and shape."""
    known, mine = other.state_dict(), net.state_dict()
    same = {name: tensor for name, tensor in known.items() if name in mine and mine[name].shape == tensor.shape}
    net.load_state_dict(same, strict=False)


def ahead(take: Callable, parts: Sequence[torch.Tensor]) -> Iterator[tuple[torch.Tensor, Batch]]:
    """Yield parts of the digits, each with its batch; scenes take long to draw, so other processes draw them ahead."""
    if not hasattr(take, "__getitem__"):
        yield from ((part, take(part)) for part in parts)
        return
    loader = DataLoader(
        take,
        sampler=parts,
        batch_size=None,
        num_workers=DRAWING,
        prefetch_factor=4,
        worker_init_fn=_quietly,
        generator=torch.Generator(),
    )
    yield from zip(parts, loader, strict=True)


def _quietly(_: int) -> None:
    """Leave Ctrl-C to the first process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def step(
    run: Run,
    judge: Callable,
    drawn: Batch,
    recipe: Recipe,
    device: torch.device,
    interrupted: Callable[[], bool],
) -> tuple[float, float, float, bool]:
    """Take one step.

    Returns:
        Its loss times the size of the batch, how many of it are right, its size, and whether to stop: once a process is
        interrupted, all stop after the same step.
    """
    batch, truth = drawn
    size = len(truth)
    batch, truth = together.share(batch).to(device), together.share(truth).to(device)
    with half_precision(device):
        logits = run.net(batch.contiguous(memory_format=torch.channels_last))
        loss, right = judge(logits, truth, recipe.smoothing)
    loss = loss * (len(truth) / size)
    run.optimizer.zero_grad()
    loss.backward()
    total, right, stop = together.add_up(run.net, loss.item(), right, interrupted())
    if recipe.clipping:
        nn.utils.clip_grad_norm_(run.net.parameters(), recipe.clipping)
    run.optimizer.step()
    if run.average:
        run.average.update_parameters(run.net)
    return total * size, right, size, bool(stop)


def rehearsal(kind: type, glyphs: torch.Tensor, labels: torch.Tensor) -> list[Batch]:
    """Make batches of held-back digits, as they are in training, once; random numbers go on as if nothing had been."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        take = kind(glyphs, labels)
        return [take(chosen) for chosen in torch.arange(len(labels)).split(500)]


@torch.no_grad()
def validate(
    net: nn.Module, judge: Callable, trial: list[Batch], smoothing: float, device: torch.device
) -> dict[str, float]:
    """Return the mean loss of batches, and the share of them that is read right, in [0, 1]."""
    net.eval()
    loss_sum, right, seen = 0.0, 0, 0
    for batch, truth in trial:
        with half_precision(device):
            loss, exact = judge(net(batch.to(device)), truth.to(device), smoothing)
        loss_sum, right, seen = loss_sum + loss.item() * len(truth), right + exact, seen + len(truth)
    return {"validation_loss": loss_sum / seen, "validation_accuracy": right / seen}


class Bar:
    """The progress of a run, on the terminal of the first process."""

    def __init__(self, recipe: Recipe, n: int, progress: Progress):
        self.epochs = recipe.epochs
        done = (progress.epoch - 1) * n + min(progress.batch * recipe.batch_size, n)
        quiet = together.rank() > 0
        self.bar = tqdm(total=recipe.epochs * n, initial=done, unit=" images", unit_scale=True, disable=quiet)

    def move(self, n: int, progress: Progress, rate: float) -> None:
        """Show n digits more."""
        loss, right, seen = progress.sums
        self.bar.set_description(f"epoch {progress.epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(
            f"loss {loss / seen:.4f}, {right / seen:.2%} right, learning rate {rate:.1e}", refresh=False
        )
        self.bar.update(n)

    def tell(self, progress: Progress) -> None:
        """Write a line about the epoch that is done."""
        if not self.bar.disable:
            last = progress.history[-1]
            tqdm.write(
                f"epoch {progress.epoch}/{self.epochs}: loss {last['loss']:.4f}, {last['accuracy']:.2%} right; "
                f"held back: loss {last['validation_loss']:.4f}, {last['validation_accuracy']:.2%} right"
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()


@contextlib.contextmanager
def until_interrupted() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C only be noticed, so that a step is not torn; the second interrupts at once."""
    if threading.current_thread() is not threading.main_thread():  # signals come to the main thread alone
        yield lambda: False
        return
    noticed = threading.Event()

    def notice(*_) -> None:
        noticed.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, notice)
    try:
        yield noticed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _average(decay: float) -> Callable:
    """Running average that forgets by `decay` a step, and faster in the beginning, when the weights are still poor."""
    return lambda average, current, n: average + (current - average) * max(1 - decay, 9 / (10 + int(n)))


def annealed(done: float) -> float:
    """Share of the peak step size after this share of the training."""
    return min(done / 0.05, 0.5 + 0.5 * math.cos(math.pi * done))


def accuracy(net: nn.Module, glyphs: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the share of digits read right, in [0, 1]; by a network that spells, each as a line of its own."""
    logits = predict(net, glyphs)
    if logits.dim() == 3:
        return Strips.judge(logits, labels[:, None], 0)[1] / len(labels)
    return (logits.argmax(dim=1) == labels).float().mean().item()
