"""Directories of a TIFF, which are EXIF's as well: entries with their bytes, read and packed again.

Nothing is interpreted but byte order and place, so that texts of any encoding and entries of any maker stay as they
are. Read in both byte orders, also from BigTIFF; packed little-endian. Source: TIFF 6.0, section 2; BigTIFF.
"""

import struct
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

import numpy as np

ASCII, SHORT, LONG, RATIONAL, BYTES, LONG8 = 2, 3, 4, 5, 1, 16
_UNITS = {1: (1, 1), 2: (1, 1), 3: (2, 1), 4: (4, 1), 5: (4, 2), 6: (1, 1), 7: (1, 1), 8: (2, 1), 9: (4, 1)}
_UNITS |= {10: (4, 2), 11: (4, 1), 12: (8, 1), 13: (4, 1), 16: (8, 1), 17: (8, 1), 18: (8, 1)}
"""By the number of a kind: bytes of a number, numbers of a value."""
_MOST_ENTRIES = 4096
_MOST_BYTES = 1 << 24
"""Of the data of one entry; larger ones are left out."""


class TiffEntry(NamedTuple):
    """A value of `length` numbers or letters, little-endian."""

    kind: int
    length: int
    data: bytes

    @property
    def numbers(self) -> tuple[float, ...]:
        """The value as numbers; a text has none.

        Raises:
            ZeroDivisionError: a rational of no value.
        """
        codes = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 5: "I", 10: "i"}
        if self.kind not in codes:
            return ()
        values = struct.unpack(f"<{self.length * _UNITS[self.kind][1]}{codes[self.kind]}", self.data)
        if self.kind in (5, 10):
            return tuple(top / bottom for top, bottom in zip(values[::2], values[1::2], strict=True))
        return values


Directory = Mapping[int, TiffEntry]


class Place(NamedTuple):
    """Where a directory stands, and how its numbers are written."""

    offset: int
    order: str
    is_big: bool


def first_place(stream: BinaryIO) -> Place:
    """The first directory of the TIFF `stream`.

    Raises:
        ValueError, struct.error: there is none.
    """
    stream.seek(0)
    start = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    if order is None:
        raise ValueError("no TIFF")
    is_big = struct.unpack_from(f"{order}H", start, 2)[0] == 43
    return Place(struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", start, 8 if is_big else 4)[0], order, is_big)


def read_directory(stream: BinaryIO, place: Place) -> dict[int, TiffEntry]:
    """The entries at `place`; what goes beyond the file, or is of an unknown kind, is left out.

    Raises:
        ValueError, OverflowError, struct.error: there is no directory.
    """
    order, wide, room = place.order, "Q" if place.is_big else "I", 8 if place.is_big else 4
    stream.seek(place.offset)
    head = f"{order}{'Q' if place.is_big else 'H'}"
    (count,) = struct.unpack(head, stream.read(struct.calcsize(head)))
    if count > _MOST_ENTRIES:
        raise ValueError("too many entries")
    table = stream.read(count * (4 + 2 * room))
    entries: dict[int, TiffEntry] = {}
    for tag, kind, number, data in struct.iter_unpack(f"{order}HH{wide}{room}s", table):
        size_of_number, numbers = _UNITS.get(kind, (0, 0))
        length = size_of_number * numbers * number
        if length > room:
            stream.seek(struct.unpack(f"{order}{wide}", data)[0])
            data = stream.read(length) if length <= _MOST_BYTES else b""
        if 0 < length <= len(data):
            entries[tag] = TiffEntry(kind, number, _little(data[:length], size_of_number, order))
    return entries


def packed(directory: Directory, offset: int, *, is_big: bool = False) -> bytes:
    """`directory` as it stands at `offset` of a file; its length doesn't depend on that."""
    wide, room = ("Q", 8) if is_big else ("I", 4)
    count = struct.pack("<Q" if is_big else "<H", len(directory))
    beyond = offset + len(count) + len(directory) * (4 + 2 * room) + room
    table, data = b"", b""
    for tag, entry in sorted(directory.items()):
        content = entry.data
        if len(content) > room:
            content, data = struct.pack(f"<{wide}", beyond + len(data)), data + content + bytes(len(content) % 2)
        table += struct.pack(f"<HH{wide}", tag, entry.kind, entry.length) + content.ljust(room, b"\0")
    return count + table + bytes(room) + data


def packed_tree(first: Directory, below: Mapping[int, Directory], offset: int, *, is_big: bool = False) -> bytes:
    """`first` at `offset`, and behind it each directory of `below`, to which an entry of that number leads."""
    pointers = {tag: TiffEntry(LONG, 1, bytes(4)) for tag in below}
    end = offset + len(packed({**first, **pointers}, offset, is_big=is_big))
    data = b""
    for tag, directory in below.items():
        pointers[tag] = long(end + len(data))
        data += packed(directory, end + len(data), is_big=is_big)
    return packed({**first, **pointers}, offset, is_big=is_big) + data


def short(*values: int) -> TiffEntry:
    return TiffEntry(SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def long(*values: int) -> TiffEntry:
    return TiffEntry(LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def rational(value: float) -> TiffEntry:
    """`value` to a thousandth."""
    return TiffEntry(RATIONAL, 1, struct.pack("<2I", round(value * 1000), 1000))


def _little(data: bytes, size: int, order: str) -> bytes:
    return data if order == "<" or size == 1 else np.frombuffer(data, f">u{size}").astype(f"<u{size}").tobytes()
