"""The page in a real browser: live reading while the user draws, and failures."""

import base64
import io
import re
import time

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from model.evaluation.strokes import STROKES, draw
from model.serving import markup
from tests.conftest import COARSE, DESK, FLAGS, PHONE, Visitor, find_browser
from tests.digits import HOOKED

pytestmark = pytest.mark.slow
LOOK = re.compile("/component_server")


@pytest.fixture
def context(browser):
    context = browser.new_context(**DESK)
    yield context
    context.close()


def press(visitor, strokes):
    """Draw one stroke and hold the pen down."""
    points = visitor.to_screen(*strokes, 140)
    visitor.page.mouse.move(*points[0])
    visitor.page.mouse.down()
    for point in points[1:]:
        visitor.page.mouse.move(*point, steps=4)


def test_a_digit_is_read_while_the_pen_is_down_and_updated_as_it_moves(guest):
    press(guest, STROKES[7])
    guest.sees("draw", "7")
    guest.page.mouse.move(*guest.to_screen([(0.7, 1.0)], 140)[0], steps=8)
    guest.sees("draw", "2")
    guest.page.mouse.up()


def test_keyboard_shortcuts_undo_redo_and_clear(guest):
    guest.draw(STROKES[1])
    guest.sees("draw", "1")
    guest.waits_for_the_last_answer()
    empty = guest.page.locator("#draw-answer").get_by_text("Draw a digit")
    guest.page.keyboard.press("Control+z")
    empty.wait_for()
    guest.page.keyboard.press("Control+Shift+z")
    guest.sees("draw", "1")
    guest.page.keyboard.press("Delete")
    empty.wait_for()


def test_escape_does_not_erase_a_drawing(guest):
    guest.draw(STROKES[7])
    guest.sees("draw", "7")
    guest.page.keyboard.press("Escape")
    guest.waits_for_the_last_answer()
    guest.sees("draw", "7")


def test_shortcuts_do_nothing_on_another_tab_or_while_another_control_has_the_focus(guest):
    guest.draw(STROKES[7])
    guest.sees("draw", "7")
    guest.page.get_by_role("tab", name="Photo").click()
    for key in ("Delete", "Control+z"):
        guest.page.keyboard.press(key)
    guest.page.get_by_role("tab", name="Draw").click()
    guest.waits_for_the_last_answer()
    guest.sees("draw", "7")
    guest.page.locator("#draw-correct summary").click()
    guest.page.keyboard.press("Delete")
    guest.waits_for_the_last_answer()
    guest.sees("draw", "7")


INKED = """(places) => {
  const { app, image_container: target, width, height } = window.editor;
  const frame = Object.assign(app.screen.clone(), { x: 0, y: 0, width, height });
  const board = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  board.drawImage(app.renderer.extract.canvas({ target, frame, resolution: 1 }), 0, 0);
  return places.map(([x, y]) => board.getImageData(x * width, y * height, 1, 1).data[0] < 128);
}"""


@pytest.mark.parametrize(("touch", "scheme"), [(False, "light"), (True, "dark")], ids=["desk, light", "phone, dark"])
def test_the_whole_frame_can_be_drawn_on_even_after_rotation(visit, touch, scheme):
    visitor = visit(touch=touch, color_scheme=scheme, **(PHONE if touch else DESK))
    for width, height in ((390, 844), (844, 390)) if touch else ((1280, 900),):
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.page.wait_for_timeout(1000)
        visitor.page.locator("#pad").scroll_into_view_if_needed()
        frame = visitor.page.locator("#pad").bounding_box()
        x, y, w, h = (frame[side] for side in ("x", "y", "width", "height"))
        edges = [(a, b) for part in np.linspace(0.08, 0.92, 6) for a, b in ((0, part), (1, part), (part, 0), (part, 1))]
        places = [(3 + a * (w - 6), 3 + b * (h - 6)) for a, b in edges]
        for left, down in places:
            inwards = 12 * np.sign((w / 2 - left, h / 2 - down))
            stroke = [(x + left, y + down), (x + left + inwards[0], y + down + inwards[1])]
            (visitor._draw_with_finger if touch else visitor._draw_with_mouse)(stroke, steps=1)
        assert all(visitor.page.evaluate(INKED, [(left / w, down / h) for left, down in places]))
        visitor.clear()
        visitor.page.wait_for_timeout(300)
        scale = visitor.page.evaluate("window.editor.tools.get('zoom').local_scale * window.editor.width")
        assert abs(scale - w) < 3  # the paper still fills the frame


