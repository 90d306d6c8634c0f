"""The page in a real browser, and its endpoint for programs."""

import json
import urllib.request

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from model.training.strokes import draw
from tests.digits import STROKES


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "three.jpg"
    Image.fromarray(draw(STROKES[3], 14, 160, (70, 50))).save(path)
    return path


def test_a_drawn_digit_is_read_cleared_and_drawn_again(visitor):
    words = visitor.page.locator("#draw-words")
    assert "Draw a digit" in words.inner_text()
    visitor.draw(STROKES[7])
    visitor.sees("draw", "7")
    assert visitor.page.locator("#draw-glyph img").is_visible()
    assert visitor.page.locator("#draw-label .confidence-set").count() == 3
    visitor.clear()
    words.get_by_text("Draw a digit").wait_for()
    assert visitor.page.locator("#draw-label [data-testid=label-output-value]").count() == 0
    visitor.draw(STROKES[0])  # with no click on the brush
    visitor.sees("draw", "0")


def test_the_page_stays_where_it_is_while_a_digit_is_drawn(visitor):
    before = visitor.page.evaluate("scrollY")
    visitor.draw(STROKES[1])
    assert visitor.page.evaluate("scrollY") == before


def test_an_uploaded_picture_is_read_and_a_bad_one_gets_a_sentence(visitor, photo, tmp_path):
    visitor.page.get_by_role("tab", name="Photo").click()
    upload = visitor.page.locator("#picture input[type=file]")
    upload.set_input_files(photo)
    visitor.sees("photo", "3")
    assert visitor.page.locator("#photo-glyph img").is_visible()
    visitor.page.get_by_role("button", name="Remove Image").click()
    (tmp_path / "text.png").write_text("no picture")
    upload.set_input_files(tmp_path / "text.png")
    toast = visitor.page.locator(".toast-body")
    toast.wait_for()
    assert "'text.png' is no picture that can be read" in toast.inner_text()


def test_nothing_is_asked_of_another_machine(browser, address):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#pad .pixi-target canvas", timeout=60_000)
    page.close()
    assert asked
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


def test_a_program_reads_a_picture_through_the_endpoint(client, photo):
    answer = client.predict(handle_file(photo), api_name="/read_digit")
    assert answer["digit"] == answer["top"][0][0] == 3
    assert len(answer["top"]) == 3


def test_a_program_gets_a_sentence_for_a_bad_picture(client, tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(AppError, match=r"'empty\.png' is an empty file"):
        client.predict(handle_file(tmp_path / "empty.png"), api_name="/read_digit")


def test_the_endpoint_is_the_only_one_that_programs_see(client):
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/read_digit"]


def test_a_request_cannot_name_a_file_that_was_not_uploaded(address, photo):
    """Gradio looks into this only where the request says that it names a file."""
    call = f"{address}/gradio_api/call/read_digit"
    body = json.dumps({"data": [{"path": str(photo)}]}).encode()
    request = urllib.request.Request(call, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}") as answer:
        assert answer.read().startswith(b"event: error")
