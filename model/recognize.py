"""Recognizer: image -> Prediction or Page."""

import functools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import geometric_mean

import numpy as np
import torch
from torch import nn

from model import weights
from model.apart import crowds, fragments, take_apart
from model.finder import Box, Mark, reduced
from model.fusion import fuse
from model.looks import look
from model.networks import NETWORKS, SIGNS, folded
from model.numbers import EXTREME, logit, number_of, runs, text_of
from model.page import Page, Written, in_lines, without_notes
from model.pictures import Source, decoded
from model.prediction import Prediction, blank
from model.preprocess import Pieces, connected, frame, ink
from model.proposals import LIKE_A_MARK, LIKELY, OVERLAP, covered, propose, shared
from model.upright import box_back, flat, seen, sheet, turn

PAGE_SIDE = 1600  # pixels; a longer picture is reduced before it is searched
TURNING_SIDE = 640  # pixels; how long it is when it is only to be found out which way is up
AT_ONCE = 128  # glyphs that go through the network together, so that memory is bounded
CLOSE_UP = 64  # pixels: a digit longer than that is reduced before it is framed
SURE = 0.8  # confidence from which on a digit is not taken apart
LIKE_DIGITS = 0.3  # score, on average, that the parts of what is taken apart must have
MARKS = 3  # or pieces of ink, that show which way up a small picture is; of a large one a single mark is enough
BETTER = 1.5  # digits more that a picture must show when it is turned
TURNED = 0.8  # and how sure of them it must be, on average
LARGER, FAR = 2.0, 100.0  # how much the logarithm of its size speaks for a mark; for a digit before what is none
SPECK = 0.075  # of the tallest digit: one that is lower must be as sure
LIKE_A_SIGN = 0.35  # score from which on a mark is a sign, if it stands among digits
LOW = 0.5  # of the tallest digit: a sign may be mistaken for a digit so high
TURNS = range(45, 360, 45)  # degrees
CERTAIN = 6.0  # what the logits of a plain digit come to
UNCALIBRATED = {"temperature": 1.0, "threshold": 0.0}  # the softmax as it is, and everything taken for a digit


@dataclass(frozen=True, eq=False)
class View:
    """A picture as it is read: laid flat, turned.

    Attributes:
        matrix: [3, 3], from the picture to the view, in pixels.
        size: width and height.
        corners: of the sheet in the picture that is laid flat, [4, 2], or None.
        degrees: by which it is turned anticlockwise.
    """

    matrix: np.ndarray
    size: tuple[int, int]
    corners: np.ndarray | None = None
    degrees: float = 0.0

    def turned(self, degrees: float) -> "View":
        """Return this view turned anticlockwise."""
        matrix, size = turn(degrees, self.size)
        return View(matrix @ self.matrix, size, self.corners, self.degrees + degrees)

    def of_larger(self, by: np.ndarray) -> "View":
        """Return the same view of a picture that is so many times larger, across and down."""
        corners = None if self.corners is None else self.corners * by
        return replace(self, matrix=self.matrix @ np.diag([*(1 / by), 1]), corners=corners)

    def enlarged(self, by: float) -> "View":
        """Return this view, so many times as large."""
        return replace(self, matrix=np.diag([by, by, 1]) @ self.matrix, size=tuple(round(n * by) for n in self.size))

    def of(self, tone: np.ndarray) -> np.ndarray:
        """Return the picture as it looks so."""
        return seen(tone, self.matrix, self.size)


