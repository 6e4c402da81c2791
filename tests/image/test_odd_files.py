"""Intact files of unusual kinds are read with their right values, or a sentence names what they are."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from helpers.pictures import noise, png_chunk, same, swapped_profile, with_png_chunk
from PIL import Image

from kdsr.errors import InputError
from kdsr.image import encode_png, png_chunks, read_picture
from kdsr.image.png_chunks import SIGNATURE
from kdsr.settings import Settings

SETTINGS = Settings(max_input_megapixels=1)
MEGABYTES = bytes(3 << 20)


# --- PNG
# -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (b"zTXt", b"Comment\0\0" + zlib.compress(MEGABYTES)),
        (b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(MEGABYTES)),
        (b"tEXt", b"Comment\0" + MEGABYTES),
        (b"zTXt", b"Comment\0\0no zlib"),
        (b"cHRM", b"short"),
        (b"gAMA", b""),
        (b"pHYs", b"1"),
        (b"sRGB", b""),
    ],
)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_png_is_read_whatever_stands_beside_its_pixels(name, content, kind):
    picture = noise(7, 13, kind)
    plain = encode_png(picture)
    for data in (with_png_chunk(plain, name, content), plain[:-12] + png_chunk(name, content) + plain[-12:]):
        assert same(read_picture(data, SETTINGS), picture)


def test_of_an_animation_of_16_bits_the_first_frame_is_used():
    picture, control = noise(7, 13, np.uint16), struct.pack(">5I2H2B", 0, 13, 7, 0, 0, 1, 1, 0, 0)
    other = encode_png(noise(7, 13, np.uint16, seed=1))
    pixels = other[other.index(b"IDAT") + 4 : -16]
    plain = with_png_chunk(encode_png(picture), b"acTL", struct.pack(">2I", 1, 0))
    frame = png_chunk(b"fcTL", control) + png_chunk(b"fdAT", struct.pack(">I", 1) + pixels)
    assert same(read_picture(plain[:-12] + frame + plain[-12:], SETTINGS), picture)


def test_a_profile_of_megabytes_is_followed():
    profile = swapped_profile()
    large = struct.pack(">I", len(profile) + len(MEGABYTES)) + profile[4:] + MEGABYTES
    for kind in (np.uint8, np.uint16):
        picture = noise(7, 13, kind)
        data = with_png_chunk(encode_png(picture), b"iCCP", b"icc\0\0" + zlib.compress(large))
        again = read_picture(data, SETTINGS)
        assert np.abs(again.pixels.astype(int) - picture.pixels[..., [1, 0, 2]]).max() <= 2
        assert again.notes[0].endswith(" to sRGB.")


def test_a_profile_that_unpacks_without_end_is_a_note(monkeypatch):
    monkeypatch.setattr(png_chunks, "_MOST_PROFILE_BYTES", 1 << 20)
    bomb = zlib.compress(MEGABYTES)
    picture = noise(7, 13)
    again = read_picture(with_png_chunk(encode_png(picture), b"iCCP", b"icc\0\0" + bomb), SETTINGS)
    assert same(again, picture)
    assert "it was ignored" in again.notes[0]


# --- TIFF
# -------------------------------------------------------------------------------------------------------------------


def packed(numbers: np.ndarray, bits: int) -> bytes:
    """Each row of `numbers` (rows, N), `bits` each, from the highest bit on, filled up to a byte."""
    flags = (numbers[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(flags.astype(np.uint8).reshape(len(numbers), -1), axis=1).tobytes()


def tiff(
    data: bytes, shape: tuple[int, int, int], bits: int, photometric: int, *tags: tuple[int, int, list[int]],
    order: str = "<", is_big: bool = False, compression: int = 1,
) -> bytes:  # fmt: skip
    """A TIFF of one strip, or BigTIFF."""
    height, width, channels = shape
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * channels), (259, 3, [compression])]
    entries += [(262, 3, [photometric]), (273, 4, []), (277, 3, [channels]), (278, 4, [height]), (279, 4, [len(data)])]
    entries = sorted({each[0]: each for each in [*entries, *tags]}.values())
    room, wide = (8, "Q") if is_big else (4, "I")
    place = (16 + 8 + 20 * len(entries) + 8) if is_big else (8 + 2 + 12 * len(entries) + 4)
    lists = {
        tag: struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values) for tag, kind, values in entries
    }
    start = place + sum(len(each) for each in lists.values() if len(each) > room)
    lists[273] = struct.pack(f"{order}I", start)
    table, beyond = b"", b""
    for tag, kind, values in entries:
        content = lists[tag]
        if len(content) > room:
            content, beyond = struct.pack(f"{order}{wide}", place + len(beyond)), beyond + content
        table += struct.pack(f"{order}HH{wide}", tag, kind, max(len(values), 1)) + content.ljust(room, b"\0")
    mark = b"II" if order == "<" else b"MM"
    header = struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if is_big else struct.pack(f"{order}HI", 42, 8)
    count = struct.pack(f"{order}{'Q' if is_big else 'H'}", len(entries))
    return mark + header + count + table + bytes(room) + beyond + data


@pytest.mark.parametrize("bits", [*range(1, 8), 9, 10, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_of_any_bits_are_read_at_full_range(bits, channels, order):
    shape = (5, 7, channels)
    numbers = np.random.default_rng(bits).integers(0, 1 << bits, shape)
    levels, most = (255 if bits < 8 else 65_535), (1 << bits) - 1
    data = packed(numbers.reshape(5, -1), bits)
    photometric = 1 if channels == 1 else 2
    expected = np.rint(numbers * (levels / most))
    picture = read_picture(tiff(data, shape, bits, photometric, order=order), SETTINGS)
    assert picture.bits == (8 if bits < 8 else 16)
    assert np.array_equal(picture.pixels, expected)
    deflated = tiff(zlib.compress(data), shape, bits, photometric, order=order, compression=8)
    assert np.array_equal(read_picture(deflated, SETTINGS).pixels, expected)
    if channels == 1:
        inverted = read_picture(tiff(data, shape, bits, 0, order=order), SETTINGS)
        assert np.array_equal(inverted.pixels, levels - expected)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7])
def test_palettes_of_any_bits_are_read(bits):
    random = np.random.default_rng(bits)
    numbers, palette = random.integers(0, 1 << bits, (5, 7, 1)), random.integers(0, 65_536, (3, 1 << bits))
    data = tiff(packed(numbers[..., 0], bits), (5, 7, 1), bits, 3, (320, 3, palette.ravel().tolist()))
    assert np.array_equal(read_picture(data, SETTINGS).pixels, palette.T[numbers[..., 0]] >> 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_bigtiff_of_both_byte_orders_is_read(order, kind):
    for channels in (1, 3):
        picture = noise(5, 7, kind, channels)
        data = picture.pixels.astype(np.dtype(kind).newbyteorder(order)).tobytes()
        photometric = 1 if channels == 1 else 2
        again = tiff(data, (5, 7, channels), 8 * np.dtype(kind).itemsize, photometric, order=order, is_big=True)
        assert same(read_picture(again, SETTINGS), picture)


def written(samples: np.ndarray, *, planar: bool, **options: object) -> bytes:
    stream = io.BytesIO()
    stored = np.ascontiguousarray(samples.transpose(2, 0, 1)) if planar else samples
    if samples.ndim == 3:
        options["planarconfig"] = "separate" if planar else "contig"
    tifffile.imwrite(stream, stored, metadata=None, **options)
    return stream.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"byteorder": ">"}, {"compression": "zlib"}])
def test_every_layout_of_channels_is_read(planar, kind, options):
    samples = noise(21, 19, kind, alpha=True)
    stacked = np.dstack([samples.pixels, samples.alpha])
    most = np.iinfo(kind).max
    grey = read_picture(
        written(stacked[..., :2], planar=planar, photometric="minisblack", extrasamples=["unassalpha"], **options),
        SETTINGS,
    )
    assert np.array_equal(grey.pixels, stacked[..., :1])
    assert np.array_equal(grey.alpha, stacked[..., 1])
    colour = written(stacked, planar=planar, photometric="rgb", extrasamples=["unassalpha"], **options)
    assert same(read_picture(colour, SETTINGS), samples)
    inks = read_picture(written(stacked, planar=planar, photometric="separated", **options), SETTINGS)
    shares = 1 - stacked / most
    assert np.abs(inks.pixels - 255 * shares[..., :3] * shares[..., 3:]).max() <= 2
    assert any("8" in note for note in inks.notes) == (kind is np.uint16)


def test_a_predictor_is_undone_and_tiles_far_beyond_the_picture_are_refused():
    deep = noise(20, 30, np.uint16).pixels
    steps = np.diff(deep, axis=1, prepend=np.zeros((20, 1, 3), np.uint16))
    data = tiff(zlib.compress(steps.tobytes()), deep.shape, 16, 2, (317, 3, [2]), compression=8)
    assert np.array_equal(read_picture(data, SETTINGS).pixels, deep)
    huge = [(322, 4, [1 << 15]), (323, 4, [1 << 15]), (324, 4, [8]), (325, 4, [8])]
    with pytest.raises(InputError, match="damaged or incomplete"):
        read_picture(tiff(bytes(8), (1, 1, 1), 16, 1, *huge), SETTINGS)


@pytest.mark.parametrize(
    ("compression", "word"),
    [(34887, "LERC"), (50001, "WEBP"), (34712, "JPEG 2000|JPEG2000"), (50002, "JPEGXL"), (999, "999")],
)
def test_a_tiff_compressed_in_a_way_that_is_not_read_is_named(compression, word):
    for bits in (8, 16):
        with pytest.raises(InputError, match=word):
            read_picture(tiff(bytes(64), (4, 4, 1), bits, 1, compression=compression), SETTINGS)


def test_a_tiff_compressed_by_zstandard_is_read():
    for mode, kind in (("L", np.uint8), ("I;16", np.uint16)):
        deep = noise(9, 11, kind, 1).pixels[..., 0]
        stream = io.BytesIO()
        image = Image.fromarray(deep) if mode == "L" else Image.frombytes(mode, (11, 9), deep.tobytes())
        image.save(stream, "TIFF", compression="zstd")
        assert np.array_equal(read_picture(stream.getvalue(), SETTINGS).pixels[..., 0], deep)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("photometric", "channels"), [("minisblack", 1), ("miniswhite", 1), ("rgb", 3), ("separated", 4)]
)
def test_channels_beyond_colour_are_alpha_or_a_note_says_that_they_are_left_out(photometric, channels, deep):
    stored = np.random.default_rng(1).integers(1, 256, (5, 7, channels + 2), np.uint8) * (np.uint16(257) if deep else 1)
    for kinds, place in (
        (["unassalpha"], 0),
        (["assocalpha"], 0),
        (["unspecified"], None),
        (["unassalpha", "unspecified"], 0),
        (["unspecified", "unassalpha"], 1),
    ):
        samples = stored[..., : channels + len(kinds)].copy()
        if kinds == ["assocalpha"]:
            samples[..., channels] = np.iinfo(samples.dtype).max  # nothing to divide by
        file = written(samples, planar=False, photometric=photometric, extrasamples=kinds)
        picture = read_picture(file, SETTINGS)
        colours = samples[..., 0] if channels == 1 else samples[..., :channels]
        plain = read_picture(written(colours, planar=False, photometric=photometric), SETTINGS)
        assert np.array_equal(picture.pixels, plain.pixels)
        assert any("left out" in note for note in picture.notes) == ("unspecified" in kinds)
        if place is None:
            assert picture.alpha is None
        else:
            alpha = samples[..., channels + place] // (257 if deep and picture.bits == 8 else 1)
            assert np.array_equal(picture.alpha, alpha)


def test_a_palette_with_levels_of_8_bits_is_not_black():
    """As old programs write it; libtiff's own viewer reads it so."""
    numbers = np.arange(16, dtype=np.uint8).reshape(4, 4)
    levels = np.random.default_rng(1).integers(1, 256, (3, 256))
    for factor in (1, 256):
        data = tiff(numbers.tobytes(), (4, 4, 1), 8, 3, (320, 3, (levels * factor).ravel().tolist()))
        assert np.array_equal(read_picture(data, SETTINGS).pixels, levels.T[numbers])


@pytest.mark.parametrize("number", [258, 259, 262, 277, 284, 317, 320, 339])
def test_a_forged_tiff_is_a_sentence_of_one_line_and_no_word_of_the_library_s(number, capfd):
    """Where one number is due, there are thousands; the terminal must not see the library's remarks on them."""
    for bits, photometric in ((8, 1), (8, 3), (12, 2)):
        data = tiff(bytes(64), (4, 4, 1), bits, photometric, (number, 3, list(range(1, 5001))))
        with contextlib.suppress(InputError):
            read_picture(data, SETTINGS)
            continue
        with pytest.raises(InputError) as refused:
            read_picture(data, SETTINGS)
        assert len(str(refused.value)) < 250 and "\n" not in str(refused.value)
    assert read_picture(tiff(bytes(16), (4, 4, 1), 8, 1, (274, 3, [99])), SETTINGS).notes == ()
    assert capfd.readouterr() == ("", "")


def test_chunks_are_not_followed_for_ever():
    assert encode_png(noise(1, 1))[:8] == SIGNATURE
    looping = SIGNATURE + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)) + b"\xff\xff\xff\xfftEXt"
    with pytest.raises(InputError, match="damaged or incomplete"):
        read_picture(looping, SETTINGS)
