"""EXIF, XMP and resolution of the source go into the result; orientation and thumbnail do not."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from helpers.pictures import encoded, noise, with_png_chunk
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import IFDRational

from kdsr.image import WRITABLE_SUFFIXES, Picture, encode_picture, encode_png, read_picture, tiff_writer, write_strips
from kdsr.image import write as writing
from kdsr.image.directories import TiffEntry, packed_tree
from kdsr.image.metadata import Metadata, read_metadata
from kdsr.image.png_chunks import without_metadata
from kdsr.image.write import left_out
from kdsr.settings import Settings

SETTINGS = Settings()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"><dc:title>Pond</dc:title>'
    b"<xmp:Thumbnails><rdf:li>THUMB</rdf:li></xmp:Thumbnails></rdf:Description></x:xmpmeta>"
)
PAGE = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".jpg": "JPEG", ".jpeg": "JPEG"}


def full_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Artist] = "KDSR", "Zoë"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif).update({
        ExifTags.Base.DateTimeOriginal: "2026:11:29 12:00:00",
        ExifTags.Base.ExposureTime: IFDRational(1, 250),
        ExifTags.Base.ISOSpeedRatings: 400,
        ExifTags.Base.ColorSpace: 1,
        ExifTags.Base.ExifImageWidth: 13,
        ExifTags.Base.UserComment: b"ASCII\0\0\0pond",
    })  # fmt: skip
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({
        ExifTags.GPS.GPSLatitudeRef: "N",
        ExifTags.GPS.GPSLatitude: (IFDRational(52), IFDRational(31), IFDRational(123, 10)),
    })  # fmt: skip
    return exif


def with_thumbnail() -> bytes:
    """A JPEG of 13 x 7 with all of it, and a thumbnail in EXIF's second directory."""
    block = bytearray(full_exif().tobytes())
    start = len(b"Exif\0\0")
    (count,) = struct.unpack_from(">H", block, start + 8)
    struct.pack_into(">I", block, start + 10 + 12 * count, len(block) - start)
    thumbnail = encoded(Image.new("RGB", (8, 8), "red"), "JPEG")
    entries = struct.pack(">HHIIHHII", 513, 4, 1, len(block) - start + 2 + 24 + 4, 514, 4, 1, len(thumbnail))
    block += struct.pack(">H", 2) + entries + bytes(4) + thumbnail
    return encoded(Image.new("RGB", (13, 7), "navy"), "JPEG", exif=bytes(block), xmp=XMP, dpi=(300, 300))


def check(data: bytes, suffix: str) -> None:
    """What Pillow finds in a result of `suffix`."""
    image = Image.open(io.BytesIO(data))
    exif = image.getexif()
    assert exif[ExifTags.Base.Make] == "KDSR"
    assert exif[ExifTags.Base.Artist].encode("latin-1", "replace").decode("utf-8", "replace")[:2] == "Zo"
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    details = exif.get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.DateTimeOriginal] == "2026:11:29 12:00:00"
    assert details[ExifTags.Base.ExposureTime] == IFDRational(1, 250)
    assert (details[ExifTags.Base.ISOSpeedRatings], details[ExifTags.Base.ColorSpace]) == (400, 1)
    assert ExifTags.Base.ExifImageWidth not in details
    assert details[ExifTags.Base.UserComment] == b"ASCII\0\0\0pond"
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert position[ExifTags.GPS.GPSLatitude] == (52.0, 31.0, 12.3)
    assert not exif.get_ifd(ExifTags.IFD.IFD1)
    assert b"THUMB" not in data
    assert data.count(b"\xff\xd8\xff") == (1 if PAGE[suffix] == "JPEG" else 0)
    assert b"<dc:title>Pond</dc:title>" in data
    assert b'tiff:Orientation="1"' in data
    stated = image.info.get("dpi") or (exif[282], exif[283])
    assert [float(each) for each in stated] == pytest.approx([300, 300], abs=0.01)


@pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)
def test_every_format_keeps_what_a_photograph_says(suffix):
    picture = read_picture(with_thumbnail(), SETTINGS)
    assert (picture.width, picture.height) == (7, 13)
    assert picture.metadata is not None
    assert picture.metadata.has_position
    data = encode_picture(picture, suffix)
    check(data, suffix)
    again = read_picture(data, SETTINGS)
    assert (again.width, again.height) == (7, 13)
    check(encode_picture(again, ".png"), ".png")


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
def test_every_format_is_read_with_what_it_says(format):
    exif, image = full_exif(), Image.new("RGB", (13, 7), "navy")
    exif[282], exif[283], exif[296] = IFDRational(300), IFDRational(300), 2
    if format == "PNG":
        content = b"XML:com.adobe.xmp\0\1\0en\0Titel\0" + zlib.compress(XMP)
        data = with_png_chunk(encoded(image, format, exif=exif), b"iTXt", content)
    else:
        data = encoded(image, format, exif=exif, xmp=XMP)
    check(encode_picture(read_picture(data, SETTINGS), ".png"), ".png")


def test_xmp_alone_turns_no_picture_and_keeps_its_orientation():
    for format in ("PNG", "WEBP", "JPEG"):
        data = encoded(Image.new("RGB", (13, 7)), format, **({} if format == "PNG" else {"xmp": XMP}))
        if format == "PNG":
            data = with_png_chunk(data, b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP)
        picture = read_picture(data, SETTINGS)
        assert (picture.width, picture.height) == (13, 7)
        assert b'tiff:Orientation="6"' in encode_png(picture)