def test_a_second_finger_draws_nothing(caller):
    ((x, y),) = caller.to_screen([(0, 0)], 140)

    def send(kind, *fingers):
        points = [{"id": i, "x": x + right, "y": y + down} for i, right, down in fingers]
        caller.touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (0, 0, 0))
    send("touchMove", (0, 0, 60))
    send("touchStart", (0, 0, 60), (1, 150, 0))
    for down in range(0, 60, 10):
        send("touchMove", (0, 0, 60 + down), (1, 150, down))
    send("touchEnd", (0, 0, 110))
    send("touchMove", (0, 0, 130))
    send("touchEnd")
    caller.sees("draw", "1")
    caller.waits_for_the_last_answer()
    caller.sees("draw", "1")


def test_a_cancelled_touch_ends_its_stroke(caller):
    """As when the system takes a gesture for itself: the stroke stays, and the pen does not."""
    (from_, to, other, end) = caller.to_screen([(-0.2, 0), (-0.2, 1), (0.9, 0), (0.9, 1)], 110)

    def send(kind, *place):
        points = [dict(zip("xy", place, strict=True))] if place else []
        caller.touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", *from_)
    for step in range(1, 6):
        send("touchMove", from_[0], from_[1] + step / 5 * (to[1] - from_[1]))
    send("touchCancel")
    caller._draw_with_finger([other, end], steps=5)
    caller.waits_for_the_last_answer()
    caller.sees("draw", "11")


def test_only_the_primary_button_draws(guest):
    points = guest.to_screen(STROKES[1][0], 140)
    for button in ("right", "middle"):
        guest.page.mouse.move(*points[0])
        guest.page.mouse.down(button=button)
        guest.page.mouse.move(*points[-1], steps=4)
        guest.page.mouse.up(button=button)
    guest.draw([[(1.0, 0.0), (1.0, 1.0)]])
    guest.waits_for_the_last_answer()
    guest.sees("draw", "1")


def test_the_wheel_scrolls_the_page_over_the_paper_and_does_not_zoom_it(guest):
    guest.page.set_viewport_size({"width": 800, "height": 400})
    ((x, y),) = guest.to_screen([(0.3, 0.5)], 140)
    before, scale = guest.page.evaluate("[scrollY, window.editor.tools.get('zoom').local_scale]")
    guest.page.mouse.move(x, y)
    guest.page.keyboard.down("Alt")
    guest.page.mouse.wheel(0, 60)
    guest.page.keyboard.up("Alt")
    guest.page.wait_for_function("before => scrollY > before", arg=before)
    assert guest.page.evaluate("window.editor.tools.get('zoom').local_scale") == scale
    guest.page.set_viewport_size(DESK["viewport"])


