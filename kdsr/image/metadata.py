"""What a file says beside its pixels and goes into the result: EXIF, XMP and resolution.

Orientation, thumbnail and pixel counts are left out, as they would be wrong; so is what names the colours, which are
sRGB now. Maker's notes are copied as they are. IPTC and other blocks are not kept. Source: EXIF 2.32, XMP part 3.
"""

import io
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

from kdsr.image.directories import (
    Directory,
    Place,
    TiffEntry,
    first_place,
    packed_tree,
    rational,
    read_directory,
    short,
)

EXIF_START = b"Exif\0\0"
DETAILS, POSITION = 34665, 34853
"""Entries that lead to EXIF's directories of the shot and of the place."""
_LAYOUT = frozenset(
    (*range(254, 270), 273, 274, *range(277, 282), 284, *range(288, 294), 297, 301, *range(317, 348))
) | frozenset((*range(512, 522), *range(529, 533), 700, 33723, 34377, 34665, 34675, 34853, 50341, 59932))
"""Tags of the first directory that describe how pixels are stored, or are blocks of their own."""
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_PER_INCH, _PER_CENTIMETRE = 2, 3
_COLOUR_SPACE, _SRGB, _INTEROPERABILITY = 0xA001, 1, 0xA005
_SIZES = (0xA002, 0xA003)
_LATITUDE, _LONGITUDE = 2, 4
_EMPTY_TIFF = b"II*\0\x08\0\0\0"
_ORIENTATION = 274
_THUMBNAILS = rb"<xmp:Thumbnails\b.*?</xmp:Thumbnails>"
_MOST_XMP_BYTES = 1 << 24
_UNCOPIED = "The embedded EXIF data is damaged and is not copied to the result."


@dataclass(frozen=True)
class Metadata:
    """Of one picture."""

    exif: bytes = b""
    """A TIFF without pixels, as it stands in a PNG; empty is none."""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    """Pixels per inch across and down, as the source states them: super-resolution changes the size of a print."""
    has_position: bool = False
    """Whether it says where the picture was taken."""


def read_metadata(tiff: BinaryIO | None, xmp: bytes | None, dpi: object) -> tuple[Metadata | None, str | None]:
    """(what is kept, or None where there is nothing; a note or None).

    Args:
        tiff: EXIF as the TIFF that it is, or a file of that format; None if there is none.
        dpi: a pair of numbers, or what else a file gives; without one it is EXIF's.
    """
    stated, note = _pair(dpi), None
    first: Directory = {}
    exif, has_position = b"", False
    try:
        if tiff is not None:
            place = first_place(tiff)
            first = read_directory(tiff, place)
            stated = stated or _resolution(first)
            exif, has_position = _kept(tiff, place, first)
    except (ValueError, OverflowError, ArithmeticError, struct.error):
        note = _UNCOPIED
    text = _cleaned(xmp, is_turned=_ORIENTATION in first) if xmp and len(xmp) <= _MOST_XMP_BYTES else b""
    kept = Metadata(exif, text, stated, has_position or b"GPSLatitude" in text)
    return (None if kept == Metadata() else kept), note


def exif_block(metadata: Metadata, *, with_resolution: bool = False) -> bytes:
    """The EXIF of `metadata`, with its resolution in it if it has EXIF or `with_resolution` is True; or nothing."""
    if not metadata.exif and not (with_resolution and metadata.dpi):
        return b""
    first, below = directories_of(metadata)
    return _EMPTY_TIFF + packed_tree(first, below, len(_EMPTY_TIFF))


def directories_of(metadata: Metadata) -> tuple[dict[int, TiffEntry], dict[int, Directory]]:
    """(the first directory of its EXIF, with its resolution; those of the shot and of the place, where there are)."""
    first: dict[int, TiffEntry] = {}
    below: dict[int, Directory] = {}
    if metadata.exif:
        stream = io.BytesIO(metadata.exif)
        place = first_place(stream)
        first = read_directory(stream, place)
        below = _below(stream, place, first)
    if metadata.dpi:
        first |= {_ACROSS: rational(metadata.dpi[0]), _DOWN: rational(metadata.dpi[1]), _UNIT: short(_PER_INCH)}
    return {tag: entry for tag, entry in first.items() if tag not in (DETAILS, POSITION)}, below


def _below(stream: BinaryIO, place: Place, first: Directory) -> dict[int, Directory]:
    found: dict[int, Directory] = {}
    for tag in (DETAILS, POSITION):
        if tag in first and first[tag].numbers:
            found[tag] = read_directory(stream, place._replace(offset=int(first[tag].numbers[0])))
    return found


def _kept(stream: BinaryIO, place: Place, first: Directory) -> tuple[bytes, bool]:
    """(the EXIF that goes into the result, whether it has a position)."""
    below = _below(stream, place, first)
    details, position = dict(below.get(DETAILS, {})), below.get(POSITION, {})
    for tag in (_INTEROPERABILITY, *_SIZES):
        details.pop(tag, None)
    if _COLOUR_SPACE in details:
        details[_COLOUR_SPACE] = short(_SRGB)
    directories = {tag: each for tag, each in ((DETAILS, details), (POSITION, position)) if each}
    kept = {tag: entry for tag, entry in first.items() if tag not in _LAYOUT and tag not in (_ACROSS, _DOWN, _UNIT)}
    has_position = _LATITUDE in position or _LONGITUDE in position
    if not kept and not directories:
        return b"", False
    return _EMPTY_TIFF + packed_tree(kept, directories, len(_EMPTY_TIFF)), has_position


def _resolution(first: Directory) -> tuple[float, float] | None:
    unit = first[_UNIT].numbers[:1] if _UNIT in first else (_PER_INCH,)
    if _ACROSS not in first or _DOWN not in first or unit not in ((_PER_INCH,), (_PER_CENTIMETRE,)):
        return None
    pair = _pair((*first[_ACROSS].numbers[:1], *first[_DOWN].numbers[:1]))
    return pair and (pair if unit == (_PER_INCH,) else (pair[0] * 2.54, pair[1] * 2.54))


def _pair(dpi: object) -> tuple[float, float] | None:
    """`dpi` as two numbers above 0, if it is that."""
    try:
        across, down = (float(each) for each in dpi)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (across, down) if 0 < across < 1e6 and 0 < down < 1e6 else None


def _cleaned(xmp: bytes, *, is_turned: bool) -> bytes:
    """`xmp` without thumbnails, and upright where the picture was turned by EXIF."""
    if is_turned:
        xmp = re.sub(rb"(tiff:Orientation\s*=\s*[\"'])\d+", rb"\g<1>1", xmp)
        xmp = re.sub(rb"(<tiff:Orientation>\s*)\d+", rb"\g<1>1", xmp)
    return re.sub(_THUMBNAILS, b"", xmp, flags=re.DOTALL)
