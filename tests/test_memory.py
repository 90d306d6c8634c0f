import ctypes
import platform

import pytest
import torch

from model.evaluation.benchmark import in_fresh_process
from model.memory import TRIM_THRESHOLD, keep_memory, release_memory


def test_unsupported_memory_calls_are_ignored(monkeypatch):
    release_memory()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())  # a C library without these functions
    release_memory()
    keep_memory()


def paged_in(kept):
    """Count page faults when freed memory is allocated again; ideally there are none."""
    import resource  # not available on every system

    ctypes.CDLL(None).mallopt(TRIM_THRESHOLD, 0)  # otherwise it depends on the heap layout
    if kept:
        keep_memory()
    for turn in range(10):
        maps = [torch.ones(1_000_000) for _ in range(8)]
        del maps
        if turn == 4:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.slow  # imports torch twice
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is set is glibc's")
def test_kept_memory_is_not_paged_in_again():
    assert in_fresh_process(paged_in, True) < 100 < 5_000 < in_fresh_process(paged_in, False)
