"""python -m model.evaluation.evaluate [weights ...]: measure accuracy on MNIST and on other handwriting."""

import json
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from model import Prediction, Recognizer, weights
from model.evaluation import tables
from model.evaluation.adaptation import extract_features, measure_learning
from model.evaluation.contact_sheets import contact_sheet
from model.evaluation.nuisances import measure_nuisances
from model.evaluation.pages import measure_pages, measure_scenes
from model.evaluation.reliability import auroc, calibration_error, histogram, interval, reliability
from model.evaluation.strokes import draw_somewhere, read_strokes
from model.glyph import SIDE, glyph_of
from model.images import Source
from model.networks import folded
from model.training.data import mnist

MNIST = "mnist train", "mnist test"

Labelled = Iterator[tuple[Source, int]]  # images, each with its digit
Answers = tuple[list[Prediction], torch.Tensor]  # one prediction per picture of a set, and the labels [N]


def strokes(path: Path) -> Labelled:
    """Yield strokes drawn with a 6- to 24-pixel pen at random positions and sizes on a 280-pixel canvas; fixed seed.

    A letter's or sign's label is its code point.
    """
    random = np.random.default_rng(0)
    for drawing in read_strokes(path):
        label = drawing["label"]
        yield draw_somewhere(drawing["strokes"], random), int(label) if label.isdecimal() else ord(label)


def pictures(folder: Path) -> Labelled:
    """Yield picture files, each from a folder named after its digit."""
    for path in sorted(folder.glob("[0-9]/*")):
        yield path, int(path.parent.name)


def bitmaps(path: Path) -> Labelled:
    """Yield the scans in an .npz file, which holds images [N, H, W] uint8 and labels [N]."""
    with np.load(path) as file:
        yield from zip(file["images"], map(int, file["labels"]), strict=True)


REAL: dict[str, tuple[str, Callable[[Path], Labelled]]] = {  # name: (required file or folder, how to read it)
    "strokes": ("strokes_digits.jsonl.gz", lambda folder: strokes(folder / "strokes_digits.jsonl.gz")),
    "drawings": ("drawn", lambda folder: pictures(folder / "drawn")),
    "photos": ("photos", lambda folder: pictures(folder / "photos")),
    "usps": ("usps_test.npz", lambda folder: bitmaps(folder / "usps_test.npz")),
    "optdigits": ("optdigits_train.npz", lambda folder: bitmaps(folder / "optdigits_train.npz")),
    "letters": ("strokes_other.jsonl.gz", lambda folder: strokes(folder / "strokes_other.jsonl.gz")),
}


def absent(folder: Path) -> list[str]:
    """Name the sets that are missing from a folder that should hold data/MNIST and eval/."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {str(folder)!r}: choose the one that holds data/MNIST and eval/")
    return [name for name, (needs, _) in REAL.items() if not (folder / "eval" / needs).exists()]


def answers(recognizer: Recognizer, name: str, folder: Path) -> Answers:
    """Read a set, MNIST as framed glyphs and real pictures with `read_digit`; return the predictions and labels."""
    if name in MNIST:
        glyphs, labels = mnist(folder / "data", name == "mnist train")
        return [one for some in glyphs[:, 0].split(1000) for one in recognizer.read_glyphs(some.numpy())], labels
    read = tqdm(REAL[name][1](folder / "eval"), name, unit=" pictures", leave=False)
    predictions, labels = zip(*((recognizer.read_digit(image), label) for image, label in read), strict=True)
    return list(predictions), torch.tensor(labels)


def measure(read: dict[str, Answers | None]) -> dict:
    """Evaluate one network's predictions: {set: {n, accuracy, interval, calibration_error, kept, ...}}, None if absent.

    Accuracy is that of the most probable digit, even where it is refused; a blank counts as wrong. Calibration is that
    of the confidence, among the pictures that are not refused. "letters" instead has the fraction of letters and signs
    refused, and the fraction of stroke digits kept, at several score thresholds.
    """
    results, scores, kept = {}, {}, {}
    for name, answer in read.items():
        if answer is None:
            results[name] = None
            continue
        predictions, labels = answer
        scores[name] = torch.tensor([one.score for one in predictions], dtype=torch.float64)
        kept[name] = torch.tensor([one.digit is not None for one in predictions]).double()
        if name == "letters":
            continue
        probability, digit = torch.from_numpy(np.stack([one.probabilities for one in predictions])).max(dim=1)
        answered = kept[name] > 0
        sure = torch.tensor([one.confidence for one in predictions])[answered]
        right = (digit == labels) & torch.tensor([bool(one.glyph.any()) for one in predictions])
        wrong = Counter(f"{label} as {other}" for label, other in zip(labels[~right], digit[~right], strict=True))
        results[name] = {
            "n": len(labels),
            "accuracy": float(right.double().mean()),
            "interval": interval(int(right.sum()), len(labels)),
            "calibration_error": calibration_error(sure, right[answered]),
            "kept": float(kept[name].mean()),
            "confusions": wrong.most_common(10),
            "confusion": torch.bincount(10 * labels + digit, minlength=100).view(10, 10).tolist(),
            "reliability": reliability(sure, right[answered]),
            "scores": histogram(scores[name]),
            "mistakes": [
                (i, int(labels[i]), int(digit[i]), float(probability[i]))
                for i in torch.where(right, -1.0, probability).argsort(descending=True)[: int((~right).sum())].tolist()
            ],
        }
    if {"letters", "strokes"} <= scores.keys():
        digits, others = scores["strokes"], scores["letters"]
        as_shipped = {"kept": float(kept["strokes"].mean()), "refused": float(1 - kept["letters"].mean())}
        refused = {"at the reader's threshold": as_shipped}
        for share in (0.95, 0.99):
            refused[f"at the threshold that keeps {share:.0%} of stroke digits"] = at_quantile(digits, others, share)
        results["letters"] = {
            "n": len(others),
            "scores": histogram(others),
            "auroc": auroc(digits, others),
            "refused": refused,
        }
    return results


def at_quantile(digits: torch.Tensor, others: torch.Tensor, fraction: float) -> dict[str, float]:
    """Return the fractions of digits kept and others refused at the threshold that keeps `fraction` of the digits."""
    t = float(digits.quantile(1 - fraction))
    return {"kept": float((digits >= t).double().mean()), "refused": float((others < t).double().mean())}


def without_finder(recognizer: Recognizer, folder: Path, fraction: float = 0.99) -> dict[str, float]:
    """Return `at_quantile` of the network alone, without the finder: each picture is one glyph."""
    digits, others = (
        torch.tensor([one.score for one in recognizer.read_glyphs(np.stack(glyphs))], dtype=torch.float64)
        for glyphs in (framed("strokes", folder), framed("letters", folder))
    )
    return at_quantile(digits, others, fraction)


def framed(name: str, folder: Path) -> list[np.ndarray]:
    """Frame each picture of a set as one glyph; a blank one is all zeros."""
    glyphs = (glyph_of(image) for image, _ in REAL[name][1](folder / "eval"))
    return [np.zeros((SIDE, SIDE), np.float32) if glyph is None else glyph for glyph in glyphs]


def save_mistakes(read: dict[str, Answers | None], folder: Path) -> None:
    """Write a contact sheet for each set with the glyphs misread, or not refused, captioned "label > answer"."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, answer in read.items():
        pairs = zip(answer[0], answer[1].tolist(), strict=True) if answer else ()
        shown = [
            (one.glyph, f"{chr(label) if name == 'letters' else label} > {one.top(1)[0][0]}")
            for one, label in pairs
            if (one.digit is not None if name == "letters" else one.top(1)[0][0] != label)
        ]
        if shown:
            contact_sheet(shown[:400], columns=20).save(folder / f"{name.replace(' ', '_')}.png")


