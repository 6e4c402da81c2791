"""ONNX files: what is in them, that they compute what torch computes, and which file is used."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from kdsr.errors import InputError, SettingsError, WeightsError
from kdsr.models import build_model
from kdsr.restore import available_runtimes, export_onnx, open_runtime
from kdsr.restore.export import check_graph, graph_file
from kdsr.restore.graph import onnx_graph
from kdsr.restore.session import metadata_of, open_session

NETWORKS = (
    [
        (name, scale, {"width": 4, "unshuffle": unshuffle} | size)
        for name, size in (("plain", {"depth": 3}), ("residual", {"blocks": 2}))
        for scale, unshuffle in ((1, 1), (1, 2), (2, 1), (3, 1), (4, 1))
    ]
    + [("plain", scale, {"width": 4, "depth": 3, "skip": 3}) for scale in (2, 3, 4)]
    + [("plain", 1, {"width": 4, "depth": 3, "unshuffle": unshuffle, "colour": 4}) for unshuffle in (1, 2)]
    + [("residual", 1, {"width": 4, "blocks": 2, "unshuffle": 2, "fine": 1})]
)
PLAIN_OPERATORS = {"Conv", "Relu", "Sigmoid", "Add", "Sub", "Mul", "Concat", "Gather", "DepthToSpace", "SpaceToDepth"}
BYTE_OPERATORS = {"Transpose", "Unsqueeze", "Squeeze", "DequantizeLinear", "QuantizeLinear"}


def random_network(name: str, scale: int, arguments: dict[str, int]) -> nn.Module:
    torch.manual_seed(0)
    network = build_model(name, scale, arguments).eval().requires_grad_(False)
    if "colour" in arguments:
        nn.init.normal_(network.colour.exit.weight, std=0.1)  # else it adds nothing
    return network


@pytest.mark.slow
@pytest.mark.parametrize("uint8", [False, True])
@pytest.mark.parametrize(("name", "scale", "arguments"), NETWORKS, ids=str)
def test_a_graph_computes_what_torch_does_with_the_operators_that_every_runtime_has(name, scale, arguments, uint8):
    network = random_network(name, scale, arguments)
    model = onnx_graph(network, uint8=uint8)
    check_graph(model.SerializeToString(), network, uint8=uint8)
    operators = [node.op_type for node in model.graph.node]
    assert set(operators) <= PLAIN_OPERATORS | (BYTE_OPERATORS if uint8 else set())
    assert operators.count("Conv") == sum(isinstance(module, nn.Conv2d) for module in network.modules())


@pytest.mark.parametrize("uint8", [False, True])
def test_a_graph_that_differs_from_its_network_is_refused(uint8):
    network = random_network("plain", 2, {"width": 4, "depth": 3})
    content = onnx_graph(network, uint8=uint8).SerializeToString()
    network.layers[-1].bias += 0.02
    with pytest.raises(WeightsError, match="differs from the network"):
        check_graph(content, network, uint8=uint8)


def test_weights_that_are_not_numbers_are_refused():
    network = random_network("plain", 2, {"width": 4, "depth": 3})
    network.layers[0].weight.fill_(torch.nan)
    with pytest.raises(WeightsError, match="differs from the network"):
        check_graph(onnx_graph(network, uint8=False).SerializeToString(), network, uint8=False)


def test_a_step_without_an_operator_is_told_by_name():
    class Odd(nn.Module):
        planes = 3

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return torch.erf(image)

    with pytest.raises(SettingsError, match="erf"):
        onnx_graph(Odd(), uint8=False)


@pytest.mark.slow
def test_networks_at_work_in_other_threads_do_not_notice_that_a_graph_is_made():
    network, image = build_model("plain", 2, {"width": 8, "depth": 3}).eval(), torch.rand(1, 3, 7, 13)
    others = [build_model("plain", 2, {"width": 8, "depth": 3}).eval() for _ in range(3)]
    with torch.no_grad(), ThreadPoolExecutor(4) as pool:
        expected = network(image)
        made = [pool.submit(onnx_graph, other, uint8=False) for _ in range(8) for other in others]
        at_work = [pool.submit(torch.no_grad()(network), image) for _ in range(200)]
        assert all(torch.equal(future.result(), expected) for future in at_work)
        assert len({len(future.result().graph.node) for future in made}) == 1
    assert nn.Module.__call__.__name__ == "_wrapped_call_impl"


def test_eight_bits_are_clipped_and_rounded_half_to_even():
    class Shift(nn.Module):
        scale = multiple = 1
        planes = 3

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image * 2.0 - 0.5

    session = open_session(onnx_graph(Shift(), uint8=True).SerializeToString(), threads=1)
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    restored = session.run(None, {"image": pixels})[0]
    assert restored.shape == (16, 16, 3)
    assert np.abs(restored.astype(int) - np.clip(2 * pixels.astype(int) - 127.5, 0, 255)).max() <= 0.5


def test_an_export_carries_the_card_in_both_files(tiny_catalog, tmp_path):
    card = tiny_catalog.find("tiny_denoise_student")
    path = export_onnx(card, tiny_catalog, tmp_path / "out" / "mine.onnx")
    for file in (path, tmp_path / "out" / "mine.uint8.onnx"):
        onnx.checker.check_model(onnx.load(file))
        about = metadata_of(open_session(file, threads=1))
        assert about["sha256"] == card.sha256
        assert (about["name"], about["task"], about["scale"], about["multiple"], about["halo"]) == (
            card.name,
            "denoise",
            "1",
            "2",
            "6",
        )
        assert about["licence"] == "Apache-2.0"
    assert sorted(file.name for file in path.parent.iterdir()) == ["mine.onnx", "mine.uint8.onnx"]


def test_another_suffix_is_refused(tiny_catalog, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.onnx"):
        export_onnx(tiny_catalog.cards[0], tiny_catalog, tmp_path / "mine.pth")


def test_a_folder_that_cannot_be_written_is_told_in_one_sentence(tiny_catalog, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        export_onnx(tiny_catalog.cards[0], tiny_catalog, tmp_path / "file" / "mine.onnx")


def run_once(catalog, settings, card) -> np.ndarray:
    return open_runtime(card, catalog, runtime="onnx", settings=settings).run_uint8(np.full((5, 6, 3), 90, np.uint8))


@pytest.mark.parametrize("runtime", [name for name in ("onnx", "openvino") if name in available_runtimes()])
def test_where_nothing_can_be_written_the_graph_is_kept_in_memory(tiny_catalog, tiny_settings, caplog, runtime):
    """A full disk must not stop Restore."""
    card, given = tiny_catalog.find("tiny_x4_student"), np.full((5, 6, 3), 90, np.uint8)
    wanted = open_runtime(card, tiny_catalog, runtime="onnx", settings=tiny_settings).run_uint8(given)
    (tiny_settings.home.parent / "file").touch()
    full = dataclasses.replace(tiny_settings, home=tiny_settings.home.parent / "file")
    made = open_runtime(card, tiny_catalog, runtime=runtime, settings=full).run_uint8(given)
    assert np.abs(made.astype(int) - wanted).max() <= 1
    assert "cannot be written (Not a directory): the graph of tiny_x4_student is kept in memory" in caplog.text
    with pytest.raises(SettingsError, match="cannot be written: free some space"):
        graph_file(card, tiny_catalog, full, uint8=True)


def test_a_graph_is_made_on_first_use_and_kept_by_the_sha256(tiny_catalog, tiny_settings):
    card = tiny_catalog.find("tiny_x4_student")
    run_once(tiny_catalog, tiny_settings, card)
    assert [file.name for file in (tiny_settings.home / "onnx").iterdir()] == [f"{card.sha256}.uint8.onnx"]


def test_the_file_beside_the_weights_is_used_if_it_was_made_from_them(tiny_catalog, tiny_settings):
    card = tiny_catalog.find("tiny_x4_student")
    export_onnx(card, tiny_catalog, tiny_catalog.weights_dir / f"{card.name}.onnx")
    run_once(tiny_catalog, tiny_settings, card)
    assert not (tiny_settings.home / "onnx").exists()


@pytest.mark.parametrize("stale", ["other network", "not a graph"])
def test_a_file_that_does_not_fit_is_passed_over(tiny_catalog, tiny_settings, stale):
    card = tiny_catalog.find("tiny_x4_student")
    beside = tiny_catalog.weights_dir / f"{card.name}.uint8.onnx"
    if stale == "other network":
        other = export_onnx(
            tiny_catalog.find("tiny_x4_twin"), tiny_catalog, tiny_catalog.weights_dir / "tiny_x4_twin.onnx"
        )
        beside.write_bytes(other.with_suffix(".uint8.onnx").read_bytes())
    else:
        beside.write_bytes(b"not a graph")
    network = tiny_catalog.load(card.name)
    wanted = network(torch.full((1, 3, 5, 6), 90 / 255))[0].clamp(0, 1).mul(255).round().permute(1, 2, 0).numpy()
    assert np.abs(run_once(tiny_catalog, tiny_settings, card) - wanted).max() <= 1