class Recognizer:
    """A network together with the preprocessing that it was trained behind.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10].
        card: what is known about its weights.
        finder: the network that finds digits, folded, and its card; the shipped one if None.
        line: the network that spells digits that touch, folded; the shipped one if None.
    """

    def __init__(
        self,
        net: nn.Module,
        card: dict,
        finder: tuple[nn.Module, dict] | None = None,
        line: nn.Module | None = None,
    ):
        self.net = folded(net)
        self.card = card
        self.finder = finder or _shipped("finder")
        self.line = line or _shipped("line")[0]
        self.calibration = card.get("calibration", UNCALIBRATED)

    @classmethod
    def load(
        cls, name_or_path: str | os.PathLike = "world", finder: tuple[nn.Module, dict] | None = None
    ) -> "Recognizer":
        """Load a shipped network by its name, or any weights file that train.py wrote by its path.

        Args:
            name_or_path: of the network.
            finder: see `Recognizer`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no weights file of this project, or is damaged, or its network reads no digits.
        """
        net, card = weights.load(weights.locate(name_or_path))
        if card["network"] not in NETWORKS:
            name = os.fspath(name_or_path)
            raise ValueError(f"{name!r} holds the network {card['network']!r}: give one of {' or '.join(NETWORKS)}")
        return cls(net, card, finder)

    @classmethod
    def from_pretrained(cls, repository: str | os.PathLike) -> "Recognizer":
        """Load what `python -m model.training.export --hub` has uploaded; it is fetched once, and then kept.

        Args:
            repository: USER/NAME of the Hugging Face Hub, or a folder with the same files.

        Raises:
            FileNotFoundError: there is no such repository, or the Hub cannot be reached.
            ValueError: its files are no weights of this project, or are damaged.
        """
        folder = weights.fetched(repository)
        net, card = weights.load(folder / weights.MAIN)
        return cls(net, card, _read(folder / "finder.safetensors"), _read(folder / "line.safetensors")[0])

    def read_digit(self, image: Source) -> Prediction:
        """Read a picture that holds one digit, anywhere, of any size, dark on light or light on dark.

        Args:
            image: a path, a PIL image or an array; see `model.pictures.brightness`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no picture that can be read; the sentence says why.
        """
        page = self.read_page(image)
        if not page.marks:
            return blank()
        return max(page.marks, key=lambda mark: (mark[1].digit is not None, mark[0][3] - mark[0][1]))[1]

    def read_page(self, image: Source) -> Page:
        """Read a picture that may hold many digits: numbers, lines of numbers, a sheet of paper; or one, or none.

        Args:
            image: a path, a PIL image or an array; see `model.pictures.brightness`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no picture that can be read; the sentence says why.
        """
        tone, given = decoded(image, PAGE_SIDE)
        written, view = self._upright(tone)
        calibration = self.finder[1].get("numbers", (1.0, 0.0))
        return page_of(written, view.of_larger(np.divide(given, tone.shape[::-1])), given, calibration)

    def _upright(self, tone: np.ndarray) -> tuple[list[Written], View]:
        """Read a picture as it is given, or, if that is unsure, laid flat and turned so that it shows most digits."""
        given = View(np.eye(3), tone.shape[::-1])
        written = self._written(tone)
        there = sum(bool(one.likely and one.prediction) for one in written)
        if sureness(written) > TURNED and plenty(written) > there - BETTER:
            return written, given  # turned, the same marks could not show so many more
        small = reduced(tone, TURNING_SIDE)
        first, corners = View(np.eye(3), small.shape[::-1]), sheet(small)
        if corners is not None:
            laid = View(*flat(corners), corners)
            views = [laid.turned(degrees) for degrees in range(0, 360, 90)]
        elif sum(not one.mark.lone for one in written) >= (1 if small is not tone else MARKS):
            views = [first.turned(degrees) for degrees in TURNS]
        elif len(connected(ink(small, TURNING_SIDE)).boxes) > MARKS:  # something is there, and may lie on its side
            views = [first.turned(degrees) for degrees in (90, 270)]
        else:
            return written, given
        least = plenty(written if small is tone else self._written(small, surely=True)) + BETTER
        for view in views:
            shown = self._written(view.of(small), surely=True)
            if plenty(shown) > least and sureness(shown) > TURNED:
                least, first = plenty(shown), view
        if not first.degrees and first.corners is None:
            return written, given
        larger = np.divide(tone.shape[::-1], small.shape[::-1])
        best = first.of_larger(larger).enlarged(float(larger.max()))
        return self._written(best.of(tone)), best

    def _written(self, tone: np.ndarray, surely: bool = False) -> list[Written]:
        """Read brightness [H, W] in [0, 1]: what the finder finds there, and what this network says of it."""
        finder, card = self.finder
        pieces = None if surely else connected(ink(tone, max(tone.shape)))
        marks = propose(finder, tone, pieces)
        digits = [mark for mark in marks if mark.kind == "digit"]
        read = [
            Written(mark, reading, reading.digit is not None or mark.score >= LIKELY)
            for mark, reading in zip(digits, self.read_marks(digits, card["fusion"]), strict=True)
        ]
        signs = [mark for mark in marks if mark.kind in SIGNS and mark.score >= LIKE_A_SIGN]
        kept = without_repeats(read, signs)
        if pieces:
            parts = fragments(pieces, [one.mark for one in kept if one.prediction.digit is not None])
            if parts:
                kept = without_repeats([one.refused() if one.mark in parts else one for one in read], signs)
            kept = self._taken_apart(kept, pieces, card)
        return with_signs(without_specks(kept), signs)

    def _taken_apart(self, kept: list[Written], pieces: Pieces, card: dict) -> list[Written]:
        """Let the network `line` read ink that hangs together as several digits, unless its digits look like none."""
        before = kept
        for corner, piece, within in crowds(pieces, [one.mark for one in before]):
            now = [before[i] for i in within]
            surest = max(now, key=lambda one: one.mark.score)
            whole = np.array([*corner, *np.add(corner, piece.shape[::-1])])
            if surest.prediction.confidence > SURE and shared(np.array(surest.box), whole) > LIKE_A_MARK:
                continue
            parts = [
                replace(part, score=(part.score + surest.mark.score) / 2, around=surest.mark.around)
                for part in take_apart(self.line, piece, corner)
            ]
            digits = [part for part in parts if part.kind == "digit"]
            readings = self.read_marks(digits, card["fusion"])
            if digits and geometric_mean(max(one.score, EXTREME) for one in readings) > LIKE_DIGITS:
                apart = [Written(*one, True) for one in zip(digits, map(as_spelt, digits, readings), strict=True)]
                apart += [Written(part, None, True) for part in parts if part.kind != "digit"]
                kept = [one for one in kept if one not in now] + apart
        return kept

    @torch.inference_mode()
    def read_marks(self, marks: list[Mark], fusion: list[float]) -> list[Prediction]:
        """Read marks: what this network says of the glyph of each, together with what the finder says.

        Args:
            marks: digits, as the finder takes them.
            fusion: how much each says, see `model.fusion.fuse`.
        """
        if not marks:
            return []
        glyphs = close_ups([mark.ink for mark in marks])
        logits = look(self.net, torch.from_numpy(glyphs)[:, None], AT_ONCE)  # [N, 10]
        if not self.calibration["threshold"]:  # it cannot refuse: its logits carry no evidence about non-digits
            logits = (logits / self.calibration["temperature"]).log_softmax(dim=1) + CERTAIN
        fused = fuse(logits, marks, torch.tensor(fusion))  # [N, 11]
        shares, probabilities = fused.double().softmax(dim=1).numpy(), fused[:, :10].softmax(dim=1).numpy()
        return [
            Prediction(int(ten.argmax()), ten, float(all_[:10].max()), float(1 - all_[10]), glyph)
            if all_[10] < 0.5
            else Prediction(None, ten, 0.0, float(1 - all_[10]), glyph)
            for all_, ten, glyph in zip(shares, probabilities, glyphs, strict=True)
        ]

    @torch.inference_mode()
    def read_glyphs(self, glyphs: np.ndarray) -> list[Prediction]:
        """Read digits that are framed already, many at once.

        Args:
            glyphs: [N, 28, 28] float32 in [0, 1].

        Returns:
            N predictions.
        """
        batch = torch.from_numpy(np.ascontiguousarray(glyphs, dtype=np.float32))[:, None]  # [N, 1, 28, 28]
        logits = look(self.net, batch, AT_ONCE)  # [N, 10]
        probabilities = (logits / self.calibration["temperature"]).softmax(dim=1).numpy()
        scores = digit_scores(logits).tolist()
        return [self._judge(*one) for one in zip(probabilities, scores, batch[:, 0].numpy(), strict=True)]

    def _judge(self, probabilities: np.ndarray, score: float, glyph: np.ndarray) -> Prediction:
        if score < self.calibration["threshold"]:
            return Prediction(None, probabilities, 0.0, score, glyph)
        digit = int(probabilities.argmax())
        return Prediction(digit, probabilities, float(probabilities[digit]), score, glyph)


