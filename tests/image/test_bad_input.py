"""What cannot be used is refused in one sentence, and nothing that a stranger sends does more than that."""

import contextlib
import io
import os
import re
import struct
import time
import warnings

import numpy as np
import pytest
import tifffile
from helpers.pictures import empty_png, encoded, swapped_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from kdsr.errors import InputError
from kdsr.image import Picture, encode_picture, encode_png, read_picture, write_picture
from kdsr.settings import Settings

SETTINGS = Settings()
PICTURE = Picture(np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8))
DEEP = Picture(PICTURE.pixels.astype(np.uint16) * 257)


def sentence(source: object, *, name: str | None = None) -> str:
    """The one sentence with which `source` is refused."""
    with pytest.raises(InputError) as caught:
        read_picture(source, SETTINGS, name=name)
    text = str(caught.value)
    assert re.fullmatch(r"[^\n]*\.", text), text
    assert not re.search(r"[.!?] [A-Z]", text), text
    return text


def test_a_text_renamed_png_is_refused(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("Dear diary, this is no picture.")
    assert "'notes.png' is not a picture in a format that is read" in sentence(path)


def test_an_empty_file_a_missing_file_and_a_folder_are_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    assert "'empty.png' is empty (0 bytes)" in sentence(tmp_path / "empty.png")
    assert "There is no file 'gone.png'" in sentence(str(tmp_path / "gone.png"))
    assert "is a folder" in sentence(tmp_path)
    assert "cannot be opened" in sentence("a" * 5000)
    assert "nul" in sentence("nul\0.png")
    assert "is empty" in sentence(b"")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "not an ordinary file" in sentence(tmp_path / "pipe.png")


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", "deep .png", "deep .tif"])
def test_a_truncated_picture_is_refused(suffix, kept):
    data = encode_picture(DEEP if "deep" in suffix else PICTURE, suffix.split()[-1])
    assert "damaged or incomplete" in sentence(data[: int(len(data) * kept)], name="cut" + suffix)


def test_a_chunk_that_claims_gigabytes_is_refused_before_it_gets_them():
    png = bytearray(encode_png(DEEP))
    png[33:37] = struct.pack(">I", 1_700_000_000)  # the length of the chunk behind the header
    start = time.perf_counter()
    assert "damaged or incomplete" in sentence(bytes(png))
    assert time.perf_counter() - start < 0.5


def test_13000_x_13000_pixels_in_a_small_file_are_refused_from_the_header():
    data = empty_png(13_000, 13_000)
    assert len(data) < 200_000
    start = time.perf_counter()
    text = sentence(data, name="bomb.png")
    assert time.perf_counter() - start < 0.5
    assert text.startswith("'bomb.png' is 13000 x 13000 pixels (169.0 megapixels), and at most 25 are read")


@pytest.mark.slow
def test_the_longest_side_is_limited_too():
    assert "20000 x 10 pixels, and the longest side may have 16384" in sentence(empty_png(20_000, 10))
    assert "10 x 20000" in sentence(empty_png(10, 20_000))
    assert "30000 x 30000" in sentence(empty_png(30_000, 30_000)[:60])  # above the size at which Pillow raises


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "BMP", "TIFF", "deep TIFF"])
def test_every_format_is_measured_before_it_is_decoded(format):
    stream = io.BytesIO()
    if format == "deep TIFF":
        tifffile.imwrite(stream, np.zeros((20, 30, 3), np.uint16), photometric="rgb")
    else:
        Image.new("RGB", (30, 20)).save(stream, format)
    small = Settings(max_input_megapixels=0.0005)
    with pytest.raises(InputError, match="30 x 20 pixels"):
        read_picture(stream.getvalue(), small)
    assert read_picture(stream.getvalue(), Settings(max_input_megapixels=0.0006)).width == 30


def test_arrays_and_pil_images_are_measured_too():
    assert "20000 x 1 pixels" in sentence(np.zeros((1, 20_000), np.uint8))
    assert "6000 x 5000" in sentence(Image.new("1", (6_000, 5_000)))


def test_pillows_own_limit_is_neither_met_nor_lost():
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sentence(empty_png(20_000, 20_000)[:100])
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(
    "array",
    [
        *[np.zeros((4, 4)), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.int64), np.zeros((4, 4), bool)],
        *[
            np.zeros(16, np.uint8),
            np.zeros((2, 4, 4, 3), np.uint8),
            np.zeros((4, 4, 5), np.uint8),
            np.zeros((0, 4, 3), np.uint8),
        ],
    ],
)
def test_arrays_of_another_kind_or_shape_are_refused(array):
    assert f"got {array.dtype} {array.shape}" in sentence(array)


def test_what_is_no_source_at_all_is_refused():
    assert "got list" in sentence([1, 2, 3])


@pytest.mark.parametrize("dtype", [np.float32, np.uint32, np.int16])
def test_tiff_of_other_numbers_is_refused(dtype):
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((4, 4), dtype))
    assert f"'x.tif' is a TIFF of {np.dtype(dtype).name} samples" in sentence(stream.getvalue(), name="x.tif")


