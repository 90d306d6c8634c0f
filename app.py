"""python app.py: the page. Draw a digit or give a picture of one, and see which it is while you draw."""

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

# before gradio is imported: the page calls nobody, remembers few events, and has a folder of uploads of its own
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
os.environ.setdefault("GRADIO_TEMP_DIR", str(Path(tempfile.gettempdir(), "digit-reader").resolve()))

import gradio as gr
import gradio.route_utils
import gradio.routes
import numpy as np
import torch
from gradio.components.base import server
from gradio.route_utils import GradioMultiPartParser
from starlette.middleware import Middleware

from model import Page, Prediction, Recognizer, corrections, show
from model.annotate import annotated
from model.answers import answer, read
from model.memory import give_back_memory
from model.pictures import Source, of_data_url, of_png, size, upright
from model.preprocess import SIDE
from model.traffic import BusyError, Door, Flow, Turns
from model.upkeep import sweep

ON_SPACES = "SPACE_ID" in os.environ
FRAMED_BY = "*" if ON_SPACES else "'self'"  # any site may embed a Space
ASSETS = Path(__file__).parent / "assets"
SHEET_SIDE = 1200  # pixels of the picture that is shown with its boxes, at most
CANVAS = 400, 300  # pixels of the Sketchpad, wide enough for a number
SIDE_BY_SIDE = 240  # pixels: a column that wide stands beside another, as on a laptop at 200 %
STROKES = 20  # whose pictures wait at the spare pad
KEPT, SWEEPING = 3600, 10  # seconds that an upload stays at most, and between two looks at what is too much
MOST_FILES, MOST_BYTES = 2000, 500_000_000  # of uploads
PATIENCE = 3  # seconds that those have who are being answered when the page closes
NO_DIGIT = "no digit"
QUIETLY = {"show_progress": "hidden", "api_visibility": "private"}  # how answers are shown: no spinner, no endpoint
COLOURS = {NO_DIGIT: "#808080"} | {str(digit): "#dc143c" for digit in range(10)}  # of the boxes
INVITATIONS = {
    "draw": "Draw a digit, 0 to 9, or a whole number, anywhere on the canvas, as large or small as you like.",
    "photo": "Give a picture of handwritten digits, one or many: a file, the camera or the clipboard.",
}

drawings = Turns(at_once=2, each=16, everybody=64, pace=1 / 25)
photos = Turns(at_once=2, each=16, everybody=64)
told = Turns(at_once=1, each=2, everybody=16, pace=1.0)
torch.set_num_threads(1)  # 8 people who draw wait 73 ms on two cores so; 84 with 2 threads, 206 if read one by one
try:
    recognizer, textbook = Recognizer.load("world"), Recognizer.load("reference")
    recognizer.read_page(np.zeros(CANVAS, np.uint8))  # which loads the finder, before anybody waits for it
except (FileNotFoundError, ValueError) as error:
    sys.exit(f"app.py: {error}")


def uploaded(file) -> Path:
    """Return the path of an upload: a request may name any."""
    if not is_upload(file.path or ""):
        raise gr.Error("Upload the picture as a file.", title="No picture came", print_exception=False)
    return Path(file.path)


class Picture(gr.Image):
    """A gr.Image that hands over the uploaded file as it came, so that `model` alone opens, checks and judges it."""

    is_template = True

    def preprocess(self, payload) -> str | None:
        """Return the path of the uploaded file, or None if there is none."""
        return None if payload is None else str(uploaded(payload))


class Pad(gr.Sketchpad):
    """A gr.Sketchpad that opens what it is sent by our gate, and holds it for a while only; Gradio's would for ever."""

    is_template = True

    def get_block_name(self) -> str:
        """Return what draws it in the browser."""
        return "imageeditor"

    @server
    def accept_blobs(self, data) -> None:
        """Take one of the pictures of a stroke; the one of all that is drawn is kept until it is asked for."""
        about = getattr(data, "data", {})
        if about.get("type") == "composite" and "id" in about and data.files:
            self.blob_storage[about["id"]] = data.files[0][1]
            while len(self.blob_storage) > STROKES:
                self.blob_storage.pop(next(iter(self.blob_storage)), None)

    def preprocess(self, payload) -> dict | None:
        """Return the drawing as the value of a gr.Sketchpad: {"composite": [H, W] uint8}, or None if there is none."""
        content = self.blob_storage.pop(payload.id, None) if payload and payload.id else None
        try:
            if payload and getattr(payload.composite, "path", None):  # after a clear it comes as an upload
                content = uploaded(payload.composite).read_bytes()
            return {"composite": of_png(content, *CANVAS)} if content else None
        except (ValueError, OSError) as error:
            raise gr.Error(f"This is no drawing: {error}.", print_exception=False) from None


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
    return answer(recognizer, canvas if written else None, INVITATIONS["draw"], textbook if both else None)[0]


