"""A file of a kind that is not read is named, and never called damaged; a preview is not taken for its picture."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from kdsr.errors import InputError
from kdsr.image import read_picture
from kdsr.settings import Settings

PICTURE = Image.linear_gradient("L").resize((40, 24)).convert("RGB")


def encoded(format, **options):
    stream = io.BytesIO()
    PICTURE.save(stream, format, **options)
    return stream.getvalue()


def sentence(data):
    with pytest.raises(InputError) as caught:
        read_picture(data, Settings(), name="x")
    return str(caught.value)


def boxes(brand, also=b""):
    return struct.pack(">I", 16 + len(also)) + b"ftyp" + brand + bytes(4) + also + bytes(40)


@pytest.mark.parametrize(
    "start, kind",
    [
        (b"\xff\x0a", "JPEG XL"), (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"II\xbc\x01", "JPEG XR"),
        (b"IIRO", "raw file (ORF)"), (b"IIU\0", "raw file (RW2)"), (b"FUJIFILMCCD-RAW", "raw file (RAF)"),
        (boxes(b"crx ", b"isom"), "raw file (CR3)"), (boxes(b"isom", b"mp41"), "a film (MP4, MOV)"),
        (boxes(b"qt  "), "a film (MP4, MOV)"), (b"RIFF\0\0\0\0AVI ", "a film (AVI)"), (b"RIFF\0\0\0\0WAVE", "sound"),
        (b"PK\3\4", "an archive (ZIP)"), (b"\x8aMNG\r\n\x1a\n", "MNG"), (b"gimp xcf", "GIMP"),
        (b"#?RGBE\n", "Radiance"),
        (encoded("PCX"), "PCX"), (encoded("SGI"), "SGI"), (encoded("ICO"), "an icon (ICO)"),
        (encoded("TGA"), ""), (b"BMW is a maker of cars", ""), (b"a text", ""), (bytes(100), ""), (boxes(b"none"), ""),
    ],
)  # fmt: skip
def test_a_kind_that_is_not_read_is_named_and_not_called_damaged(start, kind):
    told = sentence(start + bytes(60))
    assert f"{kind}, not a picture in a format that is read" in told if kind.endswith(")") else kind in told
    assert "damaged" not in told and "not a picture in a format that is read" in told
    assert kind or told.startswith("'x' is not a picture")


@pytest.mark.parametrize("brand, also", [(b"heic", b"mif1"), (b"mif1", b"heic"), (b"miaf", b"heic"), (b"avci", b"")])
def test_heic_is_named_by_any_of_its_brands(brand, also, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    assert "is a HEIC picture" in sentence(boxes(brand, also))


@pytest.mark.parametrize("options", [{}, {"quality": 100, "subsampling": "4:4:4"}, {"quality": 30}])
def test_avif_is_read_and_a_torn_one_is_damaged(options):
    data = encoded("AVIF", **options)
    read = read_picture(data, Settings())
    assert (read.width, read.height) == (40, 24)
    assert np.abs(read.pixels.mean((0, 1)) - np.asarray(PICTURE).mean((0, 1))).max() < 3
    assert "'x' is damaged" in sentence(data[:200])


@pytest.mark.parametrize(
    "marker, precision, kind",
    [(0xC3, 8, "lossless"), (0xC5, 8, "hierarchical"), (0xC1, 12, "12-bit"), (0xF7, 8, "JPEG-LS")],
)
def test_a_jpeg_of_a_rare_kind_is_named(marker, precision, kind):
    data = bytearray(encoded("JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 1], data[place + 4] = marker, precision
    assert f"'x' is a JPEG of a kind that is not read ({kind})" in sentence(bytes(data))


@pytest.mark.parametrize("format", ["JPEG", "MPO"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_usual_jpegs_are_read(format, options):
    assert read_picture(encoded(format, **options), Settings()).width == 40


@pytest.mark.parametrize("how", ["reduced", "DNG", "CR2"])
def test_the_preview_of_a_raw_file_is_not_taken_for_its_picture(how):
    options = {"reduced": {"subfiletype": 1}, "DNG": {"extratags": [(50706, 1, 4, b"\1\4\0\0", True)]}, "CR2": {}}[how]
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(np.zeros((24, 40, 3), np.uint8), photometric="rgb", **options)
        writer.write(np.zeros((240, 400), np.uint16), photometric="minisblack")
    data = bytearray(stream.getvalue())
    if how == "CR2":
        first = struct.unpack("<I", data[4:8])[0]  # its tags move to the end, and leave room for the mark
        data += bytes(len(data) % 2)
        tags = data[first : first + 2 + 12 * struct.unpack("<H", data[first : first + 2])[0] + 4]
        data[4:8], data[8:10] = struct.pack("<I", len(data)), b"CR"
        data += tags
    assert "small copy of its picture, as raw files of cameras do" in sentence(bytes(data))
