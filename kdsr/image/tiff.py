"""TIFF in layouts that Pillow does not read, or not with all bits. Pillow reads the others.

The samples as they are stored come from `kdsr.image.tiff_samples`; here they become grey, RGB or CMYK, and alpha.
"""

import logging
import struct
from functools import partial
from typing import BinaryIO

import numpy as np
import tifffile
from PIL import Image

from kdsr.errors import InputError
from kdsr.image.colour import array_to_srgb
from kdsr.image.decode import Decoded
from kdsr.image.metadata import read_metadata
from kdsr.image.stated import StatedColour, colour_of_tags, exif_colour, followed
from kdsr.image.tiff_samples import is_lossless, stored_samples

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_CHANNELS: dict[int, int] = {
    tifffile.PHOTOMETRIC.MINISWHITE: 1,
    tifffile.PHOTOMETRIC.MINISBLACK: 1,
    tifffile.PHOTOMETRIC.RGB: 3,
    tifffile.PHOTOMETRIC.PALETTE: 1,
    tifffile.PHOTOMETRIC.SEPARATED: 4,
}
"""Without alpha, of what is read here."""
_BY_PILLOW = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000)
"""Compressions that Pillow's libtiff unpacks: those of `tiff_samples`, CCITT and JPEG."""
_SHOWN = 40
"""Characters of a tag's value in a sentence: a forged one is a list of thousands of numbers."""
_MOST_PAGES = 1000
"""Of which the number is told. tifffile follows a chain of pages up to 4,000,000,000 of them, in a circle too."""


logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else its remarks reach the terminal


def open_tiff(stream: BinaryIO) -> tuple[tifffile.TiffPage, int]:
    """(the first page's header, the number of pages up to `_MOST_PAGES`); no pixel is decoded."""
    stream.seek(0)
    file = tifffile.TiffFile(stream)
    return file.pages.first, _count_pages(file)


def decode_odd(page: tifffile.TiffPage, stream: BinaryIO, caption: str) -> Decoded | None:
    """The pixels of `page`, or None where Pillow reads all that is there.

    Raises:
        InputError: numbers that are no picture's (32 bits, float), or a layout that is not read.
        Exception: whatever a decoder raises at damaged data.
    """
    bits = page.bitspersample
    if page.sampleformat != tifffile.SAMPLEFORMAT.UINT or not isinstance(bits, int) or bits > 16:
        kind = f"{str(bits)[:_SHOWN]}-bit" if page.dtype is None else page.dtype.name
        raise InputError(f"{caption} is a TIFF of {kind} samples, which is not read: save it with 8 or 16 bits.")
    is_planar = page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    is_big = page.parent.is_bigtiff and page.parent.byteorder == ">"
    is_known = page.photometric in _CHANNELS and page.samplesperpixel >= _CHANNELS[page.photometric]
    is_plain = (bits == 8 and not _is_short_palette(page)) or (bits == 1 and page.samplesperpixel == 1)
    has_more = is_known and page.samplesperpixel > _CHANNELS[page.photometric]
    if is_lossless(page) and is_known and (not is_plain or is_planar or is_big or has_more):
        return _decoded(page, stream)
    if page.compression not in _BY_PILLOW or bits not in (1, 2, 4, 8, 16) or is_big:
        raise unread(page, caption)
    return None


def unread(page: tifffile.TiffPage, caption: str) -> InputError:
    """Names what `page` is, which nothing here reads."""
    compression, photometric = (
        getattr(each, "name", str(each)).replace("_", " ")[:_SHOWN] for each in (page.compression, page.photometric)
    )
    what = f"{str(page.bitspersample)[:_SHOWN]}-bit {photometric}, compression {compression}"
    return InputError(f"{caption} is a TIFF of a kind that is not read ({what}): save it uncompressed in grey or RGB.")


def _decoded(page: tifffile.TiffPage, stream: BinaryIO) -> Decoded:
    stream.seek(0)
    samples, notes = stored_samples(page, stream.read()), []
    channels, photometric = _CHANNELS[page.photometric], page.photometric
    alpha = None
    extras = _extras(page, samples.shape[2] - channels)
    place = next((number for number, kind in enumerate(extras) if kind != tifffile.EXTRASAMPLE.UNSPECIFIED), None)
    if place is not None:
        alpha = _widened(samples[..., channels + place], page.bitspersample)
    if len(extras) > (alpha is not None):
        notes.append("A channel of the TIFF is neither colour nor transparency; it was left out.")
    pixels = samples[..., :channels]
    if photometric == tifffile.PHOTOMETRIC.PALETTE:
        pixels = _from_palette(page, pixels[..., 0])
    else:
        pixels = _widened(pixels, page.bitspersample)
    if photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        pixels = np.invert(pixels)
    if alpha is not None and place is not None and extras[place] == tifffile.EXTRASAMPLE.ASSOCALPHA:
        pixels = _divided(pixels, alpha)
    profile, stated = _colour(page, stream)
    if photometric == tifffile.PHOTOMETRIC.SEPARATED and pixels.dtype == np.uint16:
        notes.append(f"The file has {page.bitspersample} bits per channel, and was read with 8.")
        pixels = _with_8_bits(pixels)
    if alpha is not None and alpha.dtype != pixels.dtype:  # of a palette of 16 bits
        alpha = _with_8_bits(alpha)
    pixels, note = array_to_srgb(np.ascontiguousarray(pixels), profile)
    metadata, uncopied = read_metadata(stream, page.tags.valueof(700), None)
    notes += [each for each in (stated, note, uncopied) if each]
    orientation = int(page.tags.valueof(274, default=1))
    return Decoded(pixels, alpha, orientation if orientation in range(1, 9) else 1, tuple(notes), metadata)


