"""Compare training speed with PyTorch's MNIST example, in one run on one machine."""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import nll_loss
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from model.training.data import VALIDATION_FRACTION, mnist, split
from model.training.loop import accuracy, train
from model.training.recipes import RECIPES

WANTED = 0.99  # test accuracy to reach
SEEDS = 3
MAX_EPOCHS = 12  # maximum epochs of the example


def in_fresh_process(function: Callable, *arguments: object) -> object:
    """Call a function in a fresh process, so that no run speeds up or slows down another."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(function, *arguments).result()


def ours(name: str, folder: Path, seed: int) -> tuple[float, float]:
    """Train as `train.py` does; return the seconds, including validation, and the test accuracy."""
    digits, test = mnist(folder, train=True), mnist(folder, train=False)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as kept:
        checkpoint = Path(kept) / "checkpoint"
        net, _ = train(RECIPES[name], *split(*digits, VALIDATION_FRACTION), seed, torch.device("cpu"), checkpoint)
    return time.perf_counter() - start, accuracy(net, *test)


def example_network() -> nn.Sequential:
    """Build the network of PyTorch's MNIST example (https://github.com/pytorch/examples/blob/main/mnist/main.py)."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
        nn.LogSoftmax(dim=1),
    )


def train_example(folder: Path, seed: int) -> Iterator[tuple[float, float]]:
    """Train the example as the original does; after each epoch, yield the training seconds so far and test accuracy."""
    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    digits = DataLoader(MNIST(folder, train=True, transform=transform), batch_size=64, shuffle=True)
    test = DataLoader(MNIST(folder, train=False, transform=transform), batch_size=1000)
    net = example_network()
    optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
    schedule = StepLR(optimizer, step_size=1, gamma=0.7)
    seconds = 0.0
    while True:
        start = time.perf_counter()
        net.train()
        for images, labels in digits:
            optimizer.zero_grad()
            nll_loss(net(images), labels).backward()
            optimizer.step()
        schedule.step()
        seconds += time.perf_counter() - start
        net.eval()
        with torch.no_grad():
            right = sum(int((net(images).argmax(dim=1) == labels).sum()) for images, labels in test)
        yield seconds, right / len(test.dataset)


def example(folder: Path, wanted: float, most: int) -> list[tuple[float, float]]:
    """Train PyTorch's MNIST example to accuracy `wanted`, for at most `most` epochs: (seconds, accuracy) after each."""
    epochs = []
    for seconds, right in islice(train_example(folder, 0), most):
        epochs.append((seconds, right))
        print(f"PyTorch's example, epoch {len(epochs)}: {seconds:.0f} s, {right:.2%}", flush=True)
        if right >= wanted:
            break
    return epochs


def to_99(folder: Path) -> dict:
    """Race to 99% test accuracy: our recipe `quick` against PyTorch's MNIST example."""
    mine = [in_fresh_process(ours, "quick", folder, seed) for seed in range(SEEDS)]
    for seconds, right in mine:
        print(f"ours: {seconds:.0f} s, {right:.2%} of the test digits", flush=True)
    theirs = in_fresh_process(example, folder, WANTED, MAX_EPOCHS)
    part = statistics.median(seconds for seconds, _ in mine) / theirs[-1][0]
    results = {"ours": mine, "example": theirs, "part": part}
    reached = [right >= WANTED for _, right in (*mine, theirs[-1])]
    missed = "" if all(reached) else f"; not all of them reached {WANTED:.0%}"
    print(f"to {WANTED:.0%}: ours takes 1/{1 / part:.1f} of the example's time{missed}")
    return {"to_99": results}


def as_text(to_99: dict) -> str:
    """Format the race to 99% as a Markdown table."""
    recipe, (seconds, right), theirs = RECIPES["quick"], to_99["ours"][0], to_99["example"]
    return "\n".join(
        [
            "| training | epochs | per epoch | total | test accuracy |",
            "|---|---|---|---|---|",
            f"| quick | {recipe.epochs} | {seconds / recipe.epochs:.1f} s | {seconds:.0f} s | {right:.2%} |",
            f"| PyTorch's example | {len(theirs)} | {theirs[-1][0] / len(theirs):.1f} s | {theirs[-1][0]:.0f} s "
            f"| {theirs[-1][1]:.2%} |",
        ]
    )
