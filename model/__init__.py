"""Read handwritten digits: `predict_image("photo.jpg")`, or a `Recognizer` to read many."""

from functools import lru_cache

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
