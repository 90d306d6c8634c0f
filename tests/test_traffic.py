"""Who is answered when, and what is let in."""

import asyncio
import json
import threading
import time

import pytest

from model import traffic
from model.traffic import BusyError, Door, Flow, Turns


def test_the_questions_of_one_person_are_answered_in_their_order_and_one_at_a_time():
    done, running, most = [], 0, 0
    lock = threading.Lock()

    def work(i):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02 if i == 0 else 0)
        with lock:
            running -= 1
        done.append(i)
        return i

    async def ask():
        turns = Turns(at_once=4, each=9, everybody=99)
        return await asyncio.gather(*(turns.take("anna", work, i) for i in range(6)))

    assert asyncio.run(ask()) == done == list(range(6))
    assert most == 1


def test_who_floods_waits_for_himself_alone():
    order = []

    async def ask():
        turns = Turns(at_once=1, each=50, everybody=99)
        flood = [asyncio.create_task(turns.take("flooder", order.append, "flooder")) for _ in range(50)]
        await asyncio.sleep(0)
        await turns.take("anna", order.append, "anna")
        await asyncio.gather(*flood)

    asyncio.run(ask())
    assert order.index("anna") <= 2


def test_who_asks_too_much_is_told_so_and_nobody_else_is():
    async def ask():
        turns = Turns(at_once=1, each=3, everybody=5)
        waiting = [asyncio.create_task(turns.take("flooder", time.sleep, 0.05)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="faster than can be answered"):
            await turns.take("flooder", int)
        assert await turns.take("anna", int, "7") == 7
        waiting += [asyncio.create_task(turns.take(name, time.sleep, 0.05)) for name in ("bert", "carl", "dora")]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="Many people"):
            await turns.take("emil", int)
        await asyncio.gather(*waiting)
        assert await turns.take("emil", int, "7") == 7

    asyncio.run(ask())


def test_the_pace_of_one_person_is_bounded_and_a_failure_leaves_the_turn_to_the_next():
    async def ask():
        turns = Turns(at_once=2, each=9, everybody=9, pace=0.05)
        begun = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            await turns.take("anna", lambda: 1 / 0)
        for _ in range(3):
            await turns.take("anna", int)
        assert time.monotonic() - begun >= 0.15
        assert turns.waiting == turns.people["anna"].waiting == 0

    asyncio.run(ask())


def test_people_are_forgotten(monkeypatch):
    monkeypatch.setattr(traffic, "REMEMBERED", 10)

    async def ask():
        turns = Turns(at_once=2, each=2, everybody=9)
        for i in range(100):
            await turns.take(str(i), int)
        flow = Flow(rate=1, burst=1)
        for i in range(100):
            flow.wait(str(i), 1)
        return len(turns.people), len(flow.full)

    assert asyncio.run(ask()) == (10, 10)


def test_an_address_may_send_a_burst_and_then_so_many_bytes_a_second(monkeypatch):
    now = 100.0
    monkeypatch.setattr(traffic.time, "monotonic", lambda: now)
    flow = Flow(rate=10, burst=100)
    assert flow.wait("a", 100) == 0
    assert flow.wait("a", 50) == 5
    assert flow.wait("b", 100) == 0
    now += 10
    assert flow.wait("a", 50) == 0


async def echo(scope, receive, send):
    """An application that says how many bytes came."""
    came, more = 0, True
    while more:
        message = await receive()
        came, more = came + len(message["body"]), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": str(came).encode()})


def a_door(**more):
    settings = {"closed": ("/closed",), "endless": ("/endless",), "large": "/upload", "most_large": 100, "most": 10}
    settings |= {"most_open": 2, "flow": Flow(1e9, 1e9), "headers": {"X-Test": "yes"}}
    return Door(**(settings | more))


async def knock(door, path="/", *, app=echo, method="POST", chunks=(b"",), headers=()):
    """Send a request through a door: its status, headers and body."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages[-1]["more_body"] = False
    answer = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        answer.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": list(headers), "client": ("1.2.3.4", 5)}
    await door.around(app)(scope, receive, send)
    start, *bodies = answer
    return start["status"], dict(start["headers"]), b"".join(body["body"] for body in bodies)


def test_what_fits_passes_and_every_answer_has_the_headers():
    status, headers, body = asyncio.run(knock(a_door(), chunks=(b"12345", b"67890")))
    assert (status, body) == (200, b"10")
    assert headers == {b"x-own": b"1", b"x-test": b"yes"}
    for path in ("/health", "/closed/this"):
        assert asyncio.run(knock(a_door(), path, method="GET"))[1][b"x-test"] == b"yes"


@pytest.mark.parametrize(
    ("path", "chunks", "headers"),
    [
        ("/", (b"12345678901",), ()),
        ("/", (b"12345", b"678901"), ()),
        ("/", (b"",), [(b"content-length", b"11")]),
        ("/", (b"",), [(b"content-length", b"-5")]),
        ("/upload", (b"1" * 101,), ()),
    ],
)
def test_what_is_too_large_is_refused_with_a_sentence(path, chunks, headers):
    status, _, body = asyncio.run(knock(a_door(), path, chunks=chunks, headers=headers))
    assert status == 413
    assert "send at most" in json.loads(body)["detail"]


def test_an_upload_may_be_larger():
    assert asyncio.run(knock(a_door(), "/upload", chunks=(b"1" * 100,)))[0] == 200


def test_what_the_page_does_not_need_is_not_there():
    assert asyncio.run(knock(a_door(), "/closed/that"))[0] == 404


def test_who_sends_too_fast_is_slowed():
    async def ask():
        door, begun = a_door(flow=Flow(rate=100, burst=5)), time.monotonic()
        await knock(door, chunks=(b"1234567890",))
        return time.monotonic() - begun

    assert asyncio.run(ask()) >= 0.05


def test_a_full_house_says_so():
    release = asyncio.Event()

    async def slow(scope, receive, send):
        await release.wait()
        await echo(scope, receive, send)

    async def ask():
        door = a_door()
        inside = [asyncio.create_task(knock(door, app=slow)) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await knock(door, app=slow)
        healthy = await knock(door, "/health", method="GET")
        release.set()
        return refused, healthy, [status for status, _, _ in await asyncio.gather(*inside)], door.open

    (status, headers, body), healthy, inside, still_open = asyncio.run(ask())
    assert (status, inside, still_open) == (503, [200, 200], 0)
    assert b"retry-after" in headers
    assert b"Try again" in body
    assert json.loads(healthy[2]) == {"status": "ok"}


def test_a_door_that_closes_lets_those_inside_finish_and_nobody_in():
    async def ask():
        release = asyncio.Event()

        async def slow(scope, receive, send):
            await release.wait()
            await echo(scope, receive, send)

        door = a_door()
        inside = asyncio.create_task(knock(door, app=slow))
        endless = asyncio.create_task(knock(door, "/endless", app=slow))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(door.close, 5))
        while not door.closing:
            await asyncio.sleep(0.01)
        refused, health = await knock(door), await knock(door, "/health", method="GET")
        assert not closing.done()
        begun = time.monotonic()
        release.set()
        await closing
        assert time.monotonic() - begun < 1
        await endless
        return refused[0], health[0], (await inside)[0]

    assert asyncio.run(ask()) == (503, 503, 200)


def test_a_door_closes_after_its_patience():
    door = a_door()
    door.open = 1
    begun = time.monotonic()
    door.close(0.1)
    assert 0.1 <= time.monotonic() - begun < 1
