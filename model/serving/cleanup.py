"""Periodic clean-up for a page that runs for weeks: delete what visitors uploaded."""

import contextlib
import os
import stat
import time
from collections.abc import Collection
from pathlib import Path


def sweep(folder: Path, keep: Collection[str], max_age: float, max_files: int, max_bytes: int) -> None:
    """Delete old files from a folder, the oldest files beyond the limits, and folders that were left empty.

    It lists the folder, so it also finds parts of interrupted uploads and files of a process that was killed.

    Args:
        folder: holds each upload in a folder of its own; it may be missing.
        keep: paths of files to keep.
        max_age: age in seconds beyond which a file is deleted.
        max_files: maximum number of files to keep.
        max_bytes: maximum total size of the files in bytes.
    """
    now, known, empty = time.time(), [], []
    for place, folders, names in os.walk(folder):
        if not folders and not names and place != str(folder):
            empty.append(Path(place))
        for file in (Path(place) / name for name in names):
            with contextlib.suppress(OSError):  # deleted by someone else in the meantime
                about = file.lstat()
                if stat.S_ISREG(about.st_mode) and str(file) not in keep:
                    known.append((about.st_mtime, about.st_size, file))
    total = 0
    for i, (since, size, file) in enumerate(sorted(known, reverse=True)):
        total += size
        if now - since > max_age or i >= max_files or total > max_bytes:
            with contextlib.suppress(OSError):
                file.unlink()
    for place in empty:
        with contextlib.suppress(OSError):
            if now - place.stat().st_mtime > 60:  # no upload is about to put a file there
                place.rmdir()
