"""Recognizer: image -> Prediction or Page."""

import functools
import os

import numpy as np
import torch
from torch import nn

from model import weights
from model.looks import look
from model.networks import NETWORKS, folded
from model.page import Page, Written, page_of, sureness
from model.pictures import Source, size
from model.prediction import Prediction, blank
from model.preprocess import glyph_of, ink
from model.ruling import without_rules
from model.segment import MARGIN, Mark, box_of, close_ups, find_lines, hang_together, take_apart, to_strip
from model.spell import rarities, spell
from model.straighten import box_back, tilt, turned

PAGE_SIDE = 1600  # pixels; a longer picture of a page is reduced before it is searched
AT_ONCE = 128  # glyphs that go through the network together, so that memory is bounded
FEW, MANY = 4, 150  # marks on a page that may be turned by a quarter: fewer do not show it, more are rather print
BESIDE = (
    0.5  # how much the line counts beside a whole glyph, since both see the same; of a digit cut out it alone counts
)
SURE = 0.9  # mean confidence from which on a page is taken to be upright
SURER, TURNED = 0.1, 0.7  # by how much it must be higher, and at least how high, for a page to be turned
PIECES = 3  # symbols that may be pieces of one digit, if they are all that a picture holds
WHOLE = 0.9  # confidence and score from which on such pieces are that digit

Spelled = tuple[str, list[Mark], np.ndarray, float]  # a symbol, its marks, evidence for each digit, 1 if none was cut

UNCALIBRATED = {"temperature": 1.0, "threshold": 0.0}  # the softmax as it is, and everything taken for a digit


class Recognizer:
    """A network together with the preprocessing that it was trained behind.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10].
        card: what is known about its weights.
    """

    def __init__(self, net: nn.Module, card: dict):
        self.net = folded(net)
        self.card = card
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

    def read_digit(self, image: Source) -> Prediction:
        """Read a picture that holds one digit, anywhere, of any size, dark on light or light on dark.

        Args:
            image: a path, a PIL image or an array; see `model.pictures.brightness`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no picture that can be read; the sentence says why.
        """
        glyph = glyph_of(image)
        return blank() if glyph is None else self.read_glyphs(glyph[None])[0]

    def read_page(self, image: Source) -> Page:
        """Read a picture that may hold many digits: numbers, lines of numbers, a sheet of paper.

        Args:
            image: a path, a PIL image or an array; see `model.pictures.brightness`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no picture that can be read; the sentence says why.
        """
        page = without_rules(ink(image, PAGE_SIDE))
        lines, turn = find_lines(page), np.eye(2, 3)
        written = self._written(lines)
        askew = tilt(page, lines)
        turns = [askew] if askew else []
        if FEW <= sum(map(len, written)) <= MANY and sureness(written) < SURE:  # on its side, or on its head
            turns += [askew + 90, askew + 180, askew + 270]
        for degrees in turns:
            straight, back = turned(page, degrees)
            other = self._written(find_lines(without_rules(straight)))
            enough = sureness(written) if degrees == askew else max(TURNED, sureness(written) + SURER)
            if sureness(other) > enough:
                written, turn = other, back
        across, down = (given / seen for given, seen in zip(size(image), page.shape[::-1], strict=True))
        return page_of(written, lambda box: box_back(box, turn, across, down))

    def _written(self, lines: list[list[Mark]]) -> list[list[Written]]:
        """Read lines: what the network `line` says is there, together with what this network says of each glyph."""
        strips, scales = zip(*map(to_strip, lines), strict=True) if lines else ((), ())
        found: list[list[Spelled]] = []
        for line, scale, symbols in zip(lines, scales, spell(_speller(), strips), strict=True):
            left = box_of(line)[0]
            parts, rest = take_apart(line, [left + (symbol.column - MARGIN) / scale for symbol in symbols])
            marks = []
            for symbol, part, rare in zip(symbols, parts, rarities(symbols), strict=True):
                if part:
                    whole = all(mark in line for mark in part)
                    evidence = symbol.evidence(rare) * (BESIDE if whole else 1)
                    marks.append((symbol.text, part, evidence, float(whole)))
            marks += [("#", [mark], np.zeros(10, np.float32), 1.0) for mark in rest]
            found.append(sorted(marks, key=lambda mark: sum(box_of(mark[1])[::2])))
        if not any(found):
            return []
        _, parts, evidence, whole = zip(*(mark for line in found for mark in line), strict=True)
        everything = [mark for line in lines for mark in line]
        knows_none = self.calibration["threshold"] > 0  # a network that does not takes any two digits for one
        if knows_none and 1 < len(parts) <= PIECES and hang_together(everything):
            one = self.read_glyphs(close_ups([everything]))[0]
            if min(one.score, one.confidence) > WHOLE:  # so it is a digit: what is none has no confidence
                return [[(str(one.digit), box_of(everything), one)]]
        readings = iter(self.read_glyphs(close_ups(parts), np.stack(evidence), np.float32(whole)))
        return [[(mark[0], box_of(mark[1]), next(readings)) for mark in line] for line in found if line]

    @torch.inference_mode()
    def read_glyphs(
        self, glyphs: np.ndarray, evidence: np.ndarray | float = 0.0, trust: np.ndarray | float = 1.0
    ) -> list[Prediction]:
        """Read digits that are framed already, many at once.

        Args:
            glyphs: [N, 28, 28] float32 in [0, 1].
            evidence: [N, 10] float32, what else is known of each: logits that are added to those of the network.
            trust: [N] float32, what those of the network are multiplied with.

        Returns:
            N predictions.
        """
        batch = torch.from_numpy(np.ascontiguousarray(glyphs, dtype=np.float32))[:, None]  # [N, 1, 28, 28]
        logits = look(self.net, batch, AT_ONCE)  # [N, 10]
        logits = logits * torch.as_tensor(trust)[..., None] + torch.as_tensor(evidence)
        probabilities = (logits / self.calibration["temperature"]).softmax(dim=1).numpy()
        scores = digit_scores(logits).tolist()
        return [self._judge(*one) for one in zip(probabilities, scores, batch[:, 0].numpy(), strict=True)]

    def _judge(self, probabilities: np.ndarray, score: float, glyph: np.ndarray) -> Prediction:
        if score < self.calibration["threshold"]:
            return Prediction(None, probabilities, 0.0, score, glyph)
        digit = int(probabilities.argmax())
        return Prediction(digit, probabilities, float(probabilities[digit]), score, glyph)


@functools.cache
def _speller() -> nn.Module:
    return folded(weights.load(weights.locate("line"))[0])


def digit_scores(logits: torch.Tensor) -> torch.Tensor:
    """Return how digit-like each glyph is: logits [N, 10] -> [N] float64 in [0, 1].

    It is the share of the ten digits against an eleventh class "no digit" whose logit is always 0, and so grows with
    the energy score of Liu et al. (2020).
    """
    return logits.double().logsumexp(dim=1).sigmoid()
