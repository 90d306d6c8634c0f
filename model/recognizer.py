"""Recognizer: image -> Prediction or Page."""

import copy
import functools
import os
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean

import numpy as np
import torch
from torch import nn

from model import weights
from model.adaptation import Adapted
from model.confidence import calibration_of, probabilities, tempered
from model.corrections import load as load_corrections
from model.finder import Mark
from model.fusion import fuse
from model.glyph import SIDE, frame_all
from model.images import Source, decoded
from model.ink import Components, connected_components, ink
from model.networks import NETWORKS, NO_DIGIT, SIGNS, digit_scores, folded
from model.numbers import EPSILON
from model.orientation import oriented
from model.page import Item, Page, page_of
from model.prediction import Prediction, blank
from model.proposals import LIKELY, SAME_MARK_IOU, iou, propose
from model.rereading import UNLEARNED, reread
from model.suppression import non_maximum_suppression, with_signs, without_specks
from model.test_time_augmentation import predict_augmented
from model.touching import as_items, fragments, split_touching, wide_components
from model.whole_numbers import whole_readings

PAGE_SIDE = 1600  # pixels; larger pictures are reduced before detection
BATCH_SIZE = 128  # glyphs per batch, which bounds memory
SURE = 0.8  # confidence above which a digit is not split
LIKE_DIGITS = 0.3  # minimum geometric mean of the scores of a split component's parts
LIKE_A_SIGN = 0.35  # minimum score of a sign
CERTAIN = 6.0  # logsumexp of the logits of a clear digit


