"""Colour that a file states without an ICC profile, as the ICC profile that says the same.

PNG: cICP, sRGB, gAMA and cHRM (PNG third edition, 4.3 and 11.3.2), with the rules that Chromium follows. TIFF: white
point, primaries and transfer function (TIFF 6.0, section 20). EXIF: colour space and interoperability (DCF 2.0). AVIF
and HEIC: numbers of ITU-T H.273. BMP: headers of versions 4 and 5. Lab, CMYK and YCbCr are in `kdsr.image.colour`.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import ExifTags, Image

from kdsr.image.boxes import about_picture
from kdsr.image.png_chunks import content_of, profile_in
from kdsr.image.profile import (
    ADOBE_RGB,
    BT_2020,
    DISPLAY_P3,
    SRGB,
    Curve,
    Primaries,
    is_srgb,
    stated_profile,
)

_ODD = "The colour that the file states cannot be; it was ignored."
_HDR = "The file states HDR colours ({}), which are not converted; they were left as stored."
_UNKNOWN = "The file states colours of a kind that is not converted; they were left as stored."
_NARROW = "The PNG states levels of video (16 to 235), which are not converted; they were left as stored."
_ALONE = "The PNG states primaries without a gamma, which browsers ignore; the colours were left as stored."
_LINKED = "The BMP names a colour profile in another file; the colours were left as stored."
_NEAR_DISPLAY = 0.05
"""A product of file and display exponents this close to 1 is none to correct (libpng's PNG_GAMMA_THRESHOLD)."""
_IS_CHROMATICITY = 0.01
"""So close to 1 are the sums of endpoints that are chromaticities."""
_EXPONENTS = (0.1, 10.0)
_H273_PRIMARIES: Mapping[int, Primaries] = MappingProxyType({
    1:  SRGB,
    4:  Primaries((0.310, 0.316), (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5:  Primaries((0.3127, 0.329), (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6:  Primaries((0.3127, 0.329), (0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    7:  Primaries((0.3127, 0.329), (0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    9:  BT_2020,
    11: Primaries((0.314, 0.351), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    12: DISPLAY_P3,
})  # fmt: skip
_H273_CURVES: Mapping[int, Curve] = MappingProxyType({**dict.fromkeys((1, 2, 6, 13, 14, 15)), 4: 2.2, 5: 2.8, 8: 1.0})
"""Those of video are shown as sRGB, as browsers do."""
_H273_HDR = MappingProxyType({16: "PQ", 18: "HLG"})


class StatedColour(NamedTuple):
    """A profile to apply, and a note on what is stated and not followed."""

    profile: bytes | None = None
    note: str | None = None


def stated_colour(image: Image.Image, stream: BinaryIO | None) -> StatedColour:
    """What an opened `image` states of its colour: its ICC profile, or what stands for one.

    `stream` is the file that it was opened from; its place changes.
    """
    embedded = image.info.get("icc_profile")
    if image.mode in ("CMYK", "LAB") or stream is None:
        return StatedColour(embedded)
    reader = _READERS.get(image.format or "", _states_nothing)
    return followed(
        lambda: reader(image, stream, embedded) or (StatedColour() if embedded else exif_colour(image.getexif)),
        embedded,
    )


def followed(read: Callable[[], StatedColour], embedded: bytes | None) -> StatedColour:
    """What `read` gives, with the `embedded` profile where it gives none; a note where the numbers cannot be."""
    try:
        colour = read()
    except (struct.error, ValueError, TypeError, ZeroDivisionError, OverflowError):
        colour = StatedColour(note=None if embedded else _ODD)
    return StatedColour(colour.profile or embedded, colour.note)


def colour_of_tags(tag: Callable[[int], object], embedded: bytes | None) -> StatedColour | None:
    """What a TIFF with these tags states; `tag` gives the value of a number, or None."""
    white, primaries, function = tag(318), tag(319), tag(301)
    if embedded or (white is None and primaries is None and function is None):
        return None
    points = list(SRGB)
    if white is not None:
        points[0] = _pairs(white)[0]
    if primaries is not None:
        points[1:] = _pairs(primaries)[:3]
    if len(points) != 4:
        raise ValueError("not three primaries")
    return _colour(Primaries(*points), _tables(function))


def exif_colour(get_exif: Callable[[], Image.Exif]) -> StatedColour:
    """Adobe RGB where EXIF's ColorSpace and InteroperabilityIndex state it, else nothing."""
    try:
        exif = get_exif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1) if ExifTags.IFD.Interop in details else None
    except Exception:  # Pillow's EXIF reader raises many types at damaged data; `kdsr.image.decode` says so
        return StatedColour()
    space = details.get(ExifTags.Base.ColorSpace)
    text = index.decode("ascii", "replace") if isinstance(index, bytes) else str(index)
    if space == 2 or (space != 1 and text.startswith("R03")):
        return StatedColour(stated_profile(ADOBE_RGB, 2.2))
    return StatedColour()


def _colour(primaries: Primaries, curve: Curve) -> StatedColour:
    if is_srgb(primaries) and (curve is None or (isinstance(curve, float) and abs(curve / 2.2 - 1) < _NEAR_DISPLAY)):
        return StatedColour()  # 2.2 is how files write sRGB's curve where they have room for an exponent only
    return StatedColour(stated_profile(primaries, curve))


def _of_png(_image: Image.Image, stream: BinaryIO, _embedded: bytes | None) -> StatedColour | None:
    chunks = content_of(stream, b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
    coded = chunks.get(b"cICP")
    if coded is None:
        return _by_chunks(chunks)
    if len(coded) != 4 or coded[2] != 0:  # no PNG may state it
        other = _by_chunks(chunks) or StatedColour()
        return other._replace(note=other.note or _ODD)
    if coded[3] != 1:
        return StatedColour(note=_NARROW)
    return _by_numbers(coded[0], coded[1]) or _by_chunks(chunks)  # stands above ICC


def _by_chunks(chunks: Mapping[bytes, bytes]) -> StatedColour | None:
    """What the others than cICP state."""
    if b"iCCP" in chunks:
        return StatedColour(profile_in(chunks[b"iCCP"]))
    if b"sRGB" in chunks:
        return StatedColour()
    exponent = struct.unpack(">I", chunks[b"gAMA"])[0] / 100_000 if b"gAMA" in chunks else None
    points = [value / 100_000 for value in struct.unpack(">8I", chunks[b"cHRM"])] if b"cHRM" in chunks else None
    if exponent is None:
        return None if points is None or is_srgb(Primaries(*_pairs(points))) else StatedColour(note=_ALONE)
    if not _EXPONENTS[0] <= exponent <= _EXPONENTS[1]:
        return StatedColour(note=_ODD)
    return _colour(SRGB if points is None else Primaries(*_pairs(points)), 1 / exponent)


def _by_numbers(primaries: int, transfer: int) -> StatedColour | None:
    """What H.273's numbers state; None if nothing."""
    if primaries == 2 and transfer in (2, 13):
        return None
    if transfer in _H273_HDR:
        return StatedColour(note=_HDR.format(_H273_HDR[transfer]))
    points = SRGB if primaries == 2 else _H273_PRIMARIES.get(primaries)
    if points is None or transfer not in _H273_CURVES:
        return StatedColour(note=_UNKNOWN)
    curve = _H273_CURVES[transfer]
    return StatedColour() if is_srgb(points) and curve is None else StatedColour(stated_profile(points, curve))


def _of_boxes(_image: Image.Image, stream: BinaryIO, embedded: bytes | None) -> StatedColour | None:
    nclx = about_picture(stream).nclx
    return None if embedded or nclx is None else _by_numbers(*nclx)


def _of_tiff(image: Image.Image, _stream: BinaryIO, embedded: bytes | None) -> StatedColour | None:
    tags: Mapping[int, object] = getattr(image, "tag_v2", {})
    return colour_of_tags(tags.get, embedded)


def bmp_colour(stream: BinaryIO) -> StatedColour | None:
    """What the header of a BMP states."""
    stream.seek(0)
    start = stream.read(14 + 124)
    header = start[14 if start[:2] == b"BM" else 0 :]
    size = int.from_bytes(header[:4], "little")
    if size < 108 or len(header) < size:
        return None
    kind = struct.unpack_from("<I", header, 56)[0]
    if kind == 0:
        return _calibrated(header)
    if size >= 124 and kind == int.from_bytes(b"LINK"):
        return StatedColour(note=_LINKED)
    if size >= 124 and kind == int.from_bytes(b"MBED"):
        place, length = struct.unpack_from("<II", header, 112)
        stream.seek(place + (14 if start[:2] == b"BM" else 0))
        return StatedColour(stream.read(length)) if length else None
    return None


def _calibrated(header: bytes) -> StatedColour | None:
    """Endpoints as XYZ (2.30) of red, green and blue, and an exponent (16.16) for each."""
    lights = np.array(struct.unpack_from("<9i", header, 60)).reshape(3, 3) / (1 << 30)
    exponents = [each / 65536 for each in struct.unpack_from("<3I", header, 96)]
    exponents = [1 / each if 0 < each < 1 else each for each in exponents]  # both directions are found
    if not lights.any() or not any(exponents):
        return None  # many programs leave them at 0
    if not all(_EXPONENTS[0] <= each <= _EXPONENTS[1] for each in exponents):
        return StatedColour(note=_ODD)
    points = [(each[0] / each.sum(), each[1] / each.sum()) for each in (lights.sum(axis=0), *lights) if each.sum() > 0]
    if len(points) < 4:
        return StatedColour(note=_ODD)
    if np.abs(lights.sum(axis=1) - 1).max() < _IS_CHROMATICITY:  # some write x, y, z, which say nothing of the white
        points[0] = SRGB.white
    steps = np.linspace(0, 1, 4096)
    curve = exponents[0] if len(set(exponents)) == 1 else [steps**each for each in exponents]
    return _colour(Primaries(*points), curve)


def _pairs(numbers: object) -> list[tuple[float, float]]:
    if not isinstance(numbers, Sequence) or len(numbers) % 2:
        raise ValueError("not pairs")
    values = [float(number) for number in numbers]
    return list(zip(values[::2], values[1::2], strict=True))


def _tables(function: object) -> Curve:
    """A TIFF's TransferFunction: one table for all channels, or three."""
    if function is None:
        return None
    values = np.asarray(function, np.float64).ravel() / 65535
    if len(values) >= 3 and len(values) % 3 == 0:
        return list(values.reshape(3, -1))
    if len(values) < 2:
        raise ValueError("no table")
    return [values]


def _states_nothing(_image: Image.Image, _stream: BinaryIO, _embedded: bytes | None) -> None:
    """The reader of a format that states its colour by ICC or EXIF only."""


_READERS: Mapping[str, Callable[[Image.Image, BinaryIO, bytes | None], StatedColour | None]] = MappingProxyType(
    {
        "PNG": _of_png,
        "TIFF": _of_tiff,
        "BMP": lambda _image, stream, _embedded: bmp_colour(stream),
        "AVIF": _of_boxes,
        "HEIF": _of_boxes,
    }
)
