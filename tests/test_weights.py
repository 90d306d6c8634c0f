import json

import pytest
import torch
from safetensors import safe_open

from model import weights
from model.networks import build

CARD = {"network": "reference", "seed": 7, "metrics": {"z": 1, "a": 0.5}}


@pytest.fixture
def net():
    torch.manual_seed(7)
    return build("reference").eval()


def test_loading_restores_bit_identical_logits_and_the_card(net, tmp_path):
    weights.save(net, CARD, tmp_path / "deep" / "net.safetensors")
    loaded, card = weights.load(tmp_path / "deep" / "net.safetensors")
    batch = torch.rand(4, 1, 28, 28)
    assert torch.equal(loaded(batch), net(batch))
    assert card == CARD
    assert not loaded.training


def test_the_same_weights_and_card_give_the_same_bytes(net, tmp_path):
    for name in ("one", "two"):
        weights.save(net, CARD, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_card_is_sorted_json_under_one_key(net, tmp_path):
    weights.save(net, CARD, tmp_path / "net")
    with safe_open(tmp_path / "net", "pt") as file:
        assert file.metadata() == {"card": json.dumps(CARD, sort_keys=True)}


def test_a_failed_save_leaves_the_old_file_intact_and_no_temporary_file(net, tmp_path, monkeypatch):
    path = tmp_path / "net"
    weights.save(net, CARD, path)
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(weights.os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        weights.save(net, {**CARD, "seed": 8}, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["net"]


def test_a_missing_weights_file_lists_the_choices():
    with pytest.raises(FileNotFoundError, match=r"no weights at 'residul': choose .*reference.*train\.py"):
        weights.locate("residul")


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "no card", "unknown network", "other tensors"])
def test_an_invalid_weights_file_raises_a_clear_error(net, tmp_path, damage):
    path = tmp_path / "net"
    weights.save(net, CARD, path)
    whole = path.read_bytes()
    match damage:
        case "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        case "text":
            path.write_text("these are no weights")
        case "empty":
            path.write_bytes(b"")
        case "no card":
            path.write_bytes(weights.to_bytes(net.state_dict()))
        case "unknown network":
            weights.save(net, {"network": "other"}, path)
        case "other tensors":
            weights.save(torch.nn.Linear(2, 2), CARD, path)
    with pytest.raises(ValueError, match=r"is not a weights file of this project .*: build one with train\.py"):
        weights.load(path)


def test_every_shipped_weights_file_names_its_network_and_metrics():
    names = [file.stem for file in weights.SHIPPED.glob("*.safetensors")]
    assert {"reference", "world", "finder"} <= set(names)
    for name in names:
        _, card = weights.load(name)
        assert card["network"] == name
        assert name == "finder" or {"mnist_train_accuracy", "mnist_test_accuracy"} <= card["metrics"].keys()
