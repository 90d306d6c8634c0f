"""python app.py: the page. Draw a digit or give a picture of one, and see which it is while you draw."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported: the page calls nobody
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")  # that its queue remembers

import gradio as gr
import numpy as np
import torch
from gradio.components.base import server
from starlette.middleware import Middleware

from model import Page, Prediction, Recognizer, corrections, show
from model.annotate import annotated
from model.explain import heat_map
from model.pictures import Source, of_data_url, size, upright
from model.preprocess import SIDE, ink
from model.traffic import BusyError, Door, Flow, Turns
from model.uploads import sweep

ON_SPACES = "SPACE_ID" in os.environ
ASSETS = Path(__file__).parent / "assets"
SHEET_SIDE = 1200  # pixels of the picture that is shown with its boxes, at most
CANVAS = 400, 300  # pixels of the Sketchpad, wide enough for a number
SURELY = 0.9  # confidence from which a picture is one digit, and not looked at as a page too
GLYPHS = 12  # that are shown of a page at most
STROKES = 20  # whose pictures wait at the spare pad
KEPT, SWEEPING = 7200, 10  # seconds that an upload stays at most, and between two looks at what is too much
MOST_FILES, MOST_BYTES = 2000, 500_000_000  # of uploads
PATIENCE = 5  # seconds that those have who are being answered when the page closes
NO_DIGIT = "no digit"
QUIETLY = {"show_progress": "hidden", "api_visibility": "private"}  # how answers are shown: no spinner, no endpoint
COLOURS = {NO_DIGIT: "#808080"} | {str(digit): "#dc143c" for digit in range(10)}  # of the boxes
INVITATIONS = {
    "draw": "Draw a digit, 0 to 9, or a whole number, anywhere on the canvas, as large or small as you like.",
    "photo": "Give a picture of handwritten digits, one or many: a file, the camera or the clipboard.",
}

drawings = Turns(at_once=2, each=16, everybody=64, pace=1 / 25)
photos = Turns(at_once=2, each=4, everybody=32)
told = Turns(at_once=1, each=2, everybody=16, pace=1.0)
door = Door(
    closed=tuple(
        f"{at}{path}"  # what Gradio serves beside, and this page does not need: some of it writes files
        for at in ("", "/gradio_api")
        for path in ("/deep_link", "/process_recording", "/proxy=", "/vibe", "/undo-vibe", "/monitoring", "/stream")
    ),
    endless=("/gradio_api/heartbeat",),
    large="/gradio_api/upload",
    most_large=16_000_000,  # bytes: a picture of 15 MB, and what is around it
    most=1_000_000,
    most_open=500,
    flow=Flow(rate=4_000_000, burst=64_000_000),
    headers={
        "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        f"form-action 'self'; frame-ancestors 'self'{' https://huggingface.co' if ON_SPACES else ''}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    },
)

torch.set_num_threads(1)  # a glyph is too small to share out, and several people are read side by side
try:
    recognizer, textbook = Recognizer.load("world"), Recognizer.load("reference")
    recognizer.read_page(np.zeros(CANVAS, np.uint8))  # which loads what reads lines, before anybody waits for it
except (FileNotFoundError, ValueError) as error:
    sys.exit(f"app.py: {error}")


class Picture(gr.Image):
    """A gr.Image that hands over the uploaded file as it came, so that `model` alone opens, checks and judges it."""

    is_template = True

    def preprocess(self, payload) -> str | None:
        """Return the path of the uploaded file, or None if there is none."""
        if payload is None:
            return None
        path = Path(payload.path or "").resolve()
        if not path.is_relative_to(Path(self.GRADIO_CACHE).resolve()):  # a request may name any path
            raise gr.Error("Upload the picture as a file.", title="No picture came", print_exception=False)
        return str(path)


class Pad(gr.Sketchpad):
    """A gr.Sketchpad that holds what it is sent for a while only: Gradio's would hold it for ever, and any amount."""

    is_template = True

    @server
    def accept_blobs(self, data) -> None:
        """Take one of the pictures of a stroke: of the paper, of its only layer, or of both together."""
        about = data.data
        if data.files and {"type", "index", "id"} <= about.keys() and about["index"] in ("", "null", "0"):
            super().accept_blobs(data)
            while len(self.blob_storage) > STROKES:
                self.blob_storage.pop(next(iter(self.blob_storage)), None)


