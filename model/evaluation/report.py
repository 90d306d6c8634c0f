"""python -m model.evaluation.report: write figures, the model card and the README's table from measured results.

Nothing in them is typed by hand: they come from assets/results.json, which `python -m model.evaluation.evaluate --json`
writes, and from the cards of the weights. `--check` fails if they are not current.
"""

import hashlib
import json
import sys
from argparse import ArgumentParser
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from model import weights
from model.evaluation.evaluate import REAL
from model.evaluation.figures import CLASSIFIERS, PICTURES, draw_all
from model.evaluation.tables import (
    as_learning_table,
    as_nuisance_table,
    as_page_table,
    as_rival_table,
    as_scene_table,
    as_table,
)

ROOT = Path(__file__).parent.parent.parent
RESULTS, RIVALS, FIGURES = Path("assets/results.json"), Path("assets/rivals.json"), Path("assets/figures")
TEMPLATE = Path(__file__).with_name("model_card.md")
BEGIN, END = "<!-- python -m model.evaluation.report writes this -->", "<!-- until here -->"
INDEXED = {"mnist test": ("ylecun/mnist", True), "usps": ("usps", True), "strokes": ("strokes", False)}  # for the Hub
MEASURED = "mnist test", *REAL, "learning", "sha256"  # results required of each network
PAGES = "pages", "scenes", "nuisances"  # and of `world` as well


def tables(results: dict) -> str:
    """Return the tables of the model card."""
    world = results["world"]
    sets = {
        name: {of: measures for of, measures in result.items() if of not in (*PAGES, "learning", "sha256")}
        for name, result in results.items()
    }
    pages, scenes = as_page_table({"world": world["pages"]}), as_scene_table(world["scenes"])
    learning = as_learning_table({"world": world["learning"]})
    return "\n\n".join([as_table(sets), pages, scenes, as_nuisance_table(world["nuisances"]), learning])


def model_card(results: dict, cards: dict[str, dict]) -> str:
    """Write the model card (Mitchell et al. 2019) as Markdown."""
    world, card = results["world"], cards["world"]
    letters, strokes, pages = world["letters"], world["strokes"], world["pages"]
    at_threshold = letters["refused"]["of the reader"]
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
        touching=pages["touching digits"]["exact"],
        apart=pages["separate digits"]["exact"],
        seed=card["seed"],
        epochs=card["recipe"]["epochs"],
        batch_size=card["recipe"]["batch_size"],
        kept=kept(card),
    )


def as_result(name: str, accuracy: float) -> str:
    """Format the accuracy on a set in the YAML that the Hugging Face Hub expects."""
    kind, split = INDEXED[name]
    lines = ["- task:", "    type: image-classification", "  dataset:", f"    name: {name}", f"    type: {kind}"]
    lines += ["    split: test"] * split
    lines += ["  metrics:", "  - type: accuracy", f"    value: {accuracy:.4f}"]
    return "\n".join(f"  {line}" for line in lines)


def kept(card: dict) -> str:
    """Say which epoch the weights come from."""
    shares = [epoch["validation_accuracy"] for epoch in card["history"]]
    best = max(range(len(shares)), key=lambda i: (shares[i], i))
    return f"The weights are from epoch {best + 1}: accuracy {shares[best]:.2%} on the augmented validation set."


def check(results: dict) -> None:
    """Raise ValueError if a result is missing, or was measured with weights other than those shipped."""
    for name in CLASSIFIERS:
        measures = results.get(name, {})
        if any(not measures.get(part) for part in (*MEASURED, *(PAGES if name == "world" else ()))):
            raise ValueError(f"{RESULTS} lacks sets or pages of {name}: run evaluate --json where all of eval/ is")
        current(measures["sha256"], RESULTS)


def current(digests: dict[str, str], path: Path) -> None:
    """Raise ValueError if a results file was measured with weights other than those shipped."""
    for name, digest in digests.items():
        if digest != weights.digest(name):
            raise ValueError(f"{path} is of other weights than {name}'s: measure them again, with --json")


def between(text: str, new: str) -> str:
    """Replace the text between the markers; ValueError if they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"README.md lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{new}\n\n{end}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Write the figures, model card and table, or check them; return the exit code."""
    parser = ArgumentParser(
        prog="python -m model.evaluation.report", description=__doc__.split(": ", 1)[1].split("\n")[0]
    )
    parser.add_argument("--data", type=Path, default=Path(), help="folder that holds data/MNIST")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something is not current")
    options = parser.parse_args(arguments)
    try:
        measured = (ROOT / RESULTS).read_bytes()
        results = json.loads(measured)
        loaded = {name: weights.load(weights.locate(name)) for name in CLASSIFIERS}
        cards = {name: card for name, (_, card) in loaded.items()}
        check(results)
        rivals = json.loads((ROOT / RIVALS).read_text())
        current(rivals["sha256"], RIVALS)
        texts = {"MODEL_CARD.md": model_card(results, cards)}
        texts["README.md"] = between((ROOT / "README.md").read_text(), as_rival_table(rivals["right"]))
        digest = hashlib.sha256(measured).hexdigest()
        if options.check:
            stale = [name for name, text in texts.items() if (ROOT / name).read_text() != text]
            figures = [FIGURES / f"{name}.png" for name in PICTURES]
            stale += [str(figure) for figure in figures if drawn_from(ROOT / figure) != digest]
            if stale:
                raise ValueError(f"not current: {', '.join(stale)}: run python -m model.evaluation.report")
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
    """Return the digest of the results that a figure was drawn from; None if the figure or its digest is missing."""
    if not path.exists():
        return None
    with Image.open(path) as figure:
        return figure.text.get("Source")


if __name__ == "__main__":
    sys.exit(main())
