"""Recognizer: image -> Prediction or Page."""

import functools
import os
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from torch import nn

from model import weights
from model.apart import crowds, fragments, take_apart
from model.finder import Mark, reduced
from model.fusion import fuse
from model.looks import look
from model.networks import NETWORKS, folded
from model.page import SIGNS, Page, Written, in_lines, text_of, without_notes
from model.pictures import Source, decoded
from model.prediction import Prediction, blank
from model.preprocess import Pieces, connected, frame, ink
from model.proposals import LIKELY, propose
from model.upright import box_back, flat, seen, sheet, turn

PAGE_SIDE = 1600  # pixels; a longer picture is reduced before it is searched
TURNING_SIDE = 640  # pixels; how long it is when it is only to be found out which way is up
AT_ONCE = 128  # glyphs that go through the network together, so that memory is bounded
CLOSE_UP = 64  # pixels: a digit longer than that is reduced before it is framed
UPRIGHT = 0.95  # mean confidence from which on a picture is taken to be upright
MARKS = 3  # or pieces of ink, that show which way up a small picture is; of a large one a single mark is enough
BETTER = 1.5  # digits more that a picture must show when it is turned
TURNED = 0.8  # mean confidence from which on it may be turned
OVERLAP = 0.5  # share of the smaller of two boxes from which on they cover the same digit
LARGER, FAR = 2.0, 100.0  # how much the logarithm of its size speaks for a mark; for a digit before what is none
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
    def load(cls, name_or_path: str | os.PathLike = "world") -> "Recognizer":
        """Load a shipped network by its name, or any weights file that train.py wrote by its path.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no weights file of this project, or is damaged, or its network reads no digits.
        """
        net, card = weights.load(weights.locate(name_or_path))
        if card["network"] not in NETWORKS:
            name = os.fspath(name_or_path)
            raise ValueError(f"{name!r} holds the network {card['network']!r}: give one of {' or '.join(NETWORKS)}")
        return cls(net, card)

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
        return page_of(written, view.of_larger(np.divide(given, tone.shape[::-1])), given)

    def _upright(self, tone: np.ndarray) -> tuple[list[Written], View]:
        """Read a picture as it is given, or, if that is unsure, laid flat and turned so that it shows most digits."""
        given = View(np.eye(3), tone.shape[::-1])
        written = self._written(tone)
        if sureness(written) >= UPRIGHT:
            return written, given
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
        kept = without_repeats(read)
        if pieces:
            parts = fragments(pieces, [one.mark for one in kept if one.prediction.digit is not None])
            if parts:
                kept = without_repeats([one.refused() if one.mark in parts else one for one in read])
            kept = self._taken_apart(kept, pieces, card)
        boxes = [one.box for one in kept if one.likely]
        for sign in sorted((mark for mark in marks if mark.kind in SIGNS), key=lambda mark: -mark.score):
            if sign.score >= LIKELY and not covered(np.array(sign.box), np.array(boxes).reshape(-1, 4)):
                boxes.append(sign.box)
                kept.append(Written(sign, None, True))
        return kept

    def _taken_apart(self, kept: list[Written], pieces: Pieces, card: dict) -> list[Written]:
        """Read ink that hangs together as several digits where that gives more, and surer, digits."""
        before = kept
        for corner, piece, within in crowds(pieces, [one.mark for one in before]):
            now = [before[i] for i in within]
            if len(now) == 1 and now[0].prediction.confidence > UPRIGHT:
                continue
            surest = max((one.mark for one in now), key=lambda mark: mark.score)
            parts = [
                replace(part, score=(part.score + surest.score) / 2, around=surest.around)
                for part in take_apart(self.line, piece, corner)
            ]
            readings = zip(parts, self.read_marks(parts, card["fusion"]), strict=True)
            apart = [Written(part, reading, True) for part, reading in readings]
            if apart and plenty(apart) > plenty(now):
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
            logits = logits.log_softmax(dim=1) + CERTAIN
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


def close_ups(inks: list[np.ndarray]) -> np.ndarray:
    """Frame digits of all sizes, each [h, w] float32 in [0, 1]: [N, 28, 28] float32 in [0, 1]."""
    board = np.zeros((len(inks), CLOSE_UP, CLOSE_UP), np.float32)
    for place, digit in zip(board, inks, strict=True):
        digit = reduced(digit, CLOSE_UP)
        place[: digit.shape[0], : digit.shape[1]] = digit / max(float(digit.max()), 1e-6)
    return frame(board)


def without_repeats(read: list[Written]) -> list[Written]:
    """Keep one reading of each digit: non-maximum suppression, in which a whole digit comes before its parts.

    Larger marks come first, and digits before non-digits. A digit gives way to two smaller ones in its place if the
    finder is surer of both.
    """
    if not read:
        return []
    boxes = np.array([one.box for one in read])
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    score = np.array([one.prediction.score for one in read]).clip(1e-9, 1 - 1e-9)
    is_digit = np.array([one.prediction.digit is not None for one in read])
    seen = np.array([one.mark.score for one in read])
    rank = np.log(score / (1 - score)) + np.where(is_digit, LARGER * np.log(areas), -FAR)
    kept: list[int] = []
    for i in np.argsort(-rank, kind="stable").tolist():
        if covered(boxes[i], boxes[kept]):
            continue
        surer = [boxes[k] for k in np.flatnonzero(is_digit & (seen > seen[i])) if covered(boxes[k], boxes[i : i + 1])]
        if all(covered(box, np.array([other])) for box, other in combinations(surer, 2)):
            kept.append(i)
    return [read[i] for i in kept]


def covered(box: np.ndarray, boxes: np.ndarray) -> bool:
    """Say whether a box [4] has half of the smaller in common with any of others [N, 4]."""
    common = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(0).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return bool((common > OVERLAP * np.minimum(areas, (box[2:] - box[:2]).prod())).any())


def sureness(written: list[Written]) -> float:
    """Return how sure the digits are on average, in [0, 1]; what the finder takes for one and is none is not sure."""
    digits = [one.prediction.confidence for one in written if one.likely and one.prediction]
    return sum(digits) / max(1, len(digits))


def plenty(written: list[Written]) -> float:
    """Return how many digits there are, each as far as it is more likely right than wrong; what is none counts less."""
    return sum(2 * one.prediction.confidence - 1 for one in written if one.likely and one.prediction)


def page_of(written: list[Written], view: View, size: tuple[int, int]) -> Page:
    """Make a page of what is written in a view of a picture, (width, height) pixels large."""
    some = [one for one in written if one.likely]
    if not any(one.prediction for one in some):
        some = written[:1]
    lines = in_lines(some)
    noted = without_notes(some)
    texts = [text_of(line) for line in (lines if noted is some else in_lines(noted))]
    back = np.linalg.inv(view.matrix)
    marks = [[(box_back(one.box, back, size), one.prediction) for one in line if one.prediction] for line in lines]
    corners = () if view.corners is None else tuple(map(tuple, view.corners.tolist()))
    return Page(marks, "\n".join(text for text in texts if text), corners, view.degrees)


def digit_scores(logits: torch.Tensor) -> torch.Tensor:
    """Return how digit-like each glyph is: logits [N, 10] -> [N] float64 in [0, 1].

    It is the share of the ten digits against an eleventh class "no digit" whose logit is always 0, and so grows with
    the energy score of Liu et al. (2020).
    """
    return logits.double().logsumexp(dim=1).sigmoid()
