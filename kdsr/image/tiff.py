"""16-bit TIFF, read and written at full precision. TIFF of 8 bits or fewer is read by Pillow, as other formats are.

tifffile reads uncompressed data. Compressed data goes to OpenCV (libtiff). tifffile inflates a strip without a limit on
its output, so that a small hostile file could fill the memory.
"""

from typing import BinaryIO

import cv2
import numpy as np
import tifffile
from PIL import Image

from kdsr.errors import InputError
from kdsr.image.colour import deep_to_srgb
from kdsr.image.decode import Decoded
from kdsr.image.stated import StatedColour, colour_of_tags, exif_colour, followed

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GREY = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)
_STATED_BITS = (1, 2, 4, 8, 16)
_MOST_CHANNELS = 8


def open_tiff(stream: BinaryIO) -> tuple[tifffile.TiffPage, int]:
    """(the first page's header, the number of pages); no pixel is decoded."""
    stream.seek(0)
    pages = tifffile.TiffFile(stream).pages
    return pages.first, len(pages)


def decode_deep(page: tifffile.TiffPage, stream: BinaryIO, caption: str) -> Decoded | None:
    """The pixels of a 16-bit grey or RGB `page`, or None where Pillow reads all that is there.

    Raises:
        InputError: a number of bits that is no picture's (12, 32, float).
        Exception: whatever a decoder raises at damaged data.
    """
    if page.bitspersample not in _STATED_BITS or page.sampleformat != tifffile.SAMPLEFORMAT.UINT:
        kind = f"{page.bitspersample}-bit" if page.dtype is None else page.dtype.name
        raise InputError(f"{caption} is a TIFF of {kind} samples, which is not read: save it with 8 or 16 bits.")
    grey = page.photometric in _GREY
    if page.bitspersample != 16 or not (grey or page.photometric == tifffile.PHOTOMETRIC.RGB):
        return None
    notes: list[str] = []
    if page.compression == tifffile.COMPRESSION.NONE and page.samplesperpixel <= _MOST_CHANNELS:
        samples, orientation = _samples(page), int(page.tags.valueof(274, default=1))
    elif page.planarconfig == tifffile.PLANARCONFIG.CONTIG and page.samplesperpixel in (1, 3, 4):
        samples, orientation = _samples_by_opencv(stream), 1  # OpenCV has turned them already
    else:
        raise InputError(
            f"{caption} is a 16-bit TIFF of a layout that is not read: save it uncompressed in grey or RGB, or as PNG."
        )
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        samples = 65535 - samples
    channels = 1 if grey else 3
    pixels, alpha = samples[..., :channels], None
    if samples.shape[2] > channels:
        extra = page.extrasamples[0] if page.extrasamples else tifffile.EXTRASAMPLE.UNASSALPHA
        if extra == tifffile.EXTRASAMPLE.UNSPECIFIED:
            notes.append("The extra channel of the TIFF is not an alpha channel; it was left out.")
        else:
            alpha = np.ascontiguousarray(samples[..., channels])
            pixels = _divided(pixels, alpha) if extra == tifffile.EXTRASAMPLE.ASSOCALPHA else pixels
    profile, stated = _colour(page, stream)
    pixels, note = deep_to_srgb(np.ascontiguousarray(pixels), profile)
    notes += [each for each in (stated, note) if each]
    return Decoded(pixels, alpha, orientation if orientation in range(1, 9) else 1, tuple(notes))


def _colour(page: tifffile.TiffPage, stream: BinaryIO) -> StatedColour:
    """What the tags state: the ICC profile, or what stands for one."""

    def tag(number: int) -> object:
        value = page.tags.valueof(number)
        if number in (318, 319) and value is not None:  # rationals: each as two numbers
            return [top / bottom for top, bottom in zip(value[::2], value[1::2], strict=True)]
        return value

    def get_exif() -> Image.Exif:
        exif = Image.Exif()
        stream.seek(0)
        exif.load_from_fp(stream)
        return exif

    embedded = page.tags.valueof(34675)
    return followed(
        lambda: colour_of_tags(tag, embedded) or (StatedColour() if embedded else exif_colour(get_exif)), embedded
    )


class TiffWriter:
    """An uncompressed TIFF of `shape` (H, W, 1 to 4), uint8 or uint16, written to `file` from top to bottom.

    The last sample is alpha if `has_alpha`.

    Deflate makes a 16-bit photograph 10 % smaller and writing it 80 times slower.
    """

    def __init__(self, file: BinaryIO, shape: tuple[int, int, int], dtype: np.dtype, *, has_alpha: bool) -> None:
        channels = shape[2]
        place = tifffile.imwrite(
            file,
            shape=shape if channels > 1 else shape[:2],  # no pixels: their room is left free
            dtype=dtype,
            photometric="rgb" if channels > 2 else "minisblack",
            planarconfig="contig" if channels > 1 else None,
            extrasamples=["unassalpha"] if has_alpha else None,
            metadata=None,  # else a shape in JSON, which other readers show as the picture's description
            returnoffset=True,
        )
        assert place is not None
        self._file = file
        file.seek(place[0])

    def write(self, samples: np.ndarray) -> None:
        """The next rows: (rows, W, channels)."""
        self._file.write(np.ascontiguousarray(samples).data)

    def close(self) -> None:
        """Nothing: the last row is the end of the file. `file` itself stays open."""


def _samples(page: tifffile.TiffPage) -> np.ndarray:
    samples = page.asarray()
    if page.samplesperpixel > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        samples = np.moveaxis(samples, 0, -1)
    return samples.reshape(page.imagelength, page.imagewidth, -1).astype(np.uint16, copy=False)


def _samples_by_opencv(stream: BinaryIO) -> np.ndarray:
    stream.seek(0)
    samples = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if samples is None or samples.dtype != np.uint16:
        raise OSError("OpenCV does not decode this TIFF with 16 bits")
    return np.atleast_3d(samples)[..., [0] if samples.ndim == 2 else [2, 1, 0, 3][: samples.shape[2]]]


def _divided(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`pixels` that were multiplied by `alpha`, without it."""
    share = np.maximum(alpha, 1)[..., None] / np.float32(65535)
    divided: np.ndarray = np.rint(np.minimum(pixels / share, 65535)).astype(np.uint16)
    return divided
