"""The page as a server: startup, shutdown, kills, and requests that it rejects. Needs no browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import urllib.error
import urllib.request
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

import app
from model import corrections
from model.evaluation.benchmark import family
from model.evaluation.strokes import STROKES, draw
from model.png import from_data_url
from model.serving import components
from model.serving.components import CANVAS
from tests.conftest import ROOT, start_page, wait_for
from tests.guests import Guest, config_of, on_canvas
from tests.test_hostile import png, saved

pytestmark = pytest.mark.slow


@pytest.fixture
def guest(address):
    return Guest(address, config_of(address))


@pytest.fixture(scope="module")
def photo():
    """A 7 at the resolution of a phone photo, which takes a while to read."""
    seven = Image.fromarray(draw(STROKES[7], 14, 160, (70, 50)))
    return saved(seven.resize((4000, 3000)).convert("RGB"), "PNG")


def ask(url, **more):
    """Send a request: return the status, the headers, and the body as text."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **more), timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_the_health_check_answers_ok(address):
    status, headers, said = ask(f"{address}/health")
    assert (status, json.loads(said)) == (200, {"status": "ok"})
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/config", "/health", "/none"])
def test_every_response_has_the_security_headers(address, path):
    _, headers, _ = ask(address + path)
    policy = headers["Content-Security-Policy"]
    assert not re.search(r"https?:|\*", policy)
    assert "frame-ancestors 'self'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_what_the_device_reads_with_is_served_and_nothing_beside_it(address):
    for name in ("reader.js", "layers.js", "follow.js", "pocket.json"):
        status, headers, content = ask(f"{address}/reader/{name}")
        assert status == 200
        assert headers["Content-Type"].split(";")[0] in ("text/javascript", "application/json")
        assert len(content) > 100
        known = {"If-None-Match": headers["ETag"]}
        assert ask(f"{address}/reader/{name}", headers=known)[::2] == (304, "")
    assert ask(f"{address}/reader/page.js")[0] == 404
    assert ask(f"{address}/reader/../app.py")[0] == 404
    assert ask(f"{address}/reader/%2e%2e/app.py")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/deep_link?session_hash=a",
        "/gradio_api/upload_progress?upload_id=a",
        "/gradio_api/process_recording",
        "/gradio_api/mcp/",
        "/gradio_api/proxy=",
        "/monitoring",
    ],
)
def test_other_gradio_endpoints_get_404(address, path):
    assert ask(address + path)[0] == 404
    assert ask(address + path, data=b"{}")[0] == 404


def test_a_request_cannot_name_a_file_that_was_not_uploaded(address, guest, photo):
    """Neither on the server nor on another machine, anywhere in the request."""
    good = guest.upload(photo)
    assert guest.call("read_page", good)["text"] == "7"
    bad = ["/etc/passwd", "http://127.0.0.1/x.png", "https://example.com/x.png", good["path"] + "/../../../app.py", 7]
    for path in bad:
        for body in ({"data": [{"path": path}]}, {"data": [{**good, "orig": [{"path": path}]}]}):
            status, _, said = post(f"{address}/gradio_api/call/read_digit", body)
            assert (status, "upload the picture" in said) == (400, True), body
        joined = {"data": [good, {"path": path}, None], "fn_index": guest.events[guest.ids["picture"], "change"]}
        status, _, said = post(f"{address}/gradio_api/queue/join", joined | {"session_hash": "a"})
        assert (status, "upload the picture" in said) == (400, True)
    for path in ("/gradio_api/file=https://example.com/x.png", "/gradio_api/file/x", "/gradio_api/file=/etc/passwd"):
        assert ask(address + path)[0] == 404


def test_the_v2_api_accepts_inputs_by_name(address, guest, photo):
    """As shown for curl on Gradio's own "Use via API" page."""
    url = f"{address}/gradio_api/call/v2/read_digit"
    status, _, said = post(url, {"image": guest.upload(photo)})
    assert status == 200
    _, _, events = ask(f"{url}/{json.loads(said)['event_id']}")
    assert json.loads(events.rpartition("data: ")[2])[0]["digit"] == 7


