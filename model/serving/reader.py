"""Scripts, and the weights of `pocket`, with which the page reads digits on the device while the pen moves."""

import hashlib
import sys

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from model import weights
from model.serving import STATIC

BROWSER = STATIC.parent.parent / "browser"
URL_PREFIX = "/reader/"  # URL prefix under which they are served


def routes() -> list[Route]:
    """Return a route for each file; without the weights, the program ends with a message."""
    try:
        values, description = weights.for_browser(*weights.load("pocket"))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"app.py: {error}")
    scripts = [BROWSER / name for name in ("reader.js", "layers.js", "inside.js", "words.js")] + [STATIC / "follow.js"]
    return [
        *(_route(script.name, script.read_bytes(), "text/javascript") for script in scripts),
        _route("pocket.json", description.encode(), "application/json"),
        _route("pocket.bin", values, "application/octet-stream"),
    ]


def _route(name: str, content: bytes, kind: str) -> Route:
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"Cache-Control": "no-cache", "ETag": tag}  # the browser asks whether the file has changed (RFC 9110)

    async def send(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)

    return Route(URL_PREFIX + name, send)
