"""The positions of exact tiles. Pure: sides in, slices out; no picture and no network here.

A tile reads its core plus `halo` pixels on each side, and keeps what its core became. At the picture's border there is
no halo. A tile's edge is the picture's edge there, so that the zero padding of each convolution acts as it does
untiled. So tiled equals untiled, up to the order of sums inside a convolution.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from kdsr.errors import SettingsError

Region = tuple[slice, slice]
"""Rows and columns."""
Span = tuple[slice, slice, slice]
"""What a tile reads, keeps and writes along one axis."""


@dataclass(frozen=True)
class Tile:
    """One tile: the input that it reads, the part of its output to keep, and the place of that part."""

    read: Region
    """In the input, after its sides were padded to multiples."""
    keep: Region
    """In the network's output for this tile."""
    write: Region
    """In the output of the picture as it came."""


def padded_size(height: int, width: int, multiple: int) -> tuple[int, int]:
    """The smallest sides from `height` and `width` up that are multiples of `multiple`."""
    return math.ceil(height / multiple) * multiple, math.ceil(width / multiple) * multiple


class Tiles:
    """The tiles of a picture, row by row; each is made when it is asked for, since there may be millions."""

    def __init__(self, rows: list[Span], columns: list[Span]) -> None:
        self._rows, self._columns = rows, columns

    def __len__(self) -> int:
        return len(self._rows) * len(self._columns)

    def __iter__(self) -> Iterator[Tile]:
        for row in self._rows:
            for column in self._columns:
                yield Tile(*zip(row, column, strict=True))


def plan_tiles(height: int, width: int, *, tile_px: int, halo: int, multiple: int, scale: int) -> Tiles:
    """The tiles that cover a picture of `height` x `width` input pixels, row by row; each output pixel is written once.

    Args:
        tile_px: longest side of a tile's core, in input pixels, halo not counted; rounded down to a multiple of
            `multiple`, and at least that. Cores are made nearly equal, so that no thin rest is left over.
        halo: input pixels that an output pixel sees on each side.
        multiple: sides and origins of what a tile reads are multiples of it, once the picture is padded to
            `padded_size`.
        scale: output pixels per input pixel.
    Raises:
        SettingsError: `tile_px` is below 1.
    """
    if tile_px < 1:
        raise SettingsError(f"A tile must be at least 1 pixel wide, got {tile_px}; leave it out to have it chosen.")
    rows = _spans(height, tile_px, halo, multiple, scale)
    columns = _spans(width, tile_px, halo, multiple, scale)
    return Tiles(rows, columns)


def _spans(length: int, tile_px: int, halo: int, multiple: int, scale: int) -> list[Span]:
    """(read, keep, write) along one axis of `length` input pixels."""
    cells = math.ceil(
        length / multiple
    )  # everything is counted in cells of `multiple` pixels, so that origins are aligned
    margin = math.ceil(halo / multiple)
    count = math.ceil(cells / max(1, tile_px // multiple))
    spans = []
    for index in range(count):
        first, last = cells * index // count, cells * (index + 1) // count
        start, stop = max(0, first - margin) * multiple, min(cells, last + margin) * multiple
        begin, end = first * multiple * scale, min(last * multiple, length) * scale
        offset = start * scale
        spans.append((slice(start, stop), slice(begin - offset, end - offset), slice(begin, end)))
    return spans
