"""What reaches the page over the network: how much of it, from whom, and in which order. It knows no page.

`Turns` shares out the reading among people, `Door` is an ASGI middleware (https://asgi.readthedocs.io) around all else.
"""

import asyncio
import contextlib
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any, TypeVar

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REMEMBERED = 1000  # people whose last question is remembered, or addresses whose last bytes are
HEALTH = "/health"
QUIET = 0.5  # seconds without a request until a door that closes is shut


class BusyError(Exception):
    """Nobody could be answered now; the sentence says what to do."""


class TooLongError(Exception):
    """A request has more bytes than it may have."""


class Person:
    """One who asks: how many of his questions wait, when the last one was taken up, and the order among them."""

    def __init__(self):
        self.waiting, self.last, self.order = 0, float("-inf"), asyncio.Lock()


class Turns:
    """Answer people in turns: the questions of one in their order and one at a time, those of several side by side.

    Who asks faster than he is answered waits for himself alone: among those who wait the turn goes round.

    Args:
        at_once: questions that are worked on side by side.
        each: questions of one person that wait at most.
        everybody: questions that wait at most.
        pace: seconds between two questions of one person that are taken up, at least.
    """

    def __init__(self, at_once: int, each: int, everybody: int, pace: float = 0.0):
        self.each, self.everybody, self.pace = each, everybody, pace
        self.workers = asyncio.Semaphore(at_once)  # first come, first served; of each person only one stands there
        self.people: OrderedDict[str, Person] = OrderedDict()
        self.waiting = 0

    async def take(self, who: str, work: Callable[..., T], *arguments: Any) -> T:
        """Do some work in a thread when it is somebody's turn, and return what it returns.

        Raises:
            BusyError: too many questions wait already, of this person or of all.
        """
        person = self._person(who)
        if person.waiting >= self.each:
            raise BusyError("You ask faster than can be answered. Wait a moment, then go on")
        if self.waiting >= self.everybody:
            raise BusyError("Many people are asking just now. Wait a moment, then try again")
        with self._counted(person):
            async with person.order:
                await asyncio.sleep(person.last + self.pace - time.monotonic())
                async with self.workers:
                    person.last = time.monotonic()
                    return await asyncio.to_thread(work, *arguments)

    def _person(self, who: str) -> Person:
        person = self.people.setdefault(who, Person())
        self.people.move_to_end(who)
        for name in list(self.people)[: max(0, len(self.people) - REMEMBERED)]:
            if not self.people[name].waiting:
                del self.people[name]
        return person

    @contextlib.contextmanager
    def _counted(self, person: Person) -> Iterator[None]:
        person.waiting, self.waiting = person.waiting + 1, self.waiting + 1
        try:
            yield
        finally:
            person.waiting, self.waiting = person.waiting - 1, self.waiting - 1


class Flow:
    """How fast bytes may come from each address: a bucket that leaks (Turner 1986).

    Args:
        rate: bytes a second.
        burst: bytes that may come at once after a pause.
    """

    def __init__(self, rate: float, burst: float):
        self.rate, self.burst = rate, burst
        self.full: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address: (bytes in the bucket, since when)

    def wait(self, address: str, n: int) -> float:
        """Pour n bytes in; return the seconds that this address has to wait until it may send more."""
        now = time.monotonic()
        held, since = self.full.pop(address, (0.0, now))
        held = max(0.0, held - self.rate * (now - since)) + n
        self.full[address] = held, now
        while len(self.full) > REMEMBERED:
            self.full.popitem(last=False)
        return max(0.0, held - self.burst) / self.rate


class Door:
    """ASGI middleware: bound what comes in, set headers on what goes out, say how it is, and close in peace.

    Args:
        closed: beginnings of paths that are not served.
        endless: beginnings of paths whose answers never end; nobody waits for those when it closes.
        large: the path of uploads.
        most_large: bytes of a request there, at most.
        most: bytes of any other request, at most.
        most_open: requests that are answered side by side, at most.
        flow: how fast one address may send.
        headers: set on every answer.
    """

    def __init__(
        self,
        *,
        closed: tuple[str, ...],
        endless: tuple[str, ...],
        large: str,
        most_large: int,
        most: int,
        most_open: int,
        flow: Flow,
        headers: dict[str, str],
    ):
        self.closed, self.endless, self.large = closed, endless, large
        self.most_large, self.most, self.most_open, self.flow = most_large, most, most_open, flow
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.open, self.closing = 0, False

    def close(self, patience: float) -> None:
        """Let no question in any more, and wait some seconds for those inside to be answered; from another thread."""
        self.closing = True
        now = busy = time.monotonic()
        until = now + patience
        while now < min(until, busy + QUIET):  # an answer may be fetched by another request than the one that asked
            time.sleep(0.05)
            now = time.monotonic()
            if self.open:
                busy = now

    def around(self, app: App) -> App:
        """Return the application behind this door."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            path, send = scope["path"], self._with_headers(send)
            if path == HEALTH:
                await _say(send, 503 if self.closing else 200, status="closing" if self.closing else "ok")
            elif path.startswith(self.closed):
                await _say(send, 404, detail="There is nothing here.")
            elif path.startswith(self.endless):
                await app(scope, receive, send)
            elif self.open >= self.most_open or (self.closing and scope["method"] == "POST"):
                await _say(send, 503, detail="The page is full, or closing. Try again in a minute.")
            else:
                self.open += 1
                try:
                    await self._serve(app, scope, receive, send)
                finally:
                    self.open -= 1

        return serve

    async def _serve(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request whose body is bounded in length and in speed."""
        most = self.most_large if scope["path"] == self.large else self.most
        length = dict(scope["headers"]).get(b"content-length", b"0")
        address, came, answered = (scope.get("client") or ("",))[0], 0, False

        async def bounded() -> Scope:
            nonlocal came
            message = await receive()
            n = len(message.get("body", b""))
            came += n
            if came > most:
                raise TooLongError
            await asyncio.sleep(self.flow.wait(address, n))
            return message

        async def watched(message: Scope) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            if not length.isdigit() or int(length) > most:
                raise TooLongError
            await app(scope, bounded, watched)
        except TooLongError:
            if not answered:
                await _say(send, 413, detail=f"This is too large: send at most {most // 1000:,} kB.")

    def _with_headers(self, send: Send) -> Send:
        async def sending(message: Scope) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *self.headers]}
            await send(message)

        return sending


async def _say(send: Send, code: int, **said: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if code == 503:
        headers.append((b"retry-after", b"10"))
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})
