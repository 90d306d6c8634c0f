"""The public side of the page: events, answers as HTML, rate limits, uploads, and the guard around Gradio."""

import os
import tempfile
from pathlib import Path

# set before gradio is imported: no calls to other servers, few remembered events, an upload folder of our own
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""  # elsewhere, each user has a temporary folder
os.environ.setdefault("GRADIO_TEMP_DIR", str(Path(tempfile.gettempdir(), f"digit-reader{user}").resolve()))

ON_SPACES = "SPACE_ID" in os.environ
UPLOADS = Path(os.environ["GRADIO_TEMP_DIR"]).resolve()  # where Gradio stores uploads
STATIC = Path(__file__).parent / "static"


def is_upload(path: str) -> bool:
    """Return whether a path lies in the upload folder."""
    return "\0" not in path and Path(path).resolve().is_relative_to(UPLOADS)
