"""Save and load: one safetensors file holds a network's weights with its card inside.

The format (https://github.com/huggingface/safetensors) is data only: nothing in it can run, unlike a pickle.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import nn

from model.networks import NETWORKS, build

SHIPPED = Path(__file__).parent / "weights"
MAIN = "model.safetensors"  # name of the network that reads glyphs in a repository of the Hugging Face Hub


def locate(name_or_path: str | os.PathLike) -> Path:
    """Find a weights file: the shipped one for a bare name ("reference"), else the path as given.

    Raises:
        FileNotFoundError: there is no such file.
    """
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.safetensors"))}
    path = shipped.get(os.fspath(name_or_path), Path(name_or_path))
    if not path.is_file():
        choices = [*(name for name in shipped if name in NETWORKS), "the path of a .safetensors file by train.py"]
        raise FileNotFoundError(f"no weights at {os.fspath(name_or_path)!r}: give {' or '.join(choices)}")
    return path


def save(net: nn.Module, card: dict, path: str | os.PathLike) -> None:
    """Write the network's weights and its card to one file, as `write` does.

    Args:
        net: a network of `model.networks`.
        card: what is known about the weights, as JSON types; `card["network"]` is the name `build` takes.
        path: the file to write; missing folders are made.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    write(tensors, {"card": json.dumps(card, sort_keys=True)}, path)


def write(tensors: dict[str, torch.Tensor], metadata: dict[str, str], path: str | os.PathLike) -> None:
    """Write a safetensors file, whole or not at all.

    The bytes go to a temporary file beside `path`, which then takes its name in one step: a reader, or a crash at any
    moment, meets the old file or the new one. The same tensors and metadata give the same bytes.

    Args:
        tensors: on the CPU, contiguous.
        metadata: what the file says of them.
        path: the file to write; missing folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = to_bytes(tensors, metadata)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def read(path: Path, key: str) -> tuple[dict[str, torch.Tensor], dict]:
    """Read a file that `write` wrote: its tensors, and what its metadata say under a key, as JSON.

    Raises:
        SafetensorError, json.JSONDecodeError, KeyError: it is another kind of file, or is damaged.
    """
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
        return tensors, json.loads((file.metadata() or {})[key])


def digest(name_or_path: str | os.PathLike) -> str:
    """Return the SHA-256 of a weights file, as `locate` finds it, in hexadecimal."""
    return hashlib.sha256(locate(name_or_path).read_bytes()).hexdigest()


def fetched(repository: str | os.PathLike) -> Path:
    """Return the folder of a repository of the Hugging Face Hub, USER/NAME, fetched if need be; or of a folder, itself.

    Raises:
        FileNotFoundError: there is no such repository, or the Hub cannot be reached and nothing was fetched before.
    """
    if Path(repository).is_dir():
        return Path(repository)
    from huggingface_hub import snapshot_download  # it comes with gradio, and is slow to import

    try:
        return Path(snapshot_download(os.fspath(repository), allow_patterns="*.safetensors"))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise FileNotFoundError(
            f"no weights of {os.fspath(repository)!r} ({reason}): give USER/NAME of the Hugging Face Hub, or a folder"
        ) from error


def load(path: str | os.PathLike) -> tuple[nn.Module, dict]:
    """Read a file that `save` wrote: the network in evaluation mode, on the CPU, and its card.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no weights file of this project, or is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no weights at {str(path)!r}: give the path of a .safetensors file that train.py wrote"
        )
    try:
        tensors, card = read(path, "card")
        net = build(card["network"])
        net.load_state_dict(tensors)
    except (SafetensorError, json.JSONDecodeError, KeyError, TypeError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{str(path)!r} is not a weights file of this project ({reason}): build one with train.py"
        ) from error
    return net.eval(), card