def test_numbers_that_pillow_holds_and_no_picture_has_are_refused():
    assert "floating-point" in sentence(Image.new("F", (3, 3)))
    assert "32-bit" in sentence(Image.new("I", (3, 3), 70_000))
    assert "colour PPM of more than 8 bits" in sentence(b"P6 1 1 65535\n" + bytes(6))


def test_heic_names_the_package_that_reads_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    data = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(100)
    assert "pillow-heif" in sentence(data, name="IMG_1.HEIC")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("kind", ["boxes", "boxes with a profile", "codestream"])
def test_jpeg_2000_is_named_and_not_decoded(mode, kind, monkeypatch):
    data = encoded(Image.linear_gradient("L").convert(mode), "JPEG2000", no_jp2=kind == "codestream")
    if kind == "boxes with a profile":  # in place of the box that names sRGB or grey by its number
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        place, head = data.index(b"colr") - 4, data.index(b"jp2h") - 4
        box = struct.pack(">I4sBBB", 11 + len(profile), b"colr", 2, 0, 0) + profile
        longer = int.from_bytes(data[head : head + 4]) + len(box) - 15
        data = data[:head] + struct.pack(">I", longer) + data[head + 4 : place] + box + data[place + 15 :]
        assert Image.open(io.BytesIO(data)).size == (256, 256)
    monkeypatch.setattr(Image.Image, "load", lambda _image: pytest.fail("decoded"))
    assert "'x.jp2' is JPEG 2000, not a picture in a format that is read" in sentence(data, name="x.jp2")


@pytest.mark.parametrize(
    "start", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"8BPS\0\1", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_formats_that_could_run_programs_or_are_rare_are_refused(start):
    assert "not a picture in a format that is read" in sentence(start + bytes(200))


def test_a_format_that_is_known_and_not_read_is_named():
    for start, name in ((b"\0\0\0\x0cjP  \r\n", "JPEG 2000, not"), (b"8BPS\0\1", "(PSD), not"), (b"qoif", "QOI, not")):
        assert name in sentence(start + bytes(200))


def test_a_profile_cannot_smuggle_markup_into_a_note():
    profile = swapped_profile().replace("sRGB built".encode("utf-16-be"), "<b>x</b>[]".encode("utf-16-be"))
    stream = io.BytesIO()
    Image.new("RGB", (2, 2), "red").save(stream, "PNG", icc_profile=profile)
    (note,) = read_picture(stream.getvalue(), SETTINGS).notes
    assert not set("<>[]/") & set(note)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([".png", ".jpg", ".webp", ".tif", "deep .png", "deep .tif"]),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_damaged_bytes_give_a_picture_or_a_sentence_and_nothing_else(suffix, changes):
    data = bytearray(encode_picture(DEEP if "deep" in suffix else PICTURE, suffix.split()[-1]))
    for place, value in changes:
        # half of the changes hit the first 64 bytes, where the header is
        data[int(place * (64 if value % 2 else len(data)))] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(InputError):
            read_picture(bytes(data), Settings(max_input_megapixels=1))


def test_what_a_format_cannot_hold_is_refused_on_writing(tmp_path):
    clear = Picture(PICTURE.pixels, PICTURE.pixels[..., 0])
    wide = Picture(np.zeros((1, 16_384, 3), np.uint8))
    cases = [
        (DEEP, ".webp", "8 bits"),
        (DEEP, ".jpg", "8 bits"),
        (clear, ".jpg", "transparency"),
        (wide, ".webp", "16383"),
    ]
    for picture, suffix, words in [*cases, (PICTURE, ".bmp", "one of .png"), (PICTURE, "", "one of .png")]:
        with pytest.raises(InputError, match=words):
            write_picture(picture, tmp_path / f"out{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix, most_px", [(".webp", 16_383), (".jpg", 65_500)])
@pytest.mark.parametrize("is_wide", [True, False])
def test_the_longest_side_that_a_format_holds_is_written(suffix, most_px, is_wide):
    for side in (most_px, most_px + 1):
        picture = Picture(np.zeros((1, side, 3) if is_wide else (side, 1, 3), np.uint8))
        if side == most_px:
            assert (
                read_picture(encode_picture(picture, suffix), Settings(max_side_px=70_000)).pixels.shape
                == picture.pixels.shape
            )
        else:
            with pytest.raises(InputError, match=str(most_px)):
                encode_picture(picture, suffix)


def test_a_folder_that_does_not_exist_is_said_on_writing(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_picture(PICTURE, tmp_path / "no" / "such" / "out.png")


def test_one_pixel_is_a_picture():
    dot = read_picture(encode_png(Picture(np.array([[[1, 2, 3]]], np.uint8))), SETTINGS)
    assert dot.pixels.tolist() == [[[1, 2, 3]]]
