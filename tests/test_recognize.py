from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import model
from model import Prediction, Recognizer, predict_image
from model.page import page_of
from model.prediction import blank
from model.training.strokes import draw
from tests.digits import STROKES


@pytest.fixture(scope="module", params=["reference", "world"])
def recognizer(request):
    return Recognizer.load(request.param)


@pytest.fixture
def canvas():
    return draw(STROKES[7], 14, 160, (70, 50))


@pytest.mark.parametrize("digit", range(10))
def test_a_plain_digit_is_read(recognizer, digit):
    prediction = recognizer.read_digit(draw(STROKES[digit], 16, 180, (60, 40)))
    assert prediction.digit == digit
    assert prediction.top(1)[0][0] == digit


def test_a_prediction_keeps_the_contract(recognizer, canvas):
    prediction = recognizer.read_digit(canvas)
    assert isinstance(prediction, Prediction)
    assert prediction.probabilities.shape == (10,)
    assert prediction.probabilities.dtype == np.float32
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= prediction.confidence <= 1
    assert 0 <= prediction.score <= 1
    assert prediction.glyph.shape == (28, 28)
    assert prediction.glyph.dtype == np.float32


def test_top_is_the_most_probable_first(recognizer, canvas):
    top = recognizer.read_digit(canvas).top(10)
    shares = [share for _, share in top]
    assert sorted(digit for digit, _ in top) == list(range(10))
    assert shares == sorted(shares, reverse=True)
    assert all(type(digit) is int and type(share) is float for digit, share in top)
    assert len(recognizer.read_digit(canvas).top()) == 3


@pytest.mark.parametrize("value", [0, 255])
def test_blank_is_no_digit(recognizer, value):
    prediction = recognizer.read_digit(np.full((280, 280), value, np.uint8))
    assert prediction.digit is None
    assert prediction.confidence == prediction.score == 0
    assert prediction.probabilities.sum() == pytest.approx(1)
    assert not prediction.glyph.any()


def test_many_glyphs_are_read_as_each_alone(recognizer):
    predictions = [recognizer.read_digit(draw(STROKES[digit], 14, 150, (60, 60))) for digit in range(10)]
    together = recognizer.read_glyphs(np.stack([prediction.glyph for prediction in predictions]))
    for alone, one in zip(predictions, together, strict=True):
        assert one.digit == alone.digit
        assert one.probabilities == pytest.approx(alone.probabilities, abs=1e-5)


@pytest.mark.parametrize("polarity", ["dark on light", "light on dark"])
@pytest.mark.parametrize("corner", [(10, 10), (160, 10), (80, 120)])
def test_place_and_polarity_do_not_change_the_answer(recognizer, polarity, corner):
    canvas = draw(STROKES[5], 10, 110, corner)
    assert recognizer.read_digit(canvas if polarity == "dark on light" else 255 - canvas).digit == 5


@pytest.mark.parametrize("size", [40, 100, 250])
def test_size_does_not_change_the_answer(recognizer, size):
    assert recognizer.read_digit(draw(STROKES[2], size / 12, size, (5, 5))).digit == 2


def test_predict_image_reads_a_path_with_the_default_network(tmp_path, canvas):
    path = tmp_path / "seven.jpg"
    Image.fromarray(canvas).save(path)
    assert predict_image(str(path)).digit == predict_image(path).digit == 7


def test_all_names_everything_public():
    public = {name for name, value in vars(model).items() if not name.startswith("_") and hasattr(value, "__module__")}
    assert set(model.__all__) == {name for name in public if getattr(model, name).__module__.startswith("model")}


def line_of(text, apart=10):
    """A line of symbols 30 wide and 40 high; what is no digit is sure to be none; a space is a gap."""
    found, x = [], 0
    for symbol in text:
        if symbol != " ":
            digit = int(symbol) if symbol.isdecimal() else None
            top = 30 if symbol == "." else 18 if symbol == "-" else 0
            bottom = 24 if symbol == "-" else 40
            found.append((symbol, (x, top, x + 30, bottom), replace(blank(), digit=digit, confidence=1.0)))
        x += 30 + apart
    return found


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("407", "407"),
        ("3.14", "3.14"),
        ("-12", "-12"),
        ("-0.5", "-0.5"),
        (".5", "5"),
        ("7.", "7"),
        ("1-2", "12"),
        ("1   -2", "1-2"),
        ("#", ""),
        ("4#7", ""),  # a word
        ("12##   345", "345"),
    ],
)
def test_points_and_minus_signs_of_numbers_are_kept_and_words_left_out(written, text):
    page = page_of([line_of(written)], lambda box: box)
    assert page.text == text
    assert len(page.marks) == sum(symbol not in ".- " for symbol in written)


def test_what_is_small_and_no_digit_is_no_mark():
    line = [*line_of("5"), ("#", (40, 30, 50, 40), blank())]
    assert len(page_of([line], lambda box: box).marks) == 1


def test_a_network_that_reads_no_digits_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="'line' holds the network 'line': give one of reference or world"):
        Recognizer.load("line")
