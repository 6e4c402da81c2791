"""Networks of 8-bit integers: their arithmetic, their form in ONNX, how runtimes agree with torch, and how they are
kept.
"""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from kdsr.compress.calibrate import (
    PICTURE,
    best_kernel_scales,
    best_range,
    calibrated,
    convolutions_of,
    equalised,
    integer_layers,
)
from kdsr.errors import SettingsError, WeightsError
from kdsr.models import (
    IntegerConv2d,
    build_model,
    count_macs,
    count_parameters,
    floating,
    integer_form,
    is_integer,
    start,
)
from kdsr.restore import open_runtime
from kdsr.restore.export import check_graph
from kdsr.restore.graph import onnx_graph
from kdsr.restore.processor import cuts_byte_sums
from kdsr.restore.session import open_session
from kdsr.zoo import Catalog, save_weights, sha256_of, write_card

TASKS = [(4, 3, 1, 1), (2, 3, 1, 3), (1, 3, 1, 1), (1, 3, 2, 1), (1, 4, 1, 1), (1, 4, 2, 1)]
"""Scale, planes, unshuffle, skip."""


def crops(planes: int = 3, side: int = 24, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
    """Smooth crops, as photographs are: white noise would leave each rectifier half open."""
    random = torch.Generator().manual_seed(0)
    smooth = nn.functional.interpolate(
        torch.rand(4, planes, side // 4, side // 4, generator=random), scale_factor=4.0, mode="bicubic"
    )
    smooth = (smooth.clamp(0, 1) * 255).round() / 255 * (high - low) + low
    if planes == 4:
        smooth[:, 3:] = (smooth[:, 3:] > 0.5).float()
    return smooth


def network_of(scale: int, planes: int = 3, unshuffle: int = 1, skip: int = 1) -> nn.Module:
    torch.manual_seed(0)
    network = (
        build_model("plain", scale, {"width": 16, "depth": 4, "unshuffle": unshuffle, "skip": skip}, planes=planes)
        .eval()
        .requires_grad_(False)
    )
    if skip == 3:  # numbers that a runtime could not round to 8 bits unseen
        network.skip.weight.mul_(0.7).add_(torch.rand_like(network.skip.weight) / 30)
    return network


def integers_of(scale: int, planes: int = 3, unshuffle: int = 1, skip: int = 1) -> nn.Module:
    return calibrated(network_of(scale, planes, unshuffle, skip), [crops(planes)])


def test_a_convolution_is_rounded_to_the_nearest_levels_kernel_and_bias():
    """Levels of 0.25 for the kernel, 0.5 * 0.25 = 0.125 for the bias; a kernel has at most 127 of either sign."""
    conv, layer = nn.Conv2d(1, 4, 3, padding=1).requires_grad_(False), IntegerConv2d(1, 4)
    conv.weight.copy_(torch.tensor([0.24, -0.24, 0.37, 0.38, -0.38, 0.0, 31.8, 400.0, -400.0]).view(1, 1, 3, 3))
    conv.bias.copy_(torch.tensor([1.7, -1.7, 1.2, -1.2]) * 0.125)
    layer.input_scale.fill_(0.5)
    layer.take(conv, torch.full((4,), 0.25))
    assert layer.weight[0].flatten().tolist() == [1, -1, 1, 2, -2, 0, 127, 127, -127]
    assert layer.bias.tolist() == [2, -2, 1, -1]
    assert torch.equal(layer.weight_scale, torch.full((4,), 0.25))
    plain = layer.floating()
    assert plain.weight[0].flatten()[:4].tolist() == [0.25, -0.25, 0.25, 0.5]
    assert plain.bias.tolist() == [0.25, -0.25, 0.125, -0.125]


def test_a_bias_too_large_for_its_scale_makes_that_channels_scale_coarser():
    conv, layer = nn.Conv2d(1, 2, 3, padding=1).requires_grad_(False), IntegerConv2d(1, 2)
    conv.weight.zero_()
    conv.bias.copy_(torch.tensor([8.0, -1.0]))
    layer.input_scale.fill_(2.0**-10)
    layer.take(conv, torch.full((2,), 2.0**-12))
    assert layer.weight_scale.tolist() == [2.0**-10, 2.0**-12]  # 8 / (2^-10 * 2^23) = 2^-10
    assert layer.bias.tolist() == [2**23, -(2**22)]


def test_a_convolution_of_integers_computes_what_its_levels_say():
    layer = IntegerConv2d(1, 1)
    layer.input_scale.fill_(0.5)
    layer.input_zero.fill_(3)
    layer.weight_scale.fill_(0.25)
    layer.weight.data[0, 0, 1, 1] = -7
    layer.bias.data.fill_(4)
    image = torch.tensor([[[[0.0, 0.74, 0.76, -9.0, 1000.0]]]])  # levels 3, 4, 5, 0 and 255, less 3
    expected = (torch.tensor([0.0, 1.0, 2.0, -3.0, 252.0]) * -7 + 4) * 0.5 * 0.25
    assert torch.equal(layer(image), expected.reshape(1, 1, 1, 5))
    layer.output_scale.fill_(2.0)
    layer.output_zero.fill_(10)
    assert layer(image).flatten().tolist() == pytest.approx(
        [0.0, 0.0, -2.0, 4.0, -20.0]
    )  # the last one is clipped at level 0


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "planes", "unshuffle", "skip"), TASKS)
def test_integers_come_close_to_the_floats_they_were_made_from_and_cost_the_same_arithmetic(
    scale, planes, unshuffle, skip
):
    network, integers, image = (
        network_of(scale, planes, unshuffle, skip),
        integers_of(scale, planes, unshuffle, skip),
        crops(planes),
    )
    wanted, given = network(image), integers(image)
    assert 0 < (given - wanted).abs().mean() < 0.01
    assert is_integer(integers) and not is_integer(network)
    assert (count_parameters(integers), count_macs(integers)) == (count_parameters(network), count_macs(network))


