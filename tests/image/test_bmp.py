"""BMP of runs and of bit fields, each built from its bytes."""

import struct

import numpy as np
import pytest

from kdsr.errors import InputError
from kdsr.image import read_picture
from kdsr.settings import Settings

SETTINGS = Settings(max_input_megapixels=1)


def bmp(
    width: int, height: int, bits: int, compression: int, data: bytes, *, masks: bytes = b"", header: int = 40
) -> bytes:
    """A BMP; entry i of its palette is (i, 0, 0)."""
    palette = b"".join(bytes([0, 0, i, 0]) for i in range(1 << bits)) if bits <= 8 else b""
    start = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 2835, 2835, 0, 0)
    start = start + masks.ljust(header - 40, b"\0") if header > 40 else start[:header] + masks
    place = 14 + len(start) + len(palette)
    return b"BM" + struct.pack("<IHHI", place + len(data), 0, 0, place) + start + palette + data


def rows(data: bytes) -> list[list[int]]:
    """The numbers in the palette."""
    return read_picture(data, SETTINGS).pixels[..., 0].tolist()


@pytest.mark.parametrize(
    ("bits", "stored", "expected"),
    [
        (4, "0005 1231 2000 0B33 0000 0001", [[1, 2, 3, 1, 2, *[3] * 11]]),
        (4, "0007 1234 5670 0933 0001", [[1, 2, 3, 4, 5, 6, 7, *[3] * 9]]),
        (4, "0006 1234 5600 0A33 0001", [[1, 2, 3, 4, 5, 6, *[3] * 10]]),
        (4, "0312 0421 0912 0001", [[1, 2, 1, 2, 1, 2, 1, 1, 2, 1, 2, 1, 2, 1, 2, 1]]),
        (4, "0212 0000 1044 0001", [[4] * 16, [1, 2, *[0] * 14]]),
        (4, "0212 0002 0301 0244 0001", [[0] * 5 + [4, 4] + [0] * 9, [1, 2, *[0] * 14]]),
        (4, "1444 0001", [[4] * 16]),  # a run beyond the end of its row
        (8, "0003 0A0B 0C00 0D03 0001", [[10, 11, 12, *[3] * 13]]),
        (8, "1005 0000 0003 0A0B 0C00 0001", [[10, 11, 12, *[0] * 13], [5] * 16]),
        (8, "FF05 FF06 0000 1007 0001", [[7] * 16, [5] * 16]),
        (8, "1005", [[5] * 16]),
        (8, "0001", [[0] * 16]),
    ],
)
def test_runs_are_unpacked(bits, stored, expected):
    assert rows(bmp(16, len(expected), bits, {8: 1, 4: 2}[bits], bytes.fromhex(stored))) == expected


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("bits", [4, 8])
def test_random_runs_read_as_a_plain_interpreter_reads_them(bits, seed):
    random = np.random.default_rng(seed)
    width, height = 37, 11
    data, expected = b"", np.zeros((height, width), int)
    for row in range(height):
        column = 0
        while column < width:
            count = int(random.integers(1, min(40, width - column) + 1))
            pixels = random.integers(0, 1 << bits, count)
            if random.random() < 0.5 and count > 2:
                nibbles = np.append(pixels, 0)[: count + count % 2]
                packed = bytes(pixels.tolist()) if bits == 8 else bytes((nibbles[::2] * 16 + nibbles[1::2]).tolist())
                data += bytes([0, count]) + packed + bytes(len(packed) % 2)
            else:
                pixels = np.resize(pixels[: 1 if bits == 8 else 2], count)
                pair = np.resize(pixels, 2).tolist()
                data += bytes([count, pair[0] if bits == 8 else pair[0] * 16 + pair[1]])
            expected[height - 1 - row, column : column + count] = pixels
            column += count
        data += b"\0\0"
    assert rows(bmp(width, height, bits, {8: 1, 4: 2}[bits], data + b"\0\1")) == expected.tolist()


@pytest.mark.parametrize("stored", ["1005 0000 0F05", "1005 0000 0003 0A", "1005 0000"])
def test_runs_that_end_too_early_are_refused(stored):
    with pytest.raises(InputError, match="damaged or incomplete"):
        rows(bmp(16, 3, 8, 1, bytes.fromhex(stored)))


