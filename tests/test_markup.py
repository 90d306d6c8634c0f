from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from model import Page, Prediction
from model.numbers import Number
from model.prediction import blank
from model.serving import answers, markup
from model.serving.answers import stages


def prediction(digit, *shares, glyph=None):
    rest = np.full(10, (1 - sum(share for _, share in shares)) / (10 - len(shares)), np.float32)
    for which, share in shares:
        rest[which] = share
    confidence = 0.0 if digit is None else float(rest[digit])
    return Prediction(digit, rest, confidence, 0.99, np.eye(28, dtype=np.float32) if glyph is None else glyph)


class Tags(HTMLParser):
    """Check that tags are properly nested, and collect them with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (prediction(7, (7, 0.98)), "It is a 7 (98.0% sure)."),
        (prediction(8, (8, 0.9)), "It is an 8 (90.0% sure)."),
        (prediction(1, (1, 0.5), (7, 0.4)), "Unsure: 1 or 7?"),
        (prediction(None, (1, 0.5), (7, 0.4)), "This does not look like a digit."),
        (blank(), "This does not look like a digit."),
    ],
)
def test_a_prediction_is_described_in_words(one, words):
    assert answers.in_words(one) == words


def test_the_bars_show_all_ten_digits_most_probable_first():
    tags = Tags(markup.bars(prediction(3, (3, 0.7), (5, 0.2)))).seen
    shares = [attrs["style"] for tag, attrs in tags if tag == "i"]
    assert len(shares) == 10
    assert shares[0] == "--share:0.7000"
    assert shares[1] == "--share:0.2000"


def page(text, *digits):
    box = (0, 0, 9, 9)
    read = [prediction(digit, *[(digit, 0.97)] * (digit is not None)) for digit in digits]
    numbers = tuple(
        Number(
            part,
            0,
            box,
            0.9,
            tuple(prediction(int(one), (int(one), 0.97)) if one.isdecimal() else None for one in part),
        )
        for part in text.split()
    )
    return Page([[(box, one) for one in read]], text, numbers)


def test_a_verdict_shows_bars_for_a_single_digit_only():
    assert ">3</output>" in answers.verdict(page("3", 3))
    assert "bars" in answers.verdict(page("3", 3))
    number = answers.verdict(page("33", 3, 3, None))
    assert ">33</output>" in number
    assert "; 1 mark skipped (not a digit)." in number
    assert "bars" not in number
    assert ">3 digits</span></output>" in answers.verdict(page("33\n3", 3, 3, 3))
    assert ">-5</output>" in answers.verdict(page("-5", 5))


def test_uncertain_digits_of_a_number_are_marked_with_their_alternatives():
    digits = prediction(3, (3, 0.97)), None, prediction(4, (4, 0.6), (9, 0.39))
    number = Number("3.4", 3.4, (0, 0, 9, 9), 0.55, digits)
    boxes = [((0, 0, 9, 9), one) for one in digits if one]
    said = answers.verdict(Page([boxes], "3.4", (number,)))
    (mark,) = [attrs for tag, attrs in Tags(said).seen if tag == "mark"]
    assert mark["data-rivals"] == "4: 60.0%, 9: 39.0%"
    assert ">3.<mark" in said
    assert "It is 3.4 (55.0% sure)." in said
    assert answers.doubts(number) == "4: 60.0%, 9: 39.0%"


def test_confidence_is_never_shown_as_100_percent():
    assert answers.in_words(prediction(7, (7, 1.0))) == "It is a 7 (99.9% sure)."


def test_the_path_of_an_unreadable_file_is_not_shown(tmp_path):
    path = tmp_path / "Screenshot 3.14\u202fPM.png"  # repr() escapes this space
    path.write_text("no picture")
    said = answers.answer(None, str(path), "")[0]
    assert "Screenshot" in said
    assert tmp_path.name not in said


def test_a_picture_without_digits_gets_advice():
    assert "does not look like a digit" in answers.verdict(page("", None))
    assert "No digits found" in answers.verdict(page("", None, None))


def test_text_is_escaped_and_the_html_is_well_formed():
    assert "<b>" not in markup.headline("<b>", "<b>")
    Tags(markup.side_by_side({"A": answers.verdict(page("3", 3)), "B": answers.verdict(page("", None))}))
    Tags(markup.stages(markup.glyph_tile(prediction(3))))


def test_supporting_ink_is_bright_opposing_ink_is_dark_and_paper_is_white():
    glyph, heat = np.zeros((28, 28), np.float32), np.zeros((28, 28), np.float32)
    glyph[5:10, 5:10] = glyph[15:20, 15:20] = 1
    heat[5:10, 5:10], heat[15:20, 15:20] = 1, -1
    colour = np.asarray(markup.in_colour(glyph, heat))
    assert (colour[glyph == 0] == 255).all()
    assert colour[7, 7, 0] > 200  # bright
    assert colour[17, 17].max() < 60  # dark


def test_the_ink_tile_shows_only_the_digits_each_in_its_place():
    glyph = np.zeros((28, 28), np.float32)
    glyph[4:24, 4:8] = 1  # a vertical bar at the left of its box
    glyph[20:24, 4:24] = 1
    picture = Image.new("L", (60, 40), 0)
    written = Page(
        [[((10, 5, 30, 35), prediction(2, (2, 0.9), glyph=glyph)), ((40, 5, 50, 35), prediction(None))]], "2"
    )
    ink = seen(markup.ink_tile(picture, written))
    assert (ink[5:35, 10:14] < 50).all()
    assert (ink[5:20, 18:30] > 200).all()
    assert (ink[:, 35:] > 200).all()
    turned = seen(markup.ink_tile(picture, replace(written, turn=180.0)))
    assert (turned[5:35, 26:30] < 50).all()


def test_the_ink_of_a_non_digit_is_shown_if_there_is_no_digit():
    glyph = np.pad(np.ones((20, 8), np.float32), ((4, 4), (10, 10)))
    alone = Page([[((40, 5, 50, 35), replace(prediction(None), glyph=glyph))]], "")
    ink = seen(markup.ink_tile(Image.new("L", (60, 40), 0), alone))
    assert (ink[6:34, 41:49] < 50).all()
    assert (ink[:, :35] > 200).all()


def test_a_rectified_sheet_is_shown_as_a_stage():
    corners = ((10.0, 10.0), (90.0, 12.0), (88.0, 60.0), (12.0, 58.0))
    written = replace(page("42", 4, 2), sheet=corners)
    captions = [text for text in stages(None, np.zeros((70, 100), np.uint8), written, False).split("<figcaption>")[1:]]
    assert [text.partition("<")[0] for text in captions[:4]] == ["original", "sheet", "ink", "found"]


def seen(tile):
    """Return the picture of a tile, in greyscale."""
    ((_, attrs),) = [each for each in Tags(tile).seen if each[0] == "img"]
    return np.asarray(Image.open(BytesIO(b64decode(attrs["src"].partition(",")[2]))).convert("L"))
