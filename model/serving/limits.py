"""Limits on what reaches the page over the network: how much, and from whom. This module knows nothing of the page.

`LimitsMiddleware` is the outermost ASGI middleware (https://asgi.readthedocs.io).
"""

import asyncio
import json
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_ADDRESSES = 1000  # maximum number of addresses that are remembered
MAX_UPLOAD_MB = 15  # MB
HEALTH = "/health"
QUIET = 0.5  # seconds without an open request after which shutdown stops waiting
MAX_URL_LENGTH = 2000  # maximum length of a URL's path and query in bytes
COST = 20_000  # bytes that each request counts for besides its body, since even a small one takes time
PROJECT = str(Path(__file__).parents[2])


class RefusedError(Exception):
    """A request is refused; the exception's arguments are the HTTP status and a message."""


class RateLimiter:
    """A rate limit on the bytes from each address: a leaky bucket (Turner 1986).

    Args:
        rate: bytes per second.
        burst: bytes that may arrive at once after a pause.
    """

    def __init__(self, rate: float, burst: float):
        self.rate, self.burst = rate, burst
        self.full: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address: (bytes in the bucket, last update)

    def charge(self, address: str, n: int) -> float:
        """Add n bytes to the bucket; return the seconds that this address must wait before it may send more."""
        now = time.monotonic()
        held, since = self.full.pop(address, (0.0, now))
        held = max(0.0, held - self.rate * (now - since)) + n
        self.full[address] = held, now
        while len(self.full) > MAX_ADDRESSES:
            self.full.popitem(last=False)
        return max(0.0, held - self.burst) / self.rate


@dataclass(kw_only=True, eq=False)
class LimitsMiddleware:
    """ASGI middleware: limits requests, adds response headers, answers health checks, and shuts down gracefully.

    Args:
        allowed: paths that are served, besides "/"; one that ends in * is a prefix.
        endless: prefixes of the paths whose responses never end; shutdown does not wait for them.
        forms: paths that accept multipart forms.
        max_bytes: maximum size of a request's body, by path.
        max_bytes_elsewhere: the same for all other paths.
        max_open: maximum number of requests that are open at once, and, counted separately, of endless ones.
        rate_limiter: how fast one address may send.
        headers: set on every response.
        problem_with: takes the path and the JSON of a request; returns what is wrong with the JSON, or None.
    """

    allowed: tuple[str, ...]
    endless: tuple[str, ...]
    forms: tuple[str, ...]
    max_bytes: dict[str, int]
    max_bytes_elsewhere: int
    max_open: int
    rate_limiter: RateLimiter
    headers: dict[str, str]
    problem_with: Callable[[str, Any], str | None]

    def __post_init__(self) -> None:
        self.served = {"/", *self.allowed}
        self.prefixes = tuple(path[:-1] for path in self.allowed if path.endswith("*"))
        self.own_headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        self.open = {"": 0, "endless": 0}
        self.closing = False

    def close(self, timeout: float) -> None:
        """Refuse new POST requests, and wait at most `timeout` seconds for open ones; call from another thread."""
        self.closing = True
        now = busy = time.monotonic()
        until = now + timeout
        while now < min(until, busy + QUIET):  # a client may fetch its answer with a second request
            time.sleep(0.05)
            now = time.monotonic()
            if self.open[""]:
                busy = now

    def wrap(self, app: App) -> App:
        """Return the application wrapped in this middleware."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            answered = False

            async def sending(message: Scope) -> None:
                nonlocal answered
                if message["type"] == "http.response.start":
                    answered = True
                    message = {**message, "headers": [*message.get("headers", []), *self.own_headers]}
                await send(message)

            kind = "endless" if scope["path"].startswith(self.endless) else ""
            self.open[kind] += 1
            try:
                self._admit(scope, kind)
                if scope["path"] == HEALTH:
                    await _respond(sending, 503 if self.closing else 200, status="closing" if self.closing else "ok")
                else:
                    await app(scope, await self._bounded(scope, receive), sending)
            except RefusedError as refused:
                if not answered:
                    await _respond(sending, refused.args[0], detail=refused.args[1])
            except Exception as error:  # from the application, which is not our code
                _log(error, scope["path"])
                if answered:
                    await send({"type": "http.response.body", "body": b""})  # end a response that it left unfinished
                else:
                    await _respond(sending, 400, detail="This request could not be answered.")
            finally:
                self.open[kind] -= 1

        return serve

    def _admit(self, scope: Scope, kind: str) -> None:
        """Check a request before its body is read; RefusedError if it is not admitted."""
        path = scope["path"]
        if path == HEALTH:
            return
        if len(scope.get("raw_path") or path) + len(scope.get("query_string", b"")) > MAX_URL_LENGTH:
            raise RefusedError(414, f"This URL is too long: use at most {MAX_URL_LENGTH:,} bytes.")
        if path not in self.served and path.rstrip("/") not in self.served and not path.startswith(self.prefixes):
            raise RefusedError(404, "Not found.")
        if self.open[kind] > self.max_open or (self.closing and scope["method"] == "POST"):
            raise RefusedError(503, "The server is busy or shutting down. Try again in a minute.")

    async def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Return a `receive` that limits the size and transfer rate of the body; JSON is read and checked first."""
        path, headers = scope["path"].rstrip("/"), dict(scope["headers"])
        address, came = (scope.get("client") or ("",))[0], 0
        most = self.max_bytes.get(path, self.max_bytes_elsewhere)
        too_large = RefusedError(413, f"This request is too large: send at most {most // 1000:,} kB.")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            raise too_large
        await asyncio.sleep(self.rate_limiter.charge(address, COST))

        async def bounded() -> Scope:
            nonlocal came
            message = await receive()
            n = len(message.get("body", b""))
            came += n
            if came > most:
                raise too_large
            if n and (wait := self.rate_limiter.charge(address, n)):  # a needless sleep could lose the message
                await asyncio.sleep(wait)
            return message

        if scope["method"] != "POST":
            return bounded
        if path in self.forms and headers.get(b"content-type", b"").startswith(b"multipart/form-data"):
            scope["query_string"] = b""  # Gradio would remember it
            return bounded
        body, more = bytearray(), True
        while more:
            message = await bounded()
            if message["type"] != "http.request":
                raise RefusedError(400, "This request is incomplete.")
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            problem = self.problem_with(path, json.loads(body))
        except (ValueError, RecursionError):
            problem = "it is not valid JSON"
        if problem:
            raise RefusedError(400, f"This request cannot be answered: {problem}.")
        given = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Scope:
            return given.pop() if given else await receive()

        return again


def _log(error: Exception, path: str) -> None:
    """Log an error: in one line, or with its traceback if our own code was involved."""
    if type(error).__name__ == "ClientDisconnect":  # Starlette's: a client that left needs no answer
        return
    frames = traceback.extract_tb(error.__traceback__)
    files = {frame.filename for frame in frames if "site-packages" not in frame.filename} - {__file__}
    if any(file.startswith(PROJECT) for file in files):
        traceback.print_exception(error)
    else:
        print(f"{type(error).__name__} at {path[:60]!r}", file=sys.stderr)


async def _respond(send: Send, code: int, **content: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if code == 503:
        headers.append((b"retry-after", b"10"))
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