@pytest.mark.slow
@pytest.mark.parametrize("uint8", [False, True])
@pytest.mark.parametrize(("scale", "planes", "unshuffle", "skip"), TASKS)
def test_onnx_runtime_gives_the_numbers_of_torch(scale, planes, unshuffle, skip, uint8):
    integers = integers_of(scale, planes, unshuffle, skip)
    content = onnx_graph(integers, uint8=uint8).SerializeToString()
    check_graph(content, integers, uint8=uint8)
    image = crops(planes)[:1]
    pixels = (image[0].permute(1, 2, 0) * 255).round().byte().numpy()
    given = open_session(content, threads=1).run(None, {"image": pixels if uint8 else image.numpy()})[0]
    wanted = integers(image)[0]
    wanted = wanted.clamp(0, 1).mul(255).round().permute(1, 2, 0) if uint8 else wanted * 255
    difference = np.abs(given.astype(np.float64).reshape(wanted.shape) * (1 if uint8 else 255) - wanted.numpy())
    assert difference.max() <= 2.0 and (difference > 0.1).mean() < 0.01


@pytest.mark.slow
@pytest.mark.skipif(
    cuts_byte_sums(), reason="OpenVINO's sums of 8-bit products are exact on processors with VNNI alone"
)
@pytest.mark.parametrize("scale", [1, 4])
def test_openvino_gives_them_too_and_runs_every_convolution_in_8_bits(scale):
    openvino = pytest.importorskip("openvino")
    integers, image = integers_of(scale), crops()[:1]
    pixels = (image[0].permute(1, 2, 0) * 255).round().byte().numpy()
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(onnx_graph(integers, uint8=True).SerializeToString()),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32"},
    )
    wanted = integers(image)[0].clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy()
    assert np.abs(compiled(pixels)[0].astype(int) - wanted).max() <= 1
    notes = [operation.get_rt_info() for operation in compiled.get_runtime_model().get_ordered_ops()]
    assert {
        str(note["runtimePrecision"].astype(str)) for note in notes if note["layerType"].astype(str) == "Convolution"
    } <= {"u8", "i8"}


