"""python -m model.training.evaluate [weights ...]: how much a network reads right, of MNIST and of real handwriting."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from model import Recognizer
from model.preprocess import SIDE, Source, fit, ink
from model.training.data import mnist
from model.training.loop import predict
from model.training.strokes import draw_somewhere, read_strokes

Labelled = Iterator[tuple[Source, int]]  # images with the digit in each


def strokes(folder: Path) -> Labelled:
    """Pen strokes, drawn with a 6 to 24 pixel pen at random places and sizes on a 280 pixel canvas; always the same."""
    random = np.random.default_rng(0)
    for drawing in read_strokes(folder / "strokes_digits.jsonl.gz"):
        yield draw_somewhere(drawing["strokes"], random), int(drawing["label"])


def pictures(folder: Path) -> Labelled:
    """Picture files, each in a folder named after its digit."""
    for path in sorted(folder.glob("[0-9]/*")):
        yield path, int(path.parent.name)


def bitmaps(path: Path) -> Labelled:
    """Scans of an .npz file: images [N, H, W] uint8 and labels [N]."""
    with np.load(path) as file:
        yield from zip(file["images"], map(int, file["labels"]), strict=True)


REAL: dict[str, tuple[str, Callable[[Path], Labelled]]] = {  # name: (what must be there, how it is read)
    "strokes": ("strokes_digits.jsonl.gz", lambda folder: strokes(folder)),
    "drawings": ("drawn", lambda folder: pictures(folder / "drawn")),
    "photos": ("photos", lambda folder: pictures(folder / "photos")),
    "usps": ("usps_test.npz", lambda folder: bitmaps(folder / "usps_test.npz")),
    "optdigits": ("optdigits_train.npz", lambda folder: bitmaps(folder / "optdigits_train.npz")),
}


def frame(images: Labelled, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Take each image to its glyph, as reading does: glyphs [N, 1, 28, 28] float32 and labels [N] int64.

    A blank picture becomes an empty glyph, which counts as read wrong.
    """
    glyphs, labels = [], []
    for image, label in tqdm(images, name, unit=" pictures", leave=False):
        glyph = fit(ink(image))
        glyphs.append(np.zeros((SIDE, SIDE), np.float32) if glyph is None else glyph)
        labels.append(label)
    return torch.from_numpy(np.stack(glyphs))[:, None], torch.tensor(labels)


def load_sets(folder: Path) -> dict[str, tuple[torch.Tensor, torch.Tensor] | None]:
    """Load every set below a folder that holds data/MNIST and eval/; a set that is absent is None."""
    sets = {f"mnist {name}": mnist(folder / "data", name == "train") for name in ("train", "test")}
    for name, (needs, read) in REAL.items():
        present = (folder / "eval" / needs).exists()
        sets[name] = frame(read(folder / "eval"), name) if present else None
    return sets


def interval(right: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share right / n (Wilson 1927), both ends in [0, 1]."""
    z, share = 1.96, right / n
    middle, spread = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float(middle - spread) / (1 + z * z / n), float(middle + spread) / (1 + z * z / n)


def measure(recognizer: Recognizer, glyphs: torch.Tensor, labels: torch.Tensor) -> dict:
    """Return n, the accuracy in [0, 1] and its 95 % interval; an empty glyph is wrong."""
    logits = predict(recognizer.net, glyphs)
    right = int(((logits.argmax(dim=1) == labels) & glyphs.flatten(1).any(dim=1)).sum())
    return {"n": len(labels), "accuracy": right / len(labels), "interval": interval(right, len(labels))}


def as_table(results: dict[str, dict[str, dict | None]]) -> str:
    """Lay out {network: {set: measures}} as a Markdown table, a row a set and a column a network, in %."""
    names = list(results)
    rows = [f"| set | n | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for set_name, first in results[names[0]].items():
        if first is None:
            rows.append(f"| {set_name} | absent | {' | ' * (len(names) - 1)} |")
            continue
        cells = [
            "{:.2f} ({:.2f}-{:.2f})".format(*(100 * v for v in (m["accuracy"], *m["interval"])))
            for m in (results[name][set_name] for name in names)
        ]
        rows.append(f"| {set_name} | {first['n']:,} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Measure the named networks on every set that is there and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m model.training.evaluate", description=__doc__.split(": ", 1)[1])
    parser.add_argument("weights", nargs="*", default=["reference"], help="names of shipped networks, or weights files")
    parser.add_argument("--data", type=Path, default=Path(), help="folder that holds data/MNIST and eval/")
    parser.add_argument("--json", type=Path, help="write the measures to this file as well")
    options = parser.parse_args(arguments)
    try:
        recognizers = {name: Recognizer.load(name) for name in options.weights}
        sets = load_sets(options.data)
    except (FileNotFoundError, ValueError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    results = {
        name: {set_name: digits and measure(recognizer, *digits) for set_name, digits in sets.items()}
        for name, recognizer in recognizers.items()
    }
    print("Digits read right, %, with the 95 % interval\n\n" + as_table(results))
    for name, recognizer in recognizers.items():
        card = {key: f"{value:.2%}" for key, value in recognizer.card["metrics"].items()}
        print(f"\nThe card of {name} says: " + ", ".join(f"{key} {value}" for key, value in card.items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
