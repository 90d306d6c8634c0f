"""python -m scripts.live [DATA]: how fast the page answers while the pen moves.

If DATA, which holds eval/strokes_digits.jsonl.gz, is given, a hundred of its digits are drawn on the page.
"""

import asyncio
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from playwright.async_api import Page, async_playwright
from playwright.sync_api import sync_playwright

from model.evaluation.strokes import STROKES, read_strokes
from tests.conftest import DESK, PHONE, Running, Visitor, find_browser, launch_browser, serve_page

REPLAYED = 100  # digits that are drawn again, half of them with a finger
SLOW, MOVES = 2, 40  # seconds that a slow stroke takes, and pen moves per second
WATCH = """() => {
  const seen = { moves: [], ups: [], requests: [], shown: [] };  // ms; a request: when it was sent and answered
  const extract = window.editor.app.renderer.extract, get = extract.canvas.bind(extract);
  extract.canvas = (what) => {
    const asked = performance.now(), canvas = get(what);
    seen.requests.push([asked, performance.now()]);
    return canvas;
  };
  const pixels = CanvasRenderingContext2D.prototype, grab = pixels.getImageData;  // what is read on the device
  pixels.getImageData = function (...what) {
    const asked = performance.now(), data = grab.apply(this, what);
    seen.requests.push([asked, performance.now()]);
    return data;
  };
  addEventListener("pointermove", (event) => event.buttons && seen.moves.push(performance.now()), true);
  addEventListener("pointerup", ({ target }) => target.tagName === "CANVAS" && seen.ups.push(performance.now()), true);
  const answer = document.querySelector("#draw-answer");
  new MutationObserver(() => seen.shown.push(performance.now())).observe(answer, { childList: true, subtree: true });
  window.seen = seen;
}"""


def waits(seen: dict) -> tuple[list[float], list[float]]:
    """Return how long each move of the pen, and each lift, waited for an answer that reflects it, in ms.

    An answer reflects everything before its request for the canvas. If the canvas had not changed, the request itself
    counts as the answer.
    """

    def wait(since: float) -> float | None:
        request = next((request for request in seen["requests"] if request[0] >= since), None)
        if request is None:
            return None
        following = next((other[0] for other in seen["requests"] if other[0] > request[0]), float("inf"))
        shown = next((shown for shown in seen["shown"] if request[1] <= shown <= following), request[1])
        return shown - since

    return tuple([one for since in seen[kind] if (one := wait(since)) is not None] for kind in ("moves", "ups"))


async def visit(page: Page, server: Running) -> np.ndarray:
    """Go to the page and wait until it is ready for drawing; return the middle of the canvas on the screen, [2]."""
    await page.goto(server.url, wait_until="domcontentloaded")
    await page.wait_for_selector("#pad .empty", state="detached")
    await page.wait_for_timeout(3000)
    box = await page.locator("#pad .pixi-target canvas").bounding_box()
    return np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


async def glide(page: Page, points: np.ndarray, seconds: float) -> float:
    """Draw a line through points [N, 2] of the screen without waiting for the page; return the seconds that it took."""
    length = np.append(0, np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum())
    fine = np.linspace(0, length[-1], round(seconds * MOVES))
    path = np.stack([np.interp(fine, length, axis) for axis in points.T], axis=1)
    await page.mouse.move(*path[0])
    await page.mouse.down()
    began, moves = time.monotonic(), []
    for i, (x, y) in enumerate(path):
        moves.append(asyncio.create_task(page.mouse.move(x, y)))
        await asyncio.sleep(max(0.0, began + (i + 1) / MOVES - time.monotonic()))
    await asyncio.gather(*moves)
    took = time.monotonic() - began
    await page.mouse.up()
    return took


async def latency(server: Running) -> None:
    """Draw slow strokes and print how long the answers took; the pen does not wait for the page to follow."""
    async with async_playwright() as playwright:
        browser = await launch_browser(playwright, find_browser())
        print(f"{platform.machine()}, {browser.browser_type.name} {browser.version}, headless", flush=True)
        page = await browser.new_page(**DESK)
        middle = await visit(page, server)
        await page.evaluate(WATCH)
        seconds, drawing, asked = 0.0, False, 0

        def count(request) -> None:
            nonlocal asked
            asked += drawing and request.method == "POST"

        page.on("request", count)
        for digit in (3, 8, 6, 9, 2) * 2:
            points = np.array([point for stroke in STROKES[digit] for point in stroke])
            drawing = True
            seconds += await glide(page, middle + 200 * (points - (0.35, 0.5)), SLOW)
            drawing = False
            await page.wait_for_timeout(1000)
            await page.get_by_role("button", name="Clear canvas").click()
            await page.wait_for_timeout(1000)
        seen = await page.evaluate("seen")
        await browser.close()
    moves, ups = waits(seen)
    answers = sum(any(request[1] <= shown for request in seen["requests"]) for shown in seen["shown"])
    print(f"from a move of the pen to the answer: median {statistics.median(moves):.0f} ms, 95% within", end=" ")
    print(f"{np.quantile(moves, 0.95):.0f} ms (n {len(moves)});", end=" ")
    print(f"{answers / seconds:.1f} answers and {asked / seconds:.1f} requests a second of drawing")
    print(f"from lifting it: median {statistics.median(ups):.0f} ms, at most {max(ups):.0f} ms (n {len(ups)})")


def replays(browser, server: Running, data: Path) -> None:
    """Draw many people's digits on the page, stroke by stroke, and print how many are read right."""
    drawings = list(read_strokes(data / "eval" / "strokes_digits.jsonl.gz"))
    chosen = [drawings[i] for i in np.random.default_rng(0).choice(len(drawings), REPLAYED, replace=False)]
    for name, settings, part in (("mouse", DESK, chosen[::2]), ("finger, 390 x 844", PHONE, chosen[1::2])):
        context = browser.new_context(**settings)
        visitor = Visitor(context, server.url, touch="has_touch" in settings)
        wrong = []
        for drawing in part:
            visitor.draw(drawing["strokes"], size=150, tolerance=0)
            visitor.page.wait_for_timeout(600)
            said = visitor.page.locator("#draw-answer output").inner_text()
            if said != drawing["label"]:
                wrong.append(f"{drawing['label']} as {said or 'nothing'}")
            visitor.clear()
            visitor.page.locator("#draw-answer").get_by_text("Draw a digit").wait_for()
        right = len(part) - len(wrong)
        print(f"drawn with a {name}: {right} of {len(part)} read right; {', '.join(wrong) or 'none wrong'}", flush=True)
        context.close()


def main(data: Path | None) -> None:
    """Print all figures, and the machine they were measured on."""
    with serve_page() as server:
        asyncio.run(latency(server))
        if data:
            with sync_playwright() as playwright, launch_browser(playwright, find_browser()) as browser:
                replays(browser, server, data)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
