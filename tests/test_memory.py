import ctypes
import platform

import pytest
import torch

from model.evaluation.races import alone
from model.memory import TRIM_THRESHOLD, give_back_memory, keep_memory


def test_memory_is_given_back_or_kept_where_it_can_be(monkeypatch):
    give_back_memory()
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())  # a C library that knows no such thing
    give_back_memory()
    keep_memory()


def paged_in(kept):
    """Count the pages that the system gives when as much memory is taken again as was freed: by rights none."""
    import resource  # not on every system

    ctypes.CDLL(None).mallopt(TRIM_THRESHOLD, 0)  # else it depends on what lies where
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
def test_training_does_not_page_the_same_memory_in_anew():
    assert alone(paged_in, True) < 100 < 5_000 < alone(paged_in, False)
