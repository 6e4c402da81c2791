"""Colour that a file states without an ICC profile becomes sRGB, or a note says that it did not.

The values of PNG, AVIF and BMP are those that Chromium 148 shows.
"""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from helpers.pictures import encoded, noise, png_chunk, same, swapped_profile, with_png_chunk
from PIL import Image

from kdsr.image import Picture, encode_png, read_picture
from kdsr.image.profile import ADOBE_RGB, DISPLAY_P3, SRGB, Primaries
from kdsr.settings import Settings

SETTINGS = Settings()
COLOUR = (200, 100, 50)
ADOBE_AS_SRGB = (227, 100, 42)


def first(data: bytes) -> tuple[list[int], tuple[str, ...]]:
    """(the first pixel as 8-bit values, the notes)."""
    picture = read_picture(data, SETTINGS)
    return [
        round(value) for value in (picture.pixels[0, 0] / (257 if picture.bits == 16 else 1)).tolist()
    ], picture.notes


def gamma(exponent: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(exponent * 100_000))


def chromaticities(primaries: Primaries) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for point in primaries for value in point))


def coded(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes([primaries, transfer, 0, 1])


def png(pixel: tuple[int, ...], *chunks: tuple[bytes, bytes], is_deep: bool = False) -> bytes:
    pixels = np.array([[pixel]], np.uint16) * 257 if is_deep else np.array([[pixel]], np.uint8)
    data = encode_png(Picture(pixels))
    for chunk in reversed(chunks):
        data = with_png_chunk(data, *chunk)
    return data


# --- PNG
# -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_deep", [False, True])
@pytest.mark.parametrize(
    ("stored", "chunks", "shown"),
    [
        ((55,), [gamma(1)], (128,)),
        ((55, 55, 55), [gamma(1)], (128, 128, 128)),
        ((55, 55, 55), [gamma(1 / 1.8)], (71, 71, 71)),
        ((55, 55, 55), [gamma(1), chromaticities(SRGB)], (128, 128, 128)),
        (COLOUR, [gamma(0.45455), chromaticities(ADOBE_RGB)], ADOBE_AS_SRGB),
        (COLOUR, [coded(12, 13)], (215, 93, 31)),
        ((55, 55, 55), [coded(1, 8)], (128, 128, 128)),
        ((10, 55, 200), [coded(1, 4)], (3, 52, 201)),
        (COLOUR, [coded(12, 13), gamma(1), (b"sRGB", b"\0")], (215, 93, 31)),
        ((55, 55, 55), [coded(2, 2), gamma(1)], (128, 128, 128)),
    ],
)
def test_what_a_png_states_is_converted_as_browsers_do_and_it_says_so(stored, chunks, shown, is_deep):
    pixel, notes = first(png(stored, *chunks, is_deep=is_deep))
    assert pixel == list(shown)
    assert len(notes) == 1
    assert notes[0].startswith("Converted from ")


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma(0.45455)],
        [gamma(0.46)],  # within libpng's tolerance
        [gamma(0.45455), chromaticities(SRGB)],
        [gamma(0.45455), chromaticities(ADOBE_RGB), (b"sRGB", b"\0")],
        [gamma(1), (b"sRGB", b"\0")],
        [chromaticities(SRGB)],
        [coded(1, 13)],
    ],
)
def test_a_png_that_states_srgb_stays_bit_for_bit(chunks):
    assert first(png((10, 55, 200), *chunks)) == ([10, 55, 200], ())


@pytest.mark.parametrize(
    ("chunks", "word"),
    [
        ([chromaticities(ADOBE_RGB)], "without a gamma"),
        ([coded(9, 16)], "PQ"),
        ([coded(9, 18)], "HLG"),
        ([coded(10, 13)], "not converted"),
        ([(b"cICP", bytes([12, 13, 0, 0]))], "16 to 235"),
        ([(b"cICP", bytes([12, 13, 1, 1]))], "cannot be"),
        ([(b"cICP", bytes([12, 13]))], "cannot be"),
        ([gamma(0)], "cannot be"),
        ([gamma(40)], "cannot be"),
        ([gamma(0.5), (b"cHRM", bytes(32))], "cannot be"),
    ],
)
def test_what_a_png_states_and_is_not_followed_is_said(chunks, word):
    pixel, notes = first(png(COLOUR, *chunks))
    assert pixel == list(COLOUR)
    assert len(notes) == 1
    assert word in notes[0]


