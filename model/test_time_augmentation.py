"""glyphs -> logits: doubtful glyphs are averaged over five views (test-time augmentation)."""

import cv2
import numpy as np
import torch
from torch import nn

from model.glyph import SIDE, frame
from model.networks import predict, with_no_digit

UNSURE_GLYPH = 0.8  # a glyph is doubtful if the probability of its best class is below this
ROTATIONS = -10, -5, 5, 10  # degrees by which the other views of a doubtful glyph are rotated
MIDDLE = (SIDE - 1) / 2, (SIDE - 1) / 2


@torch.inference_mode()
def predict_augmented(net: nn.Module, glyphs: torch.Tensor, batch_size: int = 500) -> torch.Tensor:
    """Classify glyphs; for doubtful ones, average the logits over views: upright, and rotated to either side.

    Averaging over views is common when accuracy counts (Krizhevsky et al. 2012); only a few glyphs need it.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10].
        glyphs: [N, 1, 28, 28] float32 in [0, 1].
        batch_size: number of glyphs that go through the network together.

    Returns:
        Logits, [N, 10] float32.
    """
    logits = predict(net, glyphs, batch_size)
    doubtful = with_no_digit(logits).softmax(dim=1).amax(dim=1) < UNSURE_GLYPH
    if doubtful.any():
        some = glyphs[doubtful, 0].numpy()
        views = torch.from_numpy(np.concatenate([_turned(some, degrees) for degrees in ROTATIONS]))[:, None]
        looks = [logits[doubtful], *predict(net, views, batch_size).chunk(len(ROTATIONS))]
        logits[doubtful] = torch.stack(looks).mean(dim=0)
    return logits


def _turned(glyphs: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate glyphs [N, 28, 28] anticlockwise about their centre and frame them again."""
    matrix = cv2.getRotationMatrix2D(MIDDLE, degrees, 1)
    return frame(np.stack([cv2.warpAffine(glyph, matrix, (SIDE, SIDE)) for glyph in glyphs]))
