"""Periodic clean-up for a page that runs for weeks: delete what visitors uploaded."""

import contextlib
import os
import stat
import time
from collections.abc import Collection
from pathlib import Path


def sweep(folder: Path, spared: Collection[str], oldest: float, most: int, most_bytes: int) -> None:
    """Delete old files from a folder, the oldest files beyond the limits, and folders that were left empty.

    It lists the folder, so it also finds parts of interrupted uploads and files of a process that was killed.

    Args:
        folder: holds each upload in a folder of its own; it may be missing.
        spared: paths of files to keep.
        oldest: age in seconds beyond which a file is deleted.
        most: maximum number of files to keep.
        most_bytes: maximum total size of the files in bytes.
    """
    now, files, empty = time.time(), [], []
    for place, folders, names in os.walk(folder):
        if not folders and not names and place != str(folder):
            empty.append(Path(place))
        files += [Path(place) / name for name in names]
    known = []
    for file in files:
        try:
            about = file.lstat()
        except OSError:  # deleted by someone else in the meantime
            continue
        if stat.S_ISREG(about.st_mode) and str(file) not in spared:
            known.append((about.st_mtime, about.st_size, file))
    left = 0
    for i, (since, size, file) in enumerate(sorted(known, reverse=True)):
        left += size
        if now - since > oldest or i >= most or left > most_bytes:
            with contextlib.suppress(OSError):
                file.unlink()
    for place in empty:
        with contextlib.suppress(OSError):
            if now - place.stat().st_mtime > 60:  # no upload is about to put a file there
                place.rmdir()
