"""What a page that runs for weeks does now and then: delete what visitors uploaded."""

import contextlib
import os
import stat
import time
from collections.abc import Collection
from pathlib import Path


def sweep(folder: Path, spared: Collection[str], oldest: float, most: int, most_bytes: int) -> None:
    """Delete from a folder what is old, the oldest of what is too much, and folders that were left empty.

    It sees what others leave behind: halves of uploads that were broken off, and files of a process that was killed.

    Args:
        folder: where uploads are kept, in folders of their own; it may be missing.
        spared: paths of files that stay.
        oldest: age in seconds from which on a file goes.
        most: how many files stay at most.
        most_bytes: how many bytes they have together at most.
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
        except OSError:  # somebody else deletes as well
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
            if now - place.stat().st_mtime > 60:  # and no upload is about to lay a file there
                place.rmdir()