def test_an_embedded_profile_stands_above_gamma_and_below_numbers():
    profile = (b"iCCP", b"icc\0\0" + zlib.compress(swapped_profile()))
    assert first(png(COLOUR, profile, gamma(1)))[0] == [100, 200, 50]
    assert first(png(COLOUR, profile, coded(12, 13)))[0] == [215, 93, 31]
    assert first(png(COLOUR, profile, (b"cICP", bytes([12, 13, 1, 1]))))[0] == [100, 200, 50]  # no PNG may state it


def test_a_palette_of_greys_with_a_profile_of_rgb_is_converted():
    header = struct.pack(">IIBBBBB", 1, 1, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), gamma(1), (b"PLTE", bytes([55] * 3)), (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b""))
    assert first(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts))[0] == [128]


def test_the_stated_profile_of_srgb_moves_nothing():
    picture = noise(7, 13)
    data = with_png_chunk(encode_png(picture), *coded(1, 13))
    assert same(read_picture(data, SETTINGS), picture)


# --- TIFF, EXIF
# -------------------------------------------------------------------------------------------------------------------


def rationals(*values: float) -> tuple[int, ...]:
    return tuple(number for value in values for number in (round(value * 10_000), 10_000))


def tiff(pixel: tuple[int, ...], kind: type, *tags: tuple[int, int, int, object]) -> bytes:
    stream = io.BytesIO()
    pixels = np.array([[pixel]], kind) * (257 if kind is np.uint16 else 1)
    tifffile.imwrite(stream, pixels, photometric="rgb", metadata=None, extratags=[(*tag, True) for tag in tags])
    return stream.getvalue()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_primaries_and_transfer_function_of_a_tiff_are_followed(kind):
    white = (318, 5, 2, rationals(*ADOBE_RGB.white))
    lights = (319, 5, 6, rationals(*(value for point in ADOBE_RGB[1:] for value in point)))
    steps = np.linspace(0, 1, 256 if kind is np.uint8 else 65_536)
    power = tuple(np.rint(steps**2.2 * 65_535).astype(int).tolist())
    assert first(tiff(COLOUR, kind, white, lights, (301, 3, 3 * len(power), power * 3)))[0] == list(ADOBE_AS_SRGB)
    linear = tuple(np.rint(steps * 65_535).astype(int).tolist())
    pixel, notes = first(tiff((55, 55, 55), kind, (301, 3, len(linear), linear)))
    assert pixel == [128, 128, 128]
    assert notes == ("Converted from the curve that the file states to sRGB.",)
    bad = (319, 5, 6, rationals(*[0.3] * 6))
    assert first(tiff(COLOUR, kind, bad)) == (
        list(COLOUR),
        ("The colour that the file states cannot be; it was ignored.",),
    )


def adobe_tiff(*entries: tuple[int, int, int, bytes], space: int, index: bytes = b"R03\0") -> bytes:
    """A little-endian TIFF with `entries`, and ColorSpace and InteroperabilityIndex in its EXIF."""

    def directory(*entries: tuple[int, int, int, bytes]) -> bytes:
        body = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3].ljust(4, b"\0") for entry in entries)
        return struct.pack("<H", len(entries)) + body + bytes(4)

    place = 8 + 6 + 12 * (len(entries) + 1)
    details = directory((0xA001, 3, 1, struct.pack("<H", space)), (0xA005, 4, 1, struct.pack("<I", place + 6 + 12 * 2)))
    outer = directory(*entries, (0x8769, 4, 1, struct.pack("<I", place)))
    return b"II*\0\x08\0\0\0" + outer + details + directory((1, 2, 4, index))


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG"])
def test_adobe_rgb_by_exif_is_followed(format):
    options: dict[str, object] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(
        format, {}
    )
    image = Image.new("RGB", (16, 16), COLOUR)
    for tags in (adobe_tiff(space=0xFFFF), adobe_tiff(space=2, index=b"R98\0")):
        pixel, notes = first(encoded(image, format, exif=b"Exif\0\0" + tags, **options))
        assert np.abs(np.array(pixel) - ADOBE_AS_SRGB).max() <= (4 if format == "JPEG" else 0)
        assert notes == ("Converted from Adobe RGB with gamma 2.20 to sRGB.",)
    plain = encoded(image, format, exif=b"Exif\0\0" + adobe_tiff(space=1, index=b"R98\0"), **options)
    assert first(plain)[1] == ()


@pytest.mark.parametrize("bits", [8, 16])
def test_adobe_rgb_by_exif_is_followed_in_a_tiff(bits):
    pixels = np.array(COLOUR, f"<u{bits // 8}") * (257 if bits == 16 else 1)
    place = 300
    values = {256: 1, 257: 1, 258: bits, 259: 1, 262: 2, 273: place, 277: 3, 278: 1, 279: pixels.nbytes}
    entries = [(tag, 3, 1, struct.pack("<H", value)) for tag, value in values.items()]
    entries[2] = (258, 3, 3, struct.pack("<I", place + 6))
    data = adobe_tiff(*entries, space=0xFFFF).ljust(place, b"\0") + pixels.tobytes().ljust(6, b"\0")
    assert first(data + struct.pack("<3H", *[bits] * 3))[0] == list(ADOBE_AS_SRGB)