MASKS = {
    "565": (16, (0xF800, 0x07E0, 0x001F, 0), 0x8410, [132, 130, 132]),
    "555": (16, (0x7C00, 0x03E0, 0x001F, 0), 0x8410, [8, 0, 132]),
    "4444": (16, (0x0F00, 0x00F0, 0x000F, 0xF000), 0x8123, [17, 34, 51, 136]),
    "1555": (16, (0x7C00, 0x03E0, 0x001F, 0x8000), 0x8410, [8, 0, 132, 255]),
    "2-10-10-10": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000), 0x7FF00400, [255, 0, 0, 85]),
    "8-8-8-8": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 0x80FF0102, [255, 1, 2, 128]),
    "its bytes turned": (32, (0xFF, 0xFF0000, 0xFF00, 0), 0x80FF0102, [2, 255, 1]),
    "only red": (32, (0xFF, 0, 0, 0), 0x80FF0102, [2, 0, 0]),
}


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("header", [40, 56, 108, 124])
def test_bit_fields_are_read_and_rounded(kind, header):
    bits, masks, stored, expected = MASKS[kind]
    data = struct.pack("<H2x" if bits == 16 else "<I", stored)
    packed = struct.pack("<4I", *masks)
    # alpha has no mask in the short header of compression 3; 6 has one
    picture = read_picture(bmp(1, 1, bits, 6 if header == 40 else 3, data, masks=packed, header=header), SETTINGS)
    assert picture.pixels.ravel().tolist() == expected[:3]
    assert (None if picture.alpha is None else picture.alpha.tolist()) == ([[expected[3]]] if masks[3] else None)
    if header == 40:
        short = read_picture(bmp(1, 1, bits, 3, data, masks=packed[:12]), SETTINGS)
        assert short.pixels.ravel().tolist() == expected[:3]
        assert short.alpha is None


def test_alpha_that_is_0_everywhere_was_not_used():
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    picture = read_picture(bmp(2, 1, 32, 3, struct.pack("<2I", 0x010203, 0x040506), masks=masks, header=124), SETTINGS)
    assert picture.alpha is None
    assert picture.pixels.tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_rows_from_the_top_are_read_in_their_order():
    data = struct.pack("<4H", 0x7C00, 0, 0x1F, 0)
    assert read_picture(bmp(1, -2, 16, 0, data), SETTINGS).pixels.tolist() == [[[255, 0, 0]], [[0, 0, 255]]]
    assert read_picture(bmp(1, 2, 16, 0, data), SETTINGS).pixels.tolist() == [[[0, 0, 255]], [[255, 0, 0]]]


def test_palettes_of_2_bits_and_of_too_many_colours_are_read():
    assert rows(bmp(5, 2, 2, 0, bytes([0b00011011, 0b01000000, 0, 0, 0xFF, 0xFF, 0, 0]))) == [[3] * 5, [0, 1, 2, 3, 1]]
    data = bytearray(bmp(3, 1, 4, 0, bytes([0x12, 0x30, 0, 0])))
    struct.pack_into("<I", data, 14 + 32, 300)
    assert rows(bytes(data)) == [[1, 2, 3]]


def test_what_is_not_read_is_named_and_what_is_too_large_or_short_is_refused():
    for bits, compression, words in ((24, 4, "holds a JPEG"), (24, 5, "holds a PNG"), (64, 0, "64 bits")):
        with pytest.raises(InputError, match=words):
            read_picture(bmp(2, 2, bits, compression, bytes(64)), SETTINGS)
    with pytest.raises(InputError, match="megapixels"):
        read_picture(bmp(5000, 5000, 8, 1, b"\0\1"), SETTINGS)
    with pytest.raises(InputError, match="damaged or incomplete"):
        read_picture(bmp(5, 5, 32, 0, bytes(99)), SETTINGS)


def test_os_2_has_its_own_compressions_and_its_header_may_end_early():
    odd_run = bytes.fromhex("0005 1231 2000 0B33 0000 0001")
    assert rows(bmp(16, 1, 4, 2, odd_run, header=64)) == [[1, 2, 3, 1, 2, *[3] * 11]]
    assert rows(bmp(3, 1, 8, 1, bytes.fromhex("0307 0001"), header=64)) == [[7, 7, 7]]
    colours = bytes([1, 2, 3, 4, 5, 6, 0, 0])
    for header in (16, 20, 24, 36, 48, 60, 64):
        picture = read_picture(bmp(2, 1, 24, 0, colours, header=header), SETTINGS)
        assert picture.pixels.tolist() == [[[3, 2, 1], [6, 5, 4]]]
        assert rows(bmp(3, 1, 4, 0, bytes([0x12, 0x30, 0, 0]), header=header)) == [[1, 2, 3]]
    for bits, compression, words in ((24, 4, "in runs of 24 bits"), (1, 3, "in Huffman")):
        with pytest.raises(InputError, match=f"OS/2 {words}"):
            read_picture(bmp(8, 1, bits, compression, bytes(8), header=64), SETTINGS)
