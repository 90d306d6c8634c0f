"""Rate limits, request validation and graceful shutdown of the middleware."""

import asyncio
import json
import time

import anyio
import pytest

from model.serving import limits
from model.serving.limits import LimitsMiddleware, RateLimiter
from tests.test_fair_queue import run


def test_old_addresses_are_forgotten(monkeypatch):
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 10)
    limiter = RateLimiter(rate=1, burst=1)
    for i in range(100):
        limiter.charge(str(i), 1)
    assert len(limiter.full) == 10


def test_an_address_may_send_a_burst_and_is_then_rate_limited(monkeypatch):
    now = 100.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    limiter = RateLimiter(rate=10, burst=100)
    assert limiter.charge("a", 100) == 0
    assert limiter.charge("a", 50) == 5
    assert limiter.charge("b", 100) == 0
    now += 10
    assert limiter.charge("a", 50) == 0


async def echo(scope, receive, send):
    """An application that echoes the request body."""
    came, more = b"", True
    while more:
        message = await receive()
        came, more = came + message["body"], message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": came})


def held_up():
    """Return an event and an application that answers once the event is set."""
    release = asyncio.Event()

    async def slow(scope, receive, send):
        await release.wait()
        await echo(scope, receive, send)

    return release, slow


def limits_for_tests(**more):
    settings = {"allowed": ("/open", "/form", "/endless*"), "endless": ("/endless",), "forms": ("/form",)}
    settings |= {
        "max_bytes": {"/form": 100},
        "max_bytes_elsewhere": 20,
        "max_open": 2,
        "rate_limiter": RateLimiter(1e9, 1e9),
        "headers": {"X-Test": "yes"},
        "problem_with": lambda path, body: None if body == {"a": 1} else "give a",
    }
    return LimitsMiddleware(**(settings | more))


JSON, FORM = (b"content-type", b"application/json"), (b"content-type", b"multipart/form-data; boundary=x")


