"""python -m model.evaluation.benchmark: time and memory of reading and of starting the page, against baselines."""

import contextlib
import json
import multiprocessing
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
import urllib.request
from argparse import ArgumentParser
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from model import Recognizer, weights
from model.evaluation.strokes import STROKES, draw
from model.evaluation.tables import as_markdown
from model.glyph import SIDE, glyph_of
from model.networks import predict
from model.training.export import to_onnx

EMPTY_PAGE = """import torch, gradio, time
with gradio.Blocks() as page:
    gradio.Markdown("hello")
page.launch(prevent_thread_lock=True)
time.sleep(600)"""
WARM_UPS = 10
STARTS = 3
ADAPTED_TO = 100  # corrected glyphs to which a recognizer adapts


def median_ms(call: Callable[[], object], n: int) -> float:
    """Return the median time of n calls in milliseconds, after WARM_UPS calls."""
    return 1000 * statistics.median(timeit.repeat(call, number=1, repeat=n + WARM_UPS)[WARM_UPS:])


def reading(canvas: np.ndarray, n: int) -> dict[str, float]:
    """Time reads of a canvas, the bare networks, adapting and framing, each in ms, on one thread."""
    torch.set_num_threads(1)
    results = network("reference", canvas, n) | network("world", canvas, n)
    recognizer = Recognizer.load()
    ten = np.stack([recognizer.read_digit(draw(STROKES[digit], 14, 180, (60, 50))).glyph for digit in range(10)])
    some = np.tile(ten, (ADAPTED_TO // 10, 1, 1)), np.arange(ADAPTED_TO) % 10
    adapted = recognizer.adapt(*some)
    return results | {
        f"adapting to {ADAPTED_TO} corrections, ms": median_ms(lambda: recognizer.adapt(*some), max(1, n // 10)),
        "then: one 280 x 280 canvas, ms": median_ms(lambda: adapted.read_digit(canvas), n),
        "canvas to glyph, ms": median_ms(lambda: glyph_of(canvas), n),
        "canvas to glyph by a plain resize, ms": median_ms(
            lambda: 1 - np.asarray(Image.fromarray(canvas).resize((SIDE, SIDE)), np.float32) / 255, n
        ),
    }


def network(name: str, canvas: np.ndarray, n: int) -> dict[str, float]:
    """Time reading with a shipped network, and the bare network in torch and, if it is installed, in onnxruntime."""
    recognizer = Recognizer.load(name)
    glyphs = np.repeat(recognizer.read_digit(canvas).glyph[None], 256, axis=0)
    one = torch.from_numpy(glyphs[:1, None])
    results = {
        f"{name}: one 280 x 280 canvas, ms": median_ms(lambda: recognizer.read_digit(canvas), n),
        f"{name}: 256 glyphs, ms": median_ms(lambda: recognizer.read_glyphs(glyphs), max(1, n // 20)),
        f"{name}: the network alone, one glyph, ms": median_ms(lambda: predict(recognizer.net, one), n),
    }
    with contextlib.suppress(ModuleNotFoundError):
        results[f"{name}: the same in onnxruntime, ms"] = in_onnx(name, one, n)
    return results


def in_onnx(name: str, glyph: torch.Tensor, n: int) -> float:
    """Return the median time in ms of a shipped network in onnxruntime; ModuleNotFoundError if it is not installed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        to_onnx(*weights.load(name), path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return median_ms(lambda: session.run(None, {"glyphs": glyph.numpy()}), n)


def pages(canvas: np.ndarray, n: int) -> dict[str, float]:
    """Time reading a canvas and a 12-megapixel photo as pages, on two threads; also measure the photo's memory."""
    torch.set_num_threads(2)
    recognizer = Recognizer.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        photo(canvas).save(path, quality=90)
        return {
            "a canvas as a page, two threads, ms": median_ms(lambda: recognizer.read_page(canvas), n),
            "a JPEG of 12 megapixels, ms": median_ms(lambda: recognizer.read_page(path), max(1, n // 10)),
            "its peak memory beyond a canvas, MB": in_fresh_process(extra_mb, path, canvas),
        }


def in_fresh_process(function: Callable, *arguments: object) -> object:
    """Call a function in a fresh process, whose peak memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(function, *arguments).result()


def extra_mb(path: Path, canvas: np.ndarray) -> float:
    """Return the growth in a fresh process's peak memory, in megabytes, when it also reads a photo."""
    recognizer = Recognizer.load()
    recognizer.read_page(canvas)
    before = memory_mb(os.getpid(), "VmHWM")
    recognizer.read_page(path)
    return memory_mb(os.getpid(), "VmHWM") - before


def photo(canvas: np.ndarray) -> Image.Image:
    """Make a 12-megapixel picture of a sheet that repeats the drawing on a canvas in many places."""
    sheet = Image.new("RGB", (4000, 3000), (236, 232, 225))
    digit = Image.fromarray(canvas).resize((420, 420))
    for x in range(200, 3600, 420):
        for y in range(200, 2400, 520):
            sheet.paste(digit.point(lambda grey: 40 + grey * 3 // 4), (x, y))
    return sheet


def starting() -> dict[str, float]:
    """Start the page, and an empty one with the same packages: seconds until each answers, and peak memory in MB."""
    commands = {"page": [str(Path(__file__).parents[2] / "app.py")], "empty page": ["-c", EMPTY_PAGE]}
    results = {}
    for name, command in commands.items():
        seconds, megabytes = zip(*(start(command) for _ in range(STARTS)), strict=True)
        results[f"{name}: from its start to its first answer, s"] = statistics.median(seconds)
        results[f"{name}: peak memory by then, MB"] = statistics.median(megabytes)
    return results


def start(command: list[str]) -> tuple[float, float]:
    """Run a page with Python until it answers: the seconds it took, and its peak memory in megabytes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = os.environ | {"GRADIO_SERVER_PORT": port, "GRADIO_ANALYTICS_ENABLED": "False"}
    began = time.perf_counter()
    server = subprocess.Popen(
        [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5).close()
                break
            except OSError:
                if server.poll() is not None:
                    raise RuntimeError(f"{command} ended before it answered") from None
                time.sleep(0.02)
        return time.perf_counter() - began, memory_mb(server.pid, "VmHWM")
    finally:
        server.terminate()
        server.wait()


def memory_mb(pid: int, kind: str) -> float:
    """Return the memory of a process, in MB; NaN where the system does not report it (only Linux does).

    getrusage is unsuitable: its peak starts at the memory of the parent process.

    Args:
        pid: process id.
        kind: "VmRSS", its current memory, or "VmHWM", its peak; see proc(5).
    """
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(kind)), float("nan"))


def family(pid: int) -> list[int]:
    """Return the ids of a process and its child processes; see proc(5)."""
    threads = Path(f"/proc/{pid}").glob("task/*/children")
    return [pid, *(int(child) for each in threads for child in each.read_text().split())]


def main(arguments: list[str] | None = None) -> int:
    """Print the medians, and write them to a file if asked; return the exit code."""
    parser = ArgumentParser(prog="python -m model.evaluation.benchmark", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--repeat", type=int, default=200, metavar="N", help="number of timings of each read")
    options = parser.parse_args(arguments)
    canvas, n = draw(STROKES[7], 14, 180, (60, 50)), options.repeat
    medians = starting() | pages(canvas, n) | reading(canvas, n)
    print(as_markdown([["measured", "median"], *([name, f"{value:,.2f}"] for name, value in medians.items())]))
    if options.json:
        results = {"machine": platform.machine(), "torch": torch.__version__, "n": n} | medians
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
