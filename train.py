"""python train.py [reference]: MNIST -> weights that the page loads."""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch

from model import weights
from model.training.data import mnist
from model.training.loop import accuracy, train
from model.training.recipes import RECIPES


def main(arguments: list[str] | None = None) -> int:
    """Train the network named on the command line and save it; return the exit code."""
    parser = argparse.ArgumentParser(prog="train.py", description="Build the weights that the page loads.")
    parser.add_argument("recipe", nargs="?", choices=RECIPES, default="reference")
    parser.add_argument("--epochs", type=int, help="passes over the training digits (default: the recipe's)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--limit", type=int, help="use only the first so many digits of each set")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of MNIST; downloaded where missing")
    parser.add_argument("--out", type=Path, help="weights file to write (default: the one that is shipped)")
    options = parser.parse_args(arguments)
    recipe = RECIPES[options.recipe]
    if options.epochs is not None:
        recipe = replace(recipe, epochs=options.epochs)
    out = options.out or weights.SHIPPED / f"{options.recipe}.safetensors"
    try:
        sets = {name: mnist(options.data, name == "train", options.limit) for name in ("train", "test")}
        net = train(recipe, *sets["train"], options.seed, torch.device(options.device))
    except (FileNotFoundError, ValueError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"train.py: stopped; {out} is as it was", file=sys.stderr)
        return 130
    metrics = {f"mnist_{name}_accuracy": accuracy(net, *digits) for name, digits in sets.items()}
    counts = {f"mnist_{name}": len(labels) for name, (_, labels) in sets.items()}
    card = {
        "network": recipe.network,
        "recipe": asdict(recipe),
        "seed": options.seed,
        "data": counts,
        "metrics": metrics,
    }
    weights.save(net, card, out)
    for name in sets:
        print(f"{name} accuracy {metrics[f'mnist_{name}_accuracy']:.2%} of {counts[f'mnist_{name}']:,}")
    print(f"wrote {out} ({out.stat().st_size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