async def request(limits, path="/open", *, app=echo, method="POST", chunks=(b'{"a": 1}',), headers=(JSON,), query=b""):
    """Send a request through the middleware: return status, headers and body."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages[-1]["more_body"] = False
    answer = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        answer.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": list(headers), "client": ("1.2.3.4", 5)}
    await limits.wrap(app)(scope | {"query_string": query}, receive, send)
    start, *bodies = answer
    return start["status"], dict(start["headers"]), b"".join(body["body"] for body in bodies)


def test_a_request_within_the_limits_passes_and_every_response_has_the_headers():
    status, headers, body = run(request(limits_for_tests(), chunks=(b'{"a"', b": 1}")))
    assert (status, body) == (200, b'{"a": 1}')
    assert headers == {b"x-own": b"1", b"x-test": b"yes"}
    for path in ("/form", "/form/"):
        assert run(request(limits_for_tests(), path, chunks=(b"1" * 50, b"2" * 50), headers=[FORM]))[2][-1:] == b"2"
    for path in ("/health", "/", "/closed"):
        assert run(request(limits_for_tests(), path, method="GET"))[1][b"x-test"] == b"yes"


@pytest.mark.parametrize(
    ("path", "chunks", "headers"),
    [
        ("/open", (b"1" * 21,), [JSON]),
        ("/open", (b"1" * 15, b"1" * 15), [JSON]),
        ("/open", (b"",), [JSON, (b"content-length", b"21")]),
        ("/open", (b"",), [JSON, (b"content-length", b"-5")]),
        ("/form", (b"1" * 60, b"1" * 60), [FORM]),
    ],
)
def test_an_oversized_request_gets_413_with_an_error_message(path, chunks, headers):
    status, _, body = run(request(limits_for_tests(), path, chunks=chunks, headers=headers))
    assert status == 413
    assert "send at most" in json.loads(body)["detail"]


@pytest.mark.parametrize(
    ("chunk", "headers", "says"),
    [
        (b'{"b": 2}', [JSON], "give a"),
        (b"{", [JSON], "not valid JSON"),
        (b"\xff", [JSON], "not valid JSON"),
        (b"[" * 20, [JSON], "not valid JSON"),
        (b"x", [FORM], "not valid JSON"),
    ],
)
def test_an_invalid_request_is_rejected_before_the_application_sees_it(chunk, headers, says):
    async def unreached(*_):
        pytest.fail("it was let in")

    status, _, body = run(request(limits_for_tests(), app=unreached, chunks=(chunk,), headers=headers))
    assert status == 400
    assert says in json.loads(body)["detail"]


def test_deeply_nested_json_is_rejected_without_a_crash():
    assert run(request(limits_for_tests(max_bytes_elsewhere=10**6), chunks=(b"[" * 10**5,)))[0] == 400


def test_paths_outside_the_allow_list_get_404():
    for path in ("/closed", "/op", "//open", "/open/further"):
        assert run(request(limits_for_tests(), path, method="GET"))[0] == 404
    assert run(request(limits_for_tests(), "/endless/further", method="GET"))[0] == 200


def test_an_overlong_url_gets_414():
    assert run(request(limits_for_tests(), "/open" + "x" * 3000, method="GET"))[0] == 414
    assert run(request(limits_for_tests(), query=b"x" * 3000, method="GET"))[0] == 414


def test_a_client_that_sends_too_fast_is_slowed_down():
    async def ask():
        limits, begun = limits_for_tests(rate_limiter=RateLimiter(rate=400_000, burst=20_000)), time.monotonic()
        for _ in range(2):
            await request(limits)
        return time.monotonic() - begun

    assert run(ask()) >= 0.05


def test_an_application_error_is_logged_and_gets_400(capsys):
    async def broken(scope, receive, send):
        raise KeyError("component")

    status, _, body = run(request(limits_for_tests(), app=broken))
    assert (status, json.loads(body)["detail"]) == (400, "This request could not be answered.")
    assert "Traceback" in capsys.readouterr().err  # logged because the error is in our own code: this test

    async def json_of(scope, receive, send):
        json.loads((await receive())["body"] + b"}")

    assert run(request(limits_for_tests(), app=json_of))[0] == 400


def test_a_disconnect_reaches_the_application():
    """Starlette polls for it in a scope that is cancelled at once: the message must arrive even so."""

    async def leaves(scope, receive, send):
        await receive()
        with anyio.CancelScope() as cancelled:
            cancelled.cancel()
            said.append(await receive())

    async def ask():
        messages = [{"type": "http.request", "body": b'{"a": 1}'}, {"type": "http.disconnect"}]

        async def receive():
            return messages.pop(0)

        scope = {"type": "http", "path": "/open", "method": "POST", "headers": [JSON], "query_string": b""}
        await limits_for_tests().wrap(leaves)(scope, receive, None)

    said = []
    run(ask())
    assert said == [{"type": "http.disconnect"}]


def test_a_full_server_answers_503_but_stays_healthy():
    async def ask():
        release, slow = held_up()
        limits = limits_for_tests()
        inside = [asyncio.create_task(request(limits, app=slow)) for _ in range(2)]
        inside += [asyncio.create_task(request(limits, "/endless", app=slow, method="GET")) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await request(limits, app=slow), await request(limits, "/endless", app=slow, method="GET")
        healthy = await request(limits, "/health", method="GET")
        release.set()
        return refused, healthy, [status for status, _, _ in await asyncio.gather(*inside)], limits.open

    refused, healthy, inside, still_open = run(ask())
    assert inside == [200] * 4
    assert still_open == {"": 0, "endless": 0}
    for status, headers, body in refused:
        assert status == 503
        assert b"retry-after" in headers
        assert b"Try again" in body
    assert json.loads(healthy[2]) == {"status": "ok"}


def test_shutdown_finishes_open_requests_and_refuses_new_ones():
    async def ask():
        release, slow = held_up()
        limits = limits_for_tests()
        inside = asyncio.create_task(request(limits, app=slow))
        endless = asyncio.create_task(request(limits, "/endless", app=slow, method="GET"))
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(asyncio.to_thread(limits.close, 5))
        while not limits.closing:
            await asyncio.sleep(0.01)
        refused, health = await request(limits), await request(limits, "/health", method="GET")
        fetched = await request(limits, method="GET")  # pending answers can still be fetched
        assert not closing.done()
        begun = time.monotonic()
        release.set()
        await closing
        assert time.monotonic() - begun < 2
        await endless
        return refused[0], health[0], fetched[0], (await inside)[0]

    assert run(ask()) == (503, 503, 200, 200)


def test_shutdown_stops_waiting_after_its_timeout():
    limits = limits_for_tests()
    limits.open[""] = 1
    begun = time.monotonic()
    limits.close(0.1)
    assert 0.1 <= time.monotonic() - begun < 1
