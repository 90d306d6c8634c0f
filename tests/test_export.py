import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from huggingface_hub import ModelCard
from huggingface_hub.errors import LocalEntryNotFoundError, LocalTokenNotFoundError

from model import Recognizer, weights
from model.evaluation import report
from model.evaluation.strokes import STROKES, draw_somewhere
from model.networks import build, predict
from model.training import export


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "world.onnx"
    assert export.main(["world", "--onnx", str(path)]) == 0
    return path


@pytest.mark.slow
def test_onnx_matches_torch_logits_at_any_batch_size(exported):
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    net, _ = weights.load("world")
    for n in (1, 3, 70):
        glyphs = torch.rand(n, 1, 28, 28, generator=torch.Generator().manual_seed(n))
        (logits,) = session.run(["logits"], {"glyphs": glyphs.numpy()})
        np.testing.assert_allclose(logits, predict(net, glyphs), atol=1e-4)


@pytest.mark.slow
def test_the_onnx_file_records_its_preprocessing_card_and_calibration(exported):
    said = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    assert json.loads(said["card"]) == weights.load("world")[1]
    assert "0 is paper, 1 is ink" in said["preprocessing"]
    calibration = json.loads(said["card"])["calibration"]
    assert float(said["temperature"]) == calibration["temperature"]
    assert float(said["threshold"]) == calibration["threshold"]
    assert json.loads(said["thick"]) == list(calibration["thick"])


@pytest.mark.slow
def test_a_graph_whose_logits_differ_is_not_written(exported, tmp_path, monkeypatch):
    glyphs = export.some_glyphs()
    monkeypatch.setattr(export, "some_glyphs", lambda: glyphs)
    monkeypatch.setattr(torch.onnx, "export", lambda net, given, path, **_: shutil.copy(exported, path))
    for more in (0.001, float("nan")):
        monkeypatch.setattr(export, "predict", lambda *given, more=more: predict(*given) + more)
        with pytest.raises(ValueError, match="differ by"):
            export.to_onnx(*weights.load("world"), tmp_path / "net.onnx")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["line", "--onnx", "x"], "does not read glyphs"),
        (["finder", "--onnx", "x"], "does not read glyphs"),
        (["finder", "--hub", "someone/digits"], "does not read glyphs"),
        (["finder", "--static", "x"], "does not read glyphs"),
        (["reference", "--static", "x"], "only convolutions that keep the size"),
        (["nothing", "--onnx", "x"], "no weights at 'nothing'"),
    ],
)
def test_weights_that_cannot_be_exported_give_an_error_message(arguments, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert export.main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_a_dry_run_lists_every_file_that_it_would_upload(capsys):
    assert export.main(["world", "--hub", "someone/digits", "--dry-run"]) == 0
    named = [line.split()[2] for line in capsys.readouterr().out.splitlines()]
    assert named[:4] == ["model.safetensors", "config.json", "finder.safetensors", "line.safetensors"]
    pictures = {name for name in named if name.endswith(".png")}
    assert {str(report.FIGURES / f"{name}.png") for name in report.PICTURES if name != "layers"} == pictures


def test_weights_card_and_model_card_are_uploaded_together(monkeypatch, capsys):
    done = []

    class Hub:
        def create_repo(self, *arguments, **more):
            done.append((arguments, more))

        def create_commit(self, repository, parts, commit_message):
            done.append((repository, [part.path_in_repo for part in parts], commit_message))

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    assert export.main(["reference", "--hub", "someone/digits"]) == 0
    assert done == [
        (("someone/digits",), {"exist_ok": True}),
        (
            "someone/digits",
            ["model.safetensors", "config.json", "finder.safetensors", "line.safetensors", "README.md"],
            "reference, seed 0",
        ),
    ]
    assert "uploaded model.safetensors" in capsys.readouterr().out


def test_other_weights_do_not_get_the_model_card_of_world(tmp_path):
    path = weights.locate("reference")
    readme = export.to_hub(path, weights.load(path)[1], "someone/digits", dry=True)["README.md"].decode()
    assert readme.startswith(export.HEADER + "# reference, seed 0")
    assert "mnist_test_accuracy: 99." in readme


def test_uploading_without_a_login_gives_an_error_message(monkeypatch, capsys):
    class Hub:
        def create_repo(self, *_, **__):
            raise LocalTokenNotFoundError("log in first")

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    assert export.main(["world", "--hub", "someone/digits"]) == 2
    assert capsys.readouterr().err == "export: log in first\n"


@pytest.mark.slow
def test_uploaded_weights_read_exactly_like_the_shipped_ones(tmp_path):
    path = weights.locate("world")
    for name, data in export.to_hub(path, weights.load(path)[1], "someone/digits", dry=True).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    here, there = Recognizer.load(), Recognizer.from_pretrained(tmp_path)
    random = np.random.default_rng(0)
    for strokes in STROKES.values():
        picture = draw_somewhere(strokes, random)
        assert there.read_page(picture).as_dict() == here.read_page(picture).as_dict()


@pytest.mark.parametrize("mixed_up", ["model", "finder", "line"])
def test_a_repository_with_networks_mixed_up_raises_a_clear_error(tmp_path, mixed_up):
    networks = {"model": "quick", "finder": "finder", "line": "line"}
    networks[mixed_up] = "line" if mixed_up != "line" else "quick"
    for name, network in networks.items():
        weights.save(build(network), {"network": network}, tmp_path / f"{name}.safetensors")
    with pytest.raises(ValueError, match=rf"{mixed_up}\.safetensors' holds the network .*: choose"):
        Recognizer.from_pretrained(tmp_path)


def test_an_unreachable_repository_raises_a_clear_error(monkeypatch):
    def unreachable(*_, **__):
        raise LocalEntryNotFoundError("the Hub cannot be reached")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(FileNotFoundError, match=r"'someone/digits' \(the Hub cannot be reached\): use USER/NAME"):
        Recognizer.from_pretrained("someone/digits")


def test_the_model_card_has_the_metadata_that_the_hub_requires():
    card = ModelCard((export.CARD).read_text())
    assert card.data.pipeline_tag == "image-classification"
    assert {result.dataset_name for result in card.data.eval_results} >= {"mnist test", "strokes"}
    assert card.data.license == "apache-2.0"
    assert card.data.datasets == ["ylecun/mnist"]
