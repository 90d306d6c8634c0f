"""Figures and contact sheets of the model card, drawn from measurements, cards and weights."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from torchvision.utils import make_grid

from model.evaluation.contact_sheets import contact_sheet
from model.evaluation.nuisances import STRENGTHS
from model.evaluation.strokes import STROKES, draw
from model.glyph import glyph_of
from model.training.augmentation import apply_pens, augment
from model.training.data import mnist
from model.training.digit_styles import AMONG_OTHERS
from model.training.letters import OTHERS
from model.training.pen import draw as draw_shape
from model.training.scenes import DIGITS_PER_SCENE, SCENE_SIDE, Scenes

SHOWN = 100  # number of mistakes, the most confident first
FEW, ROWS, COLUMNS = 2000, 4, 8  # digits loaded, and rows and columns of finder training scenes shown
LINE_COLOURS = {"reference": "#888888", "world": "#d93e0a"}
PICTURES = "curves", "confusion", "reliability", "scores", "layers", "nuisances", "mistakes", "styles", "scenes"
CLASSIFIERS = "reference", "world"
mpl.rcParams |= {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": 120}


def curves(cards: dict[str, dict]) -> Figure:
    """Plot the loss and the error rate, epoch by epoch, on the training and validation digits."""
    figure = Figure((8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, card in cards.items():
        for part, style in (("", "-"), ("validation_", "--")):
            epochs = range(1, len(card["history"]) + 1)
            label = f"{name}, {'validation' if part else 'training'}"
            left.plot(epochs, [e[f"{part}loss"] for e in card["history"]], style, color=LINE_COLOURS[name], label=label)
            wrong = [100 * (1 - e[f"{part}accuracy"]) for e in card["history"]]
            right.plot(epochs, wrong, style, color=LINE_COLOURS[name])
    for axes, of in ((left, "loss"), (right, "read wrong, %")):
        axes.set(xlabel="epoch", ylabel=of, yscale="log")
    left.legend(frameon=False)
    return figure


def confusion(results: dict) -> Figure:
    """Plot the confusion matrix of the real stroke digits: counts, without the correct ones."""
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
    """Plot the accuracy on real stroke digits against the network's confidence."""
    figure = Figure((4, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], ":", color="black", linewidth=1)
    for name in CLASSIFIERS:
        bins = [(n, sure / n, good / n) for n, sure, good in results[name]["strokes"]["reliability"] if n]
        n, sure, good = np.array(bins).T
        axes.plot(sure, good, color=LINE_COLOURS[name], linewidth=1)
        axes.scatter(sure, good, 4 + 2 * np.sqrt(n), color=LINE_COLOURS[name], label=name)
    axes.set(xlabel="confidence", ylabel="accuracy (area: number of answers)")
    axes.legend(frameon=False)
    return figure


def scores(results: dict) -> Figure:
    """Plot the scores of real digits against those of letters and signs, with the threshold between them."""
    figure = Figure((5, 3), layout="constrained")
    axes = figure.subplots()
    for name, colour in (("strokes", "#d93e0a"), ("letters", "#888888")):
        counts = np.array(results["world"][name]["scores"])
        edges = np.linspace(0, 1, len(counts) + 1)
        axes.stairs(counts / counts.sum(), edges, fill=True, alpha=0.6, color=colour, label=name)
    axes.axvline(0.5, color="black", linewidth=1, label="threshold")
    axes.set(xlabel="digit-likeness score", ylabel="fraction", yscale="log")
    axes.legend(frameon=False)
    return figure


def layers(net: nn.Sequential) -> Figure:
    """Draw what each layer of the reference network makes of a drawn 7: its maps, then the ten probabilities."""
    glyph = glyph_of(draw(STROKES[7], 14, 180, (60, 50)))
    x = torch.from_numpy(glyph)[None, None]
    steps = [("glyph, 28 x 28", x[0])]
    with torch.no_grad():
        for layer in net:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                n, height, width = x.shape[1:]
                steps.append((f"{n} maps, {height} x {width}", x[0]))
    figure = Figure((10, 2.9), layout="constrained")
    widths = [1, 1.4, 2.2, 2.2, 1.4]
    for axes, (title, maps) in zip(
        figure.subplots(1, 5, width_ratios=widths), [*steps, ("softmax", None)], strict=True
    ):
        axes.set_title(title)
        if maps is None:
            axes.barh(range(10), x[0].softmax(0), color=LINE_COLOURS["world"])
            axes.set(yticks=range(10), xticks=(0, 1), ylim=(9.5, -0.5))
            continue
        tiled = make_grid(maps[:, None], nrow=max(1, len(maps) // 8), normalize=True, scale_each=True)[0]
        axes.imshow(tiled, cmap="Oranges" if len(maps) > 1 else "Greys")
        axes.set_axis_off()
    return figure


def mistakes(results: dict, data: Path) -> Image.Image:
    """Lay out the misread MNIST test digits, the most confident first, captioned "label > answer"."""
    glyphs, _ = mnist(data / "data", train=False)
    worst = results["world"]["mnist test"]["mistakes"][:SHOWN]
    captioned = [(glyphs[i, 0].numpy(), f"{label} > {answer}") for i, label, answer, _ in worst]
    return contact_sheet(captioned, columns=10).convert("L")


def styles() -> Image.Image:
    """Lay out the shapes that our simulated pen draws: digits first, then non-digits."""
    torch.manual_seed(0)
    shapes = [(str(digit), shape) for digit, some in AMONG_OTHERS.items() for shape in some]
    shapes += [("-", shape) for shape in OTHERS]
    glyphs = augment(apply_pens(torch.cat([draw_shape(shape, 1) for _, shape in shapes])))[:, 0].numpy()
    return contact_sheet(zip(glyphs, [label for label, _ in shapes], strict=True), columns=20).convert("L")


def scenes(data: Path) -> Image.Image:
    """Lay out training scenes of the finder."""
    torch.manual_seed(0)
    glyphs, labels = mnist(data / "data", train=True, limit=FEW)
    pictures, _ = Scenes(glyphs, labels, per_shape=4)(torch.arange(ROWS * COLUMNS * DIGITS_PER_SCENE) % len(labels))
    board = pictures[:, 0].numpy().reshape(ROWS, COLUMNS, SCENE_SIDE, SCENE_SIDE).swapaxes(1, 2)
    return Image.fromarray(np.uint8(255 * board.reshape(ROWS * SCENE_SIDE, COLUMNS * SCENE_SIDE))).reduce(2)


def nuisances(results: dict) -> Figure:
    """Plot the character accuracy on sheets as light, camera and paper get worse."""
    measured = results["world"]["nuisances"]
    figure = Figure((11, 6.5), layout="constrained")
    places = figure.subplots(3, 5, sharex=True, sharey=True).flat
    for axes, (name, fractions) in zip(places, measured.items(), strict=False):
        axes.plot(STRENGTHS, [100 * fraction for fraction in fractions], marker="o", color=LINE_COLOURS["world"])
        axes.set(title=name, ylim=(0, 102))
    for axes in places[len(measured) :]:
        axes.set_axis_off()
    figure.supxlabel("strength")
    figure.supylabel("characters read correctly, %")
    return figure


def draw_all(results: dict, cards: dict[str, dict], reference: nn.Sequential, data: Path) -> dict:
    """Draw all PICTURES: Figure or Image by name."""
    drawn = curves(cards), confusion(results), reliability(results), scores(results), layers(reference)
    return dict(
        zip(PICTURES, (*drawn, nuisances(results), mistakes(results, data), styles(), scenes(data)), strict=True)
    )
