"""The samples of a TIFF of 1 to 16 bits in any lossless layout, as they are stored.

Pillow's libtiff unpacks the strips and tiles, but knows few layouts. It is given the same strips as the rows of a
picture of 8-bit grey, one byte a pixel; bits, byte order, planes and predictor are followed here. So the size of what a
hostile strip unpacks to is bounded, which it is not in tifffile. Source: TIFF 6.0; BigTIFF.
"""

import io
import struct

import numpy as np
import tifffile

from kdsr.image.decode import open_image

_LOSSLESS = (1, 5, 8, 32773, 32946, 34925, 50000)
"""None, LZW, deflate, PackBits, deflate's older number, LZMA, Zstandard."""
_MOST_CHANNELS = 8
_BLOCK_SAMPLES = 1 << 20
"""Samples of odd bits that are unpacked at a time."""
_MOST_PADDING = 1 << 24
"""Bytes of tiles that may lie outside the picture, beside three times its own."""


def is_lossless(page: tifffile.TiffPage) -> bool:
    """Whether `stored_samples` reads the samples of `page`."""
    bits = page.bitspersample
    return (
        page.compression in _LOSSLESS
        and page.sampleformat == tifffile.SAMPLEFORMAT.UINT
        and isinstance(bits, int)
        and 1 <= bits <= 16
        and (page.predictor == 1 or (page.predictor == 2 and bits in (8, 16)))
        and page.samplesperpixel <= _MOST_CHANNELS
        and page.imagedepth == 1
    )


def stored_samples(page: tifffile.TiffPage, data: bytes) -> np.ndarray:
    """(H, W, C) uint8 or, above 8 bits, uint16: the numbers as they are stored, in [0, 2**bits - 1].

    Args:
        page: one for which `is_lossless` is True.
        data: the file.
    Raises:
        OSError: strips are missing or damaged.
    """
    channels = page.samplesperpixel
    is_planar = channels > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    planes, each = (channels, 1) if is_planar else (1, channels)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    count = len(segments) // planes
    if count == 0 or len(segments) % planes:
        raise OSError("strips are missing")
    parts = [_plane(page, data, segments[place * count : (place + 1) * count], each) for place in range(planes)]
    return parts[0] if planes == 1 else np.concatenate(parts, axis=2)


def _plane(page: tifffile.TiffPage, data: bytes, segments: list[tuple[int, int]], channels: int) -> np.ndarray:
    """(H, W, channels): the samples in `segments`, of one plane or of all channels together."""
    height, width = page.imagelength, page.imagewidth
    row_samples = (page.tilewidth if page.is_tiled else width) * channels
    row_bytes = (row_samples * page.bitspersample + 7) // 8
    across = -(-width // page.tilewidth) if page.is_tiled else 1
    rows = -(-height // page.tilelength) * page.tilelength if page.is_tiled else height
    if rows * across * row_bytes > 3 * height * width * channels * 2 + _MOST_PADDING:
        raise OSError("tiles are far larger than the picture")
    packed = _unpacked(page, data, segments, rows, across, row_bytes)
    samples = _numbers(packed[:height].reshape(height * across, row_bytes), row_samples, page)
    if page.predictor == 2:
        lines = samples.reshape(height * across, -1, channels)
        samples = np.cumsum(lines, axis=1, dtype=samples.dtype)
    return samples.reshape(height, -1, channels)[:, :width]


def _unpacked(
    page: tifffile.TiffPage, data: bytes, segments: list[tuple[int, int]], rows: int, across: int, row_bytes: int
) -> np.ndarray:
    """(rows, across * row_bytes) uint8: what the strips or tiles hold."""
    tags: dict[int, list[int]] = {256: [across * row_bytes], 257: [rows], 258: [8], 259: [int(page.compression)]}
    tags |= {262: [1], 266: [int(page.fillorder)], 277: [1]}
    offsets, sizes = [list(column) for column in zip(*segments, strict=True)]
    if page.is_tiled:
        tags |= {322: [row_bytes], 323: [page.tilelength], 324: offsets, 325: sizes}
    else:
        tags |= {273: offsets, 278: [min(page.rowsperstrip, rows)], 279: sizes}
    image = open_image(io.BytesIO(_as_grey_tiff(data, tags)), ("TIFF",))
    image.load()
    return np.asarray(image)


def _as_grey_tiff(data: bytes, tags: dict[int, list[int]]) -> bytes:
    """`data`, a TIFF, with another directory: one of `tags`, all numbers of 32 bits."""
    place = len(data) + len(data) % 2
    beyond = place + 2 + 12 * len(tags) + 4
    entries, lists = b"", b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            lists, packed = lists + packed, struct.pack("<I", beyond + len(lists))
        entries += struct.pack("<HHI", tag, 4, len(values)) + packed
    start = b"II*\0" + struct.pack("<I", place) + data[8:].ljust(place - 8, b"\0")
    return start + struct.pack("<H", len(tags)) + entries + bytes(4) + lists


def _numbers(packed: np.ndarray, count: int, page: tifffile.TiffPage) -> np.ndarray:
    """(N, count): the first `count` numbers of each row of `packed` (N, bytes)."""
    bits = page.bitspersample
    if bits == 8:
        return packed
    if bits == 16:
        ordered: np.ndarray = np.ascontiguousarray(packed).view(f"{page.parent.byteorder}u2")
        return ordered.astype(np.uint16, copy=False)
    numbers = np.empty((len(packed), count), np.uint8 if bits < 8 else np.uint16)
    step = max(1, _BLOCK_SAMPLES // count)
    for top in range(0, len(packed), step):
        flags = np.unpackbits(packed[top : top + step], axis=1, count=count * bits).reshape(-1, count, bits)
        block = numbers[top : top + step]
        block[:] = 0
        for bit in range(bits):
            np.left_shift(block, 1, out=block)
            np.bitwise_or(block, flags[..., bit], out=block)
    return numbers
