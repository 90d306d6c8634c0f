"""python -m scripts.offline DATA: whether the static page reads digits offline as the Python code does, and how fast.

DATA holds data/MNIST and eval/strokes_digits.jsonl.gz.
"""

import asyncio
import statistics
import tempfile
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import torch
from playwright.async_api import async_playwright

from model import weights
from model.confidence import calibration_of, probabilities
from model.evaluation.strokes import STROKES, read_strokes
from model.networks import predict
from model.training.data import mnist
from model.training.export import rounded, to_static_page
from scripts.live import SLOW, glide
from tests.conftest import find_browser, launch_browser, serve_folder

DRAWINGS, COMPARED = 100, 1000  # digits that are drawn again, and MNIST digits that both languages read
TIMED, FIRST = 320, 20  # reads of one drawing that are timed, and the first of them, which are left out
READ = """async (glyphs) => {
  const { Reader } = await import("./reader.js");
  const reader = await Reader.load();
  return glyphs.map((glyph) => [...reader.readGlyph(Float32Array.from(glyph)).probabilities]);
}"""
TIME_READS = """async (count) => {
  const { Reader } = await import("./reader.js");
  const reader = await Reader.load();
  const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 300 });
  const pencil = canvas.getContext("2d");
  pencil.fillStyle = "#fff";
  pencil.fillRect(0, 0, 400, 300);
  Object.assign(pencil, { lineWidth: 12, lineCap: "round" });
  pencil.stroke(new Path2D("M140 60H240L180 240"));
  const image = pencil.getImageData(0, 0, 400, 300);
  return Array.from({ length: count }, () => {
    const began = performance.now();
    reader.read(image);
    return performance.now() - began;
  });
}"""
WATCH_STATIC = """() => {
  const [moves, shown] = [[], []]; // ms
  addEventListener("pointermove", (event) => event.buttons && moves.push(performance.now()), true);
  new MutationObserver(() => shown.push(performance.now())).observe(document.querySelector("ol"), { subtree: true,
    childList: true });
  window.seen = { moves, shown };
}"""


async def measure(address: str, data: Path) -> None:
    """Print all figures."""
    async with async_playwright() as playwright:
        browser = await launch_browser(playwright, find_browser())
        context = await browser.new_context(viewport={"width": 1000, "height": 900})
        page = await context.new_page()
        await page.goto(address)
        await page.wait_for_function("navigator.serviceWorker.ready.then(() => true)")
        await context.set_offline(True)
        await page.reload()
        await page.wait_for_selector("html[data-ready]")
        box = await page.locator("#pad").bounding_box()
        middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])

        drawings = list(read_strokes(data / "eval" / "strokes_digits.jsonl.gz"))
        wrong = []
        for i in np.random.default_rng(0).choice(len(drawings), DRAWINGS, replace=False):
            for stroke in drawings[i]["strokes"]:
                points = middle + 180 * (np.array(stroke) - (0.35, 0.5))
                await page.mouse.move(*points[0])
                await page.mouse.down()
                for point in points[1:]:
                    await page.mouse.move(*point)
                await page.mouse.up()
            await page.wait_for_timeout(100)
            said = await page.locator("#answer output").inner_text()
            if said != drawings[i]["label"]:
                wrong.append(f"{drawings[i]['label']} as {said or 'nothing'}")
            await page.get_by_role("button", name="Clear").click()
        print(f"offline, {DRAWINGS - len(wrong)} of {DRAWINGS} drawings read right; {', '.join(wrong) or 'none wrong'}")

        await page.evaluate(WATCH_STATIC)
        for digit in (3, 8, 6, 9, 2) * 2:
            points = np.array([point for stroke in STROKES[digit] for point in stroke])
            await glide(page, middle + 180 * (points - (0.35, 0.5)), SLOW)
            await page.get_by_role("button", name="Clear").click()
        seen = await page.evaluate("seen")
        waits = [next((at for at in seen["shown"] if at >= move), move) - move for move in seen["moves"]]
        print(f"from a move of the pen to the answer: median {statistics.median(waits):.0f} ms,", end=" ")
        print(f"95% within {np.quantile(waits, 0.95):.0f} ms (n {len(waits)})")

        net, card = weights.load(weights.locate("pocket"))
        glyphs, _ = mnist(data / "data", train=False, limit=COMPARED)
        theirs = await page.evaluate(READ, glyphs.flatten(1).tolist())
        ours = probabilities(predict(rounded(net), glyphs), glyphs[:, 0].numpy(), calibration_of(card))
        off = float((torch.tensor(theirs) - ours).abs().max())
        print(f"{COMPARED:,} MNIST digits: probabilities differ from Python's by at most {off:.0e}")
        times = (await page.evaluate(TIME_READS, TIMED))[FIRST:]
        print(f"one read of a canvas of 400 x 300: median {statistics.median(times):.1f} ms (n {len(times)})")
        await browser.close()


def main(data: Path) -> None:
    """Serve the static page from a folder and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        to_static_page(*weights.load(weights.locate("pocket")), Path(folder))
        with serve_folder(folder) as address:
            asyncio.run(measure(address, data))


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m scripts.offline", description=__doc__.split(": ", 1)[1])
    parser.add_argument("data", type=Path, help="folder")
    main(parser.parse_args().data)
