"""Read handwritten digits: `predict_image("photo.jpg")`, or a `Recognizer` to read many."""

from functools import lru_cache

from model.page import Page
from model.pictures import Source
from model.prediction import Prediction
from model.recognize import Recognizer

__all__ = ["Page", "Prediction", "Recognizer", "predict_image"]

_default = lru_cache(maxsize=1)(Recognizer.load)


def predict_image(image: Source) -> Prediction:
    """Read one digit with the default network, which is loaded on the first call and kept.

    Args:
        image: a path such as "photo.jpg", a PIL image or an array; see `model.pictures.brightness`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture that can be read; the sentence says why.
    """
    return _default().read_digit(image)