def test_texts_in_utf_8_and_entries_of_any_kind_stay_byte_for_byte():
    entries = {
        315: TiffEntry(2, 5, "Zoë\0".encode()),
        0x9C9B: TiffEntry(1, 4, b"a\0\0\0"),
        50_000: TiffEntry(12, 1, bytes(range(8))),
    }
    block = b"II*\0\x08\0\0\0" + packed_tree(entries, {34665: {0x927C: TiffEntry(7, 11, b"maker\0notes")}}, 8)
    picture = Picture(noise(5, 3).pixels, metadata=read_metadata(io.BytesIO(block), None, None)[0])
    for suffix in WRITABLE_SUFFIXES:
        again = read_picture(encode_picture(picture, suffix), SETTINGS).metadata
        assert again == picture.metadata
        assert b"Zo\xc3\xab" in again.exif
        assert b"maker\0notes" in again.exif


@pytest.mark.parametrize("seed", range(20))
def test_damaged_directories_give_metadata_or_a_note(seed):
    random = np.random.default_rng(seed)
    whole = full_exif().tobytes().removeprefix(b"Exif\0\0")
    for _ in range(40):
        block = bytearray(whole[: random.integers(0, len(whole) + 1)])
        for place in random.integers(0, max(len(block), 1), 4 if block else 0):
            block[place] = random.integers(0, 256)
        found, _ = read_metadata(io.BytesIO(block), None, None)
        if found is not None:
            assert len(encode_picture(Picture(noise(2, 2).pixels, metadata=found), ".tif"))


def test_a_tiff_of_more_than_4_gigabytes_would_be_a_bigtiff(monkeypatch):
    monkeypatch.setattr(tiff_writer, "_LARGEST", 0)
    picture = Picture(noise(5, 3, np.uint16).pixels, metadata=read_picture(with_thumbnail(), SETTINGS).metadata)
    data = encode_picture(picture, ".tif")
    assert data[2] == 43
    check(data, ".tif")
    assert np.array_equal(read_picture(data, SETTINGS).pixels, picture.pixels)
    assert np.array_equal(tifffile.imread(io.BytesIO(data)), picture.pixels)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_tiff_and_png_of_16_bits_and_in_strips_keep_it_too(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_LARGE_BYTES", 0)
    source = read_picture(with_thumbnail(), SETTINGS)
    for suffix in (".tif", ".png"):
        picture = Picture(noise(20, 9, kind).pixels, metadata=source.metadata)
        parts = [Picture(picture.pixels[:11], metadata=source.metadata), Picture(picture.pixels[11:])]
        data = write_strips(parts, tmp_path / f"a{suffix}", height=20).read_bytes()
        check(data, suffix)
        again = read_picture(data, SETTINGS)
        assert np.array_equal(again.pixels, picture.pixels)
        check(encode_picture(again, ".tif"), ".tif")
    with tifffile.TiffFile(io.BytesIO(encode_picture(again, ".tif"))) as opened:
        assert opened.pages[0].tags.valueof(34665)["ISOSpeedRatings"] == 400


def test_a_plain_picture_has_none_and_gets_none():
    for suffix in WRITABLE_SUFFIXES:
        data = encode_picture(noise(5, 3), suffix)
        assert read_picture(data, SETTINGS).metadata is None
        assert not dict(Image.open(io.BytesIO(encode_png(noise(5, 3)))).getexif())


def test_the_colour_space_is_srgb_after_the_conversion():
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "KDSR"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = 2  # Adobe RGB
    picture = read_picture(encoded(Image.new("RGB", (3, 3), "red"), "PNG", exif=exif), SETTINGS)
    details = Image.open(io.BytesIO(encode_png(picture))).getexif().get_ifd(ExifTags.IFD.Exif)
    assert details[ExifTags.Base.ColorSpace] == 1


def test_damaged_exif_is_left_out_with_a_note():
    data = encoded(
        Image.new("RGB", (4, 4), "red"), "PNG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\xff\xff\xff\x7f"
    )
    picture = read_picture(data, SETTINGS)
    assert picture.width == 4
    assert encode_png(picture)


def test_what_is_too_long_for_a_jpeg_is_said():
    long = Picture(noise(5, 3).pixels, metadata=Metadata(xmp=XMP + bytes(70_000)))
    assert left_out(long, ".png") == ()
    assert "XMP" in left_out(long, ".JPG")[0]
    assert b"Pond" not in encode_picture(long, ".jpg")
    assert b"Pond" in encode_picture(long, ".webp")


def test_a_png_without_metadata_has_the_same_pixels_and_colour_and_nothing_else():
    text = PngInfo()
    text.add_text("Comment", "at home")
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    whole = encoded(
        Image.radial_gradient("L"), "PNG", exif=full_exif(), dpi=(300, 300), pnginfo=text, icc_profile=profile
    )
    stripped = without_metadata(whole)
    with Image.open(io.BytesIO(stripped)) as image, Image.open(io.BytesIO(whole)) as before:
        assert image.tobytes() == before.tobytes() and {*image.info} == {"icc_profile"}
        assert not dict(image.getexif())
    assert read_picture(whole, SETTINGS).metadata and read_picture(stripped, SETTINGS).metadata is None
    assert without_metadata(stripped) == stripped
