"""Checkpoints: the state of a training run after an epoch, in one safetensors file, so that it can be resumed."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from model.training.recipes import Recipe
from model.weights import read, write


@dataclass
class Run:
    """Everything that changes during training, except the state of torch's random generator."""

    net: nn.Module
    optimizer: Optimizer
    average: AveragedModel | None
    best: dict[str, torch.Tensor]  # weights of the best epoch
    history: list[dict[str, float]]  # of each epoch: loss, accuracy, learning rate, validation loss and accuracy


def save(run: Run, recipe: Recipe, seed: int, digits: int, path: Path) -> None:
    """Write a run to a file, atomically."""
    states = {"net": run.net.state_dict(), "best": run.best, "average": run.average.state_dict() if run.average else {}}
    states |= {f"optimizer/{i}": run.optimizer.state[one] for i, one in enumerate(run.net.parameters())}
    named = {f"{part}/{name}": tensor for part, state in states.items() for name, tensor in state.items()}
    named["random"] = torch.get_rng_state()
    tensors = {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in named.items()}
    about = {"recipe": asdict(recipe), "seed": seed, "digits": digits, "history": run.history}
    write(tensors, {"run": json.dumps(about)}, path)


def load(run: Run, recipe: Recipe, seed: int, digits: int, path: Path) -> None:
    """Restore a run that `save` wrote.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: it is not a checkpoint, is damaged, or belongs to another recipe, seed or data set.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {str(path)!r}: omit --resume to start over")
    try:
        tensors, about = read(path, "run")
        asked = {"recipe": asdict(recipe), "seed": seed, "digits": digits}
        other = [name for name, value in asked.items() if about[name] != value]
        if other:
            raise ValueError(f"it differs in {' and '.join(other)}")
        states = defaultdict(dict)
        for name, tensor in tensors.items():
            part, _, rest = name.rpartition("/")
            states[part][rest] = tensor
        run.net.load_state_dict(states["net"])
        if run.average:
            run.average.load_state_dict(states["average"])
        for i, parameter in enumerate(run.net.parameters()):
            run.optimizer.state[parameter] = {
                name: torch.empty_like(parameter).copy_(value) if value.dim() else value.to(parameter.device)
                for name, value in states[f"optimizer/{i}"].items()
            }
        run.best, run.history = states["best"], about["history"]
        torch.set_rng_state(tensors["random"])
    except (SafetensorError, json.JSONDecodeError, KeyError, TypeError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{str(path)!r} does not hold this run ({reason}): use the flags and the corrections that the run was "
            "started with, or delete the file"
        ) from error