def test_forty_questions_from_one_program_are_all_answered(address, tmp_path):
    Image.fromarray(draw(STROKES[7], 14, 160, (70, 50))).save(tmp_path / "seven.png")
    client = Client(address, verbose=False)
    jobs = [client.submit(handle_file(tmp_path / "seven.png"), api_name="/read_digit") for _ in range(40)]
    assert [job.result(timeout=60)["digit"] for job in jobs] == [7] * 40


def test_a_program_that_asks_too_much_is_told_so_in_words(address, guest):
    picture = guest.upload(saved(Image.fromarray(draw(STROKES[7], 14, 160, (70, 50))), "PNG"))
    events = [guest.begin("read_digit", picture) for _ in range(120)]
    assert ">7</output>" in Guest(address, config_of(address)).photo(picture)
    answers = [guest.fetch("read_digit", event) for event in events]
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert all("faster than the page can answer" in answer for answer in refused)
    assert 0 < len(refused) < 120


def test_the_manifest_serves_the_page_icon(address):
    _, _, said = ask(f"{address}/manifest.json")
    (icon,) = json.loads(said)["icons"]
    status, headers, picture = ask(f"{address}{icon['src']}")
    assert (status, headers["Content-Type"]) == (200, "image/svg+xml")
    assert picture == (ROOT / "assets" / "favicon.svg").read_text()


def post(url, body):
    return ask(url, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("queue/join", {"data": [], "fn_index": 999, "session_hash": "a"}),
        ("queue/join", {"data": [1, 2, 3, 4], "fn_index": 3, "session_hash": "a"}),
        ("queue/join", {"data": [None, False, None], "fn_index": 3, "session_hash": "a" * 65}),
        ("queue/join", {"data": [None, False, None], "fn_index": 3}),
        ("call/read_digit", {"data": []}),
        ("call/read_page", []),
        ("call/v2/read_digit", {}),
        ("call/v2/read_digit", {"image": "http://example.com/x.png"}),
        ("call/v2/read_digit", {"image": {"path": "/etc/passwd"}}),
        ("call/v2/read_page", {"image": None, "more": 1}),
        ("component_server", {"data": {}, "component_id": 12345, "fn_name": "read_drawing", "session_hash": "a"}),
        ("component_server", {"data": {}, "component_id": [], "fn_name": "read_drawing", "session_hash": "a"}),
        ("component_server", {"data": {}, "component_id": 7, "fn_name": "__init__", "session_hash": "a"}),
    ],
)
def test_an_invalid_request_gets_400_with_an_error_message(address, server, path, body):
    status, _, said = post(f"{address}/gradio_api/{path}", body)
    assert status == 400
    assert json.loads(said)["detail"].startswith("This request cannot be answered: ")


def test_requests_for_missing_resources_leave_no_traceback_in_the_log(address, server):
    before = (server.folder / "log").read_text()
    for path in (
        "queue/data?session_hash=nobody",
        "call/read_digit/nobody",
        "pwa_icon/1",
        "run/read_digit",
        "dev/reload",
    ):
        ask(f"{address}/gradio_api/{path}")
        post(f"{address}/gradio_api/{path}", {"data": []})
    form = b'--x\r\nContent-Disposition: form-data; name="fn_name"\r\n\r\nlook\r\n--x--\r\n'
    for path in ("component_server", "upload"):
        ask(f"{address}/gradio_api/{path}", data=form, headers={"Content-Type": "multipart/form-data; boundary=x"})
    said = (server.folder / "log").read_text().removeprefix(before)
    assert "Traceback" not in said
    assert len(said) < 1000


def test_an_upload_is_one_file_and_interrupted_uploads_leave_nothing(address, server):
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"1" * 1000 + b"\r\n"
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    before = set((server.folder / "uploads").rglob("*"))
    assert ask(f"{address}/gradio_api/upload", data=2 * part + b"--x--\r\n", headers=head)[0] == 400
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(
            f"POST /gradio_api/upload HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9999\r\n"
            f"Content-Type: {head['Content-Type']}\r\n\r\n".encode()
            + part
        )
        time.sleep(0.5)
    time.sleep(1)
    assert [path for path in set((server.folder / "uploads").rglob("*")) - before if path.is_file()] == []