@pytest.mark.slow
@pytest.mark.parametrize("uint8", [False, True])
@pytest.mark.parametrize("unshuffle", [1, 2])
def test_a_branch_for_colours_keeps_its_floats_beside_integers(unshuffle, uint8):
    torch.manual_seed(0)
    network = build_model("plain", 1, {"width": 16, "depth": 4, "unshuffle": unshuffle, "colour": 8}).eval()
    nn.init.normal_(network.colour.exit.weight, std=0.05)
    integers = calibrated(network, [crops()])
    assert not any(
        parameter.requires_grad for parameter in integers.colour.parameters()
    )  # they are not learnt with the integers
    assert (
        torch.equal(integers.colour.exit.weight, network.colour.exit.weight)
        and integers.colour.exit.weight.dtype == torch.float32
    )
    assert (integers(crops()) - network(crops())).abs().mean() < 0.01 and count_macs(integers) == count_macs(network)
    content = onnx_graph(integers, uint8=uint8).SerializeToString()
    check_graph(content, integers, uint8=uint8)


def test_a_learnt_enlargement_keeps_its_floats_and_is_added_as_levels():
    network, integers = network_of(2, skip=3), integers_of(2, skip=3)
    assert torch.equal(integers.skip.weight, network.skip.weight) and torch.equal(
        floating(integers).skip.weight, network.skip.weight
    )
    image = crops()[:1]
    levels = integers.skip(image) / integers.skip.output_scale
    assert (levels - levels.round()).abs().max() < 1e-4 and (
        integers.skip(image) - network.skip(image)
    ).abs().max() <= integers.skip.output_scale
    graph = onnx_graph(integers, uint8=True).graph
    makers = {node.output[0]: node for node in graph.node}
    added = next(node for node in graph.node if node.op_type == "Add")
    assert [makers[name].op_type for name in added.input] == ["DequantizeLinear", "DequantizeLinear"]


def test_a_graph_that_differs_from_its_integers_is_refused():
    integers = integers_of(2)
    content = onnx_graph(integers, uint8=True).SerializeToString()
    integer_layers(integers)[-1].bias += 30_000
    with pytest.raises(WeightsError, match="differs from the network"):
        check_graph(content, integers, uint8=True)


def test_an_8_bit_picture_goes_into_the_first_convolution_as_it_is():
    graph = onnx_graph(integers_of(4), uint8=True).graph
    makers = {node.output[0]: node for node in graph.node}
    first = next(node for node in graph.node if node.op_type == "Conv")
    assert [makers[makers[first.input[0]].input[0]].op_type, makers[first.input[0]].op_type] == [
        "Unsqueeze",
        "DequantizeLinear",
    ]
    assert (
        sum(node.op_type == "QuantizeLinear" for node in graph.node) == 3 + 1 + 1
    )  # between four convolutions, the residual, the picture


@pytest.mark.parametrize(("scale", "rounds"), [(1, False), (2, True)])
def test_only_a_network_that_enlarges_rounds_what_its_last_convolution_gives(scale, rounds):
    assert [layer.rounds_output for layer in integer_layers(integers_of(scale))] == [False, False, False, rounds]


def test_ranges_are_those_of_least_error():
    assert best_range(crops()) == PICTURE
    rare = torch.cat([torch.rand(100_000), torch.tensor([8.0])])  # one value far out is worth clipping
    found = best_range(rare)
    assert found.zero == 0 and 0.3 * 8 / 255 <= found.scale < 0.9 * 8 / 255
    signed = best_range(torch.linspace(-1, 3, 1001))
    assert signed.zero == 64 and signed.scale == pytest.approx(4 / 255, rel=0.01)
    weight = torch.zeros(2, 1, 3, 3)
    weight[0, 0] = torch.arange(-4.0, 5.0).reshape(3, 3)
    scales = best_kernel_scales(weight)
    assert scales.shape == (2,) and scales[0] == pytest.approx(4 / 127, rel=0.02) and 0 < scales[1] < 1e-8


