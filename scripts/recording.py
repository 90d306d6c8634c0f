"""python -m scripts.recording: a recording and a picture of the real page, for the README."""

import asyncio
import base64
import io

import numpy as np
from PIL import Image
from playwright.async_api import Page, async_playwright

from model.evaluation.strokes import STROKES
from scripts.live import glide, visit
from tests.conftest import ROOT, find_browser, launch_browser, serve_page
from tests.digits import LETTER

PAGE_WIDTH, PAGE_HEIGHT = 960, 600
LONGEST_FRAME = 2000  # ms: maximum time that a frame is shown
PEN = """() => {
  const pen = document.createElement("div");
  pen.style = "position: fixed; width: 16px; height: 16px; margin: -8px; border-radius: 50%; pointer-events: none;"
    + "border: 2px solid #d93e0a; background: #d93e0a40; z-index: 99";
  document.body.append(pen);
  addEventListener("pointermove", ({ clientX, clientY }) => {
    pen.style.left = `${clientX}px`;
    pen.style.top = `${clientY}px`;
  }, true);
}"""


async def play(page: Page, middle: np.ndarray) -> None:
    """Draw what the recording shows, in the middle of the canvas: a 7 that becomes a 2, a number, and a letter."""
    number = [(STROKES[digit], right, 90, 1.5) for right, digit in ((-1.2, 4), (-0.05, 0), (1.1, 9))]
    for scene in ([([[*STROKES[7][0], (0.7, 1.0)]], 0, 190, 3.5)], number, [(LETTER, 0, 190, 2.5)]):
        for strokes, right, size, seconds in scene:
            for stroke in strokes:
                points = np.array(stroke) - (0.35 - right, 0.5)
                await glide(page, middle + size * points, seconds / len(strokes))
        await page.wait_for_timeout(1800)
        await page.get_by_role("button", name="Clear canvas").click()
        await page.wait_for_timeout(500)


async def main() -> None:
    """Write assets/live.webp, in real time, and assets/page.png."""
    async with async_playwright() as playwright:
        with serve_page() as server:
            browser = await launch_browser(playwright, find_browser())
            page = await browser.new_page(viewport={"width": PAGE_WIDTH, "height": PAGE_HEIGHT})
            middle = await visit(page, server)
            frames, screen = [], await page.context.new_cdp_session(page)

            async def keep(frame: dict) -> None:
                frames.append((frame["metadata"]["timestamp"], base64.b64decode(frame["data"])))
                await screen.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

            await page.evaluate(PEN)
            screen.on("Page.screencastFrame", keep)
            await screen.send("Page.startScreencast", {"format": "jpeg", "quality": 95})
            await play(page, middle)
            await screen.send("Page.stopScreencast")
            middle = await visit(page, server)
            await glide(page, middle + 190 * (np.array(STROKES[7][0]) - (0.35, 0.5)), 1.5)
            await page.wait_for_timeout(1500)
            await page.screenshot(path=ROOT / "assets" / "page.png")
            await browser.close()
    times = [time for time, _ in frames]
    durations = np.append(np.diff(times) * 1000, LONGEST_FRAME).clip(1, LONGEST_FRAME).astype(int).tolist()
    pictures = [Image.open(io.BytesIO(file)).convert("RGB") for _, file in frames]
    pictures[0].save(
        ROOT / "assets" / "live.webp",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        quality=60,
        method=4,
    )
    print(f"{len(frames)} frames, {times[-1] - times[0]:.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