def test_an_endless_body_is_rejected(address, server):
    """A chunked request without a content length that exceeds the limit."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        head = f"POST /gradio_api/component_server HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        try:
            for _ in range(400):
                line.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 0x10000
        except OSError:
            pass
        try:
            assert re.match(rb"HTTP/1.1 4\d\d", line.recv(100))
        except ConnectionResetError:
            assert sent < 400 * 0x10000
    assert ask(f"{address}/health")[0] == 200


def test_a_flooding_client_is_told_so_and_others_are_answered(address, guest):
    pictures = [on_canvas(STROKES[7], place) for place in range(40)]
    said = []
    flood = [threading.Thread(target=lambda one=one: said.append(guest.read_drawing(one))) for one in pictures]
    for one in flood:
        one.start()
    other = Guest(address, config_of(address))
    answers = [other.read_drawing(on_canvas(STROKES[3])) for _ in range(5)]
    for one in flood:
        one.join()
    assert all(">3</output>" in answer for answer in answers)
    busy = [answer for answer in said if "data-busy" in answer]
    assert busy
    assert "You are sending requests faster than the page can answer" in busy[0]
    assert all(">7</output>" in answer for answer in said if answer not in busy)


def test_the_pad_limits_its_storage_and_rejects_invalid_drawings():
    class Sent:
        def __init__(self, **about):
            self.data, self.files = about, [("blob", b"x" * 10)]

    def asked(name):
        return types.SimpleNamespace(id=name, composite=None)

    pad = app.fallback_pad
    for i in range(3 * components.DRAWINGS_KEPT):
        pad.accept_blobs(Sent(type="composite", index="null", id=str(i)))
    assert list(pad.blob_storage) == [str(i) for i in range(2 * components.DRAWINGS_KEPT, 3 * components.DRAWINGS_KEPT)]
    pad.accept_blobs(Sent(type="layer", index="1000000000", id="bomb"))
    pad.accept_blobs(Sent(id="bomb"))
    assert "bomb" not in pad.blob_storage
    with pytest.raises(gr.Error, match="This drawing cannot be read"):
        pad.preprocess(asked(str(3 * components.DRAWINGS_KEPT - 1)))
    bomb = png(60_000, 60_000)
    pad.blob_storage["bomb"] = bomb
    with pytest.raises(gr.Error, match="This drawing cannot be read"):
        pad.preprocess(asked("bomb"))
    drawn = from_data_url(on_canvas(STROKES[7]), *CANVAS)
    pad.blob_storage["good"] = saved(Image.fromarray(drawn).convert("RGBA"), "PNG")
    assert np.array_equal(pad.preprocess(asked("good"))["composite"], drawn)
    assert pad.preprocess(None) is pad.preprocess(asked("unknown")) is None
    pad.blob_storage.clear()


def test_broken_weights_give_an_error_message_at_startup(tmp_path):
    for name in ("world", "reference", "finder"):
        (tmp_path / f"{name}.safetensors").write_bytes((ROOT / "model/weights" / f"{name}.safetensors").read_bytes())
    with (tmp_path / "finder.safetensors").open("r+b") as file:
        file.truncate(1000)
    start = f"import pathlib, model.weights as w; w.SHIPPED = pathlib.Path({str(tmp_path)!r}); import app"
    ended = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert re.match(
        r"app\.py: '.*finder\.safetensors' is not a weights file of this project .*: build one", ended.stderr
    )


def cpu_time(pids):
    """Return the CPU time that processes have used, in clock ticks; see proc(5)."""
    stats = (Path(f"/proc/{pid}/stat").read_text().split() for pid in pids)
    return sum(int(stat[13]) + int(stat[14]) for stat in stats)


def test_sigterm_answers_pending_requests_and_exits_with_0(tmp_path, photo):
    url, server = start_page(tmp_path)
    wait_for(url, server, tmp_path)
    guests = [Guest(url, config_of(url)) for _ in range(4)]
    assert ">7</output>" in guests[0].read_drawing(on_canvas(STROKES[7]))
    workers, used = family(server.pid)[1:], None
    while used != (used := cpu_time(workers)):  # they are still starting
        time.sleep(0.5)
    heartbeat = urllib.request.urlopen(f"{url}/gradio_api/heartbeat/somebody", timeout=60)
    events = [guest.begin("read_page", guest.upload(photo)) for guest in guests]
    said = []
    readers = [
        threading.Thread(target=lambda one=one: said.append(one[0].fetch("read_page", one[1])["text"]))
        for one in zip(guests, events, strict=True)
    ]
    readers.append(threading.Thread(target=lambda: said.append(guests[0].read_drawing(on_canvas(STROKES[3])))))
    for one in readers:
        one.start()
    time.sleep(0.2)
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    for one in readers:
        one.join()
    assert server.wait(20) == 0
    assert time.monotonic() - began < 10
    heartbeat.close()
    assert sorted(said, key=len)[:4] == ["7"] * 4
    assert ">3</output>" in max(said, key=len)
    assert len(workers) > 1
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() - began < 10
        time.sleep(0.05)
    log = (tmp_path / "log").read_text().splitlines()
    assert len(log) <= 3, log  # the address only, nothing about pictures


def test_a_language_model_can_call_the_tools_but_have_no_url_fetched(tmp_path, monkeypatch):
    """As docs/api.md says; a message of the Model Context Protocol, and its answer as an event."""
    monkeypatch.setenv("GRADIO_MCP_SERVER", "True")
    url, server = start_page(tmp_path)
    wait_for(url, server, tmp_path)
    fetched = []
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        threading.Thread(target=lambda: fetched.append(elsewhere.accept()), daemon=True).start()
        strange = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/seven.png"
        answers = [call_tool(url, "read_page", picture) for picture in (on_canvas(STROKES[7]), strange)]
    server.terminate()
    assert server.wait(20) == 0
    assert [answer["isError"] for answer in answers] == [False, True]
    assert "'text': '7'" in answers[0]["content"][0]["text"]
    assert fetched == []


def call_tool(url, name, image):
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {"image": image}}}
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    status, _, said = ask(f"{url}/gradio_api/mcp/", data=json.dumps(call).encode(), headers=headers)
    assert status == 200, said
    return json.loads(said.rpartition("data: ")[2])["result"]


def works(url, server, folder):
    """Return whether the started page reads a drawing."""
    wait_for(url, server, folder)
    return ">7</output>" in Guest(url, config_of(url)).read_drawing(on_canvas(STROKES[7]))


def test_the_server_restarts_after_being_killed_at_any_time(tmp_path, photo):
    """During startup and during a request: the next start works."""
    for seconds in (0.5, 2, 4):
        url, server = start_page(tmp_path)
        time.sleep(seconds)
        server.kill()
        server.wait()
    url, server = start_page(tmp_path)
    assert works(url, server, tmp_path)
    guest = Guest(url, config_of(url))
    guest.begin("read_page", guest.upload(photo))
    server.kill()
    server.wait()
    url, server = start_page(tmp_path)
    assert works(url, server, tmp_path)
    server.terminate()
    assert server.wait(20) == 0


KEEP = """
import itertools, numpy as np
from pathlib import Path
from model import corrections
for i in itertools.count():
    glyph = np.random.default_rng(i).random((28, 28), np.float32)
    corrections.save(glyph, i % 10, Path("kept"))
    print(i, flush=True)
"""


def test_a_kill_during_a_save_leaves_every_correction_readable(tmp_path):
    for _ in range(5):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        keeper = subprocess.Popen([sys.executable, "-c", KEEP], cwd=tmp_path, env=environment, stdout=subprocess.PIPE)
        for _ in range(20):
            keeper.stdout.readline()
        time.sleep(0.0007 * np.random.default_rng().random())
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()
    glyphs, digits = corrections.load(tmp_path / "kept")
    assert len(glyphs) == len(digits) >= 20
