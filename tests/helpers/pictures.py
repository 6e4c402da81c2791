"""Pictures and files that the tests of the image boundary make for themselves."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

from kdsr.image import Picture

KINDS = [(dtype, channels, alpha) for dtype in (np.uint8, np.uint16) for channels in (1, 3) for alpha in (False, True)]
"""Every kind of Picture there is: (dtype, channels, has alpha)."""


def noise(
    height: int, width: int, dtype: type = np.uint8, channels: int = 3, *, alpha: bool = False, seed: int = 0
) -> Picture:
    random = np.random.default_rng(seed)
    top = np.iinfo(dtype).max + 1
    plane = random.integers(0, top, (height, width), dtype) if alpha else None
    return Picture(random.integers(0, top, (height, width, channels), dtype), plane)


def same(one: Picture, other: Picture) -> bool:
    if (one.alpha is None) != (other.alpha is None):
        return False
    equal = one.pixels.dtype == other.pixels.dtype and np.array_equal(one.pixels, other.pixels)
    return equal and (one.alpha is None or np.array_equal(one.alpha, other.alpha))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def empty_png(width: int, height: int, *, level: int = 9) -> bytes:
    """A black PNG of one bit per pixel, so that many megapixels are few kilobytes."""

    packer = zlib.compressobj(level)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def with_png_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """`png` with a chunk put in behind its header (8 + 25 bytes)."""
    return png[:33] + png_chunk(kind, data) + png[33:]


def swapped_profile() -> bytes:
    """sRGB with the colorants of red and green exchanged: red light is stored in the green channel."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"tmp.").replace(b"gXYZ", b"rXYZ").replace(b"tmp.", b"gXYZ")


def grey_profile(*, gamma: float) -> bytes:
    """An ICC profile for grey (version 2) with nothing but its white point and its curve."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061)
    curve = b"curv" + bytes(4) + struct.pack(">IHH", 1, round(gamma * 256), 0)
    tags = struct.pack(">I", 2) + struct.pack(">4sII4sII", b"wtpt", 156, 20, b"kTRC", 176, 16)
    header = struct.pack(">I4sI12s", 192, bytes(4), 0x02400000, b"mntrGRAYXYZ ") + bytes(12) + b"acsp" + bytes(28)
    return header + struct.pack(">3i", 63_190, 65_536, 54_061) + bytes(48) + tags + white + curve


def with_tiff_orientation(data: bytes, orientation: int) -> bytes:
    """`data`, a little-endian TIFF, with its directory copied to the end and an orientation put in."""
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = [data[start + 2 + 12 * index : start + 14 + 12 * index] for index in range(count)]
    entries = [entry for entry in entries if entry[:2] != struct.pack("<H", 274)]
    entries.append(struct.pack("<HHIHH", 274, 3, 1, orientation, 0))
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry)[0])
    end = len(data) + len(data) % 2
    padded = data[:4] + struct.pack("<I", end) + data[8:].ljust(end - 8, b"\0")
    return padded + struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", 0)


def many_scans(width: int, height: int, scans: int) -> bytes:
    """A grey progressive JPEG that repeats its last scan, so that there are `scans`."""
    data = encoded(Image.new("L", (width, height), 128), "JPEG", progressive=True)
    last = data[data.rfind(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + data[-2:]
