"""Read handwritten digits: `predict_image("photo.jpg")`, or a `Recognizer` to read many."""

import os
from functools import lru_cache

# idle threads sleep; otherwise torch is 30 times as slow while another program uses one of two cores
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from model.images import Source
from model.page import Page
from model.prediction import Prediction
from model.recognizer import Recognizer

__all__ = ["Page", "Prediction", "Recognizer", "predict_image"]

_default = lru_cache(maxsize=1)(Recognizer.load)


def predict_image(image: Source) -> Prediction:
    """Read one digit with the default network, which is loaded on the first call and cached.

    Args:
        image: a path such as "photo.jpg", a PIL image or an array; see `model.images.brightness`.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the image cannot be read; the message says why.
    """
    return _default().read_digit(image)
