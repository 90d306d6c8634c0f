import json

import pytest
from PIL import Image

from model.__main__ import main
from model.training.strokes import draw
from tests.digits import STROKES


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(draw(STROKES[7], 14, 160, (70, 50))).save("seven.png")
    Image.new("L", (50, 50), 255).save("blank.png")
    (tmp_path / "text.png").write_text("no picture")


def test_each_picture_gets_a_line(pictures, capsys):
    assert main(["seven.png", "blank.png"]) == 0
    seven, blank = capsys.readouterr().out.splitlines()
    assert seven.startswith("seven.png: 7  ")
    assert "%" in seven
    assert blank == "blank.png: no digit"


def test_json_gives_an_object_a_line(pictures, capsys):
    assert main(["--json", "seven.png", "blank.png"]) == 0
    seven, blank = map(json.loads, capsys.readouterr().out.splitlines())
    assert seven["file"] == "seven.png"
    assert seven["digit"] == seven["top"][0][0] == 7
    assert {"confidence", "score"} <= seven.keys()
    assert blank["digit"] is None


def test_a_bad_picture_gets_a_sentence_and_the_others_are_still_read(pictures, capsys):
    assert main(["missing.png", "text.png", "seven.png"]) == 2
    output = capsys.readouterr()
    assert output.out.startswith("seven.png: 7 ")
    assert "missing.png: no file 'missing.png'" in output.err
    assert "text.png: 'text.png' is no picture" in output.err


def test_a_bad_picture_in_json_is_an_object_too(pictures, capsys):
    assert main(["--json", "missing.png"]) == 2
    assert json.loads(capsys.readouterr().out)["error"].startswith("no file")
