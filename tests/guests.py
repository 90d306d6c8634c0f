"""Simulated users without a browser: they send the same requests as the page's scripts."""

import json
import secrets
import urllib.request

from PIL import Image

from model.evaluation.strokes import draw
from model.png import as_data_url


class Guest:
    """A client with its own session.

    Args:
        url: of the page.
        config: of the page, see `config_of`.
    """

    def __init__(self, url: str, config: dict):
        self.url, self.session = f"{url}/gradio_api", secrets.token_hex(6)
        self.ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
        self.events = {tuple(target): one["id"] for one in config["dependencies"] for target in one["targets"]}

    def _ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        request = urllib.request.Request(f"{self.url}/{path}", body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def read_drawing(self, picture: str) -> str:
        """Send the canvas as a data URL, as the page does while drawing; return the answer as HTML."""
        return json.loads(self._ask("component_server/", json.dumps(self.question(picture)).encode()))

    def question(self, picture: str) -> dict:
        """Return the body of the request that sends the canvas."""
        data = {"picture": picture, "both": False}
        about = {"fn_name": "read_drawing", "component_id": self.ids["live"], "session_hash": self.session}
        return about | {"data": data}

    def upload(self, content: bytes, name: str = "picture") -> dict:
        """Upload a file and return the reference to it for other requests."""
        head = f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--edge--\r\n"
        (path,) = json.loads(self._ask("upload", body, "multipart/form-data; boundary=edge"))
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    def call(self, endpoint: str, file: dict) -> dict | str:
        """Read an upload through an API endpoint; return its answer or its error message."""
        return self.fetch(endpoint, self.begin(endpoint, file))

    def begin(self, endpoint: str, file: dict) -> str:
        """Ask an API endpoint to read an upload; return the event id of the answer."""
        return json.loads(self._ask(f"call/{endpoint}", json.dumps({"data": [file]}).encode()))["event_id"]

    def fetch(self, endpoint: str, event: str) -> dict | str:
        """Wait for the answer to an event; return it or its error message."""
        kind, data = self._ask(f"call/{endpoint}/{event}").decode().strip().rsplit("event: ", 1)[1].split("\ndata: ", 1)
        said = json.loads(data)
        return said[0] if kind == "complete" else said["error"]

    def photo(self, file: dict) -> str:
        """Submit an upload to the Photo tab; return the answer as HTML."""
        body = {"data": [file, False, None], "fn_index": self.events[self.ids["picture"], "change"]}
        self._ask("queue/join", json.dumps(body | {"session_hash": self.session}).encode())
        for line in self._ask(f"queue/data?session_hash={self.session}").decode().splitlines():
            message = json.loads(line.removeprefix("data: ") or "{}")
            if message.get("msg") == "process_completed":
                assert message["success"], message
                return message["output"]["data"][0]
        raise AssertionError("the queue ended without an answer")


def config_of(url: str) -> dict:
    """Fetch the configuration of a page."""
    with urllib.request.urlopen(f"{url}/config", timeout=60) as answer:
        return json.load(answer)


def on_canvas(strokes, place: int = 0) -> str:
    """Draw strokes on a canvas, shifted right by `place` pixels; return it as a data URL."""
    picture = Image.new("L", (400, 300), 255)
    picture.paste(Image.fromarray(draw(strokes, 14, 160, (60, 50))), (5 + place % 100, 10))
    return as_data_url(picture)
