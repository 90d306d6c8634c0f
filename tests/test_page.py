"""The page in a real browser, and its API."""

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from model.evaluation.numbers import compose
from model.evaluation.strokes import STROKES, arc, draw
from model.serving import markup
from tests.conftest import DESK, PHONE, Visitor
from tests.digits import LETTER

pytestmark = pytest.mark.slow


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "three.jpg"
    Image.fromarray(draw(STROKES[3], 14, 160, (70, 50))).save(path)
    return path


@pytest.fixture
def sheet(tmp_path):
    random = np.random.default_rng(0)
    lines = [compose([{"strokes": STROKES[int(c)]} for c in text], random, touching=False) for text in ("3141", "59")]
    width = max(line.shape[1] for line in lines)
    lines = [np.pad(line, ((0, 0), (0, width - line.shape[1])), constant_values=255) for line in lines]
    path = tmp_path / "sheet.jpg"
    Image.fromarray(np.vstack(lines)).save(path)
    return path


def test_a_digit_can_be_drawn_read_cleared_and_drawn_again(visitor):
    words = visitor.page.locator("#draw-answer")
    assert "Draw a digit" in words.inner_text()
    visitor.draw(STROKES[7])
    visitor.sees("draw", "7")
    visitor.page.locator("#draw-answer .glyph img").wait_for()  # the server has answered
    assert visitor.page.locator("#draw-answer .heat img").is_visible()
    assert visitor.page.locator("#draw-answer .bars li:visible").count() == 3
    visitor.page.get_by_label("Show all ten digits").check()
    assert visitor.page.locator("#draw-answer .bars li:visible").count() == 10
    visitor.clear()
    words.get_by_text("Draw a digit").wait_for()
    assert visitor.page.locator("#draw-answer output").inner_text() == ""
    visitor.draw(STROKES[0])  # without selecting the brush again
    visitor.sees("draw", "0")


def test_a_number_is_read_with_a_glyph_for_each_digit(visitor):
    for right, digit in ((-1.0, 4), (0.0, 0), (1.0, 9)):
        visitor.draw(STROKES[digit], size=70, right=right)
    visitor.sees("draw", "409")
    visitor.waits_for_the_last_answer()
    assert visitor.page.locator("#draw-answer .glyph img").count() == 3
    visitor.clear()
    visitor.draw(STROKES[5])
    visitor.sees("draw", "5")


SIGNS = {  # strokes in the same format as digits; a dot is a short line
    ".": [[[0.1, 0.95], [0.12, 0.97]]],
    ":": [[[0.1, 0.3], [0.12, 0.32]], [[0.1, 0.8], [0.12, 0.82]]],
    "-": [[[0.0, 0.5], [0.4, 0.5]]],
}


@pytest.mark.parametrize("text", ["3.14", "-7", "0.5", "12:45"])
def test_numbers_with_signs_are_read(guest, text):
    right = -0.45 * len(text)
    for sign in text:
        guest.draw(SIGNS[sign] if sign in SIGNS else STROKES[int(sign)], size=60, right=right)
        right += 0.5 if sign in ".:" else 0.9
    guest.sees("draw", text)


STYLES = {  # the distinguishing stroke comes first, because each stroke is answered
    "slashed zero": ([[[0.75, -0.05], [-0.05, 1.05]], *STROKES[0]], "0"),
    "flagged one": ([[[0.0, 0.35], [0.3, 0.0], [0.3, 1.0]]], "1"),
    "barred seven": ([[[0.15, 0.5], [0.6, 0.48]], *STROKES[7]], "7"),
}
NO_DIGITS = {
    "A": LETTER,
    "?": [[*arc(0.3, 0.22, 0.28, 0.22, -170, 60), [0.33, 0.5], [0.32, 0.72]], [[0.32, 0.95], [0.33, 0.97]]],
    "scribble": [[[(0.35 * (i % 2)) + 0.09 * i, 0.95 * ((i * 7) % 10) / 9] for i in range(14)]],
}


@pytest.mark.parametrize("name", STYLES)
def test_regional_digit_styles_are_read(guest, name):
    strokes, digit = STYLES[name]
    guest.draw(strokes)
    guest.sees("draw", digit)