async def answer_photo(path: str | None, both: bool, request: gr.Request) -> tuple:
    """Say what is written in an uploaded picture when it is somebody's turn, or that it is not."""
    try:
        return await photos.take(request.session_hash, answer_sheet, path, both)
    except BusyError as busy:
        return show.busy(f"{busy}."), *[gr.skip()] * 3, gr.update(visible=False)


def answer_sheet(path: str | None, both: bool) -> tuple:
    """Say what is written in a picture: as for a drawing, and for many digits the sheet with its boxes."""
    said, page = answer(recognizer, path, INVITATIONS["photo"], textbook if both else None)
    if not page or sum(prediction.digit is not None for _, prediction in page.marks) < 2:
        return said, *[gr.skip()] * 3, gr.update(visible=False)
    picture = upright(path, SHEET_SIDE)
    small = page.scaled(picture.width / size(path)[0])
    boxes = [(box, name(prediction)) for box, prediction in small.marks]
    rows = [[number.text, show.percent(number.confidence), show.doubts(number)] for number in page.numbers]
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
        if type(said["digit"]) is not int:
            raise ValueError("give a digit from 0 to 9")
        corrections.keep(glyph, said["digit"])
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
        text, the numbers line by line; numbers: for each its text, value, box (left, top, right, bottom) in pixels of
        the image, and confidence; and marks: for each digit its box and what read_digit gives.
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


