"""Save and load: one safetensors file holds a network's weights and its card.

The format (https://github.com/huggingface/safetensors) is data only: unlike a pickle, it cannot run code.
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

from model.confidence import calibration_of
from model.networks import NETWORKS, build, folded

SHIPPED = Path(__file__).parent / "weights"
MAIN = "model.safetensors"  # file name of the glyph classifier in a Hugging Face Hub repository


def locate(name_or_path: str | os.PathLike) -> Path:
    """Find a weights file: the shipped one for a bare name ("reference"), else the path as given.

    Raises:
        FileNotFoundError: the file does not exist.
    """
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.safetensors"))}
    path = shipped.get(os.fspath(name_or_path), Path(name_or_path))
    if not path.is_file():
        choices = [*(name for name in shipped if name in NETWORKS), "a .safetensors file from train.py"]
        raise FileNotFoundError(f"no weights at {os.fspath(name_or_path)!r}: choose {' or '.join(choices)}")
    return path


def save(net: nn.Module, card: dict, path: str | os.PathLike) -> None:
    """Write the network's weights and its card to one file, as `write` does.

    Args:
        net: a network from `model.networks`.
        card: the metadata of the weights, as JSON types; `card["network"]` is the name `build` takes.
        path: the file to write; missing folders are created.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    write(tensors, {"card": json.dumps(card, sort_keys=True)}, path)


def write(tensors: dict[str, torch.Tensor], metadata: dict[str, str], path: str | os.PathLike) -> None:
    """Write a safetensors file as `replace_file` does. The same tensors and metadata give the same bytes.

    Args:
        tensors: on the CPU, contiguous.
        metadata: stored in the file along with the tensors.
        path: the file to write; missing folders are created.
    """
    replace_file(Path(path), to_bytes(tensors, metadata))


def replace_file(path: Path, data: bytes) -> None:
    """Write a file atomically.

    The bytes go to a temporary file next to `path`, which then replaces it in one step: a reader finds either
    the old file or the new one, even after a crash. Missing folders are created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
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
    """Read a file written by `write`: its tensors, and the JSON stored under a key of its metadata.

    Raises:
        SafetensorError, json.JSONDecodeError, KeyError: it is not such a file, or is damaged.
    """
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, not a dict
        return tensors, json.loads((file.metadata() or {})[key])


def digest(name_or_path: str | os.PathLike) -> str:
    """Return the hexadecimal SHA-256 of the weights file that `locate` finds."""
    return hashlib.sha256(locate(name_or_path).read_bytes()).hexdigest()


def fetched(repository: str | os.PathLike) -> Path:
    """Return a local folder as is, or that of a Hugging Face Hub repository, USER/NAME, downloaded if necessary.

    Raises:
        FileNotFoundError: the repository does not exist, or the Hub cannot be reached and nothing is cached.
    """
    if Path(repository).is_dir():
        return Path(repository)
    from huggingface_hub import snapshot_download  # installed with gradio, and slow to import

    try:
        return Path(snapshot_download(os.fspath(repository), allow_patterns="*.safetensors"))
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise FileNotFoundError(
            f"no weights for {os.fspath(repository)!r} ({reason}): use USER/NAME on the Hugging Face Hub, or a folder"
        ) from error


def load(name_or_path: str | os.PathLike) -> tuple[nn.Module, dict]:
    """Load a file that `save` wrote and `locate` finds: the network in evaluation mode, on the CPU, and its card.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not a weights file of this project, or is damaged.
    """
    path = locate(name_or_path)
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


def for_browser(net: nn.Module, card: dict) -> tuple[bytes, str]:
    """Convert the network `pocket` for `reader.js`: return pocket.bin, float16 layer by layer, and its description.

    Args:
        net: convolutions with batch normalisation and ReLU, then one linear layer.
        card: the metadata of its weights.

    Returns:
        pocket.bin, and pocket.json: the layers and the calibration.

    Raises:
        ValueError: the network has other layers, or convolutions without padding.
    """
    layers, values = [], []
    for layer in folded(net):
        if isinstance(layer, nn.Conv2d):
            kernel, stride = layer.kernel_size[0], layer.stride[0]
            if layer.padding != (kernel // 2, kernel // 2):
                raise ValueError("reader.js has only convolutions that keep the size: use the network 'pocket'")
            about = {"inputs": layer.in_channels, "outputs": layer.out_channels, "kernel": kernel, "stride": stride}
        elif isinstance(layer, nn.Linear):
            about = {"inputs": layer.in_features, "outputs": layer.out_features}
        elif isinstance(layer, nn.ReLU | nn.Identity | nn.Flatten):
            continue
        else:
            raise ValueError(f"reader.js has no layer of type {type(layer).__name__}: use the network 'pocket'")
        layers.append(about)
        values += [layer.weight.detach().contiguous().flatten(), layer.bias.detach()]
    description = {"layers": layers, "calibration": calibration_of(card)}
    return torch.cat(values).numpy().astype("<f2").tobytes(), json.dumps(description)
