import base64
import json
import math
import re
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from model import ink
from model.evaluation.strokes import STROKES, draw
from model.serving import answers, events, markup
from model.serving.components import CANVAS
from model.serving.fair_queue import FairQueue
from tests.test_fair_queue import run
from tests.test_hostile import png, saved


def as_url(content, kind="png"):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def data_url(picture, kind="PNG"):
    return as_url(saved(picture, kind), kind.lower())


def canvas(strokes, size=160, corner=(120, 60)):
    picture = Image.new("RGBA", CANVAS, "white")
    picture.paste(Image.fromarray(draw(strokes, 14, size, (0, 0))).crop((0, 0, 280, 280)), (80, 10))
    return picture


def test_looking_at_the_canvas_shows_the_digit_and_each_processing_stage():
    said = events.answer_request({"picture": data_url(canvas(STROKES[7])), "both": False})
    assert ">7</output>" in said
    assert said.count("<figure") == 5  # original, ink, found, glyph, why
    assert "side-by-side" not in said


def test_looking_with_both_networks_gives_two_answers():
    said = events.answer_request({"picture": data_url(canvas(STROKES[7])), "both": True})
    assert said.count("<output") == 2
    assert ">Textbook network</h3>" in said


def test_an_empty_canvas_prompts_the_user_to_draw():
    said = events.answer_request({"picture": data_url(Image.new("RGBA", CANVAS, "white"))})
    assert "Draw a digit" in said
    assert "<figure" not in said


@pytest.mark.parametrize(
    "asked",
    [
        {},
        None,
        "text",
        {"picture": None},
        {"picture": "data:image/png;base64,no base64!"},
        {"picture": "data:image/png;base64,AAAA"},
        {"picture": "file:///etc/passwd"},
        {"picture": data_url(Image.new("L", (400, 301)))},
        {"picture": data_url(Image.new("L", CANVAS), "BMP")},
        {"picture": "data:image/png;base64," + "A" * 10_000_000},
        {"picture": data_url(canvas(STROKES[7]))[:900]},
        {"picture": as_url(png(60_000, 60_000))},
        *(
            {"picture": data_url(canvas(STROKES[7])), "known": known}
            for known in ("no JSON", "7", '["a"]', '[[11, "x"]]', '[[3, "x"]]', 5, {"a": 1}, "[" * 100_000, "1" * 5000)
        ),
        {"picture": as_url(png(*CANVAS, b"\0\0\0\0tRNS\0\0\0\0"))},
    ],
)
def test_a_non_drawing_gets_an_error_message_in_our_words(asked):
    ours = "send a PNG of|send 400 x 300 pixels|the data URL is not|this is not a readable PNG|a correction has"
    assert re.search(rf"This drawing cannot be read: ({ours})[^&<]*\.<", events.answer_request(asked))


def test_a_crowd_is_answered_without_heat_maps(monkeypatch):
    asked, shown = {"picture": data_url(canvas(STROKES[3]))}, []
    for waiting in (events.CROWD - 1, events.CROWD):
        queue = FairQueue(parallel=1, per_client=9, total=99)
        queue.waiting = waiting
        monkeypatch.setattr(events, "drawings", queue)
        shown.append(run(events.in_turn("anna", events.answer_request, asked)))
    assert all(">3</output>" in said for said in shown)
    assert ["why" in said for said in shown] == [True, False]


def test_a_look_uses_the_corrections_of_its_browser_alone():
    drawing = data_url(canvas(STROKES[3]))
    glyph = events.recognizer.read_page(np.array(canvas(STROKES[3]).convert("L"))).marks[0][1].glyph
    known = json.dumps([[8, data_url(markup.on_white(glyph))]])
    assert ">8</output>" in events.answer_request({"picture": drawing, "known": known})
    assert ">3</output>" in events.answer_request({"picture": drawing, "known": None})
    assert ">7</output>" in events.answer_request({"picture": data_url(canvas(STROKES[7])), "known": known})


@pytest.mark.parametrize("known", ["no JSON", "7", '[[11, "x"]]'])
def test_damaged_corrections_are_named_when_a_photo_is_read(known):
    said, *_ = run(events.answer_photo(None, False, known, SimpleNamespace(session_hash="one")))
    assert "Your corrections cannot be used" in said


def test_an_uploaded_picture_is_opened_once_for_all_that_is_said_and_shown_of_it(tmp_path, monkeypatch):
    seven = 255 - draw(STROKES[7], 14, 160, (60, 60))
    Image.fromarray(255 - np.hstack([seven, seven])).convert("RGB").save(tmp_path / "77.jpg")
    opened, original = [], Image.open
    monkeypatch.setattr(Image, "open", lambda file, **options: opened.append(file) or original(file, **options))
    said, (_, boxes), text, *_ = events.answer_sheet(str(tmp_path / "77.jpg"), True)
    assert (text, len(boxes)) == ("77", 2)
    assert said.count(">77</output>") == 2  # ours, and the textbook network's
    assert len(opened) == 1


def test_the_ink_of_a_drawing_is_separated_once(monkeypatch):
    separated, original = [], ink._paper
    monkeypatch.setattr(ink, "_paper", lambda *arguments: separated.append(arguments) or original(*arguments))
    assert ">3</output>" in events.answer_request({"picture": data_url(canvas(STROKES[3]))})
    assert len(separated) == 1


def test_an_upload_that_was_deleted_meanwhile_is_asked_for_again(tmp_path):
    said, *_ = answers.answer(events.recognizer, tmp_path / "photo.png", "")
    assert "it is no longer on this server; upload it again" in said
    assert "photo.png" not in said


def test_a_correction_is_saved_as_the_glyph_that_was_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("CORRECTIONS", str(tmp_path))
    glyph = Image.fromarray(np.uint8(255 - 200 * np.eye(28)))
    assert events.save_correction({"glyph": data_url(glyph), "digit": 8}) == "Thank you. Saved as an 8."
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("8-")
    assert np.array_equal(np.asarray(Image.open(file)), np.uint8(200 * np.eye(28)))


@pytest.mark.parametrize(
    "told",
    [
        None,
        {},
        {"glyph": "x", "digit": 3},
        *({"glyph": data_url(Image.new("L", (28, 28))), "digit": digit} for digit in ("ten", math.inf, 3.5, True, 10)),
    ],
)
def test_an_invalid_correction_is_not_saved(tmp_path, monkeypatch, told):
    monkeypatch.setenv("CORRECTIONS", str(tmp_path))
    assert re.fullmatch(
        r"Not saved on the server: (send a|pick a digit|expected a glyph)[^&']*\.", events.save_correction(told)
    )
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_sends_no_picture_is_told_how():
    with pytest.raises(gr.Error, match=r"in Python, as handle_file\(path\)"):
        run(events.read_digit(None, SimpleNamespace(client=SimpleNamespace(host="me"))))
