import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from model.__main__ import main
from model.evaluation.strokes import STROKES, draw


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(draw(STROKES[7], 14, 160, (70, 50))).save("seven.png")
    Image.new("L", (50, 50), 255).save("blank.png")
    (tmp_path / "text.png").write_text("no picture")


def test_each_picture_gets_a_line(pictures, capsys):
    assert main(["seven.png", "blank.png"]) == 0
    assert capsys.readouterr().out.splitlines() == ["seven.png: 7", "blank.png: no digits"]


def test_a_single_picture_prints_only_its_text(pictures, capsys):
    assert main(["seven.png"]) == 0
    assert capsys.readouterr().out == "7\n"


def test_json_prints_one_object_per_line(pictures, capsys):
    assert main(["--json", "seven.png", "blank.png"]) == 0
    seven, blank = map(json.loads, capsys.readouterr().out.splitlines())
    assert seven["file"] == "seven.png"
    assert seven["text"] == "7"
    [mark] = seven["marks"]
    assert mark["digit"] == mark["top"][0][0] == 7
    assert {"box", "confidence", "score"} <= mark.keys()
    assert blank["text"] == ""


def test_annotate_draws_the_boxes(pictures, capsys):
    assert main(["seven.png", "--annotate", "seen.png"]) == 0
    with Image.open("seven.png") as given, Image.open("seen.png") as seen:
        assert seen.size == given.size
        assert (0xDC, 0x14, 0x3C) in {colour for _, colour in seen.getcolors(100_000)}


def test_a_bad_picture_gives_an_error_and_the_others_are_still_read(pictures, capsys):
    assert main(["missing.png", "text.png", "seven.png"]) == 2
    output = capsys.readouterr()
    assert output.out == "seven.png: 7\n"
    assert "missing.png: no file 'missing.png'" in output.err
    assert "text.png: 'text.png' is not a readable picture" in output.err


def test_a_bad_picture_is_reported_as_a_json_object_too(pictures, capsys):
    assert main(["--json", "missing.png"]) == 2
    assert json.loads(capsys.readouterr().out)["error"].startswith("no file")


@pytest.mark.parametrize("target", ["nowhere/seen.png", "seen.digits", "seen.mpg", "."])
def test_a_failed_annotated_copy_is_reported_and_the_digits_are_still_printed(pictures, capsys, target):
    assert main(["seven.png", "--annotate", target]) == 2
    output = capsys.readouterr()
    assert output.out == "7\n"
    assert output.err.startswith(f"{target}: cannot write this picture: ")
    assert "'MPEG'" not in output.err
    assert len(output.err.splitlines()) == 1


def test_missing_weights_print_an_error_message(pictures, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("model.weights.SHIPPED", tmp_path)
    assert main(["seven.png"]) == 2
    assert capsys.readouterr().err.startswith("python -m model: no weights at 'world': choose ")


@pytest.mark.slow
def test_a_file_name_that_the_output_cannot_encode_is_escaped(pictures):
    Path("seven.png").rename("\u6570.png")
    command = [sys.executable, "-m", "model", "\u6570.png", "blank.png"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONIOENCODING": "ascii"}
    run = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    assert run.stdout == b"\\u6570.png: 7\nblank.png: no digits\n"


@pytest.mark.slow
def test_a_broken_pipe_ends_the_run_quietly(pictures):
    reader, writer = os.pipe()
    os.close(reader)
    run = subprocess.run(
        [sys.executable, "-m", "model", "seven.png", "blank.png"],
        stdout=writer,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
    )
    os.close(writer)
    assert run.returncode == 1
    assert run.stderr == b""


@pytest.mark.slow
def test_a_full_disk_is_reported_in_a_sentence(pictures):
    command = [sys.executable, "-m", "model", "seven.png"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, check=False)
    assert run.returncode == 2
    assert run.stderr == b"python -m model: cannot write the answer: No space left on device\n"
