"""The plain network with PReLU: old ones stay as they are, and one can become the other."""

import pytest
import torch
from torch import nn

from kdsr.errors import SettingsError
from kdsr.models import build_model, folded, integer_form, pruned, start
from kdsr.restore.export import check_graph
from kdsr.restore.graph import onnx_graph

SLOPED = {"width": 8, "depth": 4, "prelu": 1}


def sloped(**more: int) -> nn.Module:
    torch.manual_seed(0)
    network = build_model("plain", 4, SLOPED | more).eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.PReLU):
            module.weight.uniform_(-0.5, 1.0)
    return network


def test_a_network_without_slopes_has_the_keys_that_it_had():
    assert not [key for key in build_model("plain", 4, {"width": 8, "depth": 3}).state_dict() if "slopes" in key]


def test_slopes_of_zero_are_a_relu():
    plain = build_model("plain", 4, {"width": 8, "depth": 4})
    network = build_model("plain", 4, SLOPED)
    start(network, plain)
    image = torch.rand(1, 3, 7, 13)
    assert torch.equal(network(image), plain(image))


def test_a_network_starts_from_its_like_and_a_wider_one_computes_the_same():
    trained, image = sloped(), torch.rand(1, 3, 7, 13)
    for width in (8, 16):
        network = build_model("plain", 4, SLOPED | {"width": width}, rep=width == 8)
        start(network, trained)
        assert torch.allclose(folded(network)(image), trained(image), atol=1e-5)


def test_a_pruned_network_keeps_the_slopes_of_its_channels():
    network = sloped()
    dead = torch.tensor([1, 4, 6])
    for layer in network.layers[:-1]:
        layer.weight[dead], layer.bias[dead] = 0.0, 0.0
    smaller, image = pruned(network, width=5, depth=4), torch.rand(1, 3, 9, 11)
    assert [slope.weight.shape for slope in smaller.slopes] == [(5,)] * 3
    assert torch.allclose(smaller(image), network(image), atol=1e-5)
    assert len(pruned(network, width=8, depth=3).slopes) == 2


@pytest.mark.parametrize("uint8", [False, True])
def test_its_graph_computes_the_same_and_its_slopes_are_one_operator_each(uint8):
    network = sloped()
    model = onnx_graph(network, uint8=uint8)
    check_graph(model.SerializeToString(), network, uint8=uint8)
    assert [node.op_type for node in model.graph.node].count("PRelu") == 3


def test_a_tile_with_its_halo_is_exact():
    network, image = sloped(), torch.rand(1, 3, 30, 31)
    tile = network(image[..., 5 - network.halo : 25 + network.halo, 5 - network.halo : 26 + network.halo])
    inner = slice(network.halo * 4, -network.halo * 4)
    assert torch.allclose(tile[..., inner, inner], network(image)[..., 20:100, 20:104], atol=1e-6)


def test_it_has_no_form_in_integers_and_no_other_value():
    with pytest.raises(SettingsError, match="prelu"):
        integer_form(sloped())
    with pytest.raises(SettingsError, match="prelu is 0 or 1"):
        build_model("plain", 4, SLOPED | {"prelu": 2})