def read(method: Callable[[Source], Prediction | Page], image: Source) -> Prediction | Page:
    """Read a picture by a method of the recognizer, but call a file by its name alone, not by where it lies here."""
    try:
        return method(image)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(str(error).replace(str(image), Path(str(image)).name)) from None


def digit_or_page(reader: Recognizer, image: Source) -> tuple[Prediction, Page | None]:
    """Read a picture as one digit, and where that is not sure and there are more of them, as a page."""
    one = read(reader.read_digit, image)
    if one.confidence >= SURELY or not one.glyph.any():
        return one, None
    page = read(reader.read_page, image)
    return one, page if sum(each.digit is not None for _, each in page.marks) > 1 else None


def answer(image: Source | None, invitation: str, both: bool) -> tuple[str, Page | None]:
    """Say what is written in a picture, as HTML, with what the textbook network says if `both`; and its page."""
    if image is None:
        return show.headline("", invitation), None
    start = time.perf_counter()
    try:
        one, page = digit_or_page(recognizer, image)
    except ValueError as error:
        return show.headline("", f"This picture cannot be read: {error}."), None
    took = f'<p class="took">read in {1000 * (time.perf_counter() - start):.0f} ms</p>'
    if not one.glyph.any():
        return show.headline("", f"Nothing is written here. {invitation}"), None
    said = show.verdict(one, page)
    if both:
        said = show.side_by_side(world=said, reference=show.verdict(*digit_or_page(textbook, image)))
    return said + stages(image, one, page) + took, page


def stages(image: Source, one: Prediction, page: Page | None) -> str:
    """Show the way from a picture to its digits."""
    picture = upright(image, show.TILE)
    tiles = [show.tile(picture, "as given", "The picture as it was given"), show.ink_tile(ink(image))]
    if page:
        tiles.append(show.marks_tile(picture, page.scaled(picture.width / size(image)[0])))
        digits = [each for _, each in page.marks if each.digit is not None]
        tiles += [show.glyph_tile(each, f"{each.digit}, {each.confidence:.0%}") for each in digits[:GLYPHS]]
        return show.stages(*tiles)
    tiles.append(show.glyph_tile(one))
    if one.digit is not None:
        tiles.append(show.heat_tile(one.glyph, heat_map(recognizer.net, one.glyph, one.digit)))
    return show.stages(*tiles)


async def look(asked: dict, request: gr.Request) -> str:
    """Answer the page's script while the pen moves: {"picture": data URL, "both": bool} -> HTML."""
    return await in_turn(await session_of(request), answer_look, asked)


async def session_of(request: gr.Request) -> str:
    """Return whose request of the page's script it is: Gradio has read its body before, but hands over the bare one."""
    return str((await request.json())["session_hash"])


async def in_turn(session: str, work: Callable[..., str], *arguments) -> str:
    """Answer somebody who draws when it is his turn, as HTML, or say that it is not."""
    try:
        return await drawings.take(session, work, *arguments)
    except BusyError as busy:
        return show.busy(f"{busy}.")


def answer_look(asked: dict) -> str:
    """Say what is drawn in the picture that the page's script has sent."""
    try:
        drawing = of_data_url(asked["picture"], *CANVAS)
    except (ValueError, KeyError, TypeError) as error:
        return show.headline("", f"This is no drawing: {error}.")
    return answer_drawing({"composite": drawing}, bool(asked.get("both")))


async def answer_stroke(drawing: dict | None, both: bool, request: gr.Request) -> str:
    """Say what is drawn on the spare pad."""
    return await in_turn(request.session_hash, answer_drawing, drawing, both)


