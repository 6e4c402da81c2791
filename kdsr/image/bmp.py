"""BMP of the kinds that Pillow reads wrong or not at all: run-length encoding, bit fields, odd palettes.

Pillow loses a pixel of each odd literal run of RLE4, wants every row complete, and knows few bit fields and few of the
headers of OS/2, which may end after any field. Colours of 5 or 6 bits are rounded here, where Pillow cuts. Sources:
Microsoft, Bitmap Storage; OS/2, BITMAPINFOHEADER2. Pillow reads the other kinds.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from kdsr.errors import InputError
from kdsr.image.colour import array_to_srgb
from kdsr.image.decode import Decoded
from kdsr.image.metadata import Metadata
from kdsr.image.png_chunks import METRES_PER_INCH
from kdsr.image.stated import StatedColour, bmp_colour, followed

_PALETTES = (1, 2, 4, 8)
_RUNS = {1: 8, 2: 4}
"""Bits of a pixel by the number of a compression by runs."""
_FIELDS = (3, 6)
_DEFAULT_MASKS = {16: (0x7C00, 0x03E0, 0x001F, 0), 32: (0x00FF0000, 0x0000FF00, 0x000000FF, 0)}
_HEADER = 40
"""Bytes of version 3, whose fields all later ones begin with."""
_OF_OS2 = range(16, 65)
"""Lengths of version 2 of OS/2, those below apart."""
_OF_WINDOWS = (40, 52, 56)
_NAMED = {4: "that holds a JPEG", 5: "that holds a PNG", 11: "of CMYK", 12: "of CMYK in runs", 13: "of CMYK in runs"}
_NAMED_OS2 = {3: "of OS/2 in Huffman's code", 4: "of OS/2 in runs of 24 bits"}
"""By the number of the compression: what is not read."""


@dataclass(frozen=True)
class BmpHeader:
    """What stands in front of the pixels."""

    width: int
    height: int
    is_top_down: bool
    bits: int
    compression: int
    masks: tuple[int, int, int, int]
    """Of red, green, blue and alpha; 0 is none."""
    palette: np.ndarray
    """(N, 3) uint8."""
    start: int
    """Place of the pixels in the file."""
    dpi: tuple[float, float] | None
    unread: str | None = None
    """What it is, where it is not read."""


def read_header(data: bytes) -> BmpHeader | None:
    """The header at the start of a BMP of version 3 or later, or None where Pillow reads what follows, or it's damaged.

    `data` is the file, or its first 2000 bytes.
    """
    start, size = struct.unpack_from("<II", data.ljust(18, b"\0"), 10)
    is_os2 = size in _OF_OS2 and size not in _OF_WINDOWS
    if (size < _HEADER and not is_os2) or len(data) < 14 + min(size, _HEADER):
        return None
    fields = data[14 : 14 + min(size, _HEADER)].ljust(_HEADER, b"\0")
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", fields, 4)
    colours = struct.unpack_from("<I", fields, 32)[0]
    by_runs, by_fields = _RUNS.get(compression) == bits, bits in (16, 32) and compression in (0, *_FIELDS)
    unread = "of 64 bits per pixel" if bits == 64 else (_NAMED_OS2 if is_os2 else _NAMED).get(compression)
    is_odd = is_os2 and compression == 0  # Pillow knows 64 bytes only
    by_palette = compression == 0 and bits in _PALETTES and (is_odd or bits == 2 or colours > 1 << bits)
    if not (by_runs or by_fields or by_palette or unread or (is_odd and bits == 24)) or width <= 0 or height == 0:
        return None
    masks = _DEFAULT_MASKS.get(bits, (0, 0, 0, 0))
    end = 14 + size
    if by_fields and compression != 0:
        count = 4 if size >= 56 or compression == 6 else 3
        end = max(end, 14 + 40 + 4 * count)
        masks = (*struct.unpack_from(f"<{count}I", data, 14 + 40), *([0] * (4 - count)))
    entries = min(colours or 1 << bits, 1 << bits, max(start - end, 0) // 4) if by_runs or by_palette else 0
    palette = np.frombuffer(data[end : end + 4 * entries], np.uint8).reshape(-1, 4)[:, 2::-1]
    across, down = (metres * METRES_PER_INCH for metres in struct.unpack_from("<ii", fields, 24))
    dpi = (across, down) if across > 0 and down > 0 else None
    return BmpHeader(width, abs(height), height < 0, bits, compression, masks, palette, start, dpi, unread)


def decode_bmp(header: BmpHeader, stream: BinaryIO, caption: str) -> Decoded:
    """The pixels of the file `stream`.

    Raises:
        InputError: a kind of BMP that is not read.
        OSError: the file ends before its pixels do.
    """
    if header.unread:
        raise InputError(f"{caption} is a BMP {header.unread}, which is not read: save it as PNG.")
    stream.seek(0)
    pixels, alpha = _stored(header, stream.read())
    profile, stated = followed(lambda: bmp_colour(stream) or StatedColour(), None)
    pixels, note = array_to_srgb(pixels, profile)
    notes = tuple(each for each in (stated, note) if each)
    return Decoded(pixels, alpha, notes=notes, metadata=Metadata(dpi=header.dpi) if header.dpi else None)


def _stored(header: BmpHeader, data: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    """(pixels (H, W, 1 or 3) uint8; alpha (H, W) uint8 or None) of the file `data`."""
    body = data[header.start :]
    if header.bits in _PALETTES:
        palette = np.zeros((256, 3), np.uint8)  # what the palette lacks is black
        palette[: len(header.palette)] = header.palette
        numbers = _from_runs(header, body) if header.compression in _RUNS else _from_bits(header, body)
        is_grey = (palette == palette[:, :1]).all()
        pixels, alpha = palette[:, : 1 if is_grey else 3][numbers], None
    else:
        pixels, alpha = _from_fields(header, body)
    if not header.is_top_down:
        pixels, alpha = pixels[::-1], None if alpha is None else alpha[::-1]
    return np.ascontiguousarray(pixels), None if alpha is None else np.ascontiguousarray(alpha)


def _from_bits(header: BmpHeader, body: bytes) -> np.ndarray:
    """(H, W) uint8: numbers in the palette, 1 to 8 bits each, rows filled up to 4 bytes."""
    row_bytes = (header.width * header.bits + 31) // 32 * 4
    if len(body) < row_bytes * header.height:
        raise OSError("rows are missing")
    rows = np.frombuffer(body, np.uint8, row_bytes * header.height).reshape(header.height, row_bytes)
    shifts = np.arange(8 - header.bits, -1, -header.bits, dtype=np.uint8)
    numbers = (rows[..., None] >> shifts) & ((1 << header.bits) - 1)
    return numbers.reshape(header.height, -1)[:, : header.width]


def _from_fields(header: BmpHeader, body: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    row_bytes = (header.width * header.bits + 31) // 32 * 4
    if len(body) < row_bytes * header.height:
        raise OSError("rows are missing")
    if header.bits == 24:
        rows = np.frombuffer(body, np.uint8, row_bytes * header.height).reshape(header.height, row_bytes)
        return rows[:, : 3 * header.width].reshape(header.height, header.width, 3)[..., ::-1], None
    stored = np.frombuffer(body, f"<u{header.bits // 8}", row_bytes * header.height * 8 // header.bits)
    stored = stored.reshape(header.height, -1)[:, : header.width]
    pixels = np.stack([_field(stored, mask) for mask in header.masks[:3]], axis=-1)
    alpha = _field(stored, header.masks[3]) if header.masks[3] else None
    return pixels, alpha if alpha is not None and alpha.any() else None  # all 0: the writer left it unused


def _field(stored: np.ndarray, mask: int) -> np.ndarray:
    """The bits of `mask` as uint8, rounded."""
    if mask == 0:
        return np.zeros(stored.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    numbers = (stored & stored.dtype.type(mask & (1 << 8 * stored.itemsize) - 1)) >> shift
    if most == 255:
        field: np.ndarray = numbers.astype(np.uint8)
        return field
    field = np.rint(numbers * (255 / most)).astype(np.uint8)
    return field


def _from_runs(header: BmpHeader, body: bytes) -> np.ndarray:
    """(H, W) uint8: numbers in the palette, in the order of the file's rows; 0 where nothing is written."""
    canvas = np.zeros((header.height, header.width), np.uint8)
    words = np.frombuffer(body[: len(body) // 2 * 2], np.uint8).reshape(-1, 2)
    escapes = np.append(np.flatnonzero(words[:, 0] == 0), len(words)).tolist()
    place = row = column = upcoming = 0
    while place < len(words) and row < header.height:
        while escapes[upcoming] < place:
            upcoming += 1
        runs = words[place : escapes[upcoming]]
        if len(runs):
            column += _write(canvas[row], column, _repeated(runs, header.width - column, header.bits))
            place += len(runs)
            continue
        second = int(words[place, 1])
        place += 1
        if second == 1:
            return canvas
        if second == 0:
            row, column = row + 1, 0
        elif second == 2:
            if place < len(words):
                column, row = column + int(words[place, 0]), row + int(words[place, 1])
            place += 1
        else:
            length = -(-second * header.bits // 16)  # words, the last one padded
            stored = words[place : place + length].reshape(-1)
            if header.bits == 4:
                stored = np.stack([stored >> 4, stored & 15], axis=1).reshape(-1)
            column += _write(canvas[row], column, stored[:second])
            place += length
    if row < header.height - 1 or (row == header.height - 1 and column < header.width):
        raise OSError("rows are missing")
    return canvas


def _repeated(runs: np.ndarray, room: int, bits: int) -> np.ndarray:
    """The pixels of `runs` (N, 2) of count and value, at most about `room`."""
    ends = np.cumsum(runs[:, 0], dtype=np.int64)
    used = int(np.searchsorted(ends, max(room, 0))) + 1
    counts, values = runs[:used, 0], runs[:used, 1]
    repeated = np.repeat(values, counts)
    if bits == 8:
        return repeated
    within = np.arange(len(repeated)) - np.repeat(ends[:used] - counts, counts)
    return np.where(within % 2 == 0, repeated >> 4, repeated & 15)


def _write(row: np.ndarray, column: int, pixels: np.ndarray) -> int:
    """Write `pixels` from `column` on, what is beyond the row's end left out; their number."""
    room = max(len(row) - column, 0)
    row[column : column + min(room, len(pixels))] = pixels[:room]
    return len(pixels)
