"""The page's event handlers: HTML for people, JSON types for programs."""

import functools
import json
import sys
from collections.abc import Callable

import gradio as gr
import numpy as np
import torch

from model import Page, Prediction, Recognizer, corrections
from model.annotate import GREY, RED, annotated
from model.glyph import SIDE
from model.images import Source, upright
from model.networks import NO_DIGIT
from model.png import from_data_url
from model.serving import markup
from model.serving.answers import answer, doubts, read, with_article
from model.serving.components import CANVAS
from model.serving.fair_queue import BusyError, FairQueue

CROWD = 4  # with this many drawings waiting, answers omit the heat map, which makes them twice as fast
NOT_A_DIGIT = "not a digit"
MAX_CORRECTIONS, MAX_ADAPTED = 100, 16  # maximum corrections per person; people whose corrections stay in memory
COLOURS = {NOT_A_DIGIT: GREY} | {str(digit): RED for digit in range(10)}  # box colours
INVITATIONS = {
    "draw": "Draw a digit or a number anywhere on the canvas, as large or small as you like.",
    "photo": "Upload a picture of handwritten digits, one or many: from a file, the camera or the clipboard.",
}

drawings = FairQueue(parallel=2, per_client=16, total=64, interval=1 / 25, processes=True)
photos = FairQueue(parallel=2, per_client=48, total=96)
correction_queue = FairQueue(parallel=1, per_client=2, total=16, interval=1.0)
torch.set_num_threads(1)  # several drawings are read at once
try:
    recognizer, textbook = Recognizer.load("world"), Recognizer.load("reference")
except (FileNotFoundError, ValueError) as error:
    sys.exit(f"app.py: {error}")
recognizer.read_page(np.zeros(CANVAS, np.uint8))  # warm-up: torch compiles parts of it on the first call


async def read_drawing(asked: dict, request: gr.Request) -> str:
    """Answer the page's script when the pen rests: {"picture": data URL, "both": bool, "known": str} -> HTML.

    `known` holds the corrections of this browser, see `adapted`.
    """
    return await in_turn(await session_of(request), answer_request, asked)


async def session_of(request: gr.Request) -> str:
    """Return the session of a script's request, from its body: Gradio has parsed it but passes on the bare request."""
    return str((await request.json())["session_hash"])


async def in_turn(session: str, work: Callable[..., str], *arguments) -> str:
    """Answer a drawing when its session's turn comes, as HTML, or say that the page is busy."""
    try:
        return await drawings.run(session, work, *arguments, drawings.waiting < CROWD)
    except BusyError as busy:
        return markup.busy(f"{busy}.")


def answer_request(asked: dict, explained: bool = True) -> str:
    """Read the drawing that the page's script sent; return HTML, with a heat map if `explained`."""
    try:
        drawing = from_data_url(asked.get("picture") if isinstance(asked, dict) else None, *CANVAS)
    except ValueError as error:
        return markup.headline("", f"This drawing cannot be read: {error}.")
    return answer_drawing({"composite": drawing}, bool(asked.get("both")), asked.get("known"), explained)


async def answer_stroke(drawing: dict | None, both: bool, known: str | None, request: gr.Request) -> str:
    """Read the drawing on the fallback pad; return HTML."""
    return await in_turn(request.session_hash, answer_drawing, drawing, both, known)


@functools.lru_cache(maxsize=MAX_ADAPTED)
def adapted(known: str | None) -> Recognizer:
    """Return a recognizer that knows one person's corrections.

    Args:
        known: JSON, a list of [digit, data URL of the glyph]; the digit is 10 for a non-digit. None if
            there are none.

    Raises:
        ValueError: `known` does not have this form.
    """
    try:
        pairs = json.loads(known or "[]")[-MAX_CORRECTIONS:]
        labels = [[*range(10), NO_DIGIT].index(digit) for digit, _ in pairs]
        glyphs = [shown_glyph(picture) for _, picture in pairs]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("a correction has the wrong format") from None
    return recognizer.adapt(np.stack(glyphs), np.array(labels)) if pairs else recognizer


def shown_glyph(picture: str) -> np.ndarray:
    """Return the glyph that the page showed: the data URL of its picture -> [28, 28] float32 in [0, 1]."""
    return 1 - from_data_url(picture, SIDE, SIDE).astype(np.float32) / 255


