import sys
import types

import numpy as np
import pytest
from PIL import Image

from model import corrections
from tests.test_hostile import png

GLYPHS = np.rint(255 * np.random.default_rng(0).random((3, 28, 28), np.float32)) / np.float32(255)


def test_saved_corrections_can_be_loaded(tmp_path):
    for glyph, digit in zip(GLYPHS, (7, 0, 7), strict=True):
        corrections.save(glyph, digit, tmp_path)
    corrections.save(GLYPHS[0], 4, tmp_path)  # a slip, corrected by the next
    corrections.save(GLYPHS[0], 7, tmp_path)
    glyphs, digits = corrections.load(tmp_path)
    assert sorted(digits.tolist()) == [0, 7, 7]
    assert glyphs[digits == 0][0] == pytest.approx(GLYPHS[1], abs=1e-6)
    assert glyphs.dtype == np.float32


@pytest.mark.parametrize(("glyph", "digit"), [(GLYPHS[0], 10), (GLYPHS[0], -1), (np.zeros((28, 28)), 3)])
def test_an_invalid_correction_is_not_saved(tmp_path, glyph, digit):
    with pytest.raises(ValueError, match="0 to 9"):
        corrections.save(glyph, digit, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_accepts_no_more_corrections(tmp_path, monkeypatch):
    monkeypatch.setattr(corrections, "MAX_STORED", 1)
    corrections.save(GLYPHS[0], 1, tmp_path)
    with pytest.raises(ValueError, match="already"):
        corrections.save(GLYPHS[1], 1, tmp_path)


def test_loading_no_corrections_or_broken_ones_raises_a_clear_error(tmp_path):
    with pytest.raises(ValueError, match="holds no corrections"):
        corrections.load(tmp_path)
    Image.new("L", (5, 5)).save(tmp_path / "3-a.png")
    with pytest.raises(ValueError, match=r"'3-a\.png' .* 28 x 28"):
        corrections.load(tmp_path)
    (tmp_path / "3-a.png").write_bytes(b"")
    with pytest.raises(ValueError, match="is not usable"):
        corrections.load(tmp_path)
    (tmp_path / "3-a.png").write_bytes(png(20_000, 20_000))
    with pytest.raises(ValueError, match=r"'3-a\.png' .* is not usable"):
        corrections.load(tmp_path)


def test_a_partly_written_file_is_not_loaded(tmp_path):
    """A file has a temporary name until it is complete, so a killed process leaves no broken correction."""
    corrections.save(GLYPHS[0], 5, tmp_path)
    (tmp_path / ".5-0123456789ab.png.99").write_bytes(b"\x89PNG")
    assert corrections.load(tmp_path)[1].tolist() == [5]


def test_on_a_space_corrections_go_to_the_owners_dataset_or_nowhere(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/page")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("CORRECTIONS", "somebody/corrections")
    assert corrections.storage() is None
    with pytest.raises(ValueError, match="cannot be stored"):
        corrections.save(GLYPHS[0], 3)
    monkeypatch.setenv("HF_TOKEN", "token")
    uploads = []
    api = types.SimpleNamespace(upload_file=lambda **what: uploads.append(what))
    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(HfApi=lambda: api))
    corrections.save(GLYPHS[0], 3)
    (upload,) = uploads
    assert (upload["repo_id"], upload["repo_type"]) == ("somebody/corrections", "dataset")
    assert upload["path_in_repo"].startswith("3-")


def test_an_upload_that_fails_does_not_name_the_owners_dataset(monkeypatch, capsys):
    def fail(**_):
        raise ConnectionResetError("401 for url .../datasets/somebody/corrections")

    api = types.SimpleNamespace(upload_file=fail)
    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(HfApi=lambda: api))
    with pytest.raises(OSError, match=r"^the dataset cannot be reached$"):
        corrections.save(GLYPHS[0], 3, "somebody/corrections")
    assert "401" in capsys.readouterr().err  # the owner reads why in the log


def test_a_correction_that_cannot_be_written_leaves_no_file(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("model.weights.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        corrections.save(GLYPHS[0], 3, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_stores_no_corrections(tmp_path, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setenv("CORRECTIONS", str(tmp_path / "new" / "kept"))
    assert corrections.storage() == tmp_path / "new" / "kept"
    monkeypatch.setattr(corrections.os, "access", lambda place, way: (place, way) != (tmp_path, corrections.os.W_OK))
    assert corrections.storage() is None
