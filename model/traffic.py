"""What reaches the page over the network: how much of it, from whom, and in which order. It knows no page.

`Turns` shares out the reading among people, `Door` is an ASGI middleware (https://asgi.readthedocs.io) before all else.
"""

import asyncio
import json
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REMEMBERED = 1000  # people whose last question is remembered, or addresses whose last bytes are
HEALTH = "/health"
QUIET = 0.5  # seconds without a request until a door that closes is shut
LONGEST = 2000  # bytes of an address
COST = 20_000  # bytes that a request counts for at least, since any costs time
HERE = str(Path(__file__).parent.parent)


class BusyError(Exception):
    """Nobody could be answered now; the sentence says what to do."""


class RefusedError(Exception):
    """A request is not let in: its status, and a sentence."""


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
        self.threads = ThreadPoolExecutor(at_once)  # of our own, since each keeps memory of what it has worked on
        self.people: OrderedDict[str, Person] = OrderedDict()
        self.turns: set[asyncio.Task] = set()  # which asyncio itself would let go
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
        person.waiting, self.waiting = person.waiting + 1, self.waiting + 1
        turn = asyncio.create_task(self._turn(person, work, *arguments))
        self.turns.add(turn)
        turn.add_done_callback(self.turns.discard)
        return await asyncio.shield(turn)  # a thread cannot be stopped: who leaves keeps his place until it is done

    async def _turn(self, person: Person, work: Callable[..., T], *arguments: Any) -> T:
        try:
            async with person.order:
                await asyncio.sleep(person.last + self.pace - time.monotonic())
                async with self.workers:
                    person.last = time.monotonic()
                    return await asyncio.get_running_loop().run_in_executor(self.threads, work, *arguments)
        finally:
            person.waiting, self.waiting = person.waiting - 1, self.waiting - 1

    def _person(self, who: str) -> Person:
        person = self.people.setdefault(who, Person())
        self.people.move_to_end(who)
        for name in list(self.people)[: max(0, len(self.people) - REMEMBERED)]:
            if not self.people[name].waiting:
                del self.people[name]
        return person


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
        allowed: beginnings of the paths that are served, beside "/".
        endless: beginnings of those whose answers never end; nobody waits for them when it closes.
        forms: paths that take multipart forms.
        most: bytes of a request's body at most, by path; `few` of all others.
        few: bytes of any other request's body at most.
        most_open: requests that are answered side by side at most, and so many endless ones.
        flow: how fast one address may send.
        headers: set on every answer.
        wrong: says what is wrong with the JSON of a request to a path, or None.
    """

    def __init__(
        self,
        *,
        allowed: tuple[str, ...],
        endless: tuple[str, ...],
        forms: tuple[str, ...],
        most: dict[str, int],
        few: int,
        most_open: int,
        flow: Flow,
        headers: dict[str, str],
        wrong: Callable[[str, Any], str | None],
    ):
        self.allowed, self.endless, self.forms, self.most, self.few = allowed, endless, forms, most, few
        self.most_open, self.flow, self.wrong = most_open, flow, wrong
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.open = {"": 0, "endless": 0}
        self.closing = False

    def close(self, patience: float) -> None:
        """Let no question in any more, and wait some seconds for those inside to be answered; from another thread."""
        self.closing = True
        now = busy = time.monotonic()
        until = now + patience
        while now < min(until, busy + QUIET):  # an answer may be fetched by another request than the one that asked
            time.sleep(0.05)
            now = time.monotonic()
            if self.open[""]:
                busy = now

    def around(self, app: App) -> App:
        """Return the application behind this door."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            answered = False

            async def sending(message: Scope) -> None:
                nonlocal answered
                if message["type"] == "http.response.start":
                    answered = True
                    message = {**message, "headers": [*message.get("headers", []), *self.headers]}
                await send(message)

            kind = "endless" if scope["path"].startswith(self.endless) else ""
            self.open[kind] += 1
            try:
                self._look_at(scope, kind)
                if scope["path"] == HEALTH:
                    await _say(sending, 503 if self.closing else 200, status="closing" if self.closing else "ok")
                else:
                    await app(scope, await self._bounded(scope, receive), sending)
            except RefusedError as refused:
                if not answered:
                    await _say(sending, refused.args[0], detail=refused.args[1])
            except Exception as error:  # of the application, which is not ours
                _note(error, scope["path"])
                if answered:
                    await send({"type": "http.response.body", "body": b""})  # an answer that it broke off has an end
                else:
                    await _say(sending, 400, detail="This request could not be answered.")
            finally:
                self.open[kind] -= 1

        return serve

    def _look_at(self, scope: Scope, kind: str) -> None:
        """Look at a request from outside; RefusedError if it is not let in."""
        path = scope["path"]
        if path == HEALTH:
            return
        if len(scope.get("raw_path") or path) + len(scope.get("query_string", b"")) > LONGEST:
            raise RefusedError(414, f"This address is too long: give at most {LONGEST:,} bytes.")
        if path != "/" and not path.startswith(self.allowed):
            raise RefusedError(404, "There is nothing here.")
        if self.open[kind] > self.most_open or (self.closing and scope["method"] == "POST"):
            raise RefusedError(503, "The page is full, or closing. Try again in a minute.")

    async def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Return what receives a body that is bounded in length and in speed; JSON is looked at before."""
        path, headers = scope["path"].rstrip("/"), dict(scope["headers"])
        address, came = (scope.get("client") or ("",))[0], 0
        most = self.most.get(path, self.few)
        too_large = RefusedError(413, f"This is too large: send at most {most // 1000:,} kB.")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > most:
            raise too_large
        await asyncio.sleep(self.flow.wait(address, COST))

        async def bounded() -> Scope:
            nonlocal came
            message = await receive()
            n = len(message.get("body", b""))
            came += n
            if came > most:
                raise too_large
            if n and (wait := self.flow.wait(address, n)):  # a message that was received must not be lost in a sleep
                await asyncio.sleep(wait)
            return message

        if scope["method"] != "POST":
            return bounded
        if path in self.forms and headers.get(b"content-type", b"").startswith(b"multipart/form-data"):
            scope["query_string"] = b""  # which Gradio would remember
            return bounded
        body, more = b"", True
        while more:
            message = await bounded()
            if message["type"] != "http.request":
                raise RefusedError(400, "This request broke off.")
            body, more = body + message.get("body", b""), message.get("more_body", False)
        try:
            problem = self.wrong(path, json.loads(body))
        except (ValueError, RecursionError):
            problem = "it is no JSON"
        if problem:
            raise RefusedError(400, f"This request cannot be answered: {problem}.")
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Scope:
            return given.pop() if given else await receive()

        return again


def _note(error: Exception, path: str) -> None:
    """Write into the log what went wrong: in a line, or, if our own code had a part in it, with the way there."""
    if type(error).__name__ == "ClientDisconnect":  # of Starlette: who has left needs no answer
        return
    frames = traceback.extract_tb(error.__traceback__)
    places = {frame.filename for frame in frames if "site-packages" not in frame.filename} - {__file__}
    if any(place.startswith(HERE) for place in places):
        traceback.print_exception(error)
    else:
        print(f"{type(error).__name__} at {path[:60]!r}", file=sys.stderr)


async def _say(send: Send, code: int, **said: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if code == 503:
        headers.append((b"retry-after", b"10"))
    await send({"type": "http.response.start", "status": code, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(said).encode()})