PASTE = """(picture) => {
  const clipboardData = new DataTransfer();
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  if (picture) clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def test_a_picture_pasted_anywhere_is_read_in_the_photo_tab(visit):
    visitor = visit()
    for digit in (3, 5):  # the second replaces the first
        picture = io.BytesIO()
        Image.fromarray(draw(STROKES[digit], 14, 160, (70, 50))).save(picture, "png")
        visitor.page.evaluate(PASTE, base64.b64encode(picture.getvalue()).decode())
        visitor.sees("photo", str(digit))
    visitor.page.evaluate(PASTE, "")
    visitor.page.locator("#notice").get_by_text("no picture on the clipboard").wait_for()
    visitor.sees("photo", "5")
    visitor.page.get_by_role("button", name="Remove Image").click()
    visitor.page.locator('#picture [aria-label="Paste from clipboard"]').click()  # there is nothing that it can read
    visitor.page.evaluate(PASTE, base64.b64encode(picture.getvalue()).decode())
    visitor.sees("photo", "5")


def test_at_200_percent_zoom_the_answer_stays_in_view(visit):
    visitor = visit(**COARSE, viewport={"width": 640, "height": 400})
    visitor.draw(STROKES[7], size=100)
    visitor.sees("draw", "7")
    visitor.waits_for_the_last_answer()
    box = visitor.page.locator("#draw-answer .headline").bounding_box()
    assert box["y"] + box["height"] < 400


def test_both_networks_are_shown_side_by_side_and_announced(guest):
    guest.draw(STROKES[7])
    guest.sees("draw", "7")
    guest.page.get_by_label("textbook").check()
    for name in ("This page's network", "Textbook network"):
        column = guest.page.locator("#draw-answer section").filter(has=guest.page.get_by_role("heading", name=name))
        column.locator("output").get_by_text("7", exact=True).wait_for()
    status = guest.page.locator("#live [role=status]")
    both = re.compile(r"^This page's network It is a 7 .* Textbook network It is a 7 ")
    status.filter(has_text=both).wait_for(state="attached")
    guest.page.get_by_label("textbook").uncheck()
    guest.page.locator("#draw-answer section").first.wait_for(state="detached")


def test_a_correction_is_saved_as_a_glyph_and_only_after_a_click(guest, server):
    kept = server.folder / "corrections"
    guest.draw(STROKES[7])
    guest.sees("draw", "7")
    guest.waits_for_the_last_answer()
    assert not kept.exists()
    guest.page.locator("#draw-correct summary").click()
    guest.page.locator("#draw-correct").get_by_role("button", name="7", exact=True).click()
    guest.page.locator("#draw-correct").get_by_text("Thank you. Saved as a 7.").wait_for()
    (file,) = kept.iterdir()
    assert file.name.startswith("7-")
    with Image.open(file) as glyph:
        assert glyph.size == (28, 28)


def test_a_correction_counts_for_the_next_drawing_in_this_browser_until_it_is_forgotten(context, address, guest):
    visitor = Visitor(context, address, touch=False)
    form = visitor.page.locator("#draw-correct")
    visitor.draw(HOOKED)
    visitor.sees("draw", "9")
    visitor.waits_for_the_last_answer()
    form.locator("summary").click()
    form.get_by_role("button", name="7", exact=True).click()
    visitor.sees("draw", "7")  # at once
    form.get_by_text("1 correction is kept in this browser.").wait_for()
    visitor.clear()
    visitor.draw(HOOKED)
    visitor.sees("draw", "7")
    tab, visitor = visitor, Visitor(context, address, touch=False)  # the page is loaded again
    visitor.draw(HOOKED)
    visitor.sees("draw", "7")
    guest.draw(HOOKED)  # in another browser
    guest.sees("draw", "9")
    visitor.page.locator("#draw-correct summary").click()
    visitor.page.locator("#draw-correct").get_by_role("button", name="Forget my corrections").click()
    visitor.sees("draw", "9")
    tab.sees("draw", "9")  # the first tab has forgotten them too


def test_a_mark_can_be_taught_to_be_no_digit_and_taken_back(guest):
    guest.draw(STROKES[8])
    guest.sees("draw", "8")
    guest.waits_for_the_last_answer()
    form = guest.page.locator("#draw-correct")
    form.locator("summary").click()
    form.get_by_role("button", name="not a digit").click()
    guest.page.locator("#draw-answer").get_by_text("does not look like a digit").wait_for()
    form.get_by_role("button", name="Undo last").click()
    form.get_by_text("The last correction is deleted from this browser. Pictures saved on the server stay").wait_for()
    guest.sees("draw", "8")


def test_a_correction_counts_for_a_photo_as_well(guest, tmp_path):
    guest.page.get_by_role("tab", name="Photo").click()
    Image.fromarray(draw(STROKES[3], 14, 160, (70, 50))).save(tmp_path / "three.png")
    guest.page.locator('#picture input[type="file"]').set_input_files(tmp_path / "three.png")
    guest.sees("photo", "3")
    form = guest.page.locator("#photo-correct")
    form.locator("summary").click()
    for digit in ("8", "5"):  # the second replaces the first
        form.get_by_role("button", name=digit, exact=True).click()
        guest.sees("photo", digit)
    form.get_by_text("1 correction is kept in this browser.").wait_for()


def filmed(picture, path):
    """Write a film that shows a picture, [H, W] uint8, as Chromium's fake camera plays it."""
    height, width = picture.shape
    grey = bytes([128]) * (height * width // 2)
    path.write_bytes(b"YUV4MPEG2 W%d H%d F10:1\nFRAME\n" % (width, height) + picture.tobytes() + grey)


def test_a_photo_from_the_camera_is_not_mirrored(browser, address, tmp_path):
    filmed(
        np.pad(draw(STROKES[7], 14, 160, (70, 50)), ((100, 100), (180, 180)), constant_values=255), tmp_path / "7.y4m"
    )
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    camera.append(f"--use-file-for-fake-video-capture={tmp_path / '7.y4m'}")
    with browser.browser_type.launch(executable_path=find_browser(), args=[*FLAGS, *camera]) as chromium:
        visitor = Visitor(chromium.new_context(**DESK), address, touch=False)
        visitor.page.get_by_role("tab", name="Photo").click()
        visitor.page.locator('#picture [aria-label="Capture from camera"]').click()
        visitor.page.get_by_text("Click to Access Webcam").click()
        visitor.page.wait_for_function("document.querySelector('#picture video')?.videoWidth")
        visitor.page.get_by_role("button", name="capture photo").click()
        visitor.sees("photo", "7")


@pytest.mark.parametrize(
    ("error", "words"), [("NotAllowedError", "allow it"), ("NotFoundError", "no camera"), (None, "needs https")]
)
def test_a_camera_that_cannot_be_used_is_explained(browser, address, error, words):
    context = browser.new_context(**DESK)
    media = (
        f"{{ enumerateDevices: async () => [], getUserMedia: async () => {{ throw new DOMException('', '{error}') }} }}"
    )
    value = f"{{ value: {media if error else 'undefined'}, configurable: true }}"
    context.add_init_script(f"Object.defineProperty(navigator, 'mediaDevices', {value})")
    visitor = Visitor(context, address, touch=False)
    visitor.page.get_by_role("tab", name="Photo").click()
    visitor.page.locator(
        '#picture [aria-label="Capture from camera"], #picture button:has-text("Webcam")'
    ).first.click()
    access = visitor.page.get_by_text("Click to Access Webcam")
    if access.is_visible():
        access.click()
    visitor.page.locator("#notice").get_by_text(words).wait_for()
    context.close()


def test_clicking_an_example_reads_it(guest):
    guest.page.get_by_role("tab", name="Photo").click()
    guest.page.locator("#photo-answer").get_by_text("Upload a picture").wait_for()
    guest.page.locator("#component-examples button, .gallery-item").first.click()
    guest.page.locator("#photo-answer .stages").wait_for()


def test_a_late_answer_does_not_overwrite_a_newer_one(guest):
    guest.page.evaluate(
        """() => {
          const ask = window.fetch; // the first answer comes late
          let late = 1500;
          window.fetch = async (url, ...more) => {
            const wait = String(url).includes("component_server") ? late : 0;
            late -= wait;
            const answer = await ask(url, ...more);
            await new Promise((resolve) => setTimeout(resolve, wait));
            return answer;
          };
        }"""
    )
    guest.page.evaluate(
        """() => {
          window.said = [];
          const answer = document.querySelector("#draw-answer");
          const name = () => window.said.push(answer.querySelector("output")?.textContent ?? "");
          new MutationObserver(name).observe(answer, { childList: true, subtree: true });
        }"""
    )
    guest.draw(STROKES[7])
    guest.draw([[[0.25, 1.0], [0.7, 1.0]]])
    guest.sees("draw", "2")
    guest.waits_for_the_last_answer()
    guest.sees("draw", "2")
    said = guest.page.evaluate("said")
    assert "7" in said
    assert "7" not in said[said.index("2") :]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"status": 502, "body": "busy"}, "The server did not respond"),
        ({"json": markup.busy("The page is busy right now.")}, "The page is busy"),
    ],
)
def test_a_failing_or_busy_server_says_so_and_the_page_retries(guest, said, words):
    guest.page.route(LOOK, lambda route: route.fulfill(**said))
    guest.draw(STROKES[1])
    guest.page.locator("#draw-answer").get_by_text(words).wait_for()
    guest.page.unroute(LOOK)
    guest.page.locator("#draw-answer .took").get_by_text("read in").wait_for()
    guest.sees("draw", "1")