def test_adobe_rgb_by_exif_is_followed_in_a_png_of_16_bits():
    assert first(png(COLOUR, (b"eXIf", adobe_tiff(space=0xFFFF)), is_deep=True))[0] == list(ADOBE_AS_SRGB)


# --- AVIF, BMP
# -------------------------------------------------------------------------------------------------------------------


def avif(pixel: tuple[int, ...], primaries: int, transfer: int) -> bytes:
    data = encoded(Image.new("RGB", (64, 64), pixel), "AVIF", quality=100, subsampling="4:4:4")
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def test_numbers_of_colour_in_an_avif_are_followed():
    for numbers, shown in (
        ((1, 13), COLOUR),
        ((12, 13), (215, 93, 31)),
        ((9, 1), (241, 76, 29)),
        ((1, 8), (229, 168, 122)),
    ):
        pixel, notes = first(avif(COLOUR, *numbers))
        assert pixel == list(shown)
        assert len(notes) == (numbers != (1, 13))
    pixel, notes = first(avif(COLOUR, 9, 16))
    assert pixel == list(COLOUR)
    assert "PQ" in notes[0]


def test_a_file_of_10_bits_that_is_read_with_8_says_so():
    for bits in (8, 10, 12):
        pixels = np.full((64, 64, 3), 512 if bits > 8 else 128, np.uint16 if bits > 8 else np.uint8)
        data = cv2.imencode(".avif", pixels, [cv2.IMWRITE_AVIF_DEPTH, bits])[1].tobytes()
        note = f"The file has {bits} bits per channel, and was read with 8."
        assert read_picture(data, SETTINGS).notes == (() if bits == 8 else (note,))
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((3, 5, 4), np.uint16), photometric="separated")
    assert "The file has 16 bits per channel, and was read with 8." in read_picture(stream.getvalue(), SETTINGS).notes


def bmp(
    pixel: tuple[int, ...], kind: int, *, exponent: float = 0, lights: bytes = bytes(36), profile: bytes = b""
) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 124, 1, 1, 1, 24, 0, 4, 2835, 2835, 0, 0) + bytes(16)
    header += struct.pack("<I", kind) + lights + struct.pack("<3I", *[round(exponent * 65_536)] * 3)
    header += struct.pack("<4I", 4, 124 + 4 if profile else 0, len(profile), 0)
    start = struct.pack("<IHHI", 14 + 124 + 4 + len(profile), 0, 0, 14 + 124)
    return b"BM" + start + header + bytes(pixel[::-1]) + b"\0" + profile


def endpoints(primaries: Primaries) -> bytes:
    """XYZ of the three lights that together are the white of `primaries`, in 2.30."""
    white, *lights = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in primaries)
    matrix = np.stack(lights, axis=1)
    return struct.pack("<9i", *np.rint((matrix * np.linalg.solve(matrix, white)).T.ravel() * (1 << 30)).astype(int))


def test_what_a_bmp_of_version_5_states_is_followed():
    assert first(bmp(COLOUR, 0, exponent=2.2, lights=endpoints(ADOBE_RGB)))[0] == list(ADOBE_AS_SRGB)
    assert first(bmp((55, 55, 55), 0, exponent=1, lights=endpoints(SRGB)))[0] == [128, 128, 128]
    assert first(bmp(COLOUR, int.from_bytes(b"MBED"), profile=swapped_profile()))[0] == [100, 200, 50]
    chromaticities = [value for x, y in SRGB[1:] for value in (x, y, 1 - x - y)]
    odd = struct.pack("<9i", *(round(value * (1 << 30)) for value in chromaticities))
    assert first(bmp(COLOUR, 0, exponent=0.4545, lights=odd)) == (list(COLOUR), ())
    assert first(bmp(COLOUR, 0)) == (list(COLOUR), ())  # all zero: nothing is stated
    assert first(bmp(COLOUR, int.from_bytes(b"sRGB"))) == (list(COLOUR), ())
    assert "another file" in first(bmp(COLOUR, int.from_bytes(b"LINK"), profile=b"c:\\a.icc\0"))[1][0]
    assert "cannot be" in first(bmp(COLOUR, 0, exponent=100, lights=endpoints(DISPLAY_P3)))[1][0]
