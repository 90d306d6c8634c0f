"""python -m model.evaluation.training_speed: compare training speed with baselines, in one run on one machine."""

import json
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

import torch

from model.evaluation.speed_baselines import train_example, train_plainly
from model.training.data import VALIDATION_FRACTION, mnist, split
from model.training.loop import accuracy, train
from model.training.recipes import RECIPES

WANTED = 0.99  # test accuracy to reach
SEEDS = 3
MAX_EPOCHS = 12  # maximum epochs of the example


def main(arguments: list[str] | None = None) -> int:
    """Run both comparisons and print the results; return the exit code."""
    parser = ArgumentParser(prog="python -m model.evaluation.training_speed", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--data", type=Path, default=Path("data"), help="MNIST folder")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args(arguments)
    results = {"machine": platform.machine(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    print(", ".join(f"{name} {value}" for name, value in results.items()), flush=True)
    results |= to_99(options.data) | reference(options.data)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


def in_fresh_process(function: Callable, *arguments: object) -> object:
    """Call a function in a fresh process, so that no run speeds up or slows down another."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(function, *arguments).result()


def sets(folder: Path) -> tuple[tuple, tuple, tuple]:
    """Load the training, validation and test digits: (glyphs, labels) each."""
    return *split(*mnist(folder, train=True), VALIDATION_FRACTION), mnist(folder, train=False)


def ours(name: str, folder: Path, seed: int) -> tuple[float, float]:
    """Train as `train.py` does; return the seconds, including validation, and the test accuracy."""
    used, validation, test = sets(folder)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as kept:
        net, _ = train(RECIPES[name], used, validation, seed, torch.device("cpu"), Path(kept) / "checkpoint")
    return time.perf_counter() - start, accuracy(net, *test)


def plain(name: str, folder: Path, seed: int) -> tuple[float, float]:
    """Train with a plain float32 loop; return the seconds and the test accuracy."""
    used, _, test = sets(folder)
    start = time.perf_counter()
    net = train_plainly(RECIPES[name], *used, seed)
    return time.perf_counter() - start, accuracy(net, *test)


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


def reference(folder: Path) -> dict:
    """Train the reference network with three seeds, as `train.py` does and with a plain float32 loop."""
    loops = {"ours": ours, "the plain loop": plain}
    runs = {name: [] for name in loops}
    for seed in range(SEEDS):
        for name, loop in loops.items():
            seconds, right = in_fresh_process(loop, "reference", folder, seed)
            runs[name].append((seconds, right))
            print(f"reference, seed {seed}, {name}: {seconds:.0f} s, {right:.2%} of the test digits", flush=True)
    (mine, right), (theirs, theirs_right) = (map(statistics.mean, zip(*each, strict=True)) for each in runs.values())
    part, gap = mine / theirs, right - theirs_right
    print(f"ours takes {part:.0%} of the plain loop's time; its accuracy is {100 * gap:+.2f} points (n {SEEDS})")
    return {"reference": {**runs, "part": part, "gap": gap}}


if __name__ == "__main__":
    sys.exit(main())
