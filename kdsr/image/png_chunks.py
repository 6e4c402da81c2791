"""The chunks of a PNG: what Pillow needs of them, the embedded profile, and those of colour.

Pillow takes a PNG for damaged if its text or profile unpacks to more than 1 MB. An odd chunk that it could do without
has the same effect. It is given the file without them. Source: PNG, third edition, section 5.
"""

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"
METRES_PER_INCH = 0.0254
_PER_METRE = 1
_FOR_PIXELS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf", b"acTL", b"fcTL", b"fdAT"))
"""What Pillow is given: pixels, transparency, orientation and frames."""
_ABOUT = frozenset((b"eXIf", b"iTXt", b"tEXt", b"zTXt", b"tIME", b"pHYs"))
"""What a PNG says beside its pixels and their colour."""
_OF_FRAMES = frozenset((b"acTL", b"fcTL", b"fdAT"))
_MOST_CHUNKS = 1 << 20
_MOST_PROFILE_BYTES = 1 << 25


def chunks_of(stream: BinaryIO, *, before_pixels: bool = False) -> Iterator[tuple[bytes, int, int]]:
    """(name, place of the content, its length) of each chunk of `stream`; to the first IDAT if `before_pixels`.

    Between two of them the place in `stream` may be changed. A length may go beyond the end of a damaged file.
    """
    place = len(SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        stream.seek(place)
        header = stream.read(8)
        if len(header) < 8 or (before_pixels and header[4:] == b"IDAT"):
            return
        length = int.from_bytes(header[:4])
        yield header[4:], place + 8, length
        if header[4:] == b"IEND":
            return
        place += 12 + length


def for_pixels(stream: BinaryIO, *, is_still: bool = False) -> BinaryIO:
    """`stream` itself, or a copy without what Pillow could stumble over; without further frames if `is_still`."""
    kept: list[tuple[int, int]] = []
    dropped = False
    for name, place, length in chunks_of(stream):
        if (name in _FOR_PIXELS and not (is_still and name in _OF_FRAMES)) or not _is_optional(name):
            kept.append((place - 8, length + 12))
        else:
            dropped = True
    return _with_chunks(stream, kept) if dropped else stream


def without_metadata(png: bytes) -> bytes:
    """The file `png` without EXIF, XMP, text, date and resolution; its pixels stay as they are packed."""
    stream = io.BytesIO(png)
    kept = [(place - 8, length + 12) for name, place, length in chunks_of(stream) if name not in _ABOUT]
    return _with_chunks(stream, kept).getvalue()


def _with_chunks(stream: BinaryIO, chunks: list[tuple[int, int]]) -> io.BytesIO:
    """A PNG of those `chunks` of `stream`: place and length of each, as a whole."""
    copy = io.BytesIO()
    copy.write(SIGNATURE)
    for place, length in chunks:
        stream.seek(place)
        copy.write(stream.read(length))
    return copy


def content_of(stream: BinaryIO, *names: bytes, most: int = _MOST_PROFILE_BYTES) -> dict[bytes, bytes]:
    """The first chunk of each of `names` in front of the pixels, if it has at most `most` bytes."""
    found: dict[bytes, bytes] = {}
    for name, place, length in chunks_of(stream, before_pixels=True):
        if name in names and name not in found and length <= most:
            stream.seek(place)
            found[name] = stream.read(length)
    return found


def profile_in(chunk: bytes) -> bytes:
    """The ICC profile in the content of an iCCP chunk; what can't be unpacked is given as it is, and is no profile."""
    _, _, rest = chunk.partition(b"\0")
    return inflated(rest[1:], _MOST_PROFILE_BYTES) or chunk


def xmp_in(stream: BinaryIO) -> bytes | None:
    """The XMP of a PNG, wherever it stands; None if there is none."""
    for name, place, length in chunks_of(stream):
        if name == b"iTXt" and length <= _MOST_PROFILE_BYTES:
            stream.seek(place)
            keyword, _, rest = stream.read(length).partition(b"\0")
            if keyword == XMP_KEYWORD and len(rest) > 2:
                text = rest[2:].split(b"\0", 2)[-1]  # behind language and translated keyword
                return inflated(text, _MOST_PROFILE_BYTES) if rest[0] else text
    return None


def resolution_in(stream: BinaryIO) -> tuple[float, float] | None:
    """Pixels per inch across and down, if the pHYs chunk states them."""
    stated = content_of(stream, b"pHYs").get(b"pHYs", b"")
    if len(stated) != 9 or stated[8] != _PER_METRE:
        return None
    return int.from_bytes(stated[:4]) * METRES_PER_INCH, int.from_bytes(stated[4:8]) * METRES_PER_INCH


def inflated(packed: bytes, most: int) -> bytes | None:
    """What `packed` unpacks to, or None if that is damaged, unfinished or more than `most` bytes."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(packed, most)
    except zlib.error:
        return None
    return content if unpacker.eof else None


def _is_optional(name: bytes) -> bool:
    """Whether a reader may leave the chunk out: its first letter is small."""
    return bool(name[0] & 0x20)