def slowly(route):
    time.sleep(0.7)
    route.continue_()


def test_a_stroke_is_sent_once_however_slow_the_server(guest):
    asked = []
    guest.page.route(LOOK, slowly)
    press(guest, STROKES[1])
    guest.waits_for_the_last_answer()
    guest.page.on("request", lambda request: asked.append(request) if LOOK.search(request.url) else None)
    guest.page.mouse.move(*guest.to_screen([(0.4, 1.0)], 140)[0])
    guest.page.mouse.up()
    guest.waits_for_the_last_answer()
    assert len(asked) == 1


def test_an_empty_canvas_is_answered_at_once_however_slow_the_server(guest):
    guest.draw(STROKES[7])
    guest.waits_for_the_last_answer()
    held = []
    guest.page.route(LOOK, lambda route: held.append(route))
    guest.clear()
    guest.page.locator("#draw-answer").get_by_text("Draw a digit").wait_for(timeout=5000)
    for route in held:
        route.abort()


def test_what_is_read_on_a_hidden_tab_is_not_announced(guest):
    guest.draw(STROKES[7])
    guest.waits_for_the_last_answer()
    status = guest.page.locator("#live [role=status]")
    status.filter(has_text="It is a 7").wait_for(state="attached")
    guest.page.get_by_role("tab", name="Photo").click()
    status.evaluate("status => { status.textContent = ''; }")
    guest.page.get_by_label("textbook").check()
    guest.waits_for_the_last_answer()
    assert guest.page.locator("#draw-answer section").count() == 2
    assert status.inner_text() == ""


