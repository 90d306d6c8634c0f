"""glyphs -> logits: one that is in doubt is looked at five times."""

import cv2
import numpy as np
import torch
from torch import nn

from model.networks import predict, with_none
from model.preprocess import SIDE, frame

DOUBT = 0.8  # a glyph whose most probable class is less so is looked at again
TURNS = -10, -5, 5, 10  # degrees by which it is turned for that
MIDDLE = (SIDE - 1) / 2, (SIDE - 1) / 2


@torch.inference_mode()
def look(net: nn.Module, glyphs: torch.Tensor, batch_size: int = 500) -> torch.Tensor:
    """Read glyphs; what is in doubt is the mean over how it looks upright and turned to either side.

    Averaging over views is common when accuracy counts (Krizhevsky et al. 2012); only few glyphs need it.

    Args:
        net: batch [N, 1, 28, 28] -> logits [N, 10].
        glyphs: [N, 1, 28, 28] float32 in [0, 1].
        batch_size: how many go through the network together.

    Returns:
        Logits, [N, 10] float32.
    """
    logits = predict(net, glyphs, batch_size)
    doubtful = with_none(logits).softmax(dim=1).amax(dim=1) < DOUBT
    if doubtful.any():
        some = glyphs[doubtful, 0].numpy()
        views = torch.from_numpy(np.concatenate([_turned(some, degrees) for degrees in TURNS]))[:, None]
        looks = [logits[doubtful], *predict(net, views, batch_size).chunk(len(TURNS))]
        logits[doubtful] = torch.stack(looks).mean(dim=0)
    return logits


def _turned(glyphs: np.ndarray, degrees: float) -> np.ndarray:
    """Turn glyphs [N, 28, 28] anticlockwise about their middle and frame them again."""
    matrix = cv2.getRotationMatrix2D(MIDDLE, degrees, 1)
    return frame(np.stack([cv2.warpAffine(glyph, matrix, (SIDE, SIDE)) for glyph in glyphs]))