def test_equalised_channels_compute_the_same_and_are_alike():
    network = network_of(2)
    network.layers[0].weight[3] *= 40
    network.layers[0].weight[5] = 0.0
    network.layers[0].bias[5] = -1.0  # a channel that is never open
    image, seen = crops(), []
    alike = equalised(network, [image])
    assert torch.allclose(alike(image), network(image), atol=1e-5)
    alike.layers[1].register_forward_hook(lambda _, given, __: seen.append(given[0].amax(dim=(0, 2, 3))))
    alike(image)
    largest = seen[0][seen[0] > 0]
    assert len(largest) < 16 and largest.min() == pytest.approx(float(largest.max()), rel=1e-4)


def test_only_plain_networks_have_an_8_bit_form():
    with pytest.raises(SettingsError, match="architecture plain"):
        integer_form(build_model("residual", 2, {"width": 8, "blocks": 1}))


def test_a_network_learns_on_from_the_floats_that_integers_stand_for():
    integers, image = integers_of(2), crops()
    network = build_model("plain", 2, {"width": 16, "depth": 4}, rep=True)
    start(network, integers)
    assert torch.allclose(network(image), floating(integers)(image), atol=1e-4)
    assert (floating(integers)(image) - network_of(2)(image)).abs().max() < 0.02
    assert len(convolutions_of(floating(integers))) == 4


@pytest.fixture
def catalog_of_integers(tiny_catalog):
    """`tiny_catalog` with an 8-bit network of the student for x4."""
    card = tiny_catalog.find("tiny_x4_student")
    integers = calibrated(tiny_catalog.load(card.name), [crops()])
    path = save_weights(integers.state_dict(), tiny_catalog.weights_dir / "tiny_x4_student-int8.safetensors")
    changes = {
        "name": path.stem,
        "precision": "int8",
        "compressed_from": card.name,
        "sha256": sha256_of(path),
        "file_bytes": path.stat().st_size,
    }
    write_card(dataclasses.replace(card, **changes), path.with_suffix(".json"))
    return Catalog(tiny_catalog.weights_dir)


def test_what_rounding_adds_to_a_noisy_input_is_taken_off_by_the_residual():
    network = network_of(1)
    for layer in network.layers:  # a network that gives back what it is given: input less nothing
        layer.weight.zero_()
        layer.bias.zero_()
    noisy = crops(low=-0.3, high=1.3)
    integers = calibrated(network, [noisy])
    assert integers.entry.levels is not None and integers_of(1).entry.levels is None
    scale, zero = integers.entry.levels
    assert torch.allclose(integers(noisy), (torch.round(noisy / scale).clamp(-zero, 255 - zero)) * scale, atol=1e-6)
    check_graph(onnx_graph(integers, uint8=True).SerializeToString(), integers, uint8=True)
    assert floating(integers).entry is None


def test_a_card_brings_integers_back_in_a_small_file_and_each_runtime_runs_them(catalog_of_integers, tiny_settings):
    card = catalog_of_integers.find("tiny_x4_student-int8")
    network = catalog_of_integers.load(card.name)
    assert (
        is_integer(network)
        and network.layers[0].weight.dtype == torch.int8
        and network.layers[0].bias.dtype == torch.int32
    )
    assert card.file_bytes < 0.6 * catalog_of_integers.find("tiny_x4_student").file_bytes
    pixels = (crops()[0].permute(1, 2, 0) * 255).round().byte().numpy()
    torchs, onnxs = (
        open_runtime(card, catalog_of_integers, runtime=name, settings=tiny_settings) for name in ("torch", "onnx")
    )
    assert (torchs.about.precision, onnxs.about.precision) == ("float32", "int8")
    assert np.abs(torchs.run_uint8(pixels).astype(int) - onnxs.run_uint8(pixels)).max() <= 2


def test_integers_are_not_hurt_by_a_caller_that_computes_in_bfloat16():
    integers, image = integers_of(4), crops()
    wanted = integers(image)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(integers(image), wanted)


def test_a_card_of_an_unknown_precision_is_refused(tiny_catalog):
    with pytest.raises(SettingsError, match="float32, int8"):
        dataclasses.replace(tiny_catalog.cards[0], precision="int4")
