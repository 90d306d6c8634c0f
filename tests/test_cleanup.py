import os
import runpy
import tempfile
import time

import pytest

from model import serving
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


@pytest.mark.parametrize("set_by_operator", [True, False])
def test_uploads_get_a_folder_of_their_own(tmp_path, monkeypatch, set_by_operator):
    (tmp_path / "link").symlink_to(tmp_path / "place")
    (tmp_path / "place").mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "link") if set_by_operator else "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "link"))
    for _ in range(2):  # the second time, as in the page's processes: they inherit the variable
        folder = runpy.run_path(serving.__file__)["UPLOADS"]
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
        assert folder.parent == tmp_path / "place"
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_for_uploads_that_someone_else_has_made_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    name = runpy.run_path(serving.__file__)["UPLOADS"].name
    (tmp_path / name).rmdir()
    (tmp_path / name).touch()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="cannot be made"):
        runpy.run_path(serving.__file__)
    (tmp_path / name).unlink()
    (tmp_path / "victim").mkdir()
    (tmp_path / name).symlink_to(tmp_path / "victim")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="belongs to someone else"):
        runpy.run_path(serving.__file__)
