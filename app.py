"""python app.py: the page. Draw a digit or give a picture of one, and see which it is."""

import base64
import io
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported: the page calls nobody

import gradio as gr
import numpy as np
from PIL import Image

from model import Page, Prediction, Recognizer
from model.annotate import annotated
from model.pictures import Source, upright

ASSETS = Path(__file__).parent / "assets"
SHEET_SIDE = 1200  # pixels of the picture that is shown with its boxes, at most
CANVAS = 400, 300  # pixels of the Sketchpad, wide enough for a number
NO_DIGIT = "no digit"
COLOURS = {NO_DIGIT: "#808080"} | {str(digit): "#dc143c" for digit in range(10)}  # of the boxes
INVITATIONS = {
    "draw": "Draw a digit, 0 to 9, or a whole number, anywhere on the canvas, as large or small as you like.",
    "photo": "Give a picture of handwritten digits, one or many: a file, the camera or the clipboard.",
}

recognizer = Recognizer.load()


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


def read(method: Callable[[Source], Prediction | Page], image: Source) -> Prediction | Page:
    """Read a picture by a method of the recognizer, but call a file by its name alone, not by where it lies here."""
    try:
        return method(image)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(str(error).replace(str(image), Path(str(image)).name)) from None


def answer(image: Source | None, invitation: str) -> tuple[str, dict[str, float] | None, str]:
    """Say what is written in a picture: the words, the share of each digit, and the glyph as HTML."""
    if image is None:
        return invitation, None, ""
    try:
        prediction = read(recognizer.read_digit, image)
    except ValueError as error:
        return f"This picture cannot be read: {error}.", None, ""
    if not prediction.glyph.any():
        return f"Nothing is written here. {invitation}", None, ""
    glyph = glyph_as_html(prediction.glyph)
    if prediction.digit is None:
        return "This does not look like a digit.", None, glyph
    shares = {str(digit): share for digit, share in prediction.top(10)}
    return f"It reads **{prediction.digit}**.", shares, glyph


def answer_drawing(drawing: dict | None) -> tuple[str, dict, str]:
    """Say what is drawn on the Sketchpad: a digit, or a whole number with the glyph of each of its digits."""
    canvas = drawing and drawing["composite"]
    written = canvas is not None and np.ptp(canvas)
    page = recognizer.read_page(canvas) if written else Page([], "")
    digits = [prediction for _, prediction in page.marks if prediction.digit is not None]
    if len(digits) < 2:
        words, shares, glyph = answer(canvas if written else None, INVITATIONS["draw"])
        return words, gr.update(value=shares, visible=True), glyph
    number = page.text.replace("\n", " ")
    words = f"It reads **{number}**.{left_out(len(page.marks) - len(digits))}"
    glyphs = "".join(glyph_as_html(each.glyph, f"{each.digit}, {each.confidence:.0%}") for each in digits)
    return words, gr.update(value=None, visible=False), glyphs


def left_out(marks: int) -> str:
    """Say how many marks of a page are not read, if any."""
    if not marks:
        return ""
    return f" What it leaves out, {marks} {'mark' if marks == 1 else 'marks'}, looks like no digit, or like a word."


def answer_photo(path: str | None) -> tuple:
    """Say what is written in an uploaded picture: as for a drawing, and for many digits the sheet with its boxes."""
    try:
        page = path and read(recognizer.read_page, path)
    except ValueError:
        page = None  # `answer` says why
    if not page or len(page.marks) < 2:
        words, shares, glyph = answer(path, INVITATIONS["photo"])
        return words, gr.update(value=shares, visible=True), glyph, *[gr.skip()] * 3, gr.update(visible=False)
    count = sum(prediction.digit is not None for _, prediction in page.marks)
    words = f"It reads {count} {'digit' if count == 1 else 'digits'}." if count else "It finds no digits here."
    words += left_out(len(page.marks) - count)
    sheet = annotated(upright(path), page)
    scale = min(1, SHEET_SIDE / max(sheet.size))
    sheet.thumbnail((SHEET_SIDE, SHEET_SIDE))
    boxes = [(tuple(round(scale * edge) for edge in box), name(prediction)) for box, prediction in page.marks]
    rows = [
        [f"{digit}  {share:.0%}" if share > 0.005 else "" for digit, share in prediction.top(3)]
        for _, prediction in page.marks
        if prediction.digit is not None
    ]
    return words, gr.update(value=None, visible=False), "", (sheet, boxes), page.text, rows, gr.update(visible=True)


