"""Train a network on MNIST for the web page to load: python train.py [reference|world|pocket|quick|line|finder]."""

import argparse
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from model import Recognizer, corrections, weights
from model.networks import NETWORKS, folded
from model.training import distributed
from model.training.calibrate import calibrate, lower_blank
from model.training.calibrate_finder import learn_fusion, learn_numbers
from model.training.data import VALIDATION_FRACTION, mnist, split
from model.training.loop import accuracy, train
from model.training.recipes import RECIPES, Recipe

COPIES = 20  # copies of each correction in the training set


def main(arguments: list[str] | None = None) -> int:
    """Train the network named on the command line and save it; return the exit code."""
    parser = argparse.ArgumentParser(prog="train.py", description="Build the weights that the web page loads.")
    parser.add_argument("recipe", nargs="?", choices=RECIPES, default="world")
    parser.add_argument("--epochs", type=_count, help="passes over the training digits (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--device", type=_device, default=_best_device(), help="cpu, cuda or mps (default: the best available)"
    )
    parser.add_argument("--limit", type=_count, help="use only the first N digits of each set, for a trial run")
    parser.add_argument("--data", type=Path, default=Path("data"), help="MNIST folder; downloaded if missing")
    parser.add_argument("--corrections", type=Path, metavar="DIR", help="folder of glyphs labelled by users, to mix in")
    parser.add_argument("--out", type=Path, help="weights file to write (default: the shipped one)")
    parser.add_argument("--resume", action="store_true", help="resume an interrupted run")
    options = parser.parse_args(arguments)
    if options.out and options.out.is_dir():
        parser.error(f"--out names the folder {options.out}: name a file")
    if options.limit and not options.out:
        parser.error("--limit is for trial runs: add --out, so that they do not overwrite the shipped weights")
    recipe = RECIPES[options.recipe]
    if options.epochs:
        recipe = replace(recipe, epochs=options.epochs)
    out = options.out or weights.SHIPPED / f"{options.recipe}.safetensors"
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    if checkpoint.exists() and not options.resume:
        parser.error(f"{checkpoint} holds an interrupted run: continue with --resume, or delete it")
    try:
        device = distributed.join(options.device)
        return build(recipe, options, device, out, checkpoint)
    except (OSError, ValueError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        given = [argument for argument in arguments or sys.argv[1:] if argument != "--resume"]
        kept = f"; resume: python train.py {shlex.join([*given, '--resume'])}" if checkpoint.exists() else ""
        print(f"train.py: stopped; {out} is unchanged{kept}", file=sys.stderr)
        return 130
    finally:
        distributed.leave()


def build(recipe: Recipe, options: argparse.Namespace, device: torch.device, out: Path, checkpoint: Path) -> int:
    """Train a network, measure and calibrate it, and save its weights and card; return the exit code."""
    with distributed.first_alone():  # it downloads what is missing
        sets = {name: mnist(options.data, name == "train", options.limit) for name in ("train", "test")}
    digits, validation = split(*sets["train"], VALIDATION_FRACTION)
    counts = {f"mnist_{name}": len(labels) for name, (_, labels) in sets.items()}
    if options.corrections:
        corrected, right = corrections.load(options.corrections)
        digits = mix_in(*digits, corrected, right)
        counts["corrections"] = len(right)
    net, history = train(recipe, digits, validation, options.seed, device, checkpoint, options.resume)
    if distributed.rank() > 0:
        return 0
    card = {
        "network": recipe.network,
        "recipe": asdict(recipe),
        "seed": options.seed,
        "data": counts,
        "history": history,
    }
    if recipe.strips:
        card["blank_lowered_by"] = lower_blank(net, *validation)
    measured = {} if recipe.scenes else sets  # the finder does not read glyphs
    card["metrics"] = {f"mnist_{name}_accuracy": accuracy(net, *digits) for name, digits in measured.items()}
    if recipe.scenes:
        reader = Recognizer.load(finder=(folded(net), card))
        card |= learn_fusion(reader, *validation)
        card["number_weights"] = learn_numbers(reader, *validation)
    if recipe.network in NETWORKS:
        card["calibration"] = calibrate(net, *validation, refuses=recipe.mixture)
    weights.save(net, card, out)
    checkpoint.unlink()
    for name, (_, labels) in measured.items():
        print(f"{name} accuracy {card['metrics'][f'mnist_{name}_accuracy']:.2%} of {len(labels):,}")
    print(f"wrote {out} ({out.stat().st_size:,} bytes)")
    return 0


def mix_in(
    glyphs: torch.Tensor, labels: torch.Tensor, corrected: np.ndarray, right: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add corrected glyphs with their labels to the training digits, COPIES times, since there are only a few."""
    more = torch.from_numpy(corrected)[:, None].repeat(COPIES, 1, 1, 1)
    return torch.cat([glyphs, more]), torch.cat([labels, torch.from_numpy(right).repeat(COPIES)])


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text}: use a whole number, 1 or more")
    return int(text)


def _device(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise argparse.ArgumentTypeError(f"no device {name!r} here ({reason}): choose cpu, cuda or mps") from None


def _best_device() -> torch.device:
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


if __name__ == "__main__":
    sys.exit(main())
