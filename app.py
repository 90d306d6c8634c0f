"""python app.py: the page. Draw a digit or give a picture of one, and see which it is."""

import base64
import io
import os
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported: the page calls nobody

import gradio as gr
import numpy as np
from PIL import Image

from model import Prediction, Recognizer
from model.pictures import Source

ASSETS = Path(__file__).parent / "assets"
INVITATIONS = {
    "draw": "Draw a digit, 0 to 9, anywhere on the canvas, as large or small as you like.",
    "photo": "Give a picture of one handwritten digit: a file, the camera or the clipboard.",
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


def read(image: Source) -> Prediction:
    """Read a picture as a Recognizer does, but call a file by its name alone: visitors know not where it lies here."""
    try:
        return recognizer.read_digit(image)
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(str(error).replace(str(image), Path(str(image)).name)) from None


def answer(image: Source | None, invitation: str) -> tuple[str, dict[str, float] | None, str]:
    """Say what is written in a picture: the words, the share of each digit, and the glyph as HTML."""
    if image is None:
        return invitation, None, ""
    try:
        prediction = read(image)
    except ValueError as error:
        return f"This picture cannot be read: {error}.", None, ""
    if not prediction.glyph.any():
        return f"Nothing is written here. {invitation}", None, ""
    glyph = glyph_as_html(prediction.glyph)
    if prediction.digit is None:
        return "This does not look like a digit.", None, glyph
    shares = {str(digit): share for digit, share in prediction.top(10)}
    return f"It reads **{prediction.digit}**.", shares, glyph


def answer_drawing(drawing: dict | None) -> tuple[str, dict[str, float] | None, str]:
    """Say what is drawn on the Sketchpad."""
    canvas = drawing and drawing["composite"]
    return answer(None if canvas is None or not np.ptp(canvas) else canvas, INVITATIONS["draw"])


def answer_photo(path: str | None) -> tuple[str, dict[str, float] | None, str]:
    """Say what is written in an uploaded picture."""
    return answer(path, INVITATIONS["photo"])


def read_digit(image: str) -> dict:
    """Read the handwritten digit in an image file.

    Returns digit (0 to 9, or null if there is none), confidence and score in [0, 1], and top: the three most probable
    digits, each with its probability.
    """
    try:
        return read(image).as_dict()
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from None


def glyph_as_html(glyph: np.ndarray) -> str:
    """Show a glyph, [28, 28] in [0, 1], black on white, each pixel a square."""
    file = io.BytesIO()
    Image.fromarray(np.uint8(np.rint(255 * (1 - glyph)))).save(file, "PNG")
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return (
        f'<figure><img src="{source}" alt="The digit as the network saw it, 28 by 28 pixels">'
        "<figcaption>what the network saw</figcaption></figure>"
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
                    canvas_size=(280, 280),
                    fixed_canvas=True,
                    layers=False,
                    transforms=(),
                    brush=gr.Brush(default_size=9, colors=["#000000"], color_mode="fixed"),
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
    pad.change(answer_drawing, pad, drawing_answer, show_progress="hidden", api_visibility="private")
    photo.change(answer_photo, photo, photo_answer, show_progress="hidden", api_visibility="private")
    gr.Button(visible=False).click(read_digit, photo, gr.JSON(visible=False), api_name="read_digit")

if __name__ == "__main__":
    page.launch(
        css_paths=ASSETS / "page.css",
        js=(ASSETS / "page.js").read_text(),
        max_file_size="15mb",
        run_history=False,
        footer_links=["api", "gradio"],
    )
