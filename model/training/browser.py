"""Export of the network `pocket` for browsers: its weights in two small files, or a page that reads digits offline."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from model.networks import folded, predict
from model.weights import for_browser

BROWSER_FILES = Path(__file__).parent.parent / "browser"
PAGE = "index.html", "page.js", "inside.js", "reader.js", "layers.js", "words.js", "worker.js", "manifest.webmanifest"
ICON = Path(__file__).parent.parent.parent / "assets" / "favicon.svg"


def to_browser(net: nn.Module, card: dict, folder: Path) -> list[Path]:
    """Write the weights that `reader.js` reads, see `model.weights.for_browser`; return the two files.

    Args:
        net: the network `pocket`.
        card: the metadata of its weights.
        folder: where to write; created if missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "pocket.bin", folder / "pocket.json"]
    values, description = for_browser(net, card)
    files[0].write_bytes(values)
    files[1].write_text(description)
    return files


def to_static_page(net: nn.Module, card: dict, folder: Path) -> list[Path]:
    """Write a page that reads digits on the device, offline after the first visit; return its files.

    Args:
        net, card: see `to_browser`.
        folder: where to write; created if missing. Any static host can serve it.
    """
    files = to_browser(net, card, folder)
    for name in PAGE:
        files.append(Path(shutil.copy(BROWSER_FILES / name, folder)))
    files.append(Path(shutil.copy(ICON, folder / "icon.svg")))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    worker = folder / "worker.js"
    worker.write_text(worker.read_text().replace("DIGEST", digest))
    return files


def rounded(net: nn.Module) -> nn.Module:
    """Return a folded copy of a network, its weights rounded as in pocket.bin."""
    net = folded(net)
    for parameter in net.parameters():
        parameter.data = parameter.data.half().float()
    return net


def agreement(net: nn.Module, glyphs: torch.Tensor) -> float:
    """Return the fraction of glyphs [N, 1, 28, 28] that are read the same after rounding, in [0, 1]."""
    whole, small = (predict(each, glyphs).argmax(dim=1).numpy() for each in (folded(net), rounded(net)))
    return float(np.mean(whole == small))
