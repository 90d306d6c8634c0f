"""Gradio's Image and Sketchpad, with our own checks on every file that they open."""

from pathlib import Path

import gradio as gr
from gradio.components.base import server

from model.png import from_png
from model.serving import is_upload

CANVAS = 400, 300  # width and height of the Sketchpad in pixels, wide enough for a number
DRAWINGS_KEPT = 20  # maximum number of drawings that a pad stores until they are read


def uploaded(file) -> Path:
    """Return the path of an uploaded file; gr.Error if it is not in the upload folder, since a request may name any."""
    if not is_upload(file.path or ""):
        raise gr.Error("Upload the picture as a file.", title="No picture received", print_exception=False)
    return Path(file.path)


class Picture(gr.Image):
    """A gr.Image that passes on the uploaded file unopened, so that only `model` checks and decodes it."""

    is_template = True

    def preprocess(self, payload) -> str | None:
        """Return the path of the uploaded file, or None if there is none."""
        return None if payload is None else str(uploaded(payload))

    def example_payload(self) -> dict:
        """Return the example that "Use via API" prints: a file, since the server fetches no URLs."""
        return {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}


class Pad(gr.Sketchpad):
    """A gr.Sketchpad that decodes drawings through our own checks and drops old ones; Gradio's keeps them for ever."""

    is_template = True

    def get_block_name(self) -> str:
        """Return the name of the frontend component that renders it."""
        return "imageeditor"

    @server
    def accept_blobs(self, data) -> None:
        """Receive one of a stroke's pictures; only the composite, the whole drawing, is stored until it is read."""
        about = getattr(data, "data", {})
        if about.get("type") == "composite" and "id" in about and data.files:
            self.blob_storage[about["id"]] = data.files[0][1]
            while len(self.blob_storage) > DRAWINGS_KEPT:
                self.blob_storage.pop(next(iter(self.blob_storage)), None)

    def preprocess(self, payload) -> dict | None:
        """Return the drawing as the value of a gr.Sketchpad: {"composite": [H, W] uint8}, or None if there is none."""
        content = self.blob_storage.pop(payload.id, None) if payload and payload.id else None
        try:
            if payload and getattr(payload.composite, "path", None):  # after clearing, the drawing arrives as an upload
                content = uploaded(payload.composite).read_bytes()
            return {"composite": from_png(content, *CANVAS)} if content else None
        except (ValueError, OSError) as error:
            raise gr.Error(f"This drawing cannot be read: {error}.", print_exception=False) from None
