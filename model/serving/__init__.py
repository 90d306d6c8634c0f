"""The public side of the page: events, answers as HTML, rate limits, uploads, and the guard around Gradio."""

import os
import sys
import tempfile
from pathlib import Path

# set before gradio is imported: no calls to other servers, few remembered events, and a folder for uploads
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
owner = getattr(os, "getuid", int)()  # elsewhere, all files belong to 0, and each user has a temporary folder
place = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).resolve()
name = f"digit-reader-{owner}"
UPLOADS = place if place.name == name else place / name  # a folder of its own, since the page deletes what gets old
try:
    UPLOADS.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    sys.exit(f"app.py: {UPLOADS} cannot be made ({error.strerror}): set GRADIO_TEMP_DIR to another folder")
if UPLOADS.is_symlink() or UPLOADS.stat().st_uid != owner:
    sys.exit(f"app.py: {UPLOADS} belongs to someone else: delete it, or set GRADIO_TEMP_DIR to another folder")
os.environ["GRADIO_TEMP_DIR"] = str(UPLOADS)

ON_SPACES = "SPACE_ID" in os.environ
STATIC = Path(__file__).parent / "static"


def is_upload(path: str) -> bool:
    """Return whether a path lies in the upload folder."""
    return "\0" not in path and Path(path).resolve().is_relative_to(UPLOADS)