def test_without_live_canvas_access_each_stroke_is_read_when_it_ends(context, address):
    context.add_init_script(
        "Object.defineProperty(window, 'editor', { get: () => ({ app: { renderer: {} } }), set() {} })"
    )
    requests = []
    context.on("request", lambda request: requests.append(request.post_data) if LOOK.search(request.url) else None)
    visitor = Visitor(context, address, touch=False)
    visitor.draw(HOOKED)
    visitor.sees("draw", "9")
    form = visitor.page.locator("#draw-correct")
    form.locator("summary").click()
    form.get_by_role("button", name="7", exact=True).click()
    form.get_by_text("1 correction is kept in this browser.").wait_for()
    visitor.clear()
    visitor.page.locator("#draw-answer").get_by_text("Draw a digit").wait_for()
    visitor.draw(HOOKED)
    visitor.sees("draw", "7")
    visitor.clear()
    visitor.page.locator("#draw-answer").get_by_text("Draw a digit").wait_for()
    visitor.draw(STROKES[1])
    visitor.sees("draw", "1")
    assert not any('"read_drawing"' in (sent or "") for sent in requests)


def test_the_page_has_no_serious_accessibility_violations(caller):
    """WCAG 2.1 A and AA as far as axe-core can check, in both tabs and schemes, with an answer shown."""
    page, found = caller.page, []
    caller.draw(STROKES[7])
    caller.sees("draw", "7")
    caller.waits_for_the_last_answer()
    for tab in ("Draw", "Photo"):
        page.get_by_role("tab", name=tab).click()
        page.locator("#picture" if tab == "Photo" else "#pad").wait_for()
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=scheme == "dark")
            found.append(grave(page))
    assert found == [[], [], [], []]


