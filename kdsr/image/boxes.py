"""What the boxes of an AVIF or HEIC file say of its picture: colour by numbers, and bits per channel.

Pillow gives neither. Source: ISO/IEC 14496-12 (boxes), 23008-12 (pitm, ipma, ipco), 23091-2 (numbers of colour).
"""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MOST_META_BYTES = 1 << 22
_MOST_BOXES = 1000


class About(NamedTuple):
    """What is stated; None is unknown."""

    nclx: tuple[int, int] | None = None
    """Numbers of the primaries and of the transfer function."""
    bits: int | None = None


def about_picture(stream: BinaryIO) -> About:
    """What the file says of its primary picture; all unknown where it can't be followed."""
    try:
        meta = _meta(stream)
        properties = list(_boxes(_found(meta, b"iprp", b"ipco")))
        chosen = [properties[number - 1] for number in _numbers(meta) if 0 < number <= len(properties)]
    except (struct.error, LookupError, OverflowError):
        return About()
    nclx = next((struct.unpack_from(">HH", data, 4) for name, data in chosen if data[:4] == b"nclx"), None)
    bits = [_bits(name, data) for name, data in chosen] + [_bits(name, data) for name, data in properties]
    return About(nclx if nclx is None else (nclx[0], nclx[1]), next((each for each in bits if each), None))


def _meta(stream: BinaryIO) -> bytes:
    stream.seek(0)
    for _ in range(_MOST_BOXES):
        header = stream.read(8)
        size, name = struct.unpack(">I4s", header)
        left = struct.unpack(">Q", stream.read(8))[0] - 16 if size == 1 else size - 8
        if name == b"meta":
            return stream.read(min(left, _MOST_META_BYTES))[4:]
        if left < 0:
            break
        stream.seek(left, io.SEEK_CUR)
    raise LookupError("no meta box")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    for _ in range(_MOST_BOXES):
        if place + 8 > len(data):
            return
        size, name = struct.unpack_from(">I4s", data, place)
        if size < 8:
            return
        yield name, data[place + 8 : place + size]
        place += size


def _found(data: bytes, *path: bytes) -> bytes:
    for wanted in path:
        data = next(content for name, content in [*_boxes(data), (wanted, b"")] if name == wanted)
    return data


def _numbers(meta: bytes) -> list[int]:
    """The primary picture's properties, counted from 1."""
    pitm, ipma = _found(meta, b"pitm"), _found(meta, b"iprp", b"ipma")
    wide = pitm[0] > 0
    primary = struct.unpack_from(">I" if wide else ">H", pitm, 4)[0]
    version, long = ipma[0], ipma[3] & 1
    (entries,) = struct.unpack_from(">I", ipma, 4)
    place = 8
    for _ in range(min(entries, _MOST_BOXES)):
        item = struct.unpack_from(">H" if version < 1 else ">I", ipma, place)[0]
        place += 2 if version < 1 else 4
        count = ipma[place]
        numbers = struct.unpack_from(f">{count}{'H' if long else 'B'}", ipma, place + 1)
        place += 1 + count * (2 if long else 1)
        if item == primary:
            return [number & (0x7FFF if long else 0x7F) for number in numbers]
    raise LookupError("the primary picture has no properties")


def _bits(name: bytes, data: bytes) -> int | None:
    if name == b"pixi" and len(data) > 5:
        return max(data[5 : 5 + data[4]], default=None)
    if name == b"av1C" and len(data) > 2:
        return (8, 10, 12, 12)[(data[2] >> 6 & 1) + (data[2] >> 5 & 1)]
    if name == b"hvcC" and len(data) > 17:
        return 8 + (data[17] & 7)
    return None