with gr.Blocks(title="Digit reader", fill_width=True) as page:
    gr.Markdown("# Which digit is it?", elem_id="title")
    with gr.Tabs():
        with gr.Tab("Draw", id="draw"), gr.Row():
            with gr.Column(min_width=SIDE_BY_SIDE):
                place_pad()
                bridge = gr.HTML(
                    html_template="<p role='status'></p>",
                    js_on_load=(ASSETS / "live.js").read_text(),
                    server_functions=[look],
                    elem_id="live",
                )
                with gr.Column(visible=False) as spare:
                    spare_pad = place_pad()
            with gr.Column(min_width=SIDE_BY_SIDE):
                drawing_answer = place_answer("draw")
        with gr.Tab("Photo", id="photo"), gr.Row():
            with gr.Column(min_width=SIDE_BY_SIDE):
                photo = Picture(image_mode=None, show_label=False, buttons=[], elem_id="picture")
                examples = sorted(map(str, (ASSETS / "examples").iterdir()))
                gr.Examples(examples, photo, label="Or try one of these", api_visibility="private")
            with gr.Column(min_width=SIDE_BY_SIDE):
                photo_answer = place_answer("photo")
                with gr.Column(visible=False, elem_id="sheet") as sheet:
                    text = gr.Textbox(label="The numbers", buttons=["copy"], lines=1, max_lines=12, elem_id="text")
                    boxes = gr.AnnotatedImage(
                        color_map=COLOURS, show_label=False, show_legend=False, buttons=[], elem_id="boxes"
                    )
                    table = gr.Dataframe(
                        headers=["number", "how sure", "in doubt"],
                        interactive=False,
                        show_label=False,
                        buttons=[],
                        elem_id="table",
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

UPLOADS = Path(page.GRADIO_CACHE).resolve()
EVENTS = {number: len(event.inputs) for number, event in page.fns.items()}
API = "/gradio_api"
SCRIPTS, CALL, UPLOAD = (f"{API}/{path}" for path in ("component_server", "call/", "upload"))
EVENT = f"{API}/queue/join", f"{API}/run/predict"
HASHES = 64  # letters of a session's name
UNREAD = 10  # answers that wait for a session to fetch them
page.queue(max_size=100, default_concurrency_limit=None)  # whose turn it is, `photos` and `drawings` decide
page._queue.pending_messages_per_session = gr.utils.LRUCache(500)  # sessions, of 2000


def wrong(path: str, body: object) -> str | None:
    """Say what is wrong with the JSON of a request, or None: Gradio trusts it more than it should."""
    if not isinstance(body, dict):
        return "give an object"
    session, data = body.get("session_hash") or "", body.get("data")
    if not isinstance(session, str) or len(session) > HASHES:
        return f"give a session of at most {HASHES} letters"
    if path == SCRIPTS:
        part = page.blocks.get(body.get("component_id")) if type(body.get("component_id")) is int else None
        known = part and body.get("fn_name") in ("look", "correct") and hasattr(part, body["fn_name"])
        return None if known and session and "data" in body else "there is no such function"
    if path in EVENT:
        number = body.get("fn_index")
        if type(number) is not int or number not in EVENTS or not session:
            return "there is no such event"
        if not isinstance(data, list) or len(data) != EVENTS[number]:
            return f"give {EVENTS[number]} inputs"
        mailbox = page._queue.pending_messages_per_session.get(session)
        if mailbox is not None and mailbox.qsize() > UNREAD:
            return "fetch your answers first"
    else:
        if path.startswith(f"{CALL}v2/"):  # whose inputs have names
            path, data = path.replace("v2/", "", 1), [body.get("image")] if set(body) == {"image"} else None
        if path not in (f"{CALL}read_digit", f"{CALL}read_page") or not isinstance(data, list) or len(data) != 1:
            return "give one picture, image, to read_digit or read_page"
        if not isinstance(data[0], dict):
            return "upload the picture as a file; in Python give handle_file(path)"
    forget()
    return None if is_local(data) else "upload the picture as a file"


def is_local(data: object) -> bool:
    """Whether all files that a request names lie among the uploads; Gradio would fetch addresses of other machines."""
    left = [data]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()
            path = one.get("path")
            if path not in (None, "") and not (isinstance(path, str) and is_upload(path)):
                return False
        elif isinstance(one, list):
            left += one
    return True


def is_upload(path: str) -> bool:
    """Whether a path lies in the folder of uploads."""
    return "\0" not in path and Path(path).resolve().is_relative_to(UPLOADS)


def forget() -> None:
    """Forget who has nothing to wait for: Gradio keeps the name of each session and of each file for ever."""
    waiting, mailboxes = page._queue.pending_event_ids_session, page._queue.pending_messages_per_session
    if len(waiting) > 1000:
        for name in [name for name, events in waiting.items() if not events and name not in mailboxes]:
            del waiting[name]
    for files in page.temp_file_sets:
        if len(files) > MOST_FILES:
            files.clear()  # `sweep` deletes them by what lies in the folder


door = Door(
    allowed=(  # of what Gradio serves; some of the rest writes files, fetches addresses, or remembers all it is asked
        *("/config", "/assets/", "/static/", "/svelte/", "/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt"),
        "/pwa_icon",
        *(f"{API}/{path}" for path in ("info", "theme.css", "app_id", "startup-events", "heartbeat/", "mcp")),
        *(
            f"{API}/{path}"
            for path in ("queue/", "run/predict", "call/read_", "call/v2/read_", "component_server", f"file={UPLOADS}")
        ),
        UPLOAD,
    ),
    endless=(f"{API}/heartbeat/",),
    forms=(UPLOAD, SCRIPTS),
    most={UPLOAD: 16_000_000, SCRIPTS: 1_000_000},  # bytes: an upload of 15 MB, or a drawing, and what is around it
    few=8_000,
    most_open=400,
    flow=Flow(rate=4_000_000, burst=64_000_000),
    headers={
        "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        f"form-action 'self'; frame-ancestors {FRAMED_BY}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    },
    wrong=wrong,
)


class Form(GradioMultiPartParser):
    """Gradio's parser of forms, with one file at a time, and no halves left behind."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more | {"max_files": 1, "max_fields": 10})

    async def parse(self):
        """Return the form; where that fails, nothing of it stays on the disk."""
        try:
            return await super().parse()
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            raise


gradio.routes.GradioMultiPartParser = gradio.route_utils.GradioMultiPartParser = Form


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
        state_session_capacity=100,
        max_threads=8,
        ssr_mode=False,
        prevent_thread_lock=True,
        app_kwargs={"middleware": [Middleware(door.around)]},
    )
    spared = {path for part in page.blocks.values() for path in getattr(part, "keep_in_cache", ())}
    while not ended.wait(SWEEPING):
        sweep(UPLOADS, spared, KEPT, MOST_FILES, MOST_BYTES)
        give_back_memory()
    door.close(PATIENCE)
    page.close(verbose=False)


if __name__ == "__main__":
    serve()
