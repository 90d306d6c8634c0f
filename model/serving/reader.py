"""What the page needs to read on the device while the pen moves: the scripts and the weights of `pocket`."""

import sys

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from model import weights
from model.serving import STATIC

BROWSER = STATIC.parent.parent / "browser"
PLACE = "/reader/"  # below which they are served


def routes() -> list[Route]:
    """Return a route for each file; without the weights, the program ends with a message."""
    try:
        values, description = weights.for_browser(*weights.load(weights.locate("pocket")))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"app.py: {error}")
    return [
        _route("reader.js", (BROWSER / "reader.js").read_text(), "text/javascript"),
        _route("inside.js", (BROWSER / "inside.js").read_text(), "text/javascript"),
        _route("follow.js", (STATIC / "follow.js").read_text(), "text/javascript"),
        _route("pocket.json", description, "application/json"),
        _route("pocket.bin", values, "application/octet-stream"),
    ]


def _route(name: str, content: str | bytes, kind: str) -> Route:
    async def send(_: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "max-age=3600"})

    return Route(PLACE + name, send)
