"""The web page (python app.py): draw a digit or upload a picture of one; the answer updates while you draw."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

from model.serving import ON_SPACES, STATIC, UPLOADS  # sets the variables that gradio reads on import

# isort: split
import gradio as gr
from starlette.middleware import Middleware

from model import corrections
from model.memory import release_memory
from model.serving import events, markup, reader
from model.serving.cleanup import sweep
from model.serving.components import CANVAS, Pad, Picture
from model.serving.guard import MAX_FILES, forget_uploads, guard
from model.serving.limits import MAX_UPLOAD_MB

ASSETS = Path(__file__).parent / "assets"
COLUMN_WIDTH = 240  # minimum column width in pixels: two columns still fit on a laptop at 200% zoom
MAX_AGE, SWEEP_INTERVAL = 3600, 10  # seconds: maximum age of an upload, and interval between clean-ups
MAX_BYTES = 500_000_000  # maximum total size of uploads
MAX_EVENTS = 200  # maximum number of events that Gradio holds at once; more than all queues in `events` together
SHUTDOWN_SECONDS = 3  # seconds that open requests get to finish on shutdown
PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}  # event options: no spinner, no public endpoint


def place_answer(kind: str) -> gr.HTML:
    """Place a tab's answer and, below it, the form that corrects a wrong one."""
    answer = gr.HTML(markup.headline("", events.INVITATIONS[kind]), elem_id=f"{kind}-answer", elem_classes="answer")
    saved = corrections.storage() is not None
    gr.HTML(
        html_template=markup.correction_form(saved),
        js_on_load=(STATIC / "correct.js").read_text(),
        server_functions=[events.correct] if saved else [],
        elem_id=f"{kind}-correct",
    )
    return answer


def place_pad() -> Pad:
    """Place the canvas: white paper and a black pen, even in dark mode."""
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


with gr.Blocks(title="Handwritten digit reader", fill_width=True) as page:
    gr.Markdown("# Handwritten digit reader", elem_id="title")
    bridge = gr.HTML(
        html_template="<p role='status'></p>",
        js_on_load=(STATIC / "live.js").read_text(),
        server_functions=[events.read_drawing],
        elem_id="live",
    )
    with gr.Tabs():
        with gr.Tab("Draw", id="draw"), gr.Row():
            with gr.Column(min_width=COLUMN_WIDTH):
                place_pad()
                with gr.Column(visible=False) as fallback:
                    fallback_pad = place_pad()
            with gr.Column(min_width=COLUMN_WIDTH):
                drawing_answer = place_answer("draw")
                gr.HTML(markup.INSIDE, elem_id="inside")
        with gr.Tab("Photo", id="photo"), gr.Row():
            with gr.Column(min_width=COLUMN_WIDTH):
                photo = Picture(
                    image_mode=None,
                    webcam_options=gr.WebcamOptions(mirror=False),  # Gradio would upload a mirror image
                    show_label=False,
                    buttons=[],
                    elem_id="picture",
                )
                examples = sorted(map(str, (ASSETS / "examples").iterdir()))
                gr.Examples(examples, photo, label="Or try an example", api_visibility="private")
            with gr.Column(min_width=COLUMN_WIDTH):
                photo_answer = place_answer("photo")
                with gr.Column(visible=False, elem_id="sheet") as sheet:
                    text = gr.Textbox(label="Numbers", buttons=["copy"], lines=1, max_lines=12, elem_id="text")
                    boxes = gr.AnnotatedImage(
                        color_map=events.COLOURS, show_label=False, show_legend=False, buttons=[], elem_id="boxes"
                    )
                    table = gr.Dataframe(
                        headers=["number", "confidence", "uncertain digits"],
                        interactive=False,
                        show_label=False,
                        buttons=[],
                        elem_id="table",
                    )
    with gr.Row(elem_id="switches"):
        both = gr.Checkbox(label="Compare with the textbook network", container=False, elem_id="both")
        gr.Checkbox(label="Show all ten digits", container=False, elem_id="all-ten")

    # a script that cannot access the canvas triggers a click: the fallback pad appears and sends each finished stroke
    bridge.click(lambda: gr.update(visible=True), None, fallback, **PRIVATE)
    known, again = gr.Textbox(visible=False), gr.Button(visible="hidden", elem_id="again")  # page.js clicks it
    corrected = "(drawing, both) => [drawing, both, window.keptCorrections()]"
    fallback_pad.change(events.answer_stroke, [fallback_pad, both, known], drawing_answer, js=corrected, **PRIVATE)
    shown = [photo_answer, boxes, text, table, sheet]
    for event in (photo.change, again.click):
        asked = event(
            events.answer_photo, [photo, both, known], shown, js="window.asked", trigger_mode="always_last", **PRIVATE
        )
        asked.success(None, js="window.answered", **PRIVATE)
        asked.failure(None, None, [photo_answer, sheet], js="window.unanswered", **PRIVATE)
    gr.Button(visible=False).click(events.read_digit, photo, gr.JSON(visible=False), api_name="read_digit")
    gr.Button(visible=False).click(events.read_page, photo, gr.JSON(visible=False), api_name="read_page")

page.queue(max_size=MAX_EVENTS, default_concurrency_limit=None)  # the queues in `events` do the scheduling
limits = guard(page)


def serve() -> None:
    """Serve the page until SIGTERM or Ctrl-C, then finish the open requests and exit."""
    ended = threading.Event()

    def end(kind: int, _) -> None:
        ended.set()
        signal.signal(kind, signal.SIG_DFL)  # a second signal kills the process at once

    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, end)
    if ON_SPACES:
        os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")  # only the Space's proxy can connect: trust its headers
    page.launch(
        css_paths=STATIC / "page.css",
        js=(STATIC / "page.js").read_text(),
        head_paths=STATIC / "head.html",
        favicon_path=ASSETS / "favicon.svg",
        max_file_size=f"{MAX_UPLOAD_MB}mb",
        run_history=False,
        footer_links=["api", "gradio"],
        enable_monitoring=False,
        state_session_capacity=100,
        max_threads=MAX_EVENTS,
        ssr_mode=False,
        prevent_thread_lock=True,
        app_kwargs={"middleware": [Middleware(limits.wrap)], "routes": reader.routes()},
    )
    events.drawings.warm_up()
    spared = {path for part in page.blocks.values() for path in getattr(part, "keep_in_cache", ())}
    while not ended.wait(SWEEP_INTERVAL):
        sweep(UPLOADS, spared, MAX_AGE, MAX_FILES, MAX_BYTES)
        forget_uploads(page)
        release_memory()
    limits.close(SHUTDOWN_SECONDS)
    page.close(verbose=False)
    for worker in multiprocessing.active_children():
        worker.kill()


if __name__ == "__main__":
    serve()