def answer_drawing(drawing: dict | None, both: bool, known: str | None, explained: bool) -> str:
    """Read the drawing on the Sketchpad; return HTML."""
    try:
        reader = adapted(known and str(known))
    except ValueError as error:
        return markup.headline("", f"This drawing cannot be read: {error}.")
    canvas = drawing and drawing["composite"]
    written = canvas is not None and np.ptp(canvas)
    beside = textbook if both else None
    return answer(reader, canvas if written else None, INVITATIONS["draw"], beside, explained)[0]


async def answer_photo(path: str | None, both: bool, known: str | None, request: gr.Request) -> tuple:
    """Read an uploaded picture when its session's turn comes, or say that the page is busy."""
    try:
        return await photos.run(request.session_hash, answer_sheet, path, both, known)
    except BusyError as busy:
        return markup.busy(f"{busy}."), *[gr.skip()] * 3, gr.update(visible=False)


def answer_sheet(path: str | None, both: bool, known: str | None = None) -> tuple:
    """Read an uploaded picture: as for a drawing, plus the sheet with its boxes if it has more than one digit."""
    try:
        reader = adapted(known)
    except ValueError as error:
        words = f"Your corrections cannot be used: {error}."
        return markup.headline("", words), *[gr.skip()] * 3, gr.update(visible=False)
    html, page, image = answer(reader, path, INVITATIONS["photo"], textbook if both else None)
    if not page or sum(prediction.digit is not None for _, prediction in page.marks) < 2:
        return html, *[gr.skip()] * 3, gr.update(visible=False)
    picture = upright(image)
    boxes = [(box, NOT_A_DIGIT if one.digit is None else str(one.digit)) for box, one in page.marks]
    rows = [[number.text, markup.percent(number.confidence), doubts(number)] for number in page.numbers]
    return html, (annotated(picture, page), boxes), page.text, rows, gr.update(visible=True)


async def correct(correction: dict, request: gr.Request) -> str:
    """Take a correction from "Wrong? Correct it"; return thanks, or why it was not saved."""
    try:
        return await correction_queue.run(await session_of(request), save_correction, correction)
    except BusyError as busy:
        return f"Not saved on the server. {busy}."


def save_correction(correction: dict) -> str:
    """Save a glyph with the digit that its writer gives: {"glyph": data URL, "digit": int} -> thanks, or why not."""
    try:
        glyph = shown_glyph(correction["glyph"])
        if type(correction["digit"]) is not int:
            raise ValueError("pick a digit from 0 to 9")
        corrections.save(glyph, correction["digit"])
    except (OSError, ValueError) as error:
        return f"Not saved on the server: {getattr(error, 'strerror', None) or error}."
    except (KeyError, TypeError):
        return "Not saved on the server: send a glyph and a digit."
    return f"Thank you. Saved as {with_article(correction['digit'])}."


async def for_programs(method: Callable[[Source], Prediction | Page], image: str | None, request: gr.Request) -> dict:
    """Read as `read` does and return JSON types; programs get the same error messages as people."""
    if image is None:
        raise gr.Error("Send a picture; in Python, as handle_file(path).", print_exception=False)
    try:
        return (await photos.run(request.client.host, read, method, image)).as_dict()
    except (ValueError, BusyError) as error:
        raise gr.Error(str(error), print_exception=False) from None


async def read_digit(image: str, request: gr.Request) -> dict:
    """Read the handwritten digit in an image file.

    Args:
        image: the image file, showing one handwritten digit; in a tool call, a data URL such as
            data:image/png;base64,iVBORw0KGgo...

    Returns:
        digit (0 to 9, or null if there is none), confidence and score in [0, 1], and top: the three most probable
        digits, each with its probability.
    """
    return await for_programs(recognizer.read_digit, image, request)


async def read_page(image: str, request: gr.Request) -> dict:
    """Read all handwritten digits in an image file.

    Args:
        image: the image file, showing one or more numbers; in a tool call, a data URL such as
            data:image/png;base64,iVBORw0KGgo...

    Returns:
        text: the numbers, line by line; numbers: each one's text, value, box (left, top, right, bottom) in image
        pixels, and confidence; and marks: the box of each mark, with the fields that read_digit returns.
    """
    return await for_programs(recognizer.read_page, image, request)