def grave(page):
    """Return the serious and critical violations that axe-core finds."""
    violations = Axe().run(page).response["violations"]
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]


def test_a_narrow_screen_needs_no_horizontal_scrolling(visit):
    visitor = visit(touch=True, **PHONE | {"viewport": {"width": 320, "height": 640}})
    visitor.draw(STROKES[7], size=110)
    visitor.sees("draw", "7")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 320


FOLLOWED = """async () => {
  const { Copy } = await import(`${window.gradio_config.root}/reader/follow.js`);
  const { width, height, image_container: target, app } = window.editor;
  const frame = Object.assign(app.screen.clone(), { x: 0, y: 0, width, height });
  const [pad, copy] = [new Copy(width, height), new Copy(width, height)];
  pad.take(app.renderer.extract.canvas({ target, frame, resolution: 1 }));
  copy.take(document.createElement("canvas"));
  for (const segment of window.drawn) copy.draw(...segment);
  const [a, b] = [pad, copy].map((one) => one.board.getImageData(0, 0, width, height).data);
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i += 4) {
    both += a[i] < 128 && b[i] < 128;
    either += a[i] < 128 || b[i] < 128;
  }
  return both / either;
}"""


def test_the_drawing_that_the_device_follows_is_that_of_the_pad(visit):
    """Pixels inked in both drawings, over those inked in either."""
    visitor = visit(**DESK | {"device_scale_factor": 1})
    visitor.page.evaluate(
        """() => {
          const strokes = Object.getPrototypeOf(window.editor.tools.get("brush").brush_textures);
          const draw = strokes.draw_segment;
          window.drawn = [];
          strokes.draw_segment = function (...segment) {
            window.drawn.push(segment);
            draw.apply(this, segment);
          };
        }"""
    )
    visitor.draw(STROKES[3], moves=60)
    visitor.sees("draw", "3")
    assert visitor.page.evaluate(FOLLOWED) > 0.97


def test_the_device_answers_in_the_words_of_the_server_and_stays_when_there_is_none(guest):
    answer = guest.page.locator("#draw-answer")
    guest.draw(STROKES[7])
    guest.waits_for_the_last_answer()
    assert answer.locator(".took").inner_text().startswith("read in")
    said = answer.locator(".headline").inner_text()
    guest.page.route(LOOK, lambda route: route.abort())
    guest.clear()
    guest.draw(STROKES[7])
    answer.get_by_text("Read on this device. The server did not respond. Trying again.").wait_for()
    assert re.sub(r"[\d.]+%", "", answer.locator(".headline").inner_text()) == re.sub(r"[\d.]+%", "", said)
    assert answer.locator(".bars li").count() == 10
    for right, digit in ((1.0, 1), (2.0, 4)):
        guest.draw(STROKES[digit], size=70, right=right)
    guest.sees("draw", "714")
    guest.page.unroute(LOOK)
    answer.get_by_text("read in").wait_for()


