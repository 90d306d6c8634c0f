"""How sure is sure: set a network's temperature and threshold on digits that it was not trained on."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.special import logit
from tqdm import tqdm

from model.finder import Mark
from model.fusion import WEIGHTS, fuse
from model.looks import look
from model.numbers import EXTREME
from model.preprocess import connected, ink
from model.proposals import propose, shared
from model.recognize import Recognizer, close_ups, digit_scores
from model.training.camera import lit
from model.training.layouts import TEN, Writer
from model.training.mixture import NONE, Mixture
from model.training.scenes import CLEAR, DIGITS_A_SCENE, WHOLE, Scenes, boxes

KEPT = 0.99  # share of digits that the threshold lets pass
SCENES = 600  # on which it is learned how to judge what the finder finds
OTHERS = torch.tensor([-1.5])  # how much the logarithm of the other symbols beside a mark says; see `learn_fusion`
TRUST = 1 / 3  # share of the weight of what the finder sees, learned on our own scenes, that it has on real pictures
INVENTED = 2.5  # how many times worse it is to take something for a digit than to miss one
NUMBERS = 600  # on which it is learned how sure to be of one
ROUNDS = 4  # how many times each held-back digit is seen, each time another way


def calibrate(
    net: torch.nn.Module, glyphs: torch.Tensor, labels: torch.Tensor, refuses: bool = True
) -> dict[str, float]:
    """Measure a trained network on held-back digits under the training augmentations.

    Args:
        net: on the CPU, in evaluation mode.
        glyphs: [N, 1, 28, 28] float32 in [0, 1], digits that were not trained on.
        labels: [N] int64, 0 to 9.
        refuses: it was trained to refuse what is no digit.

    Returns:
        temperature: divides the logits before the softmax (Guo et al. 2017); the likelihood of the digits is greatest.
        threshold: the least score of a digit, which `KEPT` of the digits reach; 0 for a network that refuses nothing.
        refused: share of what is no digit that stays below it, in [0, 1]; of new drawings, but of shapes that were
            trained on, so more than of real letters.
    """
    mixture = Mixture(glyphs, labels, per_shape=20)
    drawn = [mixture(torch.arange(len(labels))) for _ in range(ROUNDS)]
    truth = torch.cat([labels for _, labels in drawn])
    logits = torch.cat([look(net, batch) for batch, _ in drawn])
    digits = truth != NONE
    temperatures = torch.logspace(-0.7, 0.7, 141)
    losses = torch.stack([cross_entropy(logits[digits] / t, truth[digits]) for t in temperatures])
    scores = digit_scores(logits)
    threshold = scores[digits].quantile(1 - KEPT).item() if refuses else 0.0
    return {
        "temperature": temperatures[losses.argmin()].item(),
        "threshold": threshold,
        "refused": (scores[~digits] < threshold).float().mean().item(),
    }


@torch.inference_mode()
def candidates(
    finder: torch.nn.Module, scenes: Scenes, count: int, seed: int
) -> tuple[list[Mark], list[int], int, int]:
    """Find marks in new scenes: the marks, what each is (0 to 9, or NONE), how many digits there were and were missed.

    A mark is the digit whose box is mostly its own; what overlaps one less, or is hardly to be seen, is left out.
    """
    marks, truth, there, missed = [], [], 0, 0
    for i in range(count):
        random = np.random.default_rng([seed, i])
        tone, owner, things = scenes.scene(random, random.integers(len(scenes.pools.labels), size=DIGITS_A_SCENE))
        box, pixels = boxes(owner, len(things))
        digits = [k for k, thing in enumerate(things) if thing[0] < TEN and pixels[k]]
        clear = {k for k in digits if pixels[k] >= WHOLE * things[k][1] and things[k][2] >= CLEAR}
        found = set()
        for mark in propose(finder, tone, connected(ink(tone, max(tone.shape)))):
            iou, k = max(((float(shared(np.array(mark.box), box[k])), k) for k in digits), default=(0.0, -1))
            if mark.kind != "digit" or mark.lone or (iou > 0.3 and (iou < 0.5 or k not in clear)):
                continue
            found |= {k} if iou >= 0.5 else set()
            marks.append(mark)
            truth.append(things[k][0] if iou >= 0.5 else NONE)
        there, missed = there + len(clear), missed + len(clear - found)
    return marks, truth, there, missed


def learn_fusion(finder: torch.nn.Module, reader: Recognizer, glyphs: torch.Tensor, labels: torch.Tensor) -> dict:
    """Learn how to judge a mark by what the finder and the network that reads glyphs say of it.

    On our own scenes the finder is better than on real pictures. So what it says counts less than is learned: which
    digit it sees has half the weight of the glyph's; that it sees a digit, or another symbol, TRUST of what is learned;
    and other symbols beside a mark speak against a digit by OTHERS.

    Args:
        finder: on the CPU, in evaluation mode.
        reader: of glyphs.
        glyphs: [N, 1, 28, 28] float32 in [0, 1], digits that neither was trained on.
        labels: [N] int64, 0 to 9.

    Returns:
        fusion: the weights of `model.fusion.fuse` under which the marks of new scenes are most probable; missed: share
        of their digits without a mark; and of the marks, right: share of the digits that are read right, and invented:
        share of what is none that is not refused.
    """
    marks, truth, there, missed = candidates(finder, Scenes(glyphs, labels, per_shape=20), SCENES, seed=1)
    logits = look(reader.net, torch.from_numpy(close_ups([mark.ink for mark in marks]))[:, None])
    truth = torch.tensor(truth)
    costs = torch.tensor([1.0] * TEN + [INVENTED])

    def off(weights: torch.Tensor) -> torch.Tensor:
        return cross_entropy(fuse(logits.clone(), marks, weights), truth, costs)

    def all_of(learned: torch.Tensor) -> torch.Tensor:
        return torch.cat([learned[:1], learned[:1] / 2, learned[1:], OTHERS])

    seen = TRUST * least(lambda learned: off(all_of(learned)), torch.zeros(WEIGHTS - 2))[2:4]
    rest = least(lambda some: off(all_of(torch.cat([some[:2], seen, some[2:]]))), torch.zeros(WEIGHTS - 4))
    weights = all_of(torch.cat([rest[:2], seen, rest[2:]]))
    answer = fuse(logits, marks, weights).argmax(dim=1)
    digits = truth != NONE
    return {
        "fusion": weights.tolist(),
        "missed": missed / there,
        "right": (answer == truth)[digits].float().mean().item(),
        "invented": (answer != NONE)[~digits].float().mean().item(),
    }


def learn_numbers(reader: Recognizer, glyphs: torch.Tensor, labels: torch.Tensor) -> list[float]:
    """Learn how sure to be of a number, on numbers of our own, each alone on its sheet.

    Args:
        reader: with the finder whose numbers are judged.
        glyphs: [N, 1, 28, 28] float32 in [0, 1], digits that nothing was trained on.
        labels: [N] int64, 0 to 9.

    Returns:
        What `model.numbers.number_of` multiplies the logit of the probability by, and what it adds, so that the answers
        are most probable (Platt 1999).
    """
    pools = Scenes(glyphs, labels, per_shape=20).pools
    said = []
    for i in tqdm(range(NUMBERS), "numbers", unit=" sheets", leave=False):
        random = np.random.default_rng([2, i])
        writer = Writer(random, pools, random.integers(len(labels), size=DIGITS_A_SCENE), 1.0)
        sheet, text = writer.number()
        if min(contrast for *_, contrast in sheet.things) >= CLEAR:
            page = reader.read_page(np.uint8(255 * lit(random, sheet.tone)))
            said += [(number.confidence, number.text == text) for number in page.numbers]
    sure, right = torch.tensor(said, dtype=torch.float64).T
    off = partial(binary_cross_entropy_with_logits, target=right)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    return least(lambda learned: off(learned[0] * logit(sure, EXTREME) + learned[1]), start).tolist()


def least(loss: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor) -> torch.Tensor:
    """Return the parameters where a loss is least, [N], sought from a start on by L-BFGS (Liu and Nocedal 1989)."""
    found = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([found], max_iter=200)

    def again() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(found)
        value.backward()
        return value

    optimizer.step(again)
    return found.detach()