@pytest.mark.parametrize("name", NO_DIGITS)
def test_a_non_digit_is_reported_as_such(guest, name):
    guest.draw(NO_DIGITS[name])
    guest.waits_for_the_last_answer()
    assert "does not look like a digit" in guest.page.locator("#draw-answer").inner_text()


def test_drawing_with_a_finger_does_not_scroll_the_page(visit):
    visitor = visit(touch=True, **PHONE | {"viewport": {"width": 390, "height": 560}})
    assert visitor.page.evaluate("document.documentElement.scrollHeight > innerHeight + 100")
    visitor.draw([[[0.3, 1.0], [0.3, 0.0]]], moves=12)  # upwards: the gesture that scrolls down
    visitor.sees("draw", "1")
    assert visitor.page.evaluate("scrollY") == 0


def test_an_uploaded_picture_is_read_and_a_bad_one_shows_an_error(visitor, photo, tmp_path):
    visitor.page.get_by_role("tab", name="Photo").click()
    upload = visitor.page.locator("#picture input[type=file]")
    upload.set_input_files(photo)
    visitor.sees("photo", "3")
    assert visitor.page.locator("#photo-answer .glyph img").is_visible()
    visitor.page.get_by_role("button", name="Remove Image").click()
    (tmp_path / "text.png").write_text("no picture")
    upload.set_input_files(tmp_path / "text.png")
    visitor.page.locator("#photo-answer").get_by_text("'text.png' is not a readable picture").wait_for()
    assert visitor.page.locator("#photo-answer .glyph").count() == 0


def test_a_photo_is_shown_as_being_read_and_its_answer_is_announced(guest, photo):
    page, waiting = guest.page, []
    page.get_by_role("tab", name="Photo").click()
    page.locator("#photo-answer").wait_for()

    def look(route):
        waiting.append(page.locator("#photo-answer").get_attribute("aria-busy"))
        route.continue_()

    page.route("**/queue/join*", look)
    page.locator("#picture input[type=file]").set_input_files(photo)
    guest.sees("photo", "3")
    page.locator("#photo-answer[aria-busy=false]").wait_for()
    status = page.locator("#live [role=status]")
    status.filter(has_text="It is a 3").wait_for(state="attached")
    assert status.evaluate("status => status.checkVisibility()")  # screen readers skip what is hidden
    assert waiting == ["true"]


def test_a_photo_that_is_being_read_cannot_be_corrected_with_the_answer_to_the_one_before(guest, photo):
    page = guest.page
    page.get_by_role("tab", name="Photo").click()
    page.locator("#picture input[type=file]").set_input_files(photo)
    guest.sees("photo", "3")
    page.locator("#photo-correct summary").click()
    page.evaluate("document.querySelector('#photo-answer').ariaBusy = true")
    page.locator("#photo-correct").get_by_role("button", name="5", exact=True).click()
    page.locator("#photo-correct").get_by_text("Draw or upload a single digit").wait_for()
    assert page.evaluate("localStorage.getItem('corrections')") is None


def test_a_photo_is_sent_again_after_a_busy_answer(guest, photo):
    page = guest.page
    page.get_by_role("tab", name="Photo").click()
    page.locator("#picture input[type=file]").set_input_files(photo)
    guest.sees("photo", "3")
    with page.expect_request("**/queue/join*", timeout=10_000):
        page.evaluate(
            """busy => {
              document.querySelector("#photo-answer .prose").innerHTML = busy;
              window.answered();
            }""",
            markup.busy("The page is busy right now."),
        )


