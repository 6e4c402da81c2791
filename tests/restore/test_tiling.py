"""Tiles: where they lie, and that a network run on them gives what it gives untiled."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kdsr.errors import SettingsError
from kdsr.models import build_model
from kdsr.restore.tiling import padded_size, plan_tiles
from kdsr.settings import Settings
from kdsr.zoo import Catalog

RELEASED = Catalog(Settings().weights_dir)

SIZES = [
    (1, 1), (1, 2), (2, 1), (1, 131), (131, 1), (7, 13), (13, 7), (31, 37), (63, 65), (64, 64),
    (65, 129), (97, 101), (127, 96), (128, 130), (129, 193), (151, 67), (193, 61), (199, 211), (2, 257), (256, 3),
]  # fmt: skip
NETWORKS = [
    ("plain", 4, {"width": 8, "depth": 4}),
    ("plain", 1, {"width": 8, "depth": 4, "unshuffle": 2}),
    ("plain", 1, {"width": 8, "depth": 4, "unshuffle": 2, "colour": 4}),
    ("plain", 1, {"width": 4, "depth": 13, "unshuffle": 2, "colour": 4}),
    ("residual", 2, {"width": 4, "blocks": 2}),
    ("residual", 1, {"width": 4, "blocks": 2, "unshuffle": 2}),
    ("residual", 1, {"width": 4, "blocks": 2, "unshuffle": 2, "fine": 2}),
]


def run_tiled(network: torch.nn.Module, image: torch.Tensor, tile_px: int) -> torch.Tensor:
    """`network` over the tiles of `image`, whose sides are multiples already; parts that no tile writes stay NaN."""
    height, width = image.shape[-2:]
    whole = torch.full((1, 3, height * network.scale, width * network.scale), torch.nan)
    for tile in plan_tiles(
        height, width, tile_px=tile_px, halo=network.halo, multiple=network.multiple, scale=network.scale
    ):
        whole[..., *tile.write] = network(image[..., *tile.read])[..., *tile.keep]
    return whole


def assert_tiled_equals_untiled(
    network: torch.nn.Module, tile_px: int, sizes: Sequence[tuple[int, int]] = SIZES
) -> None:
    for size in sizes:
        image = torch.rand(
            1, network.planes, *padded_size(*size, network.multiple), generator=torch.Generator().manual_seed(0)
        )
        whole = network(image)
        assert (run_tiled(network, image, tile_px) - whole).abs().max() <= 1e-5 * whole.abs().max().clamp(min=1), size


@pytest.mark.slow
@pytest.mark.parametrize("tile_px", [64, 96, 128])
@pytest.mark.parametrize(("name", "scale", "arguments"), NETWORKS, ids=str)
@torch.no_grad()
def test_tiled_equals_untiled(name, scale, arguments, tile_px):
    torch.manual_seed(0)
    network = build_model(name, scale, arguments).eval()
    if "colour" in arguments:
        torch.nn.init.normal_(network.colour.exit.weight)  # else it adds nothing
    assert_tiled_equals_untiled(network, tile_px)


@pytest.mark.slow
@pytest.mark.parametrize("name", [card.name for card in RELEASED.cards])
@torch.no_grad()
def test_tiled_equals_untiled_for_every_released_network(name):
    """Four sizes are enough: the test above has all of them for each architecture."""
    assert_tiled_equals_untiled(RELEASED.load(name), 64, sizes=((7, 13), (1, 131), (65, 129), (97, 101)))


@torch.no_grad()
def test_a_halo_one_cell_too_small_is_seen():
    """The halo is not wider than it must be, and the test above would notice a narrower one."""
    torch.manual_seed(0)
    network = build_model("plain", 2, {"width": 8, "depth": 4}).eval()
    image = torch.rand(1, 3, 40, 40)
    network.halo -= 1
    assert (run_tiled(network, image, 20) - network(image)).abs().max() > 1e-5


@pytest.mark.slow
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 100),
    st.integers(0, 12),
    st.sampled_from([1, 2, 3, 4]),
    st.integers(1, 4),
)
@settings(max_examples=200, deadline=None)
def test_every_output_pixel_is_written_once_from_an_aligned_tile_with_its_halo(
    height, width, tile_px, halo, multiple, scale
):
    written = np.zeros((height * scale, width * scale), int)
    rows, columns = padded_size(height, width, multiple)
    for tile in plan_tiles(height, width, tile_px=tile_px, halo=halo, multiple=multiple, scale=scale):
        written[tile.write] += 1
        for read, keep, write, length in zip(tile.read, tile.keep, tile.write, (rows, columns), strict=True):
            assert read.start % multiple == read.stop % multiple == 0
            assert 0 <= read.start < read.stop <= length
            assert read.start * scale + keep.start == write.start
            assert keep.stop - keep.start == write.stop - write.start
            assert read.start == 0 or write.start // scale - read.start >= halo
            assert read.stop == length or read.stop - write.stop // scale >= halo
            assert write.stop - write.start <= max(tile_px, multiple) * scale
    assert (written == 1).all()


def test_a_picture_of_one_tile_has_no_halo():
    (tile,) = plan_tiles(256, 256, tile_px=256, halo=7, multiple=1, scale=4)
    assert tile.read == (slice(0, 256), slice(0, 256))
    assert tile.keep == tile.write == (slice(0, 1024), slice(0, 1024))


def test_cores_are_nearly_equal():
    tiles = tuple(plan_tiles(1, 300, tile_px=256, halo=0, multiple=1, scale=1))
    assert [tile.write[1] for tile in tiles] == [slice(0, 150), slice(150, 300)]


@pytest.mark.parametrize("tile_px", [0, -64])
def test_a_tile_below_one_pixel_is_refused(tile_px):
    with pytest.raises(SettingsError, match="at least 1 pixel"):
        plan_tiles(8, 8, tile_px=tile_px, halo=1, multiple=1, scale=1)


@pytest.mark.slow
def test_a_hundred_million_tiles_are_planned_at_once_and_the_first_can_be_stopped():
    tiles = plan_tiles(16_384, 8_192, tile_px=1, halo=3, multiple=1, scale=4)
    assert len(tiles) == 16_384 * 8_192
    assert next(iter(tiles)).read == (slice(0, 4), slice(0, 4))
