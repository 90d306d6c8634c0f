import os
import time

import pytest

from model.serving.cleanup import sweep


@pytest.fixture
def place(tmp_path):
    """Four files of ten bytes, oldest first; one of them lies outside the subfolders."""
    for i in range(4):
        path = tmp_path / (f"{i}" if i == 1 else f"{i}/file")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"1234567890")
        os.utime(path, (time.time() - 100 + i,) * 2)
    return tmp_path


def kept(place):
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_files_within_all_limits_are_kept(place):
    sweep(place, (), max_age=1000, max_files=4, max_bytes=40)
    assert kept(place) == ["0/file", "1", "2/file", "3/file"]


def test_old_files_are_deleted_unless_they_are_protected(place):
    sweep(place, {str(place / "0/file")}, max_age=98.5, max_files=4, max_bytes=40)
    assert kept(place) == ["0/file", "2/file", "3/file"]


def test_the_oldest_files_beyond_the_count_limit_are_deleted(place):
    sweep(place, (), max_age=1000, max_files=2, max_bytes=40)
    assert kept(place) == ["2/file", "3/file"]


def test_the_oldest_files_beyond_the_size_limit_are_deleted(place):
    sweep(place, (), max_age=1000, max_files=4, max_bytes=35)
    assert kept(place) == ["1", "2/file", "3/file"]


def test_folders_are_deleted_once_they_have_been_empty_for_a_minute(place):
    sweep(place, (), max_age=1000, max_files=1, max_bytes=40)
    sweep(place, (), max_age=1000, max_files=1, max_bytes=40)
    assert (place / "0").exists()
    for name in "02":
        os.utime(place / name, (time.time() - 100,) * 2)
    sweep(place, (), max_age=1000, max_files=1, max_bytes=40)
    assert sorted(path.name for path in place.iterdir()) == ["3"]


def test_a_missing_folder_is_not_an_error(tmp_path):
    sweep(tmp_path / "none", (), max_age=1, max_files=1, max_bytes=1)