class Recognizer:
    """A network together with the preprocessing that it was trained with.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10].
        card: the metadata of its weights.
        finder: the network that detects digits, folded, and its card; the shipped one if None.
        line: the line recognizer, for touching digits and whole numbers, folded; the shipped one if None.
    """

    def __init__(
        self, net: nn.Module, card: dict, finder: tuple[nn.Module, dict] | None = None, line: nn.Module | None = None
    ):
        self.net = folded(net)
        self.card = card
        self.finder = finder or _shipped("finder")
        self.line = line or _shipped("line")[0]
        self.calibration = calibration_of(card)

    @classmethod
    def load(
        cls,
        name_or_path: str | os.PathLike = "world",
        finder: tuple[nn.Module, dict] | None = None,
        corrections: str | os.PathLike | None = None,
    ) -> "Recognizer":
        """Load a shipped network by its name, or a weights file that train.py wrote by its path.

        Args:
            name_or_path: name or path of the network.
            finder: see `Recognizer`.
            corrections: folder of corrected glyphs to adapt to, such as the one that the web page fills.

        Raises:
            FileNotFoundError: the file does not exist.
            ValueError: the file is not a weights file of this project, or is damaged, or its network does not classify
                digits; or the folder holds no corrections or a damaged one.
        """
        loaded = cls(*_read(name_or_path, *NETWORKS), finder)
        return loaded.adapt(*load_corrections(Path(corrections))) if corrections else loaded

    @classmethod
    def from_pretrained(cls, repository: str | os.PathLike) -> "Recognizer":
        """Load what `python -m model.training.export --hub` uploaded; it is downloaded once, then cached.

        Args:
            repository: USER/NAME on the Hugging Face Hub, or a folder with the same files.

        Raises:
            FileNotFoundError: the repository does not exist, or the Hub cannot be reached and nothing is cached.
            ValueError: its files are not weights of this project, or are damaged.
        """
        folder = weights.fetched(repository)
        return cls(*_read(folder / weights.MAIN, *NETWORKS), _folded("finder", folder), _folded("line", folder)[0])

    def adapt(self, glyphs: np.ndarray, labels: np.ndarray) -> "Recognizer":
        """Return a recognizer that also knows these glyphs: one person's handwriting, learned at once.

        Args:
            glyphs: [N, 28, 28] float32 in [0, 1], like `Prediction.glyph`.
            labels: [N] int64, 0 to 9, or 10 for a non-digit.

        Raises:
            ValueError: there are no glyphs, the shapes or values are wrong, a label is not 0 to 10, or the network is
                neither adapted nor an nn.Sequential that ends in nn.Linear.
        """
        glyphs, labels = np.ascontiguousarray(glyphs, dtype=np.float32), np.asarray(labels)
        if labels.ndim != 1 or not len(glyphs) or glyphs.shape != (*labels.shape, SIDE, SIDE):
            raise ValueError(f"got glyphs {glyphs.shape} and labels {labels.shape}: give [N, 28, 28] and [N]")
        if not 0 <= glyphs.min() <= glyphs.max() <= 1:  # also if any is NaN
            raise ValueError(f"got glyphs from {glyphs.min():g} to {glyphs.max():g}: give ink from 0 to 1")
        if not np.isin(labels, [*range(10), NO_DIGIT]).all():
            raise ValueError(f"got labels {sorted(set(labels.tolist()))}: give 0 to 9, or {NO_DIGIT} for a non-digit")
        adapted = copy.copy(self)
        adapted.net = Adapted(self.net, torch.from_numpy(glyphs), torch.from_numpy(labels.astype(np.int64)))
        return adapted

    def read_digit(self, image: Source) -> Prediction:
        """Read the only digit in a picture, or the tallest, wherever it is and whatever its size and polarity.

        Args:
            image: a path, a PIL image or an array; see `model.images.brightness`.

        Raises:
            FileNotFoundError: the file does not exist.
            ValueError: the image cannot be read; the message says why.
        """
        page = self.read_page(image)
        if not page.marks:
            return blank()
        return max(page.marks, key=lambda mark: (mark[1].digit is not None, mark[0][3] - mark[0][1]))[1]

    def read_page(self, image: Source) -> Page:
        """Read any number of digits in a picture: none, one, a number, lines of numbers or a sheet.

        Args:
            image: a path, a PIL image or an array; see `model.images.brightness`.

        Raises:
            FileNotFoundError: the file does not exist.
            ValueError: the image cannot be read; the message says why.
        """
        tone, given = decoded(image, PAGE_SIDE)
        written, view = oriented(self._read_upright, tone)
        return page_of(written, view.of_larger(np.divide(given, tone.shape[::-1])), given)

    def _read_upright(self, tone: np.ndarray, confident_only: bool = False) -> list[Item]:
        """Read brightness [H, W] as it stands: mark by mark and, unless `confident_only`, numbers as a whole too."""
        kept, components = self.read_mark_by_mark(tone, confident_only)
        if components is None:
            return kept
        weights, fusion = UNLEARNED | self.finder[1].get("number_weights", {}), self.finder[1]["fusion"]
        again = whole_readings(self.line, kept, components)
        return reread(kept, again, weights, lambda parts: self.read_marks(parts, fusion))

    def read_mark_by_mark(self, tone: np.ndarray, confident_only: bool = False) -> tuple[list[Item], Components | None]:
        """Detect and classify marks; also return the components of ink, or None if `confident_only`."""
        finder, card = self.finder
        components = None if confident_only else connected_components(ink(tone, max(tone.shape)))
        marks = propose(finder, tone, components)
        digits = [mark for mark in marks if mark.kind == "digit"]
        read = [
            Item(mark, reading, reading.digit is not None or mark.score >= LIKELY)
            for mark, reading in zip(digits, self.read_marks(digits, card["fusion"]), strict=True)
        ]
        signs = [mark for mark in marks if mark.kind in SIGNS and mark.score >= LIKE_A_SIGN]
        kept = non_maximum_suppression(read, signs)
        if components:
            parts = fragments(components, [one.mark for one in kept if one.digit is not None])
            if parts:
                read = [one.as_non_digit() if one.mark in parts else one for one in read]
                kept = non_maximum_suppression(read, signs)
            kept = self._with_touching_split(kept, components, card)
        return with_signs(without_specks(kept), signs), components

    def _with_touching_split(self, kept: list[Item], components: Components, card: dict) -> list[Item]:
        """Split connected ink into the digits that the network `line` reads in it, unless they look like non-digits."""
        before = kept
        for corner, piece, within in wide_components(components, [one.mark for one in before]):
            now = [before[i] for i in within]
            surest = max(now, key=lambda one: one.mark.score)
            whole = np.array([*corner, *np.add(corner, piece.shape[::-1])])
            if surest.prediction.confidence > SURE and iou(np.array(surest.box), whole) > SAME_MARK_IOU:
                continue
            parts = [
                replace(part, score=(part.score + surest.mark.score) / 2, around=surest.mark.around)
                for part in split_touching(self.line, piece, corner)
            ]
            digits = [part for part in parts if part.kind == "digit"]
            readings = self.read_marks(digits, card["fusion"])
            if digits and geometric_mean(max(one.score, EPSILON) for one in readings) > LIKE_DIGITS:
                kept = [one for one in kept if one not in now] + as_items(parts, readings)
        return kept

    @torch.inference_mode()
    def read_marks(self, marks: list[Mark], fusion: list[float]) -> list[Prediction]:
        """Classify marks: fuse this network's output for the glyph of each with the finder's.

        Args:
            marks: digits, as the finder detected them or as they were split off.
            fusion: the weights, see `model.fusion.fuse`.
        """
        if not marks:
            return []
        glyphs = frame_all([mark.ink for mark in marks])
        logits = predict_augmented(self.net, torch.from_numpy(glyphs)[:, None], BATCH_SIZE)  # [N, 10]
        if not self.calibration["threshold"]:  # cannot reject: its logits carry no evidence about non-digits
            logits = (logits / self.calibration["temperature"]).log_softmax(dim=1) + CERTAIN
        fused = fuse(logits, marks, torch.tensor(fusion))  # [N, 11]
        fused[:, :10] = tempered(fused[:, :10], glyphs, self.calibration["thick"])
        classes, digits = fused.double().softmax(dim=1).numpy(), fused[:, :10].softmax(dim=1).numpy()
        return [
            Prediction(int(ten.argmax()), ten, float(all_[:10].max()), float(1 - all_[10]), glyph)
            if all_[10] < 0.5
            else Prediction(None, ten, 0.0, float(1 - all_[10]), glyph)
            for all_, ten, glyph in zip(classes, digits, glyphs, strict=True)
        ]

    @torch.inference_mode()
    def read_glyphs(self, glyphs: np.ndarray) -> list[Prediction]:
        """Read a batch of digits that are already framed.

        Args:
            glyphs: [N, 28, 28] float32 in [0, 1].

        Returns:
            N predictions.
        """
        batch = torch.from_numpy(np.ascontiguousarray(glyphs, dtype=np.float32))[:, None]  # [N, 1, 28, 28]
        logits = predict_augmented(self.net, batch, BATCH_SIZE)  # [N, 10]
        likely = probabilities(logits, batch[:, 0].numpy(), self.calibration).numpy()
        scores = digit_scores(logits).tolist()
        return [self._to_prediction(*one) for one in zip(likely, scores, batch[:, 0].numpy(), strict=True)]

    def _to_prediction(self, probabilities: np.ndarray, score: float, glyph: np.ndarray) -> Prediction:
        if score < self.calibration["threshold"]:
            return Prediction(None, probabilities, 0.0, score, glyph)
        digit = int(probabilities.argmax())
        return Prediction(digit, probabilities, float(probabilities[digit]), score, glyph)


def _read(name_or_path: str | os.PathLike, *networks: str) -> tuple[nn.Module, dict]:
    """Load one of the given networks, and its card."""
    net, card = weights.load(name_or_path)
    if card["network"] not in networks:
        name = os.fspath(name_or_path)
        raise ValueError(f"{name!r} holds the network {card['network']!r}: choose {' or '.join(networks)}")
    return net, card


def _folded(network: str, folder: Path | None = None) -> tuple[nn.Module, dict]:
    net, card = _read((folder or weights.SHIPPED) / f"{network}.safetensors", network)
    return folded(net), card


_shipped = functools.cache(_folded)  # a folder's files may change
