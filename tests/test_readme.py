"""The code snippets in README and docs run as written."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.evaluation.numbers import compose
from model.evaluation.strokes import STROKES, draw
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
TEXT = "\n".join((ROOT / name).read_text() for name in ("README.md", "docs/api.md"))
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def snippet(language, about, address=""):
    """Return the one snippet in a language that contains some words, with the address of the page filled in."""
    (found,) = [text for kind, text in SNIPPETS if kind == language and about in text]
    return found.replace("http://127.0.0.1:7860", address)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A working directory with a photo of a 3 and a sheet with the number 314."""
    Image.fromarray(draw(STROKES[3], 14, 160, (70, 50))).save(tmp_path / "photo.jpg")
    number = compose([{"strokes": STROKES[digit]} for digit in (3, 1, 4)], np.random.default_rng(0), touching=False)
    Image.fromarray(number).save(tmp_path / "sheet.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


def test_the_shell_reads_a_sheet(desk):
    said = run("bash", "-ec", snippet("sh", "python -m model sheet.jpg"))
    assert said.startswith("314\n")
    assert '"box"' in said
    assert (desk / "seen.png").exists()


def test_python_reads_pictures(desk):
    names = {}
    exec(snippet("python", "predict_image"), names)
    assert names["prediction"].digit == 3
    assert names["page"].text == "314"


def test_several_processes_read_a_folder_of_scans(desk):
    (desk / "scans").mkdir()
    for name in ("photo.jpg", "sheet.jpg"):
        (desk / name).rename(desk / "scans" / name)
    (desk / "scans" / "broken.jpg").write_bytes(b"no picture")
    (desk / "job.py").write_text(snippet("python", "ProcessPoolExecutor"))
    run(sys.executable, "job.py")
    said = {Path(path).stem: text for path, text in csv.reader((desk / "read.csv").read_text().splitlines())}
    assert (said["photo"], said["sheet"]) == ("3", "314")
    assert "failed: 'scans/broken.jpg' is not a readable picture" in said["broken"]


def test_python_queries_a_running_page(desk, address):
    names = {}
    exec(snippet("python", "gradio_client", address), names)
    assert (names["digit"], names["text"]) == (3, "314")


def test_curl_queries_a_running_page(desk, address):
    said = run("bash", "-ec", snippet("sh", "curl", address.removesuffix("/")))
    assert said.startswith("event: complete")
    assert '"digit": 3' in said


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm: install Node.js")
def test_javascript_queries_a_running_page(desk, address):
    run("npm", "install", "--silent", "--no-fund", "--no-audit", "@gradio/client")
    (desk / "ask.mjs").write_text(snippet("js", "@gradio/client", address))
    assert run("node", "ask.mjs").split()[-1] == "3"
