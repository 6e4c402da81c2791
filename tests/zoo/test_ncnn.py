"""Weights out of ncnn pairs, from pairs written here: names, numbers, and what is no such pair."""

import itertools
from pathlib import Path

import pytest
import torch

from kdsr.errors import WeightsError
from kdsr.models import build_model
from kdsr.zoo.ncnn import compact_state, esrgan_state, plain_state, read_ncnn

FLOAT16, FLOAT32 = 0x01306B47, 0


def write_pair(
    folder: Path, layers: list[torch.nn.Module], *, tag: int = FLOAT16, more: str = "", tail: bytes = b""
) -> tuple[Path, Path]:
    """The pair of `layers`, convolutions and PReLUs, as ncnn's converter writes it."""
    lines, content = ["Input in 0 1 data"], b""
    for number, layer in enumerate(layers):
        if isinstance(layer, torch.nn.PReLU):
            lines.append(f"PReLU prelu_{number} 1 1 a b 0={layer.num_parameters}")
            content += layer.weight.detach().numpy().astype("<f4").tobytes()
            continue
        kernel = layer.weight.detach().numpy().ravel()
        lines.append(
            f"Convolution conv_{number} 1 1 a b 0={layer.out_channels} 1=3 4=1 5=1 6={kernel.size} 9=2 -23310=1,2.0e-01"
        )
        packed = kernel.astype("<f2" if tag == FLOAT16 else "<f4").tobytes()
        content += (
            tag.to_bytes(4, "little") + packed + b"\0" * (-len(packed) % 4) + layer.bias.detach().numpy().tobytes()
        )
    param, binary = folder / "net.param", folder / "net.bin"
    param.write_text("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines, *filter(None, [more])]) + "\n")
    binary.write_bytes(content + tail)
    return param, binary


def compact_layers(width: int = 5, depth: int = 3, scale: int = 2) -> list[torch.nn.Module]:
    torch.manual_seed(0)
    sizes = [3] + [width] * (depth - 1) + [3 * scale**2]
    layers: list[torch.nn.Module] = []
    for number, (a, b) in enumerate(itertools.pairwise(sizes)):
        layers += [torch.nn.Conv2d(a, b, 3, padding=1)] + (
            [torch.nn.PReLU(b, init=0.1 + number)] if number < depth - 1 else []
        )
    return layers


@pytest.mark.parametrize("tag, tolerance", [(FLOAT32, 0.0), (FLOAT16, 1e-3)])
def test_kernels_biases_and_slopes_come_back_in_order(tmp_path, tag, tolerance):
    layers = compact_layers()
    found = read_ncnn(*write_pair(tmp_path, layers, tag=tag))
    for layer, read in zip(layers, found, strict=True):
        assert torch.allclose(read.weight, layer.weight, rtol=0, atol=tolerance)
        assert read.bias is None if isinstance(layer, torch.nn.PReLU) else torch.equal(read.bias, layer.bias)


def test_a_compact_network_runs_as_our_own_and_as_spandrel_s(tmp_path):
    spandrel = pytest.importorskip("spandrel")
    found = read_ncnn(*write_pair(tmp_path, compact_layers(width=64, depth=4, scale=4), tag=FLOAT32))
    own = build_model("plain", 4, {"width": 64, "depth": 4, "prelu": 1})
    own.load_state_dict(plain_state(found), strict=True)
    theirs = spandrel.ModelLoader().load_from_state_dict(compact_state(found)).model
    image = torch.rand(1, 3, 7, 13)
    with torch.no_grad():
        assert torch.allclose(own(image), theirs(image), rtol=0, atol=1e-5)


def test_a_rrdbnet_is_named_as_spandrel_knows_it(tmp_path):
    spandrel = pytest.importorskip("spandrel")
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    torch.manual_seed(0)
    model = RRDBNet(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4, plus=False, shuffle_factor=None).eval()
    layers = [module for module in model.modules() if isinstance(module, torch.nn.Conv2d)]
    state = esrgan_state(read_ncnn(*write_pair(tmp_path, layers, tag=FLOAT32)))
    found = spandrel.ModelLoader().load_from_state_dict(state)
    image = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        assert (found.architecture.id, found.scale) == ("ESRGAN", 4)
        assert torch.allclose(found.model(image), model(image), atol=1e-6)


def test_what_is_no_such_pair_is_told(tmp_path):
    layers = compact_layers()
    with pytest.raises(WeightsError, match="more than"):
        read_ncnn(*write_pair(tmp_path, layers, tail=b"1234"))
    with pytest.raises(WeightsError, match="InnerProduct"):
        read_ncnn(*write_pair(tmp_path, layers, more="InnerProduct fc 1 1 a b 0=3"))
    with pytest.raises(WeightsError, match="0x000D4B38"):
        read_ncnn(*write_pair(tmp_path, layers, tag=0x000D4B38))
    with pytest.raises(WeightsError, match="no layer"):
        read_ncnn(*write_pair(tmp_path, layers, more="Convolution"))
    param, binary = write_pair(tmp_path, layers)
    binary.write_bytes(binary.read_bytes()[:-8])
    with pytest.raises(WeightsError, match="ends too early"):
        read_ncnn(param, binary)
    param.write_bytes(b"\xff\x00")
    with pytest.raises(WeightsError, match="no text"):
        read_ncnn(param, binary)
    with pytest.raises(WeightsError, match="missing"):
        read_ncnn(tmp_path / "other.param", binary)


def test_layers_of_another_network_are_refused(tmp_path):
    found = read_ncnn(*write_pair(tmp_path, compact_layers()))
    with pytest.raises(WeightsError, match="6 convolutions and 15"):
        esrgan_state(found)
    with pytest.raises(WeightsError, match="by turns"):
        plain_state(found[:-1])


def test_kernels_with_an_odd_count_are_filled_up(tmp_path):
    layers = [torch.nn.Conv2d(1, 1, 3), torch.nn.PReLU(1)]
    found = read_ncnn(*write_pair(tmp_path, layers))
    assert found[0].weight.shape == (1, 1, 3, 3) and float(found[1].weight) == 0.25
    assert found[0].bias is not None and torch.equal(found[0].bias, layers[0].bias.detach())