def answer_drawing(drawing: dict | None, both: bool) -> str:
    """Say what is drawn on the Sketchpad, as HTML."""
    canvas = drawing and drawing["composite"]
    written = canvas is not None and np.ptp(canvas)
    return answer(canvas if written else None, INVITATIONS["draw"], both)[0]


async def answer_photo(path: str | None, both: bool, request: gr.Request) -> tuple:
    """Say what is written in an uploaded picture when it is somebody's turn, or that it is not."""
    try:
        return await photos.take(request.session_hash, answer_sheet, path, both)
    except BusyError as busy:
        return show.busy(f"{busy}."), *[gr.skip()] * 3, gr.update(visible=False)


def answer_sheet(path: str | None, both: bool) -> tuple:
    """Say what is written in a picture: as for a drawing, and for many digits the sheet with its boxes."""
    said, page = answer(path, INVITATIONS["photo"], both)
    if not page:
        return said, *[gr.skip()] * 3, gr.update(visible=False)
    picture = upright(path, SHEET_SIDE)
    small = page.scaled(picture.width / size(path)[0])
    boxes = [(box, name(prediction)) for box, prediction in small.marks]
    digits = [prediction for _, prediction in page.marks if prediction.digit is not None]
    rows = [[f"{digit}  {share:.0%}" if share > 0.005 else "" for digit, share in each.top(3)] for each in digits]
    return said, (annotated(picture, small), boxes), page.text, rows, gr.update(visible=True)


def name(prediction: Prediction) -> str:
    """Call a mark by its digit, or by being none."""
    return NO_DIGIT if prediction.digit is None else str(prediction.digit)


async def correct(said: dict, request: gr.Request) -> str:
    """Take what the page's script has of "Wrong? Tell it" -> thanks, or why it is not kept."""
    try:
        return await told.take(await session_of(request), keep, said)
    except BusyError as busy:
        return f"This was not kept. {busy}."


