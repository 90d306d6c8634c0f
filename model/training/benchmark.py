"""python -m model.training.benchmark: how long reading takes here, and how much memory."""

import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from model import Recognizer, weights
from model.networks import NETWORKS, build, predict
from model.preprocess import SIDE, glyph_of
from model.training.export import to_onnx
from model.training.strokes import SEVEN, draw


def median_ms(call: Callable[[], object], n: int) -> float:
    """Return the median time of n calls in milliseconds, after ten that are not counted."""
    times = []
    for _ in range(n + 10):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[10:])


def main(n: int = 200) -> int:
    """Print the time of one read, the throughput of glyphs read together, and the time and memory of a photo."""
    canvas = draw(SEVEN, 14, 180, (60, 50))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        photo().save(path, quality=90)
        torch.set_num_threads(2)
        recognizer = Recognizer.load()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
            more = fresh.submit(extra_mb, path, canvas).result()
        large = median_ms(lambda: recognizer.read_page(path), max(1, n // 10))
    page = median_ms(lambda: recognizer.read_page(canvas), n)
    torch.set_num_threads(1)
    print(
        f"one thread, medians of {n}; torch {torch.__version__}\n\n| network | one 280 x 280 canvas | glyphs a second |"
    )
    print("|---|---|---|")
    runs = []
    for name in NETWORKS:
        recognizer = Recognizer.load(name)
        glyphs = np.repeat(recognizer.read_digit(canvas).glyph[None], 256, axis=0)
        one = median_ms(lambda read=recognizer.read_digit: read(canvas), n)
        many = median_ms(lambda read=recognizer.read_glyphs, glyphs=glyphs: read(glyphs), max(1, n // 20))
        print(f"| {name} | {one:.1f} ms | {256_000 / many:,.0f} |")
        alone = torch.from_numpy(glyphs[:1, None])
        runs.append(
            (name, median_ms(lambda net=recognizer.net, glyph=alone: predict(net, glyph), n), in_onnx(name, alone, n))
        )
    counts = {name: sum(part.numel() for part in build(name).parameters()) for name in (*NETWORKS, "line")}
    print("\nparameters: " + ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    print("\n| the network alone, one glyph | torch | onnxruntime |\n|---|---|---|")
    for name, mine, other in runs:
        print(f"| {name} | {mine:.2f} ms | {other} |")
    naive = median_ms(lambda: 1 - np.asarray(Image.fromarray(canvas).resize((SIDE, SIDE)), np.float32) / 255, n)
    print(f"\nfrom a canvas to its glyph {median_ms(lambda: glyph_of(canvas), n):.2f} ms, ", end="")
    print(f"by a plain resize((28, 28)) {naive:.2f} ms, medians of {n}")
    print(f"\nread as a page, two threads: a canvas {page:.1f} ms, median of {n}; a JPEG of 12 megapixels", end=" ")
    print(f"{large:.0f} ms, median of {max(1, n // 10)}, and at its peak {more:.0f} MB more than after a canvas")
    return 0


def in_onnx(name: str, glyph: torch.Tensor, n: int) -> str:
    """Return the median time of a shipped network in onnxruntime, one thread, or that it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        try:
            import onnxruntime

            to_onnx(*weights.load(weights.locate(name)), path)
        except ModuleNotFoundError as error:
            return f"no {error.name} here"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return f"{median_ms(lambda: session.run(None, {'glyphs': glyph.numpy()}), n):.2f} ms"


def extra_mb(path: Path, canvas: np.ndarray) -> float:
    """Return how much more memory, in megabytes, a fresh process holds at its peak once it reads a photo too."""
    recognizer = Recognizer.load()
    recognizer.read_page(canvas)
    before = _peak_mb()
    recognizer.read_page(path)
    return _peak_mb() - before


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def photo() -> Image.Image:
    """Picture a sheet of 12 megapixels with a seven in many places."""
    sheet = Image.new("RGB", (4000, 3000), (236, 232, 225))
    seven = Image.fromarray(draw(SEVEN, 14, 180, (60, 50))).resize((420, 420))
    for x in range(200, 3600, 420):
        for y in range(200, 2400, 520):
            sheet.paste(seven.point(lambda grey: 40 + grey * 3 // 4), (x, y))
    return sheet


if __name__ == "__main__":
    sys.exit(main())
