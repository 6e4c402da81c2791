"""The networks: shapes, folding, receptive radius, cost."""

import pytest
import torch
import torch.nn.functional as F

from kdsr.errors import SettingsError, UnknownNameError, WeightsError
from kdsr.metrics.luma import to_luma
from kdsr.models import absorb_folded, build_model, count_macs, count_parameters, folded, start
from kdsr.models.blocks import Enlargement, RepConv2d, depth_to_space, repeat_channels

SMALL = [("plain", 4, {"width": 16, "depth": 3}), ("plain", 3, {"width": 16, "depth": 3, "skip": 3}),
         ("plain", 1, {"width": 16, "depth": 3, "unshuffle": 2}),
         ("residual", 3, {"width": 16, "blocks": 2}), ("residual", 1, {"width": 16, "blocks": 2, "unshuffle": 2}),
         ("residual", 1, {"width": 16, "blocks": 2, "unshuffle": 2, "fine": 1})]  # fmt: skip
COLOUR = {"width": 16, "depth": 3, "unshuffle": 2, "colour": 8}


def stirred(network: torch.nn.Module) -> torch.nn.Module:
    """The network with every parameter moved, so that no branch is zero."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval()


@pytest.mark.parametrize("name, scale, arguments", SMALL)
@pytest.mark.parametrize("size", [(2, 2), (6, 14), (22, 26)])
def test_the_output_is_scale_times_the_input(name, scale, arguments, size):
    network = build_model(name, scale, arguments)
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, size[0] * scale, size[1] * scale)


@pytest.mark.parametrize("name, scale, arguments", SMALL)
def test_folding_changes_nothing_but_the_form(name, scale, arguments):
    network = stirred(build_model(name, scale, arguments, rep=True))
    plain = folded(network)
    image = torch.rand(1, 3, 12, 16)
    assert not any(isinstance(module, RepConv2d) for module in plain.modules())
    assert torch.allclose(plain(image), network(image), atol=1e-5)
    assert plain.state_dict().keys() == build_model(name, scale, arguments).state_dict().keys()


def test_an_over_parameterised_network_takes_over_a_folded_one():
    plain = stirred(build_model("plain", 2, {"width": 16, "depth": 4}))
    network = stirred(build_model("plain", 2, {"width": 16, "depth": 4}, rep=True))
    assert absorb_folded(network, plain) == []
    image = torch.rand(1, 3, 9, 11)
    assert torch.allclose(network(image), plain(image), atol=1e-5)


def test_a_start_at_another_scale_leaves_only_the_last_layer():
    left = absorb_folded(
        build_model("plain", 4, {"width": 16, "depth": 4}, rep=True), build_model("plain", 2, {"width": 16, "depth": 4})
    )
    assert left == ["layers.3"]


@pytest.mark.parametrize("rep", [False, True])
@pytest.mark.parametrize("planes", [3, 4])
def test_a_network_with_blocks_at_full_resolution_begins_as_the_one_without(planes, rep):
    coarse = stirred(build_model("residual", 1, {"width": 16, "blocks": 2, "unshuffle": 2}, planes=planes))
    network = build_model("residual", 1, {"width": 16, "blocks": 2, "unshuffle": 2, "fine": 2}, planes=planes, rep=rep)
    left = absorb_folded(network, coarse)
    assert left and all(name.startswith("fine.") for name in left)
    image = torch.rand(1, planes, 8, 12)
    assert torch.allclose(network(image), coarse(image), atol=1e-5)


def test_blocks_at_full_resolution_need_those_at_half():
    with pytest.raises(SettingsError, match="needs unshuffle 2, got 1"):
        build_model("residual", 1, {"width": 16, "blocks": 2, "fine": 1})


@pytest.mark.parametrize("rep", [False, True])
def test_a_wider_network_computes_what_its_start_computes(rep):
    plain = stirred(build_model("residual", 4, {"width": 16, "blocks": 2}))
    network = stirred(build_model("residual", 4, {"width": 24, "blocks": 2}, rep=rep))
    assert absorb_folded(network, plain) == []
    image = torch.rand(1, 3, 9, 11)
    assert torch.allclose(network(image), plain(image), atol=1e-5)


def test_a_start_that_shares_nothing_is_refused():
    with pytest.raises(WeightsError, match="shares no layer"):
        absorb_folded(
            build_model("plain", 2, {"width": 16, "depth": 3}), build_model("residual", 2, {"width": 16, "blocks": 2})
        )


@pytest.mark.parametrize("name, scale, arguments", SMALL)
def test_a_pixel_outside_the_halo_changes_nothing(name, scale, arguments):
    network = stirred(build_model(name, scale, arguments))
    side = 4 * network.halo + 2 * network.multiple
    side -= side % network.multiple
    image = torch.rand(1, 3, side, side)
    other = image.clone()
    other[..., side // 2, side // 2] += 1.0
    changed = (network(image) != network(other)).any(dim=1)[0].nonzero()
    reach = (changed.float() / scale - side // 2).abs().max().item()
    assert 0 < reach <= network.halo + network.multiple


def test_an_unlearnt_student_with_a_zero_last_layer_repeats_pixels():
    network = build_model("plain", 3, {"width": 16, "depth": 2})
    torch.nn.init.zeros_(network.layers[-1].weight)
    torch.nn.init.zeros_(network.layers[-1].bias)
    image = torch.rand(1, 3, 5, 7)
    assert torch.equal(network(image), image.repeat_interleave(3, dim=2).repeat_interleave(3, dim=3))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_learnt_enlargement_begins_by_repeating_pixels_to_the_bit_under_bfloat16_too(scale):
    image = torch.rand(2, 3, 5, 7)
    with torch.autocast("cpu", torch.bfloat16):
        enlarged = Enlargement(3, scale)(image)
    assert torch.equal(enlarged, repeat_channels(image, scale**2))


def test_a_network_that_learns_its_enlargement_starts_from_one_that_repeats_and_is_pruned_with_it():
    plain = stirred(build_model("plain", 4, {"width": 32, "depth": 5}))
    network, image = build_model("plain", 4, {"width": 32, "depth": 5, "skip": 3}), torch.rand(1, 3, 9, 11)
    start(network, plain)
    assert torch.allclose(network(image), plain(image), atol=1e-6)
    stirred(network.skip)
    smaller = build_model("plain", 4, {"width": 16, "depth": 3, "skip": 3})
    start(smaller, network)
    assert torch.equal(smaller.skip.weight, network.skip.weight)
    with pytest.raises(SettingsError, match="skip is 1 or"):
        build_model("plain", 1, {"skip": 3})


@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_network_with_a_branch_for_colours_starts_from_one_without_and_is_pruned_with_it(unshuffle):
    plain = stirred(build_model("plain", 1, {"width": 32, "depth": 5, "unshuffle": unshuffle}))
    network, image = (
        build_model("plain", 1, {"width": 32, "depth": 5, "unshuffle": unshuffle, "colour": 8}),
        torch.rand(1, 3, 12, 16),
    )
    start(network, plain)
    assert torch.equal(network(image), plain(image))
    stirred(network.colour)
    smaller = build_model("plain", 1, {"width": 16, "depth": 3, "unshuffle": unshuffle, "colour": 8})
    start(smaller, network)
    assert torch.equal(smaller.colour(image), network.colour(image)) and smaller.halo == network.halo == 24


@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_branch_for_colours_leaves_the_luma_and_lies_in_its_place(unshuffle):
    network = build_model("plain", 1, COLOUR | {"unshuffle": unshuffle}).eval()
    for layer in network.layers:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    image = torch.rand(1, 3, 16, 24)
    stirred(network.colour)
    assert (network(image) - image).abs().max() > 0.05
    assert torch.allclose(to_luma(network(image)), to_luma(image), atol=1e-5)
    torch.nn.init.zeros_(network.colour.exit.weight)
    network.colour.exit.bias.data.copy_(torch.arange(32.0))  # Cb, then Cr, of the pixels of each cell of 4 x 4
    added = (network(image) - image).reshape(3, 4, 4, 6, 4).permute(0, 1, 3, 2, 4).reshape(3, 24, 16)
    blue, red = torch.arange(16.0), torch.arange(16.0, 32.0)
    for found, wanted in ((added[0], 1.402 * red), (added[2], 1.772 * blue)):
        assert torch.allclose(found.sort(dim=1).values, wanted.expand(24, 16), atol=1e-4) and torch.allclose(
            found, found[:1].expand(24, 16), atol=1e-4
        )


def test_a_branch_for_colours_learns_on_where_all_its_rectifiers_are_silent():
    network = stirred(build_model("plain", 1, COLOUR))
    for layer in network.colour.layers:
        torch.nn.init.constant_(layer.bias, -100.0)
    network(torch.rand(1, 3, 16, 16)).square().mean().backward()
    assert network.colour.entry.weight.grad.abs().min() > 0 and network.colour.exit.weight.grad.abs().max() > 0


@pytest.mark.parametrize("scale, planes, unshuffle", [(2, 3, 1), (1, 4, 1), (1, 3, 3)])
def test_a_branch_for_colours_is_refused_where_it_does_not_fit(scale, planes, unshuffle):
    with pytest.raises(SettingsError, match="branch for colours is for 3 planes at scale 1"):
        build_model("plain", scale, {"unshuffle": unshuffle, "colour": 8}, planes=planes)


def test_channels_are_repeated_in_place():
    image = torch.arange(3.0).reshape(1, 3, 1, 1)
    assert repeat_channels(image, 2).flatten().tolist() == [0, 0, 1, 1, 2, 2]


def test_cost_and_size_of_the_default_student_are_known():
    network = build_model("plain", 4, {"width": 32, "depth": 7}, rep=True)
    weights = 9 * (3 * 32 + 5 * 32 * 32 + 32 * 48)
    assert count_parameters(network) == weights + 6 * 32 + 48
    assert count_macs(network) == weights / 16 * 1_000_000


def test_unknown_names_and_arguments_are_told():
    with pytest.raises(UnknownNameError, match="Did you mean 'plain'"):
        build_model("plane", 4, {})
    with pytest.raises(SettingsError, match="does not take"):
        build_model("plain", 4, {"heads": 8})


@pytest.mark.parametrize("name", ["plain", "residual"])
def test_unshuffling_and_enlarging_at_once_is_refused(name):
    with pytest.raises(SettingsError, match="not both"):
        build_model(name, 2, {"unshuffle": 2})


@pytest.mark.slow
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_depth_to_space_under_a_compiler_is_the_pixel_shuffle(factor, layout, dtype):
    image = torch.randn(2, 3 * factor**2, 5, 7).to(dtype).to(memory_format=layout).requires_grad_()
    gradient = torch.randn(2, 3, 5 * factor, 7 * factor).to(dtype)
    shuffled = torch.compile(depth_to_space, fullgraph=True, backend="aot_eager")(image, factor)
    (shuffled * gradient).sum().backward()
    assert torch.equal(shuffled, F.pixel_shuffle(image, factor)) and torch.equal(
        image.grad, F.pixel_unshuffle(gradient, factor)
    )
