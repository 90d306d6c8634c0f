"""What `guard` and `serve` promise of memory and disk, each broken once to see its test fail."""

import asyncio
import os
import signal
import types

import pytest

import app
from model.serving import guard
from model.serving.guard import (
    ANSWERED_SESSIONS,
    EVENT,
    MAX_FILES,
    MAX_SESSIONS,
    UNREAD,
    UNREAD_JSON,
    UPLOAD,
    forget_idle,
    forget_uploads,
    problem_with,
)


@pytest.fixture
def page():
    """A page with the events of the real one, and nothing stored."""
    queue = types.SimpleNamespace(pending_event_ids_session={}, pending_messages_per_session={})
    return types.SimpleNamespace(fns=app.page.fns, blocks=app.page.blocks, _queue=queue, temp_file_sets=[set()])


def question(page, private):
    """A request of one of the page's events, of the page itself or of a program."""
    events = ((i, one) for i, one in page.fns.items() if (one.api_visibility == "private") == private and one.inputs)
    index, event = next(events)
    return {"fn_index": index, "session_hash": "me", "data": [None] * len(event.inputs)}


def mailbox(messages):
    box = asyncio.Queue()
    for _ in range(messages):
        box.put_nowait("answer")
    return box


def test_answers_are_kept_for_a_limited_number_of_sessions():
    boxes = app.page._queue.pending_messages_per_session
    before = dict(boxes)
    for i in range(ANSWERED_SESSIONS + 1):
        boxes[f"visitor {i}"] = mailbox(0)
    assert len(boxes) == ANSWERED_SESSIONS
    assert "visitor 0" not in boxes
    boxes.clear()
    boxes.update(before)


@pytest.mark.parametrize(("private", "most"), [(True, UNREAD), (False, UNREAD_JSON)])
def test_who_leaves_answers_unfetched_gets_no_more(page, private, most):
    body = question(page, private)
    page._queue.pending_messages_per_session["me"] = mailbox(most)
    assert problem_with(page, EVENT[0], body) is None
    page._queue.pending_messages_per_session["me"] = mailbox(most + 1)
    assert problem_with(page, EVENT[0], body) == "fetch your answers first"


def test_names_of_idle_sessions_and_of_uploads_are_forgotten(page):
    waiting = page._queue.pending_event_ids_session
    waiting.update({str(i): set() for i in range(MAX_SESSIONS + 1)} | {"busy": {"event"}, "reads": set()})
    page._queue.pending_messages_per_session["reads"] = mailbox(1)
    page.temp_file_sets[0].update(map(str, range(MAX_FILES + 1)))
    forget_idle(page)
    forget_uploads(page)
    assert set(waiting) == {"busy", "reads"}
    assert not page.temp_file_sets[0]


def test_each_question_makes_the_page_forget(page, monkeypatch):
    asked = []
    monkeypatch.setattr(guard, "forget_idle", asked.append)
    problem_with(page, EVENT[0], question(page, private=True))
    assert asked == [page]


def test_json_instead_of_an_upload_is_explained(page):
    assert problem_with(page, UPLOAD, {"file": "7.png"}) == "send the picture as a form"


def test_while_it_serves_the_page_sweeps_its_uploads_forgets_and_gives_back_memory(monkeypatch):
    done = []

    def sweep(*limits):
        done.append(("sweep", *limits[2:]))
        if len(done) > 4:
            os.kill(os.getpid(), signal.SIGTERM)

    handlers = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(app, "SWEEP_INTERVAL", 0.01)
    monkeypatch.setattr(app, "sweep", sweep)
    monkeypatch.setattr(app, "forget_uploads", done.append)
    monkeypatch.setattr(app, "release_memory", lambda: done.append("memory"))
    monkeypatch.setattr(app.page, "launch", lambda **_: None)
    monkeypatch.setattr(app.events.drawings, "warm_up", lambda: None)
    monkeypatch.setattr(app.page, "close", lambda **_: done.append("closed"))
    monkeypatch.setattr(app.limits, "close", lambda timeout: done.append(timeout))
    app.serve()
    for kind, handler in handlers.items():
        signal.signal(kind, handler)
    swept = ("sweep", app.MAX_AGE, MAX_FILES, app.MAX_BYTES)
    assert done[:3] == [swept, app.page, "memory"]
    assert done[-2:] == [app.SHUTDOWN_SECONDS, "closed"]
