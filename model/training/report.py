"""python -m model.training.report: figures, the model card and the README's table, from what evaluate measured.

Nothing in them is typed by hand: they come from assets/results.json, which `python -m model.training.evaluate --json`
writes, and from the cards of the weights. `--check` says whether they are current.
"""

import hashlib
import json
import sys
from argparse import ArgumentParser
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import nn

from model import weights
from model.preprocess import glyph_of
from model.training.augment import augment, write
from model.training.data import mnist
from model.training.evaluate import REAL
from model.training.nuisances import STRENGTHS
from model.training.scenes import DIGITS_A_SCENE, SIDE, Scenes
from model.training.shapes import DIGITS, OTHERS
from model.training.sheets import contact_sheet
from model.training.strokes import STROKES, draw
from model.training.styles import draw as draw_shape
from model.training.tables import as_nuisance_table, as_page_table, as_scene_table, as_table

ROOT = Path(__file__).parent.parent.parent
RESULTS, FIGURES = Path("assets/results.json"), Path("assets/figures")
TEMPLATE = Path(__file__).with_name("model_card.md")
NAMES = "reference", "world"
BEGIN, END = "<!-- python -m model.training.report writes this -->", "<!-- until here -->"
INDEXED = {"mnist test": ("ylecun/mnist", True), "usps": ("usps", True), "strokes": ("strokes", False)}  # for the Hub
PICTURES = "curves", "confusion", "reliability", "scores", "layers", "nuisances", "mistakes", "styles", "scenes"
MEASURED = "mnist test", *REAL, "sha256"  # what is needed of each network
PAGES = "pages", "scenes", "nuisances"  # and of `world`
SHOWN = 100  # mistakes, the surest first
FEW, ROWS, COLUMNS = 2000, 4, 8  # digits and scenes that are shown of those the finder learns from
COLOURS = {"reference": "#888888", "world": "#d93e0a"}
mpl.rcParams |= {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": 120}


def curves(cards: dict[str, dict]) -> Figure:
    """Draw how the loss fell and what was read right, epoch by epoch, of the training digits and of those held back."""
    figure = Figure((8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, card in cards.items():
        for part, style in (("", "-"), ("validation_", "--")):
            epochs = range(1, len(card["history"]) + 1)
            label = f"{name}, {'held back' if part else 'training'}"
            left.plot(epochs, [e[f"{part}loss"] for e in card["history"]], style, color=COLOURS[name], label=label)
            wrong = [100 * (1 - e[f"{part}accuracy"]) for e in card["history"]]
            right.plot(epochs, wrong, style, color=COLOURS[name])
    for axes, of in ((left, "loss"), (right, "read wrong, %")):
        axes.set(xlabel="epoch", ylabel=of, yscale="log")
    left.legend(frameon=False)
    return figure


def confusion(results: dict) -> Figure:
    """Draw which digit of the real strokes is read as which: counts, without those read right."""
    figure = Figure((4.2, 3.8), layout="constrained")
    axes = figure.subplots()
    counts = np.array(results["world"]["strokes"]["confusion"])
    counts[np.diag_indices(10)] = 0
    axes.imshow(counts, cmap="Oranges")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(column, row, count, ha="center", va="center")
    axes.set(xlabel="read as", ylabel="written", xticks=range(10), yticks=range(10))
    return figure


def reliability(results: dict) -> Figure:
    """Draw how often real strokes are read right, against how sure the network is."""
    figure = Figure((4, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], ":", color="black", linewidth=1)
    for name in NAMES:
        bins = [(n, sure / n, good / n) for n, sure, good in results[name]["strokes"]["reliability"] if n]
        n, sure, good = np.array(bins).T
        axes.plot(sure, good, color=COLOURS[name], linewidth=1)
        axes.scatter(sure, good, 4 + 2 * np.sqrt(n), color=COLOURS[name], label=name)
    axes.set(xlabel="confidence", ylabel="share read right (area: how many)")
    axes.legend(frameon=False)
    return figure


def scores(results: dict) -> Figure:
    """Draw the scores of real digits against those of letters and signs, with what parts them."""
    figure = Figure((5, 3), layout="constrained")
    axes = figure.subplots()
    for name, colour in (("strokes", "#d93e0a"), ("letters", "#888888")):
        counts = np.array(results["world"][name]["scores"])
        edges = np.linspace(0, 1, len(counts) + 1)
        axes.stairs(counts / counts.sum(), edges, fill=True, alpha=0.6, color=colour, label=name)
    axes.axvline(0.5, color="black", linewidth=1, label="threshold")
    axes.set(xlabel="digit-likeness score", ylabel="share", yscale="log")
    axes.legend(frameon=False)
    return figure


def layers(net: nn.Sequential) -> Figure:
    """Draw what each layer of the reference network makes of a drawn 7: its maps, then the ten shares."""
    glyph = glyph_of(draw(STROKES[7], 14, 180, (60, 50)))
    steps, x = [("glyph, 28 x 28", glyph[None])], torch.from_numpy(glyph)[None, None]
    with torch.no_grad():
        for layer in net:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                n, height, width = x.shape[1:]
                steps.append((f"{n} maps, {height} x {width}", x[0].numpy()))
    figure = Figure((10, 2.9), layout="constrained")
    widths = [1, 1.4, 2.2, 2.2, 1.4]
    for axes, (title, maps) in zip(
        figure.subplots(1, 5, width_ratios=widths), [*steps, ("softmax", None)], strict=True
    ):
        axes.set_title(title)
        if maps is None:
            axes.barh(range(10), x[0].softmax(0), color=COLOURS["world"])
            axes.set(yticks=range(10), xticks=(0, 1), ylim=(9.5, -0.5))
            continue
        axes.imshow(mosaic(maps), cmap="Oranges" if len(maps) > 1 else "Greys")
        axes.set_axis_off()
    return figure


def mosaic(maps: np.ndarray) -> np.ndarray:
    """Lay out maps [N, H, W] in eight rows, or one alone, each scaled to its strongest: [rows, columns]."""
    maps = maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-6)
    maps = np.pad(maps, ((0, 0), (0, 2), (0, 2)))
    return np.concatenate([np.concatenate(row, axis=1) for row in np.split(maps, min(8, len(maps)))])


def mistakes(results: dict, data: Path) -> Image.Image:
    """Lay out the MNIST test digits that are read wrong, the surest first, each with "label > answer"."""
    glyphs, _ = mnist(data / "data", train=False)
    worst = results["world"]["mnist test"]["mistakes"][:SHOWN]
    return contact_sheet([(glyphs[i, 0].numpy(), f"{label} > {answer}") for i, label, answer, _ in worst], columns=10)


def styles() -> Image.Image:
    """Lay out the shapes that our own pen draws, digits first, then what is none."""
    torch.manual_seed(0)
    shapes = [(str(digit), shape) for digit, shapes in DIGITS.items() for shape in shapes] + [("-", s) for s in OTHERS]
    glyphs = augment(write(torch.cat([draw_shape(shape, 1) for _, shape in shapes])))[:, 0].numpy()
    return contact_sheet([(glyph, label) for glyph, (label, _) in zip(glyphs, shapes, strict=True)])


def scenes(data: Path) -> Image.Image:
    """Lay out scenes that the finder learns from."""
    torch.manual_seed(0)
    glyphs, labels = mnist(data / "data", train=True, limit=FEW)
    pictures, _ = Scenes(glyphs, labels, per_shape=4)(torch.arange(ROWS * COLUMNS * DIGITS_A_SCENE) % len(labels))
    board = pictures[:, 0].numpy().reshape(ROWS, COLUMNS, SIDE, SIDE).swapaxes(1, 2)
    return Image.fromarray(np.uint8(255 * board.reshape(ROWS * SIDE, COLUMNS * SIDE))).reduce(2)


def nuisances(results: dict) -> Figure:
    """Draw how many characters of sheets are read right as light, camera and paper get worse."""
    measured = results["world"]["nuisances"]
    figure = Figure((11, 6.5), layout="constrained")
    places = figure.subplots(3, 5, sharex=True, sharey=True).flat
    for axes, (name, shares) in zip(places, measured.items(), strict=False):
        axes.plot(STRENGTHS, [100 * share for share in shares], marker="o", color=COLOURS["world"])
        axes.set(title=name, ylim=(0, 102))
    for axes in places[len(measured) :]:
        axes.set_axis_off()
    figure.supxlabel("strength")
    figure.supylabel("characters read right, %")
    return figure


def tables(results: dict) -> str:
    """Return the tables of the README and of the model card."""
    world = results["world"]
    sets = {
        name: {of: measures for of, measures in result.items() if of not in (*PAGES, "sha256")}
        for name, result in results.items()
    }
    pages, scenes = as_page_table({"world": world["pages"]}), as_scene_table(world["scenes"])
    return "\n\n".join([as_table(sets), pages, scenes, as_nuisance_table(world["nuisances"])])


def model_card(results: dict, cards: dict[str, dict]) -> str:
    """Write the model card (Mitchell et al. 2019) as Markdown."""
    world, card = results["world"], cards["world"]
    letters, strokes, pages = world["letters"], world["strokes"], world["pages"]
    at_threshold = letters["refused"]["of the card"]
    return TEMPLATE.read_text().format(
        index="\n".join(as_result(name, world[name]["accuracy"]) for name in INDEXED),
        digits=card["data"]["mnist_train"],
        tables=tables(results),
        strokes=strokes["n"],
        calibration_error=strokes["calibration_error"],
        letters=letters["n"],
        refused=at_threshold["refused"],
        lost=1 - at_threshold["kept"],
        auroc=letters["auroc"],
        confusions=", ".join(f"{pair} ({count})" for pair, count in strokes["confusions"][:6]),
        touching=pages["numbers that touch"]["exact"],
        apart=pages["numbers that stand apart"]["exact"],
        seed=card["seed"],
        epochs=card["recipe"]["epochs"],
        batch_size=card["recipe"]["batch_size"],
        kept=kept(card),
    )


def as_result(name: str, accuracy: float) -> str:
    """Write how much of a set is read right as the Hugging Face Hub lists it, in YAML."""
    kind, split = INDEXED[name]
    lines = ["- task:", "    type: image-classification", "  dataset:", f"    name: {name}", f"    type: {kind}"]
    lines += ["    split: test"] * split
    lines += ["  metrics:", "  - type: accuracy", f"    value: {accuracy:.4f}"]
    return "\n".join(f"  {line}" for line in lines)


def kept(card: dict) -> str:
    """Say which epoch the weights are of."""
    shares = [epoch["validation_accuracy"] for epoch in card["history"]]
    best = max(range(len(shares)), key=lambda i: (shares[i], i))
    return f"The weights are of epoch {best + 1}: accuracy {shares[best]:.2%} on the augmented validation set."


def check(results: dict) -> None:
    """Raise ValueError if something was not measured, or of other weights than are shipped."""
    for name in NAMES:
        measures = results.get(name, {})
        if any(not measures.get(part) for part in (*MEASURED, *(PAGES if name == "world" else ()))):
            raise ValueError(f"{RESULTS} lacks sets or pages of {name}: run evaluate --json where all of eval/ is")
        for of, digest in measures["sha256"].items():
            if digest != weights.digest(of):
                raise ValueError(f"{RESULTS} is of other weights than {of}'s: measure them with evaluate --json")


def draw_all(results: dict, cards: dict[str, dict], reference: nn.Sequential, data: Path) -> dict:
    """Draw all PICTURES: Figure or Image by name."""
    drawn = curves(cards), confusion(results), reliability(results), scores(results), layers(reference)
    return dict(
        zip(PICTURES, (*drawn, nuisances(results), mistakes(results, data), styles(), scenes(data)), strict=True)
    )


def between(text: str, new: str) -> str:
    """Put new text between the markers of a text; ValueError if it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{new}\n\n{end}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Write figures, model card and table, or check them; return the exit code."""
    parser = ArgumentParser(
        prog="python -m model.training.report", description=__doc__.split(": ", 1)[1].split("\n")[0]
    )
    parser.add_argument("--data", type=Path, default=Path(), help="folder that holds data/MNIST")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something is not current")
    options = parser.parse_args(arguments)
    try:
        measured = (ROOT / RESULTS).read_bytes()
        results = json.loads(measured)
        loaded = {name: weights.load(weights.locate(name)) for name in NAMES}
        cards = {name: card for name, (_, card) in loaded.items()}
        check(results)
        texts = {"MODEL_CARD.md": model_card(results, cards)}
        texts["README.md"] = between((ROOT / "README.md").read_text(), tables(results))
        digest = hashlib.sha256(measured).hexdigest()
        if options.check:
            stale = [name for name, text in texts.items() if (ROOT / name).read_text() != text]
            figures = [FIGURES / f"{name}.png" for name in PICTURES]
            stale += [str(figure) for figure in figures if drawn_from(ROOT / figure) != digest]
            if stale:
                raise ValueError(f"not current: {', '.join(stale)}: run python -m model.training.report")
            return 0
        (ROOT / FIGURES).mkdir(exist_ok=True)
        for name, drawn in draw_all(results, cards, loaded["reference"][0], options.data).items():
            path = ROOT / FIGURES / f"{name}.png"
            if isinstance(drawn, Figure):
                drawn.savefig(path, metadata={"Source": digest})
            else:
                source = PngInfo()
                source.add_text("Source", digest)
                drawn.save(path, pnginfo=source)
        for name, text in texts.items():
            (ROOT / name).write_text(text)
    except (OSError, ValueError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


def drawn_from(path: Path) -> str | None:
    """Return the digest of the results that a figure was drawn from; None if it does not say, or is missing."""
    if not path.exists():
        return None
    with Image.open(path) as figure:
        return figure.text.get("Source")


if __name__ == "__main__":
    sys.exit(main())
