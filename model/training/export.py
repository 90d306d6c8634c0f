"""python -m model.training.export [weights] ...: export weights to ONNX, to the Hub, or to a web page."""

import hashlib
import json
import re
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import torch
from torch import nn

from model import weights
from model.confidence import calibration_of
from model.networks import NETWORKS, folded, predict
from model.training.augmentation import apply_pens, augment
from model.training.digit_styles import DIGITS
from model.training.pen import draw_all

CHECKED = 1000  # glyphs on which ONNX and torch are compared
TOLERANCE = 1e-4  # largest difference allowed between their logits
PROJECT_FOLDER = Path(__file__).parents[2]
CARD, ICON = PROJECT_FOLDER / "MODEL_CARD.md", PROJECT_FOLDER / "assets" / "favicon.svg"
BROWSER_FILES = PROJECT_FOLDER / "model" / "browser"
PAGE = "index.html", "page.js", "inside.js", "reader.js", "layers.js", "words.js", "worker.js", "manifest.webmanifest"
HEADER = "---\nlicense: apache-2.0\ntags: [mnist, handwriting, digit-recognition]\n---\n\n"  # the Hub requires it
PREPROCESSING = (
    "glyphs: [N, 1, 28, 28] float32; 0 is paper, 1 is ink; the digit is 20 pixels long, its centre of mass in the "
    "middle, as model.glyph.fit frames it. logits: [N, 10] float32, of the digits 0 to 9."
)
CALIBRATED = (
    " For confidences, divide by the temperature and take the softmax; strokes thicker than thick[0], as "
    "model.confidence.thickness measures them, raise the temperature by the factor 1 + thick[1] * (thickness - "
    "thick[0]). The logit of 'no digit' is 0."
)


def to_onnx(net: nn.Module, card: dict, path: Path) -> float:
    """Export a network that reads glyphs to ONNX, and check it against torch.

    Args:
        net: takes batches [N, 1, 28, 28], any N.
        card: stored in the file's metadata, with a description of the inputs and outputs.
        path: the file, written only after the check has passed.

    Returns:
        The largest difference between the logits of onnxruntime and torch on 1,000 glyphs drawn by our simulated pen.

    Raises:
        ModuleNotFoundError: onnx, onnxscript or onnxruntime is not installed.
        ValueError: the logits differ by more than 0.0001.
    """
    import onnx  # from requirements-dev.txt; not needed for reading or training
    import onnxruntime

    net = folded(net).to(memory_format=torch.contiguous_format)
    glyphs = some_glyphs()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "net.onnx"
        torch.onnx.export(
            net,
            (glyphs[:2],),
            made,
            input_names=["glyphs"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("N")},),
            external_data=False,
            verbose=False,
            dynamo=True,
        )
        graph = onnx.load(made)
    metadata = {"card": json.dumps(card, sort_keys=True), "preprocessing": PREPROCESSING}
    if "calibration" in card:
        metadata["preprocessing"] += CALIBRATED
        calibration = calibration_of(card)
        metadata |= {name: json.dumps(calibration[name]) for name in ("temperature", "threshold", "thick")}
    onnx.helper.set_model_props(graph, metadata)
    data = graph.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"glyphs": glyphs.numpy()})
    difference = float((torch.from_numpy(logits) - predict(net, glyphs)).abs().max())
    if not difference <= TOLERANCE:  # also catches NaN
        raise ValueError(f"the logits of ONNX and torch differ by {difference:.1e}, more than {TOLERANCE:.0e}")
    path.write_bytes(data)
    return difference