def _read(path: Path) -> tuple[nn.Module, dict]:
    net, card = weights.load(path)
    return folded(net), card


@functools.cache
def _shipped(name: str) -> tuple[nn.Module, dict]:
    return _read(weights.locate(name))


def as_spelt(mark: Mark, reading: Prediction) -> Prediction:
    """Return the reading of a digit that has been taken apart: the network that saw the whole number knows best."""
    shares = np.exp(mark.logits - np.logaddexp.reduce(mark.logits))
    digit, score = int(shares.argmax()), max(reading.score, mark.score)
    return replace(reading, digit=digit, probabilities=shares, confidence=score * float(shares[digit]), score=score)


def close_ups(inks: list[np.ndarray]) -> np.ndarray:
    """Frame digits of all sizes, each [h, w] float32 in [0, 1]: [N, 28, 28] float32 in [0, 1]."""
    board = np.zeros((len(inks), CLOSE_UP, CLOSE_UP), np.float32)
    for place, digit in zip(board, inks, strict=True):
        digit = reduced(digit, CLOSE_UP)
        place[: digit.shape[0], : digit.shape[1]] = digit / max(float(digit.max()), 1e-6)
    return frame(board)


def without_repeats(read: list[Written], signs: Sequence[Mark] = ()) -> list[Written]:
    """Keep one reading of each digit: non-maximum suppression, in which a whole digit comes before its parts.

    Larger marks come first, and digits before non-digits. A digit gives way to two smaller ones, or to a smaller one
    and a sign, in its place if the finder is surer of both.
    """
    if not read:
        return []
    boxes = np.array([one.box for one in read])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    score = np.array([one.prediction.score for one in read]).clip(1e-9, 1 - 1e-9)
    is_digit = np.array([one.prediction.digit is not None for one in read])
    seen = np.array([one.mark.score for one in read])
    rank = np.log(score / (1 - score)) + np.where(is_digit, LARGER * np.log(areas), -FAR)
    likely_signs = np.array([sign.box for sign in signs if sign.score >= LIKELY]).reshape(-1, 4)
    kept: list[int] = []
    for i in np.argsort(-rank, kind="stable").tolist():
        if covered(boxes[i], boxes[kept]).any():
            continue
        within = is_digit & covered(boxes[i], boxes) & (np.arange(len(read)) != i)
        surer = list(boxes[within & (seen > seen[i])])
        beside = boxes[within & (seen >= seen[i]) & (areas < areas[i])]
        for sign in likely_signs[covered(boxes[i], likely_signs)]:
            surer += [sign, *[box for box in beside if not covered(sign, box[None]).any()][:1]]
        if not any(are_two(box, other) for box, other in combinations(surer, 2)):
            kept.append(i)
    return [read[i] for i in kept]