def _extras(page: tifffile.TiffPage, count: int) -> list[int]:
    """The kinds of the `count` channels beyond the colours; the first is alpha where the file does not say."""
    stated = [int(kind) for kind in page.extrasamples] or [int(tifffile.EXTRASAMPLE.UNASSALPHA)]
    return [*stated, *[int(tifffile.EXTRASAMPLE.UNSPECIFIED)] * count][:count]


def _with_8_bits(samples: np.ndarray) -> np.ndarray:
    reduced: np.ndarray = np.rint(samples / np.float32(257)).astype(np.uint8)
    return reduced


def _widened(samples: np.ndarray, bits: int) -> np.ndarray:
    """Numbers of `bits` as uint8 or, above 8, uint16, rounded; a copy where they are of that many already."""
    levels = 255 if bits <= 8 else 65_535
    if bits in (8, 16):
        return np.ascontiguousarray(samples)
    steps = np.arange(1 << bits) * (levels / ((1 << bits) - 1))
    widened: np.ndarray = np.rint(steps).astype(np.uint8 if bits <= 8 else np.uint16)[samples]
    return widened


def _from_palette(page: tifffile.TiffPage, numbers: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8, or (H, W, 1) where all are grey."""
    palette = np.asarray(page.tags.valueof(320), np.uint16).reshape(3, -1).T
    palette = (palette >> (0 if _is_short_palette(page) else 8)).astype(np.uint8)
    is_grey = (palette == palette[:, :1]).all()
    colours: np.ndarray = palette[:, : 1 if is_grey else 3][numbers]
    return colours


def _is_short_palette(page: tifffile.TiffPage) -> bool:
    """Whether the levels of its palette are of 8 bits, as old programs write them; as in libtiff, none is above 255."""
    levels = page.tags.valueof(320) if page.photometric == tifffile.PHOTOMETRIC.PALETTE else None
    return levels is not None and 0 < max(np.ravel(levels), default=0) < 256


def _colour(page: tifffile.TiffPage, stream: BinaryIO) -> StatedColour:
    """What the tags state: the ICC profile, or what stands for one."""
    tag, embedded = partial(_tag, page), page.tags.valueof(34675)
    return followed(
        lambda: colour_of_tags(tag, embedded) or (StatedColour() if embedded else exif_colour(partial(_exif, stream))),
        embedded,
    )


def _tag(page: tifffile.TiffPage, number: int) -> object:
    value = page.tags.valueof(number)
    if number in (318, 319) and value is not None:  # rationals: each as two numbers
        return [top / bottom for top, bottom in zip(value[::2], value[1::2], strict=True)]
    return value


def _count_pages(file: tifffile.TiffFile) -> int:
    """The number of pages of `file`, `_MOST_PAGES` at most; a chain ends where it is torn or comes back to itself."""
    form, handle = file.tiff, file.filehandle
    seen: set[int] = set()
    place = form.offsetsize  # of the first page's place: 4 in TIFF, 8 in BigTIFF
    try:
        while len(seen) < _MOST_PAGES:
            handle.seek(place)
            (page,) = struct.unpack(form.offsetformat, handle.read(form.offsetsize))
            if not page or page in seen:
                break
            handle.seek(page)
            (tags,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
            place = page + form.tagnosize + tags * form.tagsize
            seen.add(page)
    except (struct.error, OSError, ValueError):
        pass
    return len(seen)


def _exif(stream: BinaryIO) -> Image.Exif:
    exif = Image.Exif()
    stream.seek(0)
    exif.load_from_fp(stream)
    return exif


def _divided(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`pixels` that were multiplied by `alpha`, without it."""
    most = (1 << 8 * pixels.dtype.itemsize) - 1
    share = np.maximum(alpha, 1)[..., None] / np.float32(most)
    divided: np.ndarray = np.rint(np.minimum(pixels / share, most)).astype(pixels.dtype)
    return divided