def some_glyphs() -> torch.Tensor:
    """Draw 1,000 digits with our simulated pen: glyphs [1000, 1, 28, 28]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        maps, _ = draw_all(DIGITS, 50)
        return augment(apply_pens(maps[torch.randperm(len(maps))[:CHECKED]]))


def to_hub(path: Path, card: dict, repository: str, dry: bool) -> dict[str, bytes]:
    """Upload the files needed for reading, and a model card, to the Hugging Face Hub; first run `hf auth login`.

    Args:
        path: the weights file.
        card: the metadata stored in it.
        repository: USER/NAME, created if missing.
        dry: upload nothing.

    Returns:
        The files, by name.

    Raises:
        OSError: not logged in, or the Hub cannot be reached, or it refuses the upload.
    """
    from huggingface_hub import CommitOperationAdd, HfApi  # installed with gradio

    files = {weights.MAIN: path.read_bytes(), "config.json": json.dumps(card, indent=1, sort_keys=True).encode()}
    files |= {f"{name}.safetensors": weights.locate(name).read_bytes() for name in ("finder", "line")}
    if path == weights.locate("world"):
        text = CARD.read_text()
        files |= {name: (CARD.parent / name).read_bytes() for name in re.findall(r"\]\((assets/\S+)\)", text)}
    else:  # MODEL_CARD.md describes other weights
        measured = "\n".join(f"- {name}: {value:.2%}" for name, value in card["metrics"].items())
        title = f"# {card['network']}, seed {card['seed']}"
        text = f"{HEADER}{title}\n\nReads handwritten digits. After training:\n\n{measured}\n"
    files["README.md"] = text.encode()
    if not dry:
        hub = HfApi()
        hub.create_repo(repository, exist_ok=True)
        parts = [CommitOperationAdd(name, data) for name, data in files.items()]
        hub.create_commit(repository, parts, commit_message=f"{card['network']}, seed {card['seed']}")
    return files


def to_static_page(net: nn.Module, card: dict, folder: Path) -> list[Path]:
    """Write a page that reads digits on the device, offline after the first visit; return its files.

    Args:
        net: the network `pocket`.
        card: the metadata of its weights.
        folder: where to write; created if missing. Any static host can serve it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values, description = weights.for_browser(net, card)
    contents = {"pocket.bin": values, "pocket.json": description.encode()}
    contents |= {name: (BROWSER_FILES / name).read_bytes() for name in PAGE} | {"icon.svg": ICON.read_bytes()}
    digest = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
    contents["worker.js"] = contents["worker.js"].replace(b"DIGEST", digest.encode())
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def rounded(net: nn.Module) -> nn.Module:
    """Return a folded copy of a network, its weights rounded as in pocket.bin."""
    net = folded(net)
    for parameter in net.parameters():
        parameter.data = parameter.data.half().float()
    return net


def agreement(net: nn.Module, glyphs: torch.Tensor) -> float:
    """Return the fraction of glyphs [N, 1, 28, 28] that are read the same after rounding, in [0, 1]."""
    whole, small = (predict(each, glyphs).argmax(dim=1) for each in (folded(net), rounded(net)))
    return float((whole == small).float().mean())


def main(arguments: list[str] | None = None) -> int:
    """Export the named weights; return the exit code."""
    parser = ArgumentParser(prog="python -m model.training.export", description=__doc__.split(": ", 1)[1])
    parser.add_argument(
        "weights", nargs="?", help="shipped network, or weights file (default: world; pocket with --static)"
    )
    parser.add_argument("--onnx", type=Path, metavar="FILE", help="write the network as an ONNX file")
    parser.add_argument("--hub", metavar="USER/NAME", help="upload the weights to the Hugging Face Hub")
    parser.add_argument("--dry-run", action="store_true", help="with --hub: list what would be uploaded")
    parser.add_argument(
        "--static", type=Path, metavar="DIR", help="write a page that reads digits on the device, offline"
    )
    options = parser.parse_args(arguments)
    if not any((options.onnx, options.hub, options.static)):
        parser.error("choose an output: --onnx FILE, --hub USER/NAME or --static DIR")
    try:
        path = weights.locate(options.weights or ("pocket" if options.static else "world"))
        net, card = weights.load(path)
        if card["network"] not in NETWORKS:
            raise ValueError(f"{card['network']!r} does not read glyphs: choose {' or '.join(NETWORKS)}")
        if options.onnx:
            difference = to_onnx(net, card, options.onnx)
            print(f"wrote {options.onnx} ({options.onnx.stat().st_size:,} bytes)")
            print(f"largest difference from torch's logits, over {CHECKED:,} glyphs: {difference:.1e}")
        if options.static:
            sizes = {file: file.stat().st_size for file in to_static_page(net, card, options.static)}
            print("".join(f"wrote {file} ({size:,} bytes)\n" for file, size in sizes.items()), end="")
            same = agreement(net, some_glyphs())
            print(f"{sum(sizes.values()):,} bytes in all; {same:.1%} of {CHECKED:,} glyphs read as with float32")
        if options.hub:
            files = to_hub(path, card, options.hub, options.dry_run)
            for name, data in files.items():
                print(f"{'would upload' if options.dry_run else 'uploaded'} {name} ({len(data):,} bytes)")
    except (OSError, ValueError, ModuleNotFoundError) as error:
        hint = ": pip install -r requirements-dev.txt" if isinstance(error, ModuleNotFoundError) else ""
        print(f"export: {error}{hint}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
