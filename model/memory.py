"""Where freed memory goes, if the C library is glibc: back to the system, or kept for the next use."""

import contextlib
import ctypes

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # parameters of mallopt, as in glibc's malloc.h


def give_back_memory() -> None:
    """Give memory that is free back to the system: glibc keeps what lies between the used.

    Threads that decode large pictures leave such gaps. See malloc_trim(3).
    """
    _call("malloc_trim", 0)


def keep_memory() -> None:
    """Let freed memory stay with the process: the next step of a training needs as much again.

    Else much of it goes back to the system and is paged in anew at each step, for a fifth of the reference network's
    time. See mallopt(3).
    """
    _call("mallopt", TRIM_THRESHOLD, -1)
    _call("mallopt", MMAP_MAX, 0)


def _call(name: str, *numbers: int) -> None:
    with contextlib.suppress(OSError, TypeError, AttributeError):  # another system, another C library
        getattr(ctypes.CDLL(None), name)(*numbers)
