"""Headers that take minutes to read, refused first: Pillow reads a GIF's comments and a PNM's byte by byte, and each
chunk of a PNG takes 10 microseconds.

Source: GIF89a specification, appendix B; netpbm, pnm(5); PNG 3, section 5. Segments of JPEG: `kinds`, `scans`.
"""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import BinaryIO

from kdsr.errors import InputError
from kdsr.image.png_chunks import SIGNATURE

_MOST_PNM_BYTES = 65_536
_MOST_CHUNKS = 100_000
"""Of a PNG; one of 200 MB in chunks of 8 kB has 25,000."""
_GIF_LIMITS = MappingProxyType({
    "blocks": (2_000_000, "more than 2,000,000 blocks"),  # and bytes that belong to none
    "frames": (10_000, "more than 10,000 frames"),
    "notes": (1_000_000, "more than 1 MB of comments"),  # bytes: their cost grows with the square
})  # fmt: skip
_COMMENT = re.compile(rb"#[^\r\n]*")
_PALETTE, _PALETTE_BITS = 0x80, 0x07
_FRAME, _EXTENSION, _END = 0x2C, 0x21, 0x3B


def check_header(stream: BinaryIO, start: bytes, caption: str) -> None:
    """Pass if the header of the picture in `stream`, which begins with `start`, is read in a moment.

    Raises:
        InputError: it is not.
    """
    stream.seek(0)
    if re.match(rb"P[1-6fy]", start):
        fault = _pnm_fault(stream.read(_MOST_PNM_BYTES))
    elif start.startswith(b"GIF8"):
        fault = _gif_fault(stream.read())
    elif start.startswith(SIGNATURE):
        fault = _png_fault(stream)
    else:
        return
    if fault:
        raise InputError(f"{caption} has {fault}: save it again as PNG.")


def _pnm_fault(head: bytes) -> str:
    words = _COMMENT.sub(b"", head).split()
    return f"a header of more than {_MOST_PNM_BYTES:,} bytes" if len(head) == _MOST_PNM_BYTES and len(words) < 4 else ""


def _png_fault(stream: BinaryIO) -> str:
    stream.seek(len(SIGNATURE))
    for _ in range(_MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return ""
        stream.seek(int.from_bytes(head[:4]) + 4, 1)
    return f"more than {_MOST_CHUNKS:,} chunks"


def _gif_fault(data: bytes) -> str:
    """What is too much in the GIF in `data`; empty where nothing is, or where it is torn."""
    counts = dict.fromkeys(_GIF_LIMITS, 0)
    try:
        for name, count in _gif_steps(data):
            counts[name] += count
            most, fault = _GIF_LIMITS[name]
            if counts[name] > most:
                return fault
    except IndexError:
        pass
    return ""


def _gif_steps(data: bytes) -> Iterator[tuple[str, int]]:
    """What a reader meets, one by one, as (name in `_GIF_LIMITS`, count)."""
    place = 13 + _palette_bytes(data[10])
    while (kind := data[place]) != _END:
        place += 1
        yield "blocks", 1
        if kind == _FRAME:
            yield "frames", 1
            place += 10 + _palette_bytes(data[place + 8])
        elif kind == _EXTENSION:
            place += 1
        else:  # passed over, as Pillow does
            continue
        while size := data[place]:
            place += 1 + size
            yield ("notes", size) if kind == _EXTENSION else ("blocks", 1)
        place += 1


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & _PALETTE_BITS) + 1) if flags & _PALETTE else 0
