"""The architectures of published teachers, against other implementations of them."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.published import ARGUMENTS, small_rrdb

from kdsr.errors import SettingsError, WeightsError
from kdsr.models import build_model
from kdsr.models.ffdnet import noise_sigma
from kdsr.restore.export import check_graph
from kdsr.restore.graph import onnx_graph
from kdsr.restore.tiling import padded_size, plan_tiles


def noise(size: tuple[int, ...], sigma_255: float, seed: int = 0) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)) * sigma_255 / 255


@pytest.mark.slow
def test_an_rrdb_is_the_network_that_spandrel_makes_of_its_weights():
    spandrel = pytest.importorskip("spandrel", reason="the package spandrel is not installed")
    network = small_rrdb()
    other = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(network.state_dict())).model.eval()
    for size in ((13, 17), (1, 1)):
        image = torch.rand(1, 3, *size)
        assert (network(image) - other(image)).abs().max() <= 1e-4


def test_the_exact_halo_of_an_rrdb_is_what_a_pixel_sees():
    network = build_model("rrdb", 4, ARGUMENTS)
    assert network.halo == 15 + 4
    side = 2 * network.halo + 5
    image = torch.rand(1, 3, side, side, requires_grad=True)
    middle = side // 2
    network(image)[..., 4 * middle : 4 * middle + 4, 4 * middle : 4 * middle + 4].sum().backward()
    seen = image.grad.abs().sum(dim=(0, 1, 2)).nonzero()
    assert middle - int(seen.min()) <= network.halo and int(seen.max()) - middle <= network.halo
    assert build_model("rrdb", 4, ARGUMENTS | {"halo": 7}).halo == 7


@pytest.mark.parametrize("scale", [2, 3])
def test_a_compact_network_shrinks_its_x4_result_as_opencv_does(scale):
    torch.manual_seed(0)
    network = build_model("compact", scale, {"width": 8, "depth": 3}).eval().requires_grad_(False)
    image = torch.rand(1, 3, 7, 9)
    whole = network.inner(image)[0].permute(1, 2, 0).numpy()
    wanted = cv2.resize(whole, (9 * scale, 7 * scale), interpolation=cv2.INTER_CUBIC)
    assert np.abs(network(image)[0].permute(1, 2, 0).numpy() - wanted).max() <= 1e-5


@pytest.mark.parametrize("scale", [2, 3])
@torch.no_grad()
def test_a_compact_network_in_tiles_equals_itself_untiled(scale):
    torch.manual_seed(0)
    network = build_model("compact", scale, {"width": 8, "depth": 3}).eval()
    for height, width in ((31, 37), (65, 13), (1, 70)):
        image = torch.rand(1, 3, *padded_size(height, width, network.multiple))
        whole = network(image)
        tiles = plan_tiles(height, width, tile_px=16, halo=network.halo, multiple=1, scale=scale)
        for tile in tiles:
            part = network(image[..., *tile.read])[..., *tile.keep]
            assert (part - whole[..., *tile.write]).abs().max() <= 1e-5


@pytest.mark.parametrize("uint8", [False, True])
@pytest.mark.parametrize(
    ("name", "scale", "arguments"),
    [
        ("rrdb", 4, ARGUMENTS),
        ("compact", 2, {"width": 8, "depth": 3}),
        ("compact", 3, {"width": 8, "depth": 3}),
    ],
)
def test_a_published_architecture_runs_as_a_graph(name, scale, arguments, uint8):
    torch.manual_seed(0)
    network = build_model(name, scale, arguments).eval().requires_grad_(False)
    check_graph(onnx_graph(network, uint8=uint8).SerializeToString(), network, uint8=uint8)


def test_other_resizes_than_bicubic_and_nearest_have_no_graph():
    class Resized(type(build_model("compact", 2, {"width": 8, "depth": 2}))):
        def forward(self, image):
            return F.interpolate(self.inner(image), scale_factor=0.5, mode="bilinear")

    with pytest.raises(SettingsError, match="bicubic or nearest"):
        onnx_graph(Resized(2, 8, 2), uint8=False)


@pytest.mark.parametrize("sigma_255", [5.0, 15.0, 25.0, 50.0])
@pytest.mark.parametrize("size", [(3, 48, 48), (3, 200, 160), (1, 96, 96)])
def test_the_noise_of_a_smooth_picture_is_found(sigma_255, size):
    rows = torch.linspace(0, 1, size[1])[None, :, None].expand(size)
    found = noise_sigma((rows + noise(size, sigma_255))[None]) * 255
    assert found.item() == pytest.approx(sigma_255, rel=0.05)


def test_each_picture_of_a_batch_has_its_own_noise_and_a_flat_one_none():
    images = torch.stack([torch.full((3, 64, 64), 0.5) + noise((3, 64, 64), sigma) for sigma in (0.0, 10.0, 40.0)])
    assert (noise_sigma(images) * 255).tolist() == pytest.approx([0.0, 10.0, 40.0], abs=1.5)
    assert noise_sigma(torch.rand(2, 3, 7, 40)).tolist() == [0.0, 0.0]


def test_ffdnet_is_told_the_noise_level():
    torch.manual_seed(0)
    network = build_model("ffdnet", 1, {"width": 8, "depth": 3}).eval()
    image = torch.full((1, 3, 48, 48), 0.5) + noise((1, 3, 48, 48), 25.0)
    estimated = network(image)
    network.sigma_255 = 25.0
    told = network(image)
    network.sigma_255 = 50.0
    assert (estimated - told).abs().max() < 0.1 * (network(image) - told).abs().max()
    first = torch.cat([F.pixel_unshuffle(image, 2), torch.full((1, 1, 24, 24), 50 / 255)], dim=1)
    reference = torch.nn.Sequential(
        network.layers[0], torch.nn.ReLU(), network.layers[1], torch.nn.ReLU(), network.layers[2]
    )
    assert torch.allclose(network(image), F.pixel_shuffle(reference(first), 2), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "scale", "planes"), [("rrdb", 2, 3), ("compact", 4, 3), ("ffdnet", 2, 3), ("ffdnet", 1, 4), ("dat", 1, 3)]
)
def test_a_scale_that_an_architecture_has_not_is_refused(name, scale, planes):
    with pytest.raises(SettingsError, match="takes 3 planes at scale"):
        build_model(name, scale, {}, planes=planes)


def test_a_dat_without_spandrel_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "spandrel.architectures.DAT", None)
    with pytest.raises(WeightsError, match=r"pip install 'kdsr\[foreign\]'"):
        build_model("dat", 4, {})