def test_of_several_dropped_pictures_none_is_sent(guest):
    page = guest.page
    page.get_by_role("tab", name="Photo").click()
    page.locator("#picture button").first.wait_for()
    page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          for (const name of ["a.png", "b.png"]) dataTransfer.items.add(new File(["x"], name, { type: "image/png" }));
          const to = document.querySelector("#picture button");
          to.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }"""
    )
    page.locator("#notice").get_by_text("Drop one picture at a time.").wait_for()
    assert page.get_by_text("HTTP 400").count() == 0


def test_comparing_asks_the_server_about_a_photo_only_if_there_is_one(guest):
    asked = []
    guest.page.on("request", lambda request: asked.append(request.url) if "queue/join" in request.url else None)
    guest.draw(STROKES[7])
    guest.page.get_by_label("textbook").check()
    guest.page.locator("#draw-answer section").first.wait_for()
    assert asked == []


def test_a_kind_of_picture_that_the_browser_cannot_show_is_shown_as_it_was_read(guest, photo, tmp_path):
    page = guest.page
    page.get_by_role("tab", name="Photo").click()
    Image.open(photo).save(tmp_path / "photo.tiff")
    page.locator("#picture input[type=file]").set_input_files(tmp_path / "photo.tiff")
    page.locator("#photo-answer output").get_by_text("3", exact=True).wait_for()
    page.locator("#picture img[src^='data:']").wait_for()
    assert page.locator("#picture img").evaluate("picture => picture.naturalWidth") > 0


def test_a_photo_that_the_server_does_not_read_is_not_answered_with_the_one_before(visit, sheet, photo):
    page = visit().page
    page.get_by_role("tab", name="Photo").click()
    page.locator("#picture input[type=file]").set_input_files(sheet)
    page.locator("#text textarea").wait_for()
    page.route("**/queue/join*", lambda route: route.fulfill(status=503, json={"detail": "busy"}))
    page.get_by_role("button", name="Remove Image").click()
    page.locator("#picture input[type=file]").set_input_files(photo)
    page.locator("#photo-answer[aria-busy=false]").get_by_text("The server did not read this picture").wait_for()
    page.locator("#text").wait_for(state="hidden")
    status = page.locator("#live [role=status]")
    status.filter(has_text="The server did not read this picture").wait_for(state="attached")
    page.unroute("**/queue/join*")
    page.get_by_role("button", name="Remove Image").click()
    page.locator("#picture input[type=file]").set_input_files(photo)
    page.locator("#photo-answer output").get_by_text("3", exact=True).wait_for()


def test_a_sheet_of_numbers_is_read_into_text_boxes_and_a_table(visitor, sheet, photo):
    page = visitor.page
    page.get_by_role("tab", name="Photo").click()
    page.locator("#picture input[type=file]").set_input_files(sheet)
    page.locator("#text textarea").wait_for()
    assert page.locator("#text textarea").input_value() == "3141\n59"
    page.locator("#boxes img").first.wait_for()
    page.locator("#table [aria-rowcount='3']").wait_for()  # two numbers and the header
    assert "6 digits" in page.locator("#photo-answer output").inner_text()
    page.get_by_role("button", name="Remove Image").click()
    page.locator("#text").wait_for(state="hidden")
    page.locator("#picture input[type=file]").set_input_files(photo)
    visitor.sees("photo", "3")
    assert page.locator("#text").is_hidden()


def test_the_page_contacts_no_other_host_and_none_of_its_requests_fail(browser, address, photo):
    context = browser.new_context(**DESK)
    asked, refused, said = [], [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    context.on("console", lambda message: said.append(message.text))
    visitor = Visitor(context, address, touch=False)
    visitor.draw(STROKES[1])
    visitor.sees("draw", "1")
    visitor.page.get_by_role("tab", name="Photo").click()
    visitor.page.locator("#picture input[type=file]").set_input_files(photo)
    visitor.sees("photo", "3")
    context.close()
    assert asked
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert [url for url in refused if "upload_progress" not in url] == []  # Gradio would remember each such request
    assert [text for text in said if "Content Security Policy" in text] == []


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


def test_the_api_reads_a_sheet(client, sheet):
    answer = client.predict(handle_file(sheet), api_name="/read_page")
    assert answer["text"] == "3141\n59"
    assert [mark["digit"] for mark in answer["marks"]] == [3, 1, 4, 1, 5, 9]
    assert all(len(mark["box"]) == 4 and len(mark["top"]) == 3 for mark in answer["marks"])


def test_the_examples_of_the_api_page_upload_a_file(client):
    asked = client.view_api(return_format="dict")["named_endpoints"]["/read_page"]["parameters"]
    assert [one["example_input"]["path"] for one in asked] == ["photo.jpg"]


def test_the_api_returns_an_error_message_for_a_bad_picture(client, tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(AppError, match=r"'empty\.png' is an empty file"):
        client.predict(handle_file(tmp_path / "empty.png"), api_name="/read_digit")


def test_the_api_exposes_only_two_endpoints(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(endpoints) == {"/read_digit", "/read_page"}