def test_no_request_is_sent_while_the_pen_moves(visit):
    visitor, asked = visit(), []
    visitor.page.on("request", lambda request: asked.append(request) if LOOK.search(request.url) else None)
    press(visitor, STROKES[7])
    visitor.sees("draw", "7")
    visitor.waits_for_the_last_answer()
    asked.clear()
    visitor.page.evaluate(  # moves without the pauses that driving a browser makes
        """async () => {
          const pad = document.querySelector("#pad .pixi-target canvas");
          const { left, top, width, height } = pad.getBoundingClientRect();
          for (let i = 0; i < 60; i++) {
            const [x, y] = [0.5 + 0.1 * Math.sin(i / 5), 0.6 + i / 300];
            const place = { clientX: left + width * x, clientY: top + height * y };
            const about = { ...place, buttons: 1, pointerId: 1, pointerType: "mouse", isPrimary: true, bubbles: true };
            pad.dispatchEvent(new PointerEvent("pointermove", about));
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }"""
    )
    assert len(asked) == 0
    visitor.page.mouse.up()
    visitor.waits_for_the_last_answer()
    assert asked


def test_the_layers_of_the_network_are_shown_as_the_pen_moves(guest):
    guest.page.get_by_text("Look inside the network").click()
    press(guest, STROKES[7])
    maps = guest.page.locator("#inside .maps canvas")
    maps.nth(6).wait_for()
    before = maps.nth(1).evaluate("map => map.toDataURL()")
    guest.page.mouse.move(*guest.to_screen([(0.7, 1.0)], 140)[0], steps=8)
    guest.sees("draw", "2")
    assert maps.nth(1).evaluate("map => map.toDataURL()") != before
    guest.page.mouse.up()
    maps.nth(1).click(position={"x": 20, "y": 20})
    guest.page.get_by_text("Map 1 of layer 1").wait_for()


def test_the_server_answers_again_after_a_stroke_that_changed_nothing(guest):
    answer = guest.page.locator("#draw-answer")
    guest.draw(STROKES[7])
    answer.locator(".took").wait_for()
    guest.draw([STROKES[7][0][:2]])  # over its own ink
    guest.waits_for_the_last_answer()
    assert answer.locator(".took").inner_text().startswith("read in")
    assert answer.locator(".stale").count() == 0


def test_undo_and_clear_reach_the_device_while_the_server_is_slow(guest):
    held = []
    guest.page.route(LOOK, lambda route: held.append(route))  # no answer comes
    guest.draw(STROKES[7])
    guest.sees("draw", "7")
    guest.clear()
    guest.page.locator("#draw-answer").get_by_text("Draw a digit").wait_for()
    guest.draw(STROKES[1])
    guest.sees("draw", "1")
    guest.draw(STROKES[4], size=70, right=1.5)
    guest.sees("draw", "14")
    guest.page.keyboard.press("Control+z")
    guest.page.keyboard.press("Control+z")
    guest.draw(STROKES[3], size=70, right=1.5)
    guest.sees("draw", "13")
    for question in held:
        question.abort()


def test_the_server_answers_each_move_where_the_device_cannot_read(context, address):
    context.route("**/reader/follow.js", lambda route: route.abort())
    visitor = Visitor(context, address, touch=False)
    press(visitor, STROKES[7])
    visitor.sees("draw", "7")
    visitor.page.locator("#draw-answer .took").wait_for()
    assert not visitor.page.get_by_text("Look inside the network").is_visible()
    visitor.page.mouse.up()


def test_the_page_works_where_the_browser_forbids_storage(context, address):
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })"
    )
    visitor = Visitor(context, address, touch=False)
    visitor.draw(STROKES[3])
    visitor.sees("draw", "3")
    visitor.page.locator("#draw-answer .took").wait_for()
    form = visitor.page.locator("#draw-correct")
    form.locator("summary").click()
    form.get_by_role("button", name="8", exact=True).click()
    form.get_by_text("blocks local storage").wait_for()
