"""python -m model.evaluation.benchmark: time and memory of reading, start-up and training, against baselines."""

import json
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
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from model import Recognizer, weights
from model.evaluation import training_speed
from model.evaluation.strokes import STROKES, draw
from model.glyph import SIDE, glyph_of
from model.networks import predict
from model.training.export import to_onnx

READERS = "reference", "world"
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


def reading(canvas: np.ndarray, n: int) -> dict:
    """Time a single read, a batch of glyphs, and the bare networks, in torch and in onnxruntime, on one thread."""
    torch.set_num_threads(1)
    results = {}
    for name in READERS:
        recognizer = Recognizer.load(name)
        glyphs = np.repeat(recognizer.read_digit(canvas).glyph[None], 256, axis=0)
        one = torch.from_numpy(glyphs[:1, None])
        results[name] = {
            "canvas_ms": median_ms(lambda read=recognizer.read_digit: read(canvas), n),
            "glyphs_a_second": 256_000
            / median_ms(lambda read=recognizer.read_glyphs, glyphs=glyphs: read(glyphs), max(1, n // 20)),
            "torch_ms": median_ms(lambda net=recognizer.net, one=one: predict(net, one), n),
            "onnxruntime_ms": in_onnx(name, one, n),
        }
    ten = np.stack([recognizer.read_digit(draw(STROKES[digit], 14, 180, (60, 50))).glyph for digit in range(10)])
    some = np.tile(ten, (ADAPTED_TO // 10, 1, 1)), np.arange(ADAPTED_TO) % 10
    adapted = recognizer.adapt(*some)
    results["adapt"] = {
        "ms": median_ms(lambda: recognizer.adapt(*some), max(1, n // 10)),
        "canvas_ms": median_ms(lambda: adapted.read_digit(canvas), n),
    }
    naive = median_ms(lambda: 1 - np.asarray(Image.fromarray(canvas).resize((SIDE, SIDE)), np.float32) / 255, n)
    results["glyph"] = {"ours_ms": median_ms(lambda: glyph_of(canvas), n), "plain_resize_ms": naive}
    return results


def in_onnx(name: str, glyph: torch.Tensor, n: int) -> float | None:
    """Return the median time in ms of a shipped network in onnxruntime, on one thread; None if it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        try:
            import onnxruntime

            to_onnx(*weights.load(name), path)
        except ModuleNotFoundError:
            return None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return median_ms(lambda: session.run(None, {"glyphs": glyph.numpy()}), n)


def pages(canvas: np.ndarray, n: int) -> dict:
    """Time reading a canvas and a 12-megapixel photo as pages, on two threads; also measure the photo's memory."""
    torch.set_num_threads(2)
    recognizer = Recognizer.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        photo(canvas).save(path, quality=90)
        more = training_speed.in_fresh_process(extra_mb, path, canvas)
        large = median_ms(lambda: recognizer.read_page(path), max(1, n // 10))
    return {"canvas_ms": median_ms(lambda: recognizer.read_page(canvas), n), "photo_ms": large, "photo_mb": more}


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


def starting() -> dict:
    """Start the page, and an empty one with the same packages: seconds until each answers, and peak memory in MB."""
    commands = {"page": [str(Path(__file__).parents[2] / "app.py")], "empty_page": ["-c", EMPTY_PAGE]}
    runs = {name: [start(command) for _ in range(STARTS)] for name, command in commands.items()}
    return {
        f"{name}_{unit}": statistics.median(values)
        for name, results in runs.items()
        for unit, values in zip(("s", "mb"), zip(*results, strict=True), strict=True)
    }


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


def as_text(results: dict, n: int) -> str:
    """Format the results as Markdown."""
    read, page, started = results["reading"], results["pages"], results["starting"]
    rows = ["| network | one 280 x 280 canvas | glyphs a second | the network alone, one glyph | in onnxruntime |"]
    rows.append("|---|---|---|---|---|")
    for name in READERS:
        r = read[name]
        other = f"{r['onnxruntime_ms']:.2f} ms" if r["onnxruntime_ms"] else "not installed"
        rows.append(
            f"| {name} | {r['canvas_ms']:.1f} ms | {r['glyphs_a_second']:,.0f} | {r['torch_ms']:.2f} ms | {other} |"
        )
    rows.append(
        f"\nOne thread, medians of {n}, for glyphs a second of {max(1, n // 20)}; torch {results['torch']}. "
        f"From a canvas to its glyph {read['glyph']['ours_ms']:.2f} ms, by a plain resize((28, 28)) "
        f"{read['glyph']['plain_resize_ms']:.2f} ms."
    )
    rows.append(
        f"\nAdapting {READERS[-1]} to {ADAPTED_TO} corrected glyphs takes {read['adapt']['ms']:.0f} ms, median of "
        f"{max(1, n // 10)}; it then reads the canvas in {read['adapt']['canvas_ms']:.1f} ms."
    )
    rows.append(
        f"\nRead as a page, two threads: a canvas {page['canvas_ms']:.1f} ms, median of {n}; a JPEG of 12 megapixels "
        f"{page['photo_ms']:.0f} ms, median of {max(1, n // 10)}, and at its peak {page['photo_mb']:.0f} MB more than "
        f"after a canvas."
    )
    rows.append(
        f"\nThe page answers {started['page_s']:.1f} s after its start; by then its server process has held at most "
        f"{started['page_mb']:.0f} MB; an empty page that imports the same packages {started['empty_page_s']:.1f} s, "
        f"{started['empty_page_mb']:.0f} MB, medians of {STARTS}."
    )
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Print the results, and write them to a file if asked; return the exit code."""
    parser = ArgumentParser(prog="python -m model.evaluation.benchmark", description=__doc__.split(": ", 1)[1])
    parser.add_argument("--data", type=Path, help="MNIST folder: time training too, against PyTorch's example")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--repeat", type=int, default=200, metavar="N", help="number of timings of each read")
    options = parser.parse_args(arguments)
    canvas, n = draw(STROKES[7], 14, 180, (60, 50)), options.repeat
    results = {"machine": platform.machine(), "torch": torch.__version__, "n": n, "starting": starting()}
    results |= {"pages": pages(canvas, n), "reading": reading(canvas, n)}
    print(as_text(results, n))
    if options.data:
        results |= training_speed.to_99(options.data)
        print("\n" + training_speed.as_text(results["to_99"]))
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
