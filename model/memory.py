"""Control what glibc does with freed memory: return it to the system, or keep it for reuse."""

import contextlib
import ctypes

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # parameters of mallopt, as in glibc's malloc.h


def release_memory() -> None:
    """Return free memory to the system: glibc keeps gaps between used blocks.

    Threads that decode large pictures leave such gaps. See malloc_trim(3).
    """
    _call("malloc_trim", 0)


def keep_memory() -> None:
    """Keep freed memory in the process: the next training step needs it.

    Otherwise much of it goes back to the system and is paged in again at each step, which takes a fifth of the
    reference network's training time. See mallopt(3).
    """
    _call("mallopt", TRIM_THRESHOLD, -1)
    _call("mallopt", MMAP_MAX, 0)


def _call(name: str, *numbers: int) -> None:
    with contextlib.suppress(OSError, TypeError, AttributeError):  # not glibc
        getattr(ctypes.CDLL(None), name)(*numbers)
