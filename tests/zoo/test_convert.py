"""Files of published weights: read as data, numbers kept, names and order of the layers."""

import pytest
import torch
from helpers.published import ncnn_pair

from kdsr.errors import WeightsError
from kdsr.models import build_model
from kdsr.zoo.convert import read_published
from kdsr.zoo.foreign import read_tensors


def test_files_of_weights_are_read_as_data(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (print, ("this code must not run",))

    torch.save({"model.0.weight": Harmful()}, tmp_path / "harmful.pth")
    with pytest.raises(WeightsError, match="not run"):
        read_published("ffdnet", [tmp_path / "harmful.pth"])
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="none of FFDNet's"):
        read_published("ffdnet", [tmp_path / "other.pth"])


def test_numbers_of_float16_are_kept_as_such_and_others_as_they_are(tmp_path):
    state = {"model.0.weight": torch.tensor([0.5, 1.0]), "model.0.bias": torch.tensor([1 / 3])}
    torch.save(state, tmp_path / "a.pth")
    kept = read_published("ffdnet", [tmp_path / "a.pth"])
    assert {name: value.dtype for name, value in kept.items()} == {
        "layers.0.weight": torch.float16,
        "layers.0.bias": torch.float32,
    }
    assert torch.equal(kept["layers.0.bias"], state["model.0.bias"])


def test_a_dat_loses_what_follows_from_its_sizes_and_nothing_else(tmp_path):
    spandrel = pytest.importorskip("spandrel", reason="the package spandrel is not installed")
    arguments = {"width": 32, "depth": 6, "heads": 4, "rows": 2, "columns": 4, "expand": 2}
    torch.manual_seed(0)
    network = build_model("dat", 2, arguments).eval()
    full = dict(network.model.state_dict())
    full |= dict(network.model.named_buffers())
    torch.save({"params": full}, tmp_path / "dat.pth")
    original = spandrel.ModelLoader(device="cpu").load_from_state_dict(read_tensors(tmp_path / "dat.pth")).model.eval()
    kept = read_published("dat", [tmp_path / "dat.pth"])
    assert not any("mask" in name or "rpe" in name or "index" in name for name in kept)
    again = build_model("dat", 2, arguments).eval()
    again.load_state_dict({name: value.float() for name, value in kept.items()}, strict=True)
    for size in ((8, 12), (5, 3), (1, 1)):
        image = torch.rand(1, 3, *size)
        assert torch.allclose(again(image), original(image), atol=1e-6)


def test_convolutions_and_prelus_of_a_compact_network_are_read_in_order(tmp_path):
    torch.manual_seed(0)
    original = build_model("plain", 4, {"width": 8, "depth": 3, "prelu": 1}).eval()
    layers = [original.layers[0], original.slopes[0], original.layers[1], original.slopes[1], original.layers[2]]
    for name, content in zip((".param", ".bin"), ncnn_pair(layers), strict=True):
        (tmp_path / f"a{name}").write_bytes(content)
    with pytest.raises(WeightsError, match="does not end with a resize"):
        read_published("compact", [tmp_path / "a.param", tmp_path / "a.bin"])
    with open(tmp_path / "a.param", "a", encoding="ascii") as file:
        file.write("Interp shrink 1 1 5 output 0=3 1=5.000000e-01 2=5.000000e-01\n")
    state = read_published("compact", [tmp_path / "a.param", tmp_path / "a.bin"])
    network = build_model("compact", 2, {"width": 8, "depth": 3})
    network.load_state_dict(state, strict=True)
    image = torch.rand(1, 3, 6, 7)
    assert torch.allclose(network.inner(image), original(image), atol=2e-3)
    assert state["shrunk_to"] == 2  # or the graph made of x2's weights would be taken for x3