def evaluate(recognizer: Recognizer, data: Path, pages: bool = True, mistakes: Path | None = None) -> dict:
    """Measure everything that a folder holds the sets for.

    Args:
        recognizer: reads the pictures.
        data: the folder, see `absent`.
        pages: read pages too, which takes longer.
        mistakes: folder for contact sheets of the mistakes.

    Returns:
        The result of `measure`, and learning, pages, nuisances and scenes: of the functions of that name.
    """
    missing, folder = absent(data), data / "eval"
    read = {of: None if of in missing else answers(recognizer, of, data) for of in (*MNIST, *REAL)}
    result = measure(read)
    if letters := result["letters"]:
        how = "at the threshold that keeps 99% of stroke digits, without the finder"
        letters["refused"][how] = without_finder(recognizer, data)
    if mistakes:
        save_mistakes(read, mistakes)
    if "strokes" not in missing:
        sets = ([] if of in missing else list(read_strokes(folder / REAL[of][0])) for of in ("strokes", "letters"))
        result["learning"] = measure_learning(extract_features(recognizer, *sets))
    if pages:
        single = {of: REAL[of][1](folder) for of in ("strokes", "drawings", "photos") if of not in missing}
        result["pages"] = measure_pages(recognizer, folder, single)
        result["nuisances"] = measure_nuisances(recognizer)
        result["scenes"] = measure_scenes(recognizer, folder, mistakes)
    return result


def main(arguments: list[str] | None = None) -> int:
    """Evaluate the named networks on every available set and print the table; return the exit code."""
    parser = ArgumentParser(prog="python -m model.evaluation.evaluate", description=__doc__.split(": ", 1)[1])
    parser.add_argument("weights", nargs="*", default=["reference", "world"], help="shipped networks, or weights files")
    parser.add_argument("--finder", default="finder", help="the network that finds digits: shipped, or a weights file")
    parser.add_argument("--data", type=Path, default=Path(), help="folder that holds data/MNIST and eval/")
    parser.add_argument("--json", type=Path, help="write the measurements to this file as well")
    parser.add_argument("--mistakes", type=Path, metavar="DIR", help="write contact sheets of each network's mistakes")
    parser.add_argument(
        "--pages", action=BooleanOptionalAction, default=True, help="read pages too, which takes longer"
    )
    options = parser.parse_args(arguments)
    try:
        finder, card = weights.load(weights.locate(options.finder))
        recognizers = {name: Recognizer.load(name, (folded(finder), card)) for name in options.weights}
        results = {
            name: evaluate(each, options.data, options.pages, options.mistakes and options.mistakes / Path(name).stem)
            for name, each in recognizers.items()
        }
    except (FileNotFoundError, ValueError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    print("In %; accuracies with 95% confidence intervals\n\n" + tables.as_table(results))
    for name, recognizer in recognizers.items():
        if strokes := results[name]["strokes"]:
            worst = ", ".join(f"{pair} ({count})" for pair, count in strokes["confusions"])
            print(f"\n{name}, worst confusions of the strokes: {worst}")
        card = ", ".join(f"{key} {value:.2%}" for key, value in recognizer.card["metrics"].items())
        print(f"{name}, its card says: {card}")
        print("".join(f"\n{table}\n" for table in tables.tables_of(name, results[name])))
    if options.json:
        for name, result in results.items():
            result["sha256"] = {of: weights.digest(of) for of in (name, options.finder, "line")}
        options.json.write_text(json.dumps(results) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
