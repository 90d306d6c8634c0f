"""Calibration of the finder: weights for judging marks and numbers, learned on digits not used for training.

`learn_fusion` and `learn_numbers` seed torch's random generator, so that their results depend on the weights alone.
"""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from tqdm import tqdm

from model.finder import Mark
from model.fusion import WEIGHTS, fuse
from model.glyph import frame_all
from model.ink import connected_components, ink
from model.networks import NEITHER, NO_DIGIT
from model.numbers import text_of, without_invalid_signs
from model.proposals import iou, propose
from model.recognizer import Recognizer
from model.rereading import AGREED, MARKS_CHOSEN, UNLEARNED, WHOLE_CHOSEN, choose_readings, evidence
from model.test_time_augmentation import predict_augmented
from model.training.camera import light
from model.training.digit_styles import AMONG_OTHERS, DIGITS
from model.training.layouts import Writer
from model.training.scenes import CLEAR, DIGITS_PER_SCENE, WHOLE, Scenes, boxes
from model.training.sheet import DIGIT_KINDS, Pools
from model.whole_numbers import CHOICE, EVERYTHING, UNSEEN, accepted, whole_readings

SCENES = 600  # synthetic scenes on which the fusion weights are learned
BESIDE = torch.tensor([-1.5])  # fixed weight of the log count of other symbols next to a mark; see `learn_fusion`
TRUST = 1 / 3  # on real pictures, the finder's scores get this fraction of the weight learned on synthetic scenes
FALSE_DIGIT_COST = 2.5  # cost of reading a digit where there is none, relative to missing a digit
NUMBERS = 7200  # synthetic sheets on which the reading of numbers is calibrated
MAX_SYMBOLS = 6  # maximum number of symbols in the numbers from which the confidence is learned
L2_PENALTY = 1e-3  # strength of L2 regularisation


@torch.inference_mode()
def candidates(
    finder: torch.nn.Module, scenes: Scenes, count: int, seed: int
) -> tuple[list[Mark], list[int], int, int]:
    """Propose marks in new scenes.

    Returns the marks, their labels (0 to 9, NO_DIGIT), how many digits can be seen, and how many are missed.

    A mark gets the label of the digit whose box it matches. Marks that overlap a digit only in part, or whose digit is
    hard to see, are left out, and so are signs and lone marks.
    """
    marks, truth, there, missed = [], [], 0, 0
    for i in range(count):
        random = np.random.default_rng([seed, i])
        tone, owner, things = scenes.scene(random, random.integers(len(scenes.pools.labels), size=DIGITS_PER_SCENE))
        box, pixels = boxes(owner, len(things))
        digits = [k for k, thing in enumerate(things) if thing[0] < DIGIT_KINDS and pixels[k]]
        clear = {k for k in digits if pixels[k] >= WHOLE * things[k][1] and things[k][2] >= CLEAR}
        found = set()
        for mark in propose(finder, tone, connected_components(ink(tone, max(tone.shape)))):
            overlap, k = max(((float(iou(np.array(mark.box), box[k])), k) for k in digits), default=(0.0, -1))
            if mark.kind != "digit" or mark.lone or (overlap > 0.3 and (overlap < 0.5 or k not in clear)):
                continue
            found |= {k} if overlap >= 0.5 else set()
            marks.append(mark)
            truth.append(things[k][0] if overlap >= 0.5 else NO_DIGIT)
        there, missed = there + len(clear), missed + len(clear - found)
    return marks, truth, there, missed


def learn_fusion(reader: Recognizer, glyphs: torch.Tensor, labels: torch.Tensor) -> dict:
    """Learn how to weight the outputs of the finder and of the glyph network when judging a mark.

    The finder does better on synthetic scenes than on real pictures, so its outputs get less weight than was learned:
    its digit logits get half the weight of the glyph's, and its scores for a digit and for a non-digit symbol get TRUST
    times the learned weights. Other symbols next to a mark count against a digit with the fixed weight BESIDE.

    Args:
        reader: includes the finder to calibrate.
        glyphs: [N, 1, 28, 28] float32 in [0, 1], digits that neither network was trained on.
        labels: [N] int64, 0 to 9.

    Returns:
        fusion: the weights of `model.fusion.fuse` that maximise the likelihood of the marks in new scenes.
        missed: fraction of their digits without a mark.
        right: fraction of the digit marks that are read correctly.
        invented: fraction of the non-digit marks that are not refused.
    """
    torch.manual_seed(0)
    marks, truth, there, missed = candidates(reader.finder[0], Scenes(glyphs, labels, per_shape=20), SCENES, seed=1)
    logits = predict_augmented(reader.net, torch.from_numpy(frame_all([mark.ink for mark in marks]))[:, None])
    truth = torch.tensor(truth)
    costs = torch.tensor([1.0] * DIGIT_KINDS + [FALSE_DIGIT_COST])

    def loss(weights: torch.Tensor) -> torch.Tensor:
        return cross_entropy(fuse(logits.clone(), marks, weights), truth, costs)

    def all_of(learned: torch.Tensor) -> torch.Tensor:
        return torch.cat([learned[:1], learned[:1] / 2, learned[1:], BESIDE])

    seen = TRUST * minimise(lambda learned: loss(all_of(learned)), torch.zeros(WEIGHTS - 2))[2:4]
    rest = minimise(lambda some: loss(all_of(torch.cat([some[:2], seen, some[2:]]))), torch.zeros(WEIGHTS - 4))
    weights = all_of(torch.cat([rest[:2], seen, rest[2:]]))
    answer = fuse(logits, marks, weights).argmax(dim=1)
    digits = truth != NO_DIGIT
    return {
        "fusion": weights.tolist(),
        "missed": missed / there,
        "right": (answer == truth)[digits].float().mean().item(),
        "invented": (answer != NO_DIGIT)[~digits].float().mean().item(),
    }


