"""Shared fixtures: the running page, a browser, and a simulated visitor."""

import contextlib
import functools
import http.server
import itertools
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

import cv2
import hypothesis
import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from model import Recognizer
from model.confidence import UNCALIBRATED
from model.evaluation.strokes import STROKES, draw, draw_somewhere
from tests.digits import glyph

ROOT = Path(__file__).parent.parent
FLAGS = ["--no-sandbox", "--no-first-run", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
for profile, examples in (("short", 200), ("long", 20_000)):
    hypothesis.settings.register_profile(
        profile,
        max_examples=examples,
        deadline=2000,  # ms allowed for a corrupted file
        suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
        derandomize=profile == "short",
        database=None,
    )
hypothesis.settings.load_profile("short")
COARSE = {"device_scale_factor": 0.5}  # without a GPU, the time of each move of the pen grows with the canvas's pixels
DESK = {"viewport": {"width": 800, "height": 700}, **COARSE}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, **COARSE}


class Running(NamedTuple):
    """A running page: its address, its process, and the folder of its uploads and corrections."""

    url: str
    pid: int
    folder: Path


def start_page(folder):
    """Start the page as a user does, with its files in a folder; return its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {"GRADIO_TEMP_DIR": "uploads", "CORRECTIONS": "corrections"}
    environment = {name: str(folder / place) for name, place in places.items()}
    environment = os.environ | environment | {"GRADIO_SERVER_PORT": str(port)}
    with (folder / "log").open("a") as output:
        server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=output, stderr=output)
    return f"http://127.0.0.1:{port}", server


def wait_for(url, server, folder):
    """Wait until a started page answers."""
    deadline = time.monotonic() + 90
    while not _answers(url):
        assert server.poll() is None, f"app.py ended:\n{(folder / 'log').read_text()}"
        assert time.monotonic() < deadline, f"app.py did not answer:\n{(folder / 'log').read_text()}"
        time.sleep(0.3)


@contextlib.contextmanager
def serve_page():
    """Start the page, yield its details, and stop it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url, server = start_page(folder)
        try:
            wait_for(url, server, folder)
            yield Running(url, server.pid, folder)
        finally:
            server.terminate()
            ended = server.wait(20)
        written = (folder / "log").read_text()
        assert ended == 0, written
        for ours in ("app.py", "model"):  # gradio itself prints a traceback when a browser leaves mid-upload
            assert f'File "{ROOT / ours}' not in written, written


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve_folder(folder):
    """Serve the files of a folder as a static host does; yield its address."""
    handler = functools.partial(_Files, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _answers(url):
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def find_browser():
    """Return the path of an installed Chromium or Chrome, or None."""
    return shutil.which("chromium") or shutil.which("google-chrome")


def launch_browser(playwright, path):
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


@pytest.fixture(scope="session")
def server():
    with serve_page() as running:
        yield running


@pytest.fixture(scope="session")
def address(server):
    return server.url


@pytest.fixture(scope="session")
def browser():
    """Chromium; without one, the test is skipped, or fails in CI."""
    path = find_browser()
    if path is None:
        message = "no browser: install one, for example with apt-get install chromium"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with sync_playwright() as playwright, launch_browser(playwright, path) as chromium:
        yield chromium


START_OVER = """() => {
  for (const box of document.querySelectorAll("#switches input:checked")) box.click();
  for (const fold of document.querySelectorAll("details[open]")) fold.open = false;
  if (localStorage.getItem("corrections")) {
    localStorage.removeItem("corrections");
    document.dispatchEvent(new Event("corrected"));
  }
}"""


class Visitor:
    """A user of the page, with a mouse or a finger."""

    def __init__(self, context, address, touch):
        self.page = context.new_page()
        self.asked = set()  # questions to the server that are not answered yet
        self.page.on("request", lambda request: self.asked.add(request) if "component_server" in request.url else None)
        for ended in ("requestfinished", "requestfailed"):
            self.page.on(ended, lambda request: self.asked.discard(request))
        self.touch = context.new_cdp_session(self.page) if touch else None
        self.page.goto(address, wait_until="domcontentloaded")
        self.page.wait_for_selector("#pad .pixi-target canvas", timeout=60_000)
        self.page.wait_for_selector("#pad .empty", state="detached", timeout=60_000)
        self.page.wait_for_timeout(1000)  # the canvas slides into place

    def to_screen(self, points, size):
        """Return where points [x, y] in [0, 1] lie on the screen, in the middle of the canvas, `size` pixels high."""
        paper = self.page.locator("#pad .pixi-target canvas")
        paper.scroll_into_view_if_needed()
        box = paper.bounding_box()
        left, top = (box[start] + box[length] / 2 for start, length in (("x", "width"), ("y", "height")))
        return [(left + (x - 0.35) * size, top + (y - 0.5) * size) for x, y in points]

    def draw(self, strokes, size=140, right=0.0, moves=1, tolerance=3):
        """Draw polylines of [x, y] in [0, 1] in the middle of the canvas, `size` screen pixels high.

        They are shifted right by `right` times that size, and simplified within `tolerance` screen pixels, since each
        move of the pen takes long without a GPU; each is drawn in about `moves` moves, or one for each point.
        """
        for stroke in strokes:
            points = self.to_screen([(x + right, y) for x, y in stroke], size)
            ends = points[-1]  # OpenCV leaves it out where it is the first point as well
            points = [*cv2.approxPolyDP(np.float32(points), tolerance, closed=False)[:, 0].tolist(), ends]
            (self._draw_with_finger if self.touch else self._draw_with_mouse)(points, max(1, moves // len(points)))

    def _draw_with_mouse(self, points, steps):
        mouse = self.page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=steps)
        mouse.up()

    def _draw_with_finger(self, points, steps):
        def send(kind, points):
            self.touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", [dict(zip("xy", points[0], strict=True))])
        for start, end in itertools.pairwise(points):
            for step in range(1, steps + 1):
                x, y = (a + (b - a) * step / steps for a, b in zip(start, end, strict=True))
                send("touchMove", [{"x": x, "y": y}])
        send("touchEnd", [])

    def sees(self, tab, text):
        """Wait until a tab ("draw" or "photo") shows this digit or number as its answer."""
        self.page.locator(f"#{tab}-answer output").get_by_text(text, exact=True).wait_for(timeout=60_000)

    def waits_for_the_last_answer(self):
        """Wait until, for a while, the server has not been asked and the answer to the drawing has not changed."""
        before, since = None, time.monotonic()
        while time.monotonic() - since < 0.8:
            now = self.page.locator("#draw-answer").inner_html()
            if now != before or self.asked:
                before, since = now, time.monotonic()
            self.page.wait_for_timeout(50)

    def clear(self):
        """Press the pad's clear button."""
        self.page.get_by_role("button", name="Clear canvas").click()

    def starts_over(self):
        """Leave the page as it was when it was opened."""
        self.page.unroute_all()
        remove = self.page.get_by_role("button", name="Remove Image")
        if remove.is_visible():
            remove.click()
            self.page.locator("#photo-answer").get_by_text("Upload a picture").wait_for()
        self.page.evaluate(START_OVER)
        self.page.get_by_role("tab", name="Draw").click()
        self.clear()
        self.page.locator("#draw-answer").get_by_text("Draw a digit").wait_for()


@pytest.fixture(scope="session")
def desk(browser, address):
    with browser.new_context(**DESK) as context:
        yield Visitor(context, address, touch=False)


@pytest.fixture(scope="session")
def phone(browser, address):
    with browser.new_context(**PHONE) as context:
        yield Visitor(context, address, touch=True)


@pytest.fixture
def guest(desk):
    """A visitor with a mouse at a desk, whose page many tests share: opening it takes seconds."""
    yield desk
    desk.starts_over()


@pytest.fixture
def caller(phone):
    """A visitor with a finger on a phone, whose page many tests share."""
    yield phone
    phone.starts_over()


@pytest.fixture
def visit(browser, address):
    """Open the page as a new user, at a desk unless other settings are given; closed after the test."""
    with contextlib.ExitStack() as contexts:

        def visitor(touch=False, **settings):
            return Visitor(contexts.enter_context(browser.new_context(**(settings or DESK))), address, touch)

        yield visitor


@pytest.fixture(params=["mouse", "finger"])
def visitor(request):
    """A visitor with a mouse at a desk, then one with a finger on a phone."""
    return request.getfixturevalue("caller" if request.param == "finger" else "guest")


@pytest.fixture(scope="session")
def reader():
    """The default recognizer, for tests that do not change it."""
    return Recognizer.load()


@pytest.fixture(scope="session")
def seven():
    """A 7 on a canvas, [280, 280] uint8, black on white."""
    return draw(STROKES[7], 14, 160, (70, 50))


@pytest.fixture
def uncalibrated(monkeypatch):
    """Training leaves out the calibration, which takes longer than a few epochs on 120 digits."""
    monkeypatch.setattr("train.calibrate", lambda *_, **__: UNCALIBRATED)


def _idx(array):
    """Encode an array in MNIST's IDX format: magic number, shape, bytes."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder in torchvision's MNIST layout, with 120 training and 40 test digits of our own."""
    folder = tmp_path_factory.mktemp("data")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, n in (("train", 120), ("t10k", 40)):
        labels = np.arange(n) % 10
        digits = np.stack([glyph(draw_somewhere(STROKES[label], random)) for label in labels])
        (raw / f"{part}-images-idx3-ubyte").write_bytes(_idx(np.rint(255 * digits)))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(_idx(labels))
    return folder