def are_two(a: np.ndarray, b: np.ndarray) -> bool:
    """Say whether boxes, (left, top, right, bottom), are of two symbols; two that meet one above the other are not."""
    across, down = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    below = across > OVERLAP * min(a[2] - a[0], b[2] - b[0])
    return not covered(a, b[None]).any() and not (below and down > 0)


def without_specks(kept: list[Written]) -> list[Written]:
    """Leave out specks and print that are read as digits: far lower than a digit that is surer."""
    digits = [one for one in kept if one.prediction and one.prediction.digit is not None]
    if not digits:
        return kept
    tallest = max(digits, key=lambda one: one.height)
    least, sure = SPECK * tallest.height, tallest.prediction.confidence
    specks = [one for one in digits if one.height < least and one.prediction.confidence < sure]
    return [one for one in kept if one not in specks]


def with_signs(kept: list[Written], signs: list[Mark]) -> list[Written]:
    """Add signs to what is kept: whole ones before their parts.

    A sign within a digit is a part of it. What is both is a sign if the finder is surer of that, or if it is as low as
    no digit beside it.
    """
    areas = [(mark.box[2] - mark.box[0]) * (mark.box[3] - mark.box[1]) for mark in signs]
    rank = [logit(mark.score) + LARGER * math.log(max(area, 1.0)) for mark, area in zip(signs, areas, strict=True)]
    tallest = max((one.height for one in kept if one.likely and one.prediction), default=0.0)
    for i in sorted(range(len(signs)), key=lambda i: -rank[i]):
        box = np.array(signs[i].box)
        near = [one for one in kept if one.likely and covered(box, np.array([one.box])).any()]
        same = [one for one in near if one.prediction and shared(box, np.array(one.box)) >= LIKE_A_MARK]
        loses = [one for one in same if one.mark.score < signs[i].score or one.height < LOW * tallest]
        others = [one for one in kept if one.likely and one.prediction and one not in same]
        if len(near) == len(loses) and (others or not same):
            kept = [*(one for one in kept if one not in same), Written(signs[i], None, True)]
    return kept


