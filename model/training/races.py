"""python -m model.training.races: how fast training is, against its yardsticks, in one run on one machine."""

import json
import platform
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from pathlib import Path

import torch

from model.training.data import HELD_BACK, mnist, split
from model.training.loop import accuracy, train
from model.training.recipes import RECIPES, Recipe
from model.training.yardsticks import train_example, train_plainly

WANTED = 0.99  # test accuracy that the race is to
SEEDS = 3
MOST = 12  # epochs of the example


def main(arguments: list[str] | None = None) -> int:
    """Run both races and print what they give."""
    parser = ArgumentParser(prog="python -m model.training.races", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of MNIST")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    options = parser.parse_args(arguments)
    results = {"machine": platform.machine(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    print(", ".join(f"{name} {value}" for name, value in results.items()), flush=True)
    digits = sets(options.data)
    results |= to_99(options.data, *digits) | reference(*digits)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


def sets(folder: Path) -> tuple[tuple, tuple, tuple]:
    """Load the digits that are trained on, those that are held back, and those of the test: (glyphs, labels) each."""
    return *split(*mnist(folder, train=True), HELD_BACK), mnist(folder, train=False)


def ours(recipe: Recipe, used: tuple, held_back: tuple, test: tuple, seed: int) -> tuple[float, float]:
    """Train as `train.py` does; return the seconds, with those for the held-back digits, and the test accuracy."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        net, _ = train(recipe, used, held_back, seed, torch.device("cpu"), Path(folder) / "checkpoint")
    return time.perf_counter() - start, accuracy(net, *test)


def to_99(folder: Path, used: tuple, held_back: tuple, test: tuple) -> dict:
    """Race to 99 % of the test digits: our recipe `quick` against the well-known example."""
    mine = [ours(RECIPES["quick"], used, held_back, test, seed) for seed in range(SEEDS)]
    for seconds, right in mine:
        print(f"ours: {seconds:.0f} s, {right:.2%} of the test digits", flush=True)
    theirs = []
    for seconds, right in train_example(folder, 0):
        theirs.append((seconds, right))
        print(f"the well-known example, epoch {len(theirs)}: {seconds:.0f} s, {right:.2%}", flush=True)
        if right >= WANTED or len(theirs) == MOST:
            break
    part = statistics.median(seconds for seconds, _ in mine) / theirs[-1][0]
    print(f"to {WANTED:.0%}: ours takes 1/{1 / part:.1f} of the example's time")
    return {"to_99": {"ours": mine, "example": theirs, "part": part}}


def reference(used: tuple, held_back: tuple, test: tuple) -> dict:
    """Train the reference network with three seeds, as `train.py` does and by a plain float32 loop."""
    recipe, mine, plain = RECIPES["reference"], [], []
    for seed in range(SEEDS):
        mine.append(ours(recipe, used, held_back, test, seed))
        start = time.perf_counter()
        net = train_plainly(recipe, *used, seed)
        seconds = time.perf_counter() - start
        plain.append((seconds, accuracy(net, *test)))
        for name, (seconds, right) in (("ours", mine[-1]), ("plain loop", plain[-1])):
            print(f"reference, seed {seed}, {name}: {seconds:.0f} s, {right:.2%} of the test digits", flush=True)
    means = [tuple(map(statistics.mean, zip(*runs, strict=True))) for runs in (mine, plain)]
    part, gap = means[0][0] / means[1][0], means[0][1] - means[1][1]
    print(f"ours takes {part:.0%} of the plain loop's time; its accuracy is {100 * gap:+.2f} points (n {SEEDS})")
    return {"reference": {"ours": mine, "plain": plain, "part": part, "gap": gap}}


if __name__ == "__main__":
    sys.exit(main())
