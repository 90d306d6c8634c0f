"""python -m scripts.screenshots FOLDER: pictures of the real page, desktop and phone, light and dark."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from model.evaluation.strokes import STROKES
from tests.conftest import PHONE, Visitor, find_browser, launch_browser, serve_page

SIZES = {"desktop": {"viewport": {"width": 1000, "height": 640}}, "phone": PHONE}


def main(folder: Path) -> None:
    """Draw a 7 on the page and write one picture for each size and colour scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    with serve_page() as server, sync_playwright() as playwright, launch_browser(playwright, find_browser()) as browser:
        for size, settings in SIZES.items():
            for scheme in ("light", "dark"):
                context = browser.new_context(color_scheme=scheme, **settings)
                visitor = Visitor(context, server.url, touch=size == "phone")
                visitor.draw(STROKES[7], size=150)
                visitor.sees("draw", "7")
                visitor.page.wait_for_timeout(1000)
                visitor.page.screenshot(path=folder / f"{size}-{scheme}.png")
                context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
