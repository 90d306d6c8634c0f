"""How much a recognizer learns about one person's handwriting from a few corrections, measured on real writers."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from model.adaptation import BANDWIDTH, STRENGTH, add_evidence
from model.evaluation.strokes import draw_somewhere
from model.glyph import frame_all
from model.ink import ink
from model.networks import digit_scores
from model.recognizer import Recognizer
from model.test_time_augmentation import predict_augmented
from model.training.calibrate import KEPT

MIN_DIGITS = 20  # minimum number of digits by a writer
CORRECTIONS = 0, 1, 3, 10  # numbers of corrections of misread digits
ARBITRARY = 10  # number of corrections of random digits
DRAWS = 32  # number of random samples of digits for each writer


def glyphs_of(drawings: Sequence[dict]) -> torch.Tensor:
    """Return the glyphs of pen strokes, drawn somewhere on a canvas and framed as marks are: [N, 1, 28, 28] float32."""
    pictures = (draw_somewhere(one["strokes"], np.random.default_rng(i)) for i, one in enumerate(drawings))
    return torch.from_numpy(np.concatenate([frame_all([ink(picture, 640)]) for picture in pictures]))[:, None]


@dataclass(frozen=True, eq=False)
class WriterFeatures:
    """What a recognizer sees of drawings before any corrections.

    Attributes:
        writers: [N] who drew each digit.
        truth: [N] int64, the digits.
        logits: [N, 10].
        features: [N, F] float32, unit vectors: the inputs of the last layer.
        letters: the logits and features of drawings that are to be refused.
    """

    writers: list[str]
    truth: torch.Tensor
    logits: torch.Tensor
    features: torch.Tensor
    letters: tuple[torch.Tensor, torch.Tensor]


@torch.inference_mode()
def extract_features(recognizer: Recognizer, drawings: Sequence[dict], letters: Sequence[dict] = ()) -> WriterFeatures:
    """Compute the logits and features of drawings.

    Args:
        recognizer: its network ends in a linear layer.
        drawings: as `model.evaluation.strokes.read_strokes` yields them, with the writer of each.
        letters: drawings that are to be refused, in the same format.
    """
    truth = torch.tensor([int(one["label"]) for one in drawings])
    logits, features = logits_and_features(recognizer, glyphs_of(drawings))
    strange = logits_and_features(recognizer, glyphs_of(letters)) if letters else (logits[:0], features[:0])
    return WriterFeatures([one["writer"] for one in drawings], truth, logits, features, strange)


@torch.inference_mode()
def measure_learning(
    writers: WriterFeatures, strength: float = STRENGTH, bandwidth: float = BANDWIDTH
) -> dict[str, float]:
    """Measure the error on writers' digits before and after they correct misread or arbitrary digits.

    Args:
        writers: their digits.
        strength, bandwidth: of the evidence, see `model.adaptation`.

    Returns:
        writers, digits: their numbers, counting only writers with at least `MIN_DIGITS` digits.
        before_K, after_K: the error on a writer's other digits, before and after correcting the first K misread.
        same, fixed: misread digits whose writer has others misread in the same way; and how many of them
            are read correctly after up to three of those others are corrected.
        before_any, after_any: the error on the rest of a writer's digits, before and after `ARBITRARY` corrections.
        others: by how much the accuracy on everybody else's digits changes after up to three corrections, on average.
        others_worst: the same for the writer whose corrections harm it most.
        refused, refused_worst: by how much the fraction of refused letters changes, in the same way, at the threshold
            that `KEPT` of all digits pass before corrections; 0 if no letters are given.
    """
    truth, logits, features, (strange, likeness) = writers.truth, writers.logits, writers.features, writers.letters
    least = digit_scores(logits).quantile(1 - KEPT)
    accepted = int((digit_scores(strange) >= least).sum())
    answer = logits.argmax(1)
    wrong = answer != truth
    by: dict[str, list[int]] = defaultdict(list)
    for i, writer in enumerate(writers.writers):
        by[writer].append(i)

    def logits_after(before: torch.Tensor, inputs: torch.Tensor, known: list[int]) -> torch.Tensor:
        return add_evidence(before, inputs @ features[known].T, truth[known], strength, bandwidth)

    def errors(asked: list[int], known: list[int]) -> int:
        if not known:
            return int(wrong[asked].sum())
        now = logits_after(logits[asked], features[asked], known)
        return int((now.argmax(1) != truth[asked]).sum())

    curve = {k: np.zeros(3) for k in CORRECTIONS}
    before, after, drawn, same, fixed, changes, refused = 0, 0, 0, 0, 0, [], []
    for own in (own for own in by.values() if len(own) >= MIN_DIGITS):
        misread = [i for i in own if wrong[i]]
        for k in CORRECTIONS:
            rest = [i for i in own if i not in misread[:k]]
            curve[k] += errors(rest, []), errors(rest, misread[:k]), len(rest)
        for i in misread:
            alike = [j for j in misread if j != i and (truth[j], answer[j]) == (truth[i], answer[i])][:3]
            same, fixed = same + bool(alike), fixed + (bool(alike) and not errors([i], alike))
        for seed in range(DRAWS):
            known = random.Random(seed).sample(own, ARBITRARY)
            rest = [i for i in own if i not in known]
            before, after, drawn = before + errors(rest, []), after + errors(rest, known), drawn + len(rest)
        if misread:
            mine = set(own)
            others = [i for i in range(len(truth)) if i not in mine]
            known = misread[:3]
            changes.append((errors(others, []) - errors(others, known)) / len(others))
            still = digit_scores(logits_after(strange, likeness, known)) >= least
            refused.append((accepted - int(still.sum())) / max(1, len(strange)))
    return {
        "writers": sum(len(own) >= MIN_DIGITS for own in by.values()),
        "digits": sum(len(own) for own in by.values() if len(own) >= MIN_DIGITS),
        **{f"before_{k}": first / max(1, n) for k, (first, _, n) in curve.items()},
        **{f"after_{k}": last / max(1, n) for k, (_, last, n) in curve.items()},
        "same": same,
        "fixed": fixed,
        "before_any": before / max(1, drawn),
        "after_any": after / max(1, drawn),
        "others": sum(changes) / max(1, len(changes)),
        "others_worst": min(changes, default=0.0),
        "refused": sum(refused) / max(1, len(refused)),
        "refused_worst": min(refused, default=0.0),
    }


def logits_and_features(recognizer: Recognizer, glyphs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of glyphs [N, 10], and the inputs of the last layer, as unit vectors [N, F]."""
    before = torch.cat([recognizer.net[:-1](batch) for batch in glyphs.split(250)])
    return predict_augmented(recognizer.net, glyphs), normalize(before)