def sureness(written: list[Written]) -> float:
    """Return how sure the digits are on average, in [0, 1]; what the finder takes for one and is none is not sure."""
    digits = [one.prediction.confidence for one in written if one.likely and one.prediction]
    return sum(digits) / max(1, len(digits))


def plenty(written: list[Written]) -> float:
    """Return how many digits there are, each as far as it is more likely right than wrong; what is none counts less."""
    return sum(2 * one.prediction.confidence - 1 for one in written if one.likely and one.prediction)


def page_of(
    written: list[Written], view: View, size: tuple[int, int], calibration: Sequence[float] = (1.0, 0.0)
) -> Page:
    """Make a page of what is written in a view of a picture.

    Args:
        written: digits and signs, in pixels of the view.
        view: how the picture was read.
        size: width and height of the picture.
        calibration: of the confidence of a number, see `model.numbers.number_of`.
    """
    some = [one for one in written if one.likely]
    if not any(one.prediction for one in some):
        some = written[:1]
    lines = in_lines(some)
    noted = without_notes(some)
    back = np.linalg.inv(view.matrix)
    marks = [[(box_back(one.box, back, size), one.prediction) for one in line if one.prediction] for line in lines]
    numbers = [runs(line) for line in (lines if noted is some else in_lines(noted))]
    text = "\n".join(" ".join(map(text_of, line)) for line in numbers if line)
    each = [number_of(run, box_back(around(run), back, size), calibration) for line in numbers for run in line]
    corners = () if view.corners is None else tuple(map(tuple, view.corners.tolist()))
    return Page(marks, text, tuple(each), corners, view.degrees)


def around(written: list[Written]) -> Box:
    """Return the box (left, top, right, bottom) about what is written."""
    boxes = np.array([one.box for one in written])
    return tuple([*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()])


def digit_scores(logits: torch.Tensor) -> torch.Tensor:
    """Return how digit-like each glyph is: logits [N, 10] -> [N] float64 in [0, 1].

    It is the share of the ten digits against an eleventh class "no digit" whose logit is always 0, and so grows with
    the energy score of Liu et al. (2020).
    """
    return logits.double().logsumexp(dim=1).sigmoid()