def keep(said: dict) -> str:
    """Keep a glyph with the digit that its writer says it is: {"glyph": data URL, "digit": int} -> thanks."""
    try:
        glyph = 1 - of_data_url(said["glyph"], SIDE, SIDE).astype(np.float32) / 255
        corrections.keep(glyph, int(said["digit"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"This was not kept: {getattr(error, 'strerror', None) or error}."
    return f"Thank you. It is kept as {show.with_article(said['digit'])}."


async def for_programs(method: Callable[[Source], Prediction | Page], image: str, request: gr.Request) -> dict:
    """Read as `read` does, as JSON types; what a program is told of a bad picture is the same sentence."""
    try:
        return (await photos.take(request.client.host, read, method, image)).as_dict()
    except (ValueError, BusyError) as error:
        raise gr.Error(str(error), print_exception=False) from None


async def read_digit(image: str, request: gr.Request) -> dict:
    """Read the handwritten digit in an image file.

    Args:
        image: the file, of one handwritten digit.

    Returns:
        digit (0 to 9, or null if there is none), confidence and score in [0, 1], and top: the three most probable
        digits, each with its probability.
    """
    return await for_programs(recognizer.read_digit, image, request)


async def read_page(image: str, request: gr.Request) -> dict:
    """Read all handwritten digits in an image file.

    Args:
        image: the file, of numbers or a sheet of paper.

    Returns:
        text, the digits line by line, and marks: for each its box (left, top, right, bottom) in pixels of the image,
        and what read_digit gives.
    """
    return await for_programs(recognizer.read_page, image, request)


def place_answer(kind: str) -> gr.HTML:
    """Place the answer of a tab, and under it where the person may say that it is wrong."""
    said = gr.HTML(show.headline("", INVITATIONS[kind]), elem_id=f"{kind}-answer", elem_classes="answer")
    if corrections.place():
        script = (ASSETS / "correct.js").read_text()
        gr.HTML(html_template=show.TELL, js_on_load=script, server_functions=[correct], elem_id=f"{kind}-correct")
    return said


def place_pad() -> Pad:
    """Place the canvas: white paper and a black pen, also in dark mode."""
    return Pad(
        type="numpy",
        image_mode="L",
        canvas_size=CANVAS,
        fixed_canvas=True,
        layers=False,
        transforms=(),
        brush=gr.Brush(default_size=10, colors=["#000000"], color_mode="fixed"),
        buttons=[],
        show_label=False,
        elem_id="pad",
    )


with gr.Blocks(title="Digit reader", fill_width=True, delete_cache=(600, 3600)) as page:
    gr.Markdown("# Which digit is it?", elem_id="title")
    with gr.Tabs():
        with gr.Tab("Draw", id="draw"), gr.Row():
            with gr.Column():
                place_pad()
                bridge = gr.HTML(
                    html_template="<p role='status'></p>",
                    js_on_load=(ASSETS / "live.js").read_text(),
                    server_functions=[look],
                    elem_id="live",
                )
                with gr.Column(visible=False) as spare:
                    spare_pad = place_pad()
            with gr.Column():
                drawing_answer = place_answer("draw")
        with gr.Tab("Photo", id="photo"), gr.Row():
            with gr.Column():
                photo = Picture(image_mode=None, show_label=False, buttons=[], elem_id="picture")
                examples = sorted(map(str, (ASSETS / "examples").iterdir()))
                gr.Examples(examples, photo, label="Or try one of these", api_visibility="private")
            with gr.Column():
                photo_answer = place_answer("photo")
                with gr.Column(visible=False, elem_id="sheet") as sheet:
                    text = gr.Textbox(label="The digits", buttons=["copy"], lines=1, max_lines=12, elem_id="text")
                    boxes = gr.AnnotatedImage(
                        color_map=COLOURS, show_label=False, show_legend=False, buttons=[], elem_id="boxes"
                    )
                    table = gr.Dataframe(
                        headers=["digit", "or", "or"], interactive=False, show_label=False, buttons=[], elem_id="table"
                    )
    with gr.Row(elem_id="switches"):
        both = gr.Checkbox(label="Beside it, what the textbook network says", container=False, elem_id="both")
        gr.Checkbox(label="All ten digits", container=False, elem_id="all-ten")

    # where the script cannot see the canvas it says so by a click: then another pad sends its strokes when they end
    bridge.click(lambda: gr.update(visible=True), None, spare, **QUIETLY)
    spare_pad.change(answer_stroke, [spare_pad, both], drawing_answer, **QUIETLY)
    for event in (photo.change, both.change):
        event(answer_photo, [photo, both], [photo_answer, boxes, text, table, sheet], **QUIETLY)
    gr.Button(visible=False).click(read_digit, photo, gr.JSON(visible=False), api_name="read_digit")
    gr.Button(visible=False).click(read_page, photo, gr.JSON(visible=False), api_name="read_page")

page.queue(max_size=100, default_concurrency_limit=None)  # whose turn it is, `photos` and `drawings` decide


def serve() -> None:
    """Serve the page until SIGTERM or Ctrl-C; then answer those who wait, and end."""
    ended = threading.Event()

    def end(kind: int, _) -> None:
        ended.set()
        signal.signal(kind, signal.SIG_DFL)  # a second one does not wait

    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, end)
    if ON_SPACES:
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")  # nobody but its proxy comes in there: it says who asks
    page.launch(
        css_paths=ASSETS / "page.css",
        js=(ASSETS / "page.js").read_text(),
        head_paths=ASSETS / "head.html",
        favicon_path=ASSETS / "favicon.svg",
        max_file_size="15mb",
        run_history=False,
        footer_links=["api", "gradio"],
        enable_monitoring=False,
        state_session_capacity=500,
        ssr_mode=False,
        prevent_thread_lock=True,
        app_kwargs={"middleware": [Middleware(door.around)]},
    )
    spared = {path for part in page.blocks.values() for path in getattr(part, "keep_in_cache", ())}
    while not ended.wait(SWEEPING):
        sweep(Path(page.GRADIO_CACHE), spared, KEPT, MOST_FILES, MOST_BYTES)
    door.close(PATIENCE)
    page.close(verbose=False)


if __name__ == "__main__":
    serve()
