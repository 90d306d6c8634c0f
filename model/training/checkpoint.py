"""Checkpoints: the state of a training run after an epoch, in one safetensors file, so that it can be resumed."""

import json
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

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return all tensors of the run by name, on the CPU; see `restore`."""
        named = {"random": torch.get_rng_state()}
        for part, state in (("net", self.net.state_dict()), ("best", self.best)):
            named |= {f"{part}/{name}": tensor for name, tensor in state.items()}
        if self.average:
            named |= {f"average/{name}": tensor for name, tensor in self.average.state_dict().items()}
        for i, parameter in enumerate(self.net.parameters()):
            named |= {f"optimizer/{i}/{name}": tensor for name, tensor in self.optimizer.state[parameter].items()}
        return {name: tensor.detach().to("cpu").contiguous().clone() for name, tensor in named.items()}

    def restore(self, tensors: dict[str, torch.Tensor], history: list[dict[str, float]]) -> None:
        """Restore the state that `tensors` returned; KeyError or RuntimeError if it belongs to another network."""

        def part(prefix: str) -> dict[str, torch.Tensor]:
            return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

        self.net.load_state_dict(part("net/"))
        if self.average:
            self.average.load_state_dict(part("average/"))
        for i, parameter in enumerate(self.net.parameters()):
            self.optimizer.state[parameter] = {
                name: torch.empty_like(parameter).copy_(value) if value.dim() else value.to(parameter.device)
                for name, value in part(f"optimizer/{i}/").items()
            }
        self.best = part("best/")
        self.history = history
        torch.set_rng_state(tensors["random"])


def save(run: Run, recipe: Recipe, seed: int, digits: int, path: Path) -> None:
    """Write a run to a file, atomically."""
    about = {"recipe": asdict(recipe), "seed": seed, "digits": digits, "history": run.history}
    write(run.tensors(), {"run": json.dumps(about)}, path)


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
        run.restore(tensors, about["history"])
    except (SafetensorError, json.JSONDecodeError, KeyError, TypeError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{str(path)!r} does not hold this run ({reason}): use the flags and the corrections that the run was "
            "started with, or delete the file"
        ) from error
