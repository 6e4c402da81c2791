"""A picture through a network: tile by tile, in bounded memory, with progress and a way to stop.

`restore` is tensor to tensor, `restore_picture` array to array. `restore_strips` returns the result as strips, top to
bottom, for pictures too large for memory. Clamping to [0, 1] happens here, once, at the exit. torch is
imported for tensors only.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from kdsr.errors import InputError, SettingsError, ShapeError, Stopped
from kdsr.image import Picture, fill_hidden
from kdsr.image.picture import from_planes, join_strips, to_planes
from kdsr.image.plane import resize_plane
from kdsr.restore.holes import filled
from kdsr.restore.parts import Parts
from kdsr.restore.runtime import Runtime
from kdsr.restore.tiling import Tile, Tiles, padded_size, plan_tiles

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[float], None]
"""Takes the finished share, in (0, 1], rising, 1.0 last."""

TILE_PX = MappingProxyType({"cpu": 256, "cuda": 1024})
"""Side of a tile's core when none is asked for. On a CPU 256 keeps a run under 1 GB and loses little to the halo."""


def restore(
    image: "Tensor",
    runtime: Runtime,
    *,
    tile_px: int | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> "Tensor":
    """The restored picture (1, 3, H * scale, W * scale), float32, clamped to [0, 1], on the device of `image`.

    Args:
        image: (1, planes, H, W) float32 RGB in [0, 1], and the mask where the network takes one (`with_holes`); sides
            from 1 pixel.
        tile_px: longest side of a tile in input pixels, halo not counted; None chooses. The result does not depend on
            it.
        on_progress: is called after each tile.
        should_stop: is asked before each tile.

    A tile for which memory is short is restored in parts (`Parts`).

    Raises:
        ShapeError: `image` is not one picture.
        InputError: the result would be larger than the runtime's `max_output_megapixels`.
        SettingsError: `tile_px` is below 1, or memory does not suffice for the smallest parts.
        Stopped: `should_stop` said so.
    """
    import torch
    import torch.nn.functional as F

    if image.ndim != 4 or image.shape[:2] != (1, runtime.about.planes) or 0 in image.shape:
        raise ShapeError(f"restore needs one picture (1, {runtime.about.planes}, H, W), got {tuple(image.shape)}.")
    height, width = image.shape[-2:]
    tiles = _plan(height, width, runtime, tile_px)
    rows, columns = padded_size(height, width, runtime.about.multiple)
    source = image.detach()
    if (rows, columns) != (height, width):
        source = F.pad(source, (0, columns - width, 0, rows - height), mode="replicate")
    restored = torch.empty(1, 3, height * runtime.about.scale, width * runtime.about.scale, device=image.device)
    parts = Parts(lambda tile: runtime.run(tile.permute(2, 0, 1)[None])[0].permute(1, 2, 0), runtime.about)
    rows_last = source[0].permute(1, 2, 0)  # a view: a tile has the memory order that it had
    for tile in _watched(tiles, on_progress, should_stop):
        part = parts.restored(rows_last[tile.read])[tile.keep]
        restored[0, :, *tile.write] = part.permute(2, 0, 1).clamp(0, 1)
    return restored


def restore_picture(
    picture: Picture,
    runtime: Runtime,
    *,
    holes: np.ndarray | None = None,
    tile_px: int | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Picture:
    """The restored picture with the bits, greyness, name and notes of `picture`; its alpha is enlarged by bicubic.
    Colour hidden under alpha of 2/255 or less changes nothing that is seen (`fill_hidden`).

    8-bit RGB stays 8-bit at the input and output of the network. Grey and 16-bit pictures are converted to floats tile
    by tile, so the full picture is never in memory as floats. Arguments and errors as in `restore`; besides, InputError
    where a network gives NaN.

    holes: (H, W) bool, True where pixels are missing: needed by an inpainting network, which changes only these;
        any other network refuses it (SettingsError).
    """
    strips = restore_strips(
        picture, runtime, holes=holes, tile_px=tile_px, on_progress=on_progress, should_stop=should_stop
    )
    return join_strips(strips, picture.height * runtime.about.scale)


def restore_strips(
    picture: Picture,
    runtime: Runtime,
    *,
    holes: np.ndarray | None = None,
    tile_px: int | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Picture]:
    """The restored picture as strips of its full width, from top to bottom, each made when it is asked for: one row of
    tiles.

    Arguments and errors as in `restore_picture`, whose pixels these are to the bit; what is wrong with the arguments is
    raised at once.
    """
    if (holes is not None) != (runtime.about.planes == 4):
        raise SettingsError(
            "Inpainting needs the mask of what is missing; draw one, or give one."
            if holes is None
            else "Only inpainting takes a mask."
        )
    height, width = picture.height, picture.width
    tiles = _plan(height, width, runtime, tile_px)
    planes = fill_hidden(picture).pixels if holes is None else filled(picture, holes)
    rows, columns = padded_size(height, width, runtime.about.multiple)
    if (rows, columns) != (height, width):
        planes = np.pad(planes, ((0, rows - height), (0, columns - width), (0, 0)), mode="edge")
    return _strips(planes, picture, runtime, _watched(tiles, on_progress, should_stop))


def _strips(planes: np.ndarray, picture: Picture, runtime: Runtime, tiles: Iterator[Tile]) -> Iterator[Picture]:
    """What `tiles`, row by row, become: each row of them as one strip of the restored `picture`."""
    height, width = picture.height * runtime.about.scale, picture.width * runtime.about.scale
    parts = Parts(lambda tile: _run_on(tile, picture, runtime), runtime.about)
    for (top, bottom), row in itertools.groupby(tiles, key=lambda tile: (tile.write[0].start, tile.write[0].stop)):
        restored: np.ndarray | None = None
        for tile in row:
            part = parts.restored(planes[tile.read])[tile.keep]
            if part.shape[1] == width:  # the only one in its row: copying it would take as long as a layer of a student
                restored = part
                continue
            if restored is None:
                restored = np.empty((bottom - top, width, part.shape[2]), part.dtype)
            restored[:, tile.write[1]] = part
        assert restored is not None  # no row is without tiles
        alpha = None if picture.alpha is None else resize_plane(picture.alpha, height, width, slice(top, bottom))
        yield replace(picture, pixels=restored, alpha=alpha, notes=picture.notes + parts.notes)


def _run_on(planes: np.ndarray, picture: Picture, runtime: Runtime) -> np.ndarray:
    """The restored pixels of one tile of `picture`: (H, W, C) and the mask's plane, if there is one, to (H * scale, W *
    scale, C).
    """
    if picture.bits == 8 and not picture.is_grey:
        return runtime.run_uint8(planes)
    channels = picture.pixels.shape[2]
    tile = Picture(planes[..., :channels], name=picture.name)
    mask = (planes[None, ..., channels:] > 0).transpose(0, 3, 1, 2).astype(np.float32)
    return from_planes(runtime.run_array(np.concatenate([to_planes(tile), mask], axis=1)).clip(0, 1), tile).pixels


def _plan(height: int, width: int, runtime: Runtime, tile_px: int | None) -> Tiles:
    """The tiles of a picture, if its result is not too large."""
    megapixels = height * width * runtime.about.scale**2 / 1e6
    if megapixels > runtime.about.max_output_megapixels:
        raise InputError(
            f"The result would have {math.ceil(megapixels)} megapixels, and at most "
            f"{runtime.about.max_output_megapixels:g} are made here; "
            "give a smaller picture, or raise KDSR_MAX_OUTPUT_MEGAPIXELS."
        )
    if tile_px is None:
        tile_px = TILE_PX[runtime.about.device.partition(":")[0]]
    return plan_tiles(
        height,
        width,
        tile_px=tile_px,
        halo=runtime.about.halo,
        multiple=runtime.about.multiple,
        scale=runtime.about.scale,
    )


def _watched(tiles: Tiles, on_progress: Progress | None, should_stop: Callable[[], bool] | None) -> Iterator[Tile]:
    """`tiles`, one by one, asking before and telling after each."""
    for done, tile in enumerate(tiles, start=1):
        if should_stop is not None and should_stop():
            raise Stopped("The restoration was stopped; no part of the result is kept.")
        yield tile
        if on_progress is not None:
            on_progress(done / len(tiles))