def name(prediction: Prediction) -> str:
    """Call a mark by its digit, or by being none."""
    return NO_DIGIT if prediction.digit is None else str(prediction.digit)


def for_programs(method: Callable[[Source], Prediction | Page], image: str) -> dict:
    """Read as `read` does, as JSON types; what a program is told of a bad picture is the same sentence."""
    try:
        return read(method, image).as_dict()
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None


def read_digit(image: str) -> dict:
    """Read the handwritten digit in an image file.

    Returns digit (0 to 9, or null if there is none), confidence and score in [0, 1], and top: the three most probable
    digits, each with its probability.
    """
    return for_programs(recognizer.read_digit, image)


def read_page(image: str) -> dict:
    """Read all handwritten digits in an image file.

    Returns text, the digits line by line, and marks: for each its box (left, top, right, bottom) in pixels of the
    image, and what read_digit gives.
    """
    return for_programs(recognizer.read_page, image)


def glyph_as_html(glyph: np.ndarray, caption: str = "what the network saw") -> str:
    """Show a glyph, [28, 28] in [0, 1], black on white, each pixel a square."""
    file = io.BytesIO()
    Image.fromarray(np.uint8(np.rint(255 * (1 - glyph)))).save(file, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return (
        f'<figure><img src="{source}" alt="The digit as the network saw it, 28 by 28 pixels">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def answer_panel(kind: str) -> list[gr.components.Component]:
    """Place the three parts of an answer: words, label and glyph."""
    words = gr.Markdown(INVITATIONS[kind], elem_id=f"{kind}-words", elem_classes="words")
    label = gr.Label(num_top_classes=3, show_label=False, elem_id=f"{kind}-label")
    glyph = gr.HTML(elem_id=f"{kind}-glyph", elem_classes="glyph")
    return [words, label, glyph]


with gr.Blocks(title="Digit reader", delete_cache=(600, 3600)) as page:
    gr.Markdown("# Which digit is it?", elem_id="title")
    with gr.Tabs():
        with gr.Tab("Draw", id="draw"), gr.Row():
            with gr.Column():
                pad = gr.Sketchpad(
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
            with gr.Column():
                drawing_answer = answer_panel("draw")
        with gr.Tab("Photo", id="photo"), gr.Row():
            with gr.Column():
                photo = Picture(image_mode=None, show_label=False, buttons=[], elem_id="picture")
            with gr.Column():
                photo_answer = answer_panel("photo")
                with gr.Column(visible=False, elem_id="sheet") as sheet:
                    text = gr.Textbox(label="The digits", buttons=["copy"], lines=1, max_lines=12, elem_id="text")
                    boxes = gr.AnnotatedImage(
                        color_map=COLOURS, show_label=False, show_legend=False, buttons=[], elem_id="boxes"
                    )
                    table = gr.Dataframe(
                        headers=["digit", "or", "or"], interactive=False, show_label=False, buttons=[], elem_id="table"
                    )
    pad.change(answer_drawing, pad, drawing_answer, show_progress="hidden", api_visibility="private")
    photo.change(
        answer_photo,
        photo,
        [*photo_answer, boxes, text, table, sheet],
        show_progress="hidden",
        api_visibility="private",
    )
    gr.Button(visible=False).click(read_digit, photo, gr.JSON(visible=False), api_name="read_digit")
    gr.Button(visible=False).click(read_page, photo, gr.JSON(visible=False), api_name="read_page")

if __name__ == "__main__":
    page.launch(
        css_paths=ASSETS / "page.css",
        js=(ASSETS / "page.js").read_text(),
        max_file_size="15mb",
        run_history=False,
        footer_links=["api", "gradio"],
    )
