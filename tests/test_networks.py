import numpy as np
import pytest
import torch
from torch import nn

from model import weights
from model.evaluation.strokes import STROKES, draw
from model.networks import BLANK, NETWORKS, bfloat16_is_faster, build, folded, local_contrast


def test_reference_matches_the_specified_layers():
    literal = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 22 * 22, 10),
    )
    net = build("reference")
    assert str(net) == str(literal)
    assert sum(p.numel() for p in net.parameters()) == 365_514
    literal.load_state_dict(net.state_dict())
    batch = torch.rand(3, 1, 28, 28)
    assert torch.equal(net(batch), literal(batch))


@pytest.mark.parametrize("width", [2, 28, 130])
def test_line_predicts_one_symbol_per_two_columns(width):
    assert build("line").eval()(torch.rand(3, 1, 28, width)).shape == (3, width // 2, BLANK + 1)


@pytest.mark.parametrize(("height", "width"), [(16, 32), (64, 48)])
def test_the_finder_predicts_one_cell_per_four_pixels(height, width):
    net = build("finder").eval()
    picture = torch.rand(2, 1, height, width)
    assert net(picture).shape == (2, 31, height // 4, width // 4)


def test_the_folded_finder_is_the_same_function_in_lower_precision():
    net, _ = weights.load("finder")
    picture = torch.from_numpy(draw(STROKES[3], 8, 96, (40, 30))[None, None] / np.float32(255))[..., :160, :160]
    exact, fast = net(picture), folded(net)(picture)
    assert fast.dtype == (torch.bfloat16 if bfloat16_is_faster(torch.device("cpu")) else torch.float32)
    assert (fast.float() - exact).abs().mean() < 0.02 * exact.std()


def test_local_contrast_does_not_depend_on_the_lighting():
    picture = torch.rand(1, 1, 64, 64)
    bright, dim = (local_contrast(part * picture)[..., 16:48, 16:48] for part in (1.0, 0.5))
    assert torch.allclose(bright, dim, atol=0.15)
    assert local_contrast(torch.full((1, 1, 64, 64), 0.5)).abs().max() < 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_maps_a_batch_of_any_size_to_ten_logits(name):
    net = build(name).eval()
    for n in (1, 5):
        assert net(torch.rand(n, 1, 28, 28)).shape == (n, 10)


@pytest.mark.parametrize("name", NETWORKS)
def test_folding_removes_batch_norm_and_keeps_the_logits(name):
    net = build(name)
    with torch.no_grad():
        net(torch.rand(64, 1, 28, 28))  # gives the batch norms some statistics
        batch = torch.rand(5, 1, 28, 28)
        assert torch.allclose(folded(net)(batch), net.eval()(batch), atol=1e-4)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded(net).modules())


def test_an_unknown_network_name_lists_the_choices():
    with pytest.raises(ValueError, match="unknown network 'residul': choose reference"):
        build("residul")