def learn_numbers(reader: Recognizer, glyphs: torch.Tensor, labels: torch.Tensor) -> dict[str, list[float]]:
    """Learn when to trust a number read as a whole, and how confident to be, on sheets with one number or none.

    Every other sheet is clean, like a drawing canvas, and its digits can be recognised without their neighbours. A
    sixth has clutter on and around the number, or a frame; a sixth has a letter and no number; a sixth has words,
    signs, clutter or an empty frame. The choice is learned from all of them, and a number read where there is none
    counts FALSE_DIGIT_COST times. The confidence is learned from the clean ones with at most MAX_SYMBOLS symbols:
    photographed sheets and long numbers are harder to read than most real pictures. Only for numbers left mark by mark,
    which are few, is it learned from all sheets with a number.

    Args:
        reader: includes the finder to calibrate.
        glyphs: [N, 1, 28, 28] float32 in [0, 1], digits that no network was trained on.
        labels: [N] int64, 0 to 9.

    Returns:
        choice, everything, unseen: the weights that maximise the likelihood of the correct reading where exactly one is
            correct: for one number, for all the ink of a line, and for a line in which no digit was accepted.
        agreed, taken, left: the confidence weights (Platt 1999) for numbers read the same both ways, taken as a whole,
            and left mark by mark.
    """
    torch.manual_seed(0)
    pools = [Pools(glyphs, labels, 20, shapes) for shapes in (AMONG_OTHERS, DIGITS)]
    cases: dict[str, list[tuple[list[float], bool, float]]] = {
        kind: [] for kind in (CHOICE, EVERYTHING, UNSEEN, AGREED, WHOLE_CHOSEN, MARKS_CHOSEN)
    }
    readings: list[tuple[bool, str, list[list[tuple[str, list[float], str, str]]]]] = []
    for i in tqdm(range(NUMBERS), "numbers", unit=" sheets", leave=False):
        random, clean = np.random.default_rng([2, i]), i % 2 == 0
        writer = Writer(random, pools[clean], random.integers(len(labels), size=DIGITS_PER_SCENE), 1.0)
        layout = i // 2 % 6
        if layout > 1:
            sheet, text = writer.number(clean=clean)
        else:
            sheet, text = (writer.letter(clean=clean) if layout else writer.no_number(clean=clean)), ""
        if text and min(contrast for *_, contrast in sheet.things) < CLEAR:
            continue
        if layout == 2:
            writer.clutter(sheet)
        tone = np.float32(sheet.tone if clean else light(random, sheet.tone))
        kept, components = reader.read_mark_by_mark(tone)
        again = whole_readings(reader.line, kept, components)
        some = [
            [(which, evidence(run, whole), text_of(accepted(run)), whole.text) for which, run, whole in line]
            for line in again
        ]
        readings.append((clean and len(text) <= MAX_SYMBOLS, without_invalid_signs(text), some))
    for _, text, again in readings:
        for which, given, marks, whole in itertools.chain(*again):
            if (whole == text) != (marks == text) and NEITHER not in whole:
                cases[which].append((given, whole == text, 1.0 if text else FALSE_DIGIT_COST))

    def learned(*kinds: str) -> dict[str, list[float]]:
        return {kind: _logistic(cases[kind]) if cases[kind] else list(UNLEARNED[kind]) for kind in kinds}

    weights = learned(CHOICE, EVERYTHING, UNSEEN)
    for easy, text, again in readings:
        for kind, given, marks, whole in choose_readings(again if text else [], weights):
            if easy or kind == MARKS_CHOSEN:
                cases[kind].append((given, text == (whole if kind == WHOLE_CHOSEN else marks), 1.0))
    return weights | learned(AGREED, WHOLE_CHOSEN, MARKS_CHOSEN)


def _logistic(cases: list[tuple[list[float], bool, float]]) -> list[float]:
    """Return the weights of a logistic regression: (features, truth, cost) of each case -> as many as features."""
    features, truth, cost = (torch.tensor(some, dtype=torch.float64) for some in zip(*cases, strict=True))

    def loss(weights: torch.Tensor) -> torch.Tensor:
        return binary_cross_entropy_with_logits(features @ weights, truth, cost) + L2_PENALTY * weights.square().sum()

    return minimise(loss, torch.zeros(features.shape[1], dtype=torch.float64)).tolist()


def minimise(loss: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor) -> torch.Tensor:
    """Return the parameters [N] that minimise a loss, found by L-BFGS (Liu and Nocedal 1989) from a starting point."""
    found = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([found], max_iter=200, line_search_fn="strong_wolfe")

    def again() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(found)
        value.backward()
        return value

    optimizer.step(again)
    return found.detach()
