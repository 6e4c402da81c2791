"""PNG written strip by strip, in a few megabytes of memory beside the picture.

Packing is most of the work. Intel's ISA-L (the optional package isal) does it in a quarter of zlib's time at the same
size; the pixels are the same either way. OpenCV's encoder is not used: it needs a BGR copy of the picture and holds the
entire file. It cannot write grey with alpha, and takes as long as zlib. Not here: reading. Source: PNG 1.2, chunks
IHDR, IDAT, IEND; filter type 1 (Sub).
"""

import functools
import importlib
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from kdsr.image.metadata import Metadata, exif_block
from kdsr.image.png_chunks import METRES_PER_INCH, XMP_KEYWORD

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By the number of samples of a pixel: grey, grey with alpha, RGB, RGB with alpha."""
_STRIP_BYTES = 4_000_000


class PngWriter:
    """A PNG of `shape` (H, W, 1 to 4), uint8 or uint16, written to `file` from top to bottom at zlib level 1."""

    def __init__(
        self,
        file: BinaryIO,
        shape: tuple[int, int, int],
        dtype: np.dtype,
        *,
        has_alpha: bool,
        metadata: Metadata | None = None,
    ) -> None:
        height, width, channels = shape
        assert has_alpha == (channels in (2, 4))
        self._file, self._packer = file, _deflate().compressobj(1)
        file.write(b"\x89PNG\r\n\x1a\n")
        _write_chunk(
            file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * dtype.itemsize, _COLOUR_TYPES[channels], 0, 0, 0)
        )
        for kind, data in _chunks(metadata or Metadata()):
            _write_chunk(file, kind, data)

    def write(self, samples: np.ndarray) -> None:
        """The next rows: (rows, W, channels)."""
        rows = max(1, _STRIP_BYTES // samples[0].nbytes)
        for top in range(0, len(samples), rows):
            packed = self._packer.compress(_filtered(samples[top : top + rows]))
            if packed:
                _write_chunk(self._file, b"IDAT", packed)

    def close(self) -> None:
        """The end of the file, after the last row; `file` itself stays open."""
        _write_chunk(self._file, b"IDAT", self._packer.flush())
        _write_chunk(self._file, b"IEND", b"")


def _chunks(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    """What goes in front of the pixels."""
    if metadata.dpi:
        yield b"pHYs", struct.pack(">IIB", *(round(each / METRES_PER_INCH) for each in metadata.dpi), 1)
    if metadata.exif:
        yield b"eXIf", exif_block(metadata)
    if metadata.xmp:
        yield b"iTXt", XMP_KEYWORD + bytes(5) + metadata.xmp


def _filtered(strip: np.ndarray) -> bytes:
    """The rows of `strip`, each byte less the byte of the pixel to its left, modulo 256, and a 1 before each row."""
    pixel_bytes = strip.shape[2] * strip.dtype.itemsize
    rows = (
        np.ascontiguousarray(strip.astype(strip.dtype.newbyteorder(">"), copy=False))
        .view(np.uint8)
        .reshape(len(strip), -1)
    )
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 1
    filtered[:, 1 : 1 + pixel_bytes] = rows[:, :pixel_bytes]
    np.subtract(rows[:, pixel_bytes:], rows[:, :-pixel_bytes], out=filtered[:, 1 + pixel_bytes :])
    return filtered.tobytes()


@functools.cache
def _deflate() -> Any:
    """What packs: isal's copy of the module zlib where it is installed, else zlib itself."""
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:
        return zlib


def _write_chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    sum_of_all = _deflate().crc32(data, zlib.crc32(kind))
    file.writelines((struct.pack(">I", len(data)), kind, data, struct.pack(">I", sum_of_all)))
