"""Glyphs labelled by users, stored as small pictures: 7-0123456789ab.png is a 7."""

import hashlib
import io
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from model.glyph import SIDE
from model.png import from_png
from model.weights import replace_file

MAX_STORED = 10_000  # maximum number of files in a folder
PATTERN = "[0-9]-*.png"
DEFAULT_FOLDER = Path(__file__).parent.parent / "corrections"


def storage() -> Path | str | None:
    """Return where corrections are stored: a folder or, on a Space, the name of a dataset; None if they cannot be.

    A folder that cannot be written to, as in a read-only container, stores nothing.

    The environment variable CORRECTIONS names either. The disk of a Space is shared and not persistent, so nothing is
    stored there unless the owner also sets HF_TOKEN to a token with write access to that dataset.
    """
    named = os.environ.get("CORRECTIONS")
    if "SPACE_ID" in os.environ:
        return named if named and os.environ.get("HF_TOKEN") else None
    folder = Path(named) if named else DEFAULT_FOLDER
    exists = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return folder if os.access(exists, os.W_OK) else None


def save(glyph: np.ndarray, digit: int, where: Path | str | None = None) -> None:
    """Store a glyph with its digit as one file, atomically; in a folder, it replaces an earlier digit for that glyph.

    Args:
        glyph: [28, 28] float32 in [0, 1].
        digit: 0 to 9.
        where: a folder, which is created if missing, or the name of a dataset on the Hugging Face Hub; `storage()` if
            None.

    Raises:
        ValueError: the digit is not 0 to 9, the glyph is blank, there is nowhere to store it, or the folder is full.
        OSError: the file cannot be written, or the dataset cannot be reached.
    """
    where = where or storage()
    if digit not in range(10) or not glyph.any():
        raise ValueError("expected a glyph that is not blank and a digit from 0 to 9")
    if where is None:
        raise ValueError("corrections cannot be stored here")
    file = io.BytesIO()
    pixels = np.uint8(np.rint(255 * glyph))
    Image.fromarray(pixels).save(file, "PNG")
    digest = hashlib.sha256(pixels).hexdigest()[:12]
    name = f"{digit}-{digest}.png"
    if isinstance(where, str):
        from huggingface_hub import HfApi  # installed with gradio, and slow to import

        try:
            HfApi().upload_file(path_or_fileobj=file.getvalue(), path_in_repo=name, repo_id=where, repo_type="dataset")
        except Exception as error:  # what it raises names the dataset, which may be private
            print(f"a correction was not uploaded: {error}", file=sys.stderr)
            raise OSError("the dataset cannot be reached") from None
        return
    if sum(1 for _ in where.glob(PATTERN)) >= MAX_STORED:
        raise ValueError(f"there are {MAX_STORED:,} corrections already: train with them, then empty the folder")
    replace_file(where / name, file.getvalue())
    for other in set(where.glob(f"[0-9]-{digest}.png")) - {where / name}:
        other.unlink(missing_ok=True)


def load(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the glyphs [N, 28, 28] float32 in [0, 1] and digits [N] int64 that are stored in a folder.

    Raises:
        ValueError: a file is not a PNG of 28 x 28 pixels, or the folder holds no corrections.
    """
    paths = sorted(folder.glob(PATTERN))
    if not paths:
        raise ValueError(f"{folder} holds no corrections such as 7-0123456789ab.png")
    glyphs = []
    for path in paths:
        try:
            glyphs.append(np.float32(from_png(path.read_bytes(), SIDE, SIDE)) / 255)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path.name!r} in {folder} is not usable ({error}): delete it") from None
    return np.stack(glyphs), np.array([int(path.name[0]) for path in paths])
