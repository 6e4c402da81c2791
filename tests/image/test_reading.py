"""What stands in files is read as it was meant: modes, transparency, orientation, colour profiles and 16 bits."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from helpers.pictures import (
    KINDS,
    encoded,
    grey_profile,
    noise,
    png_chunk,
    same,
    swapped_profile,
    with_png_chunk,
    with_tiff_orientation,
)
from PIL import Image, ImageCms

from kdsr.image import Picture, encode_png, read_picture
from kdsr.settings import Settings

SETTINGS = Settings()


# --- arrays and PIL
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_one_to_four_channels_are_read(kind):
    picture = noise(7, 13, kind[0], kind[1], alpha=kind[2])
    stacked = picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])
    assert same(read_picture(stacked, SETTINGS), picture)
    assert same(read_picture(stacked.squeeze()[::-1][::-1], SETTINGS), picture)


def test_the_picture_does_not_share_memory_with_the_array_it_came_from():
    array = noise(4, 4).pixels[::1]
    picture = read_picture(array, SETTINGS)
    array[:] = 0
    assert picture.pixels.any()


@pytest.mark.parametrize(
    ("mode", "channels", "alpha", "bits"),
    [
        *[
            ("1", 1, False, 8),
            ("L", 1, False, 8),
            ("LA", 1, True, 8),
            ("La", 1, True, 8),
            ("RGB", 3, False, 8),
            ("RGBA", 3, True, 8),
        ],
        *[
            ("RGBa", 3, True, 8),
            ("RGBX", 3, False, 8),
            ("PA", 3, True, 8),
            ("CMYK", 3, False, 8),
            ("YCbCr", 3, False, 8),
        ],
        *[
            ("HSV", 3, False, 8),
            ("LAB", 3, False, 8),
            ("I;16", 1, False, 16),
            ("I;16B", 1, False, 16),
            ("I", 1, False, 16),
        ],
    ],
)
def test_every_mode_of_pillow_is_read(mode, channels, alpha, bits):
    picture = read_picture(Image.new(mode, (13, 7)), SETTINGS, name="new")
    assert (picture.height, picture.width, picture.pixels.shape[2], picture.bits) == (7, 13, channels, bits)
    assert (picture.alpha is not None) == alpha
    assert picture.name == "new"


def test_palettes_are_read_in_colour_in_grey_and_with_transparency():
    rgb = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)).quantize(2)
    assert read_picture(encoded(rgb, "PNG"), SETTINGS).pixels.tolist() == [[[255, 0, 0], [0, 255, 0]]]
    index = int(np.asarray(rgb)[0, 1])
    holed = read_picture(encoded(rgb, "PNG", transparency=index), SETTINGS)
    assert holed.alpha.tolist() == [[255, 0]]
    assert holed.pixels[0, 0].tolist() == [255, 0, 0]
    grey = Image.fromarray(np.array([[9, 200]], np.uint8)).convert("P")
    grey.putpalette([value for step in range(256) for value in [255 - step] * 3])
    assert read_picture(encoded(grey, "PNG"), SETTINGS).pixels.tolist() == [[[246], [55]]]


def test_a_transparent_colour_becomes_alpha_at_any_depth():
    rgb = encode_png(Picture(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)))
    assert read_picture(with_png_chunk(rgb, b"tRNS", bytes([0, 1, 0, 2, 0, 3])), SETTINGS).alpha.tolist() == [[0, 255]]
    deep = encode_png(Picture(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint16)))
    assert read_picture(with_png_chunk(deep, b"tRNS", bytes([0, 1, 0, 2, 0, 3])), SETTINGS).alpha.tolist() == [
        [0, 65535]
    ]
    deep_grey = encode_png(Picture(np.array([[[700], [701]]], np.uint16)))
    assert read_picture(with_png_chunk(deep_grey, b"tRNS", struct.pack(">H", 701)), SETTINGS).alpha.tolist() == [
        [65535, 0]
    ]
    header = struct.pack(">IIBBBBB", 2, 1, 4, 0, 0, 0, 0)  # 4 bits, grey, the values 1 and 2
    parts = ((b"IHDR", header), (b"tRNS", b"\0\2"), (b"IDAT", zlib.compress(b"\0\x12")), (b"IEND", b""))
    four = read_picture(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts), SETTINGS)
    assert four.pixels.ravel().tolist() == [17, 34]
    assert four.alpha.tolist() == [[255, 0]]


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_of_an_animation_the_first_frame_is_used_and_it_says_so(format):
    frames = [Image.new("RGB", (16, 8), colour) for colour in ("red", "lime", "blue")]
    picture = read_picture(encoded(frames[0], format, save_all=True, append_images=frames[1:]), SETTINGS)
    assert picture.notes == ("Animated: the first of 3 frames is used.",)
    assert np.abs(picture.pixels[4, 8].astype(int) - [255, 0, 0]).max() <= 4


def test_of_a_tiff_with_pages_the_first_is_used_and_it_says_so():
    pages = [Image.new("RGB", (5, 3), "red"), Image.new("RGB", (9, 9), "blue")]
    picture = read_picture(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]), SETTINGS)
    assert picture.notes == ("Several pages: the first of 2 is used.",)
    assert picture.width == 5


# --- orientation
# --------------------------------------------------------------------------------------------------------------

CORNERS = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
UPRIGHT = {
    1: CORNERS,
    2: CORNERS[:, ::-1],
    3: CORNERS[::-1, ::-1],
    4: CORNERS[::-1],
    5: CORNERS.T,
    6: np.rot90(CORNERS, -1),
    7: CORNERS[::-1, ::-1].T,
    8: np.rot90(CORNERS),
}  # EXIF 2.3, tag 0x0112


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "deep PNG", "deep TIFF", "deep LZW TIFF"])
def test_every_exif_orientation_is_turned_upright_alpha_too(orientation, format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stacked = np.dstack([CORNERS] * 3 + [255 - CORNERS])
    deep = stacked.astype(np.uint16) * 257
    if format == "deep PNG":
        data = with_png_chunk(
            encode_png(Picture(deep[..., :3], deep[..., 3])), b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")
        )
    elif format == "deep TIFF":
        stream = io.BytesIO()
        tag = (274, "H", 1, orientation, True)
        tifffile.imwrite(stream, deep, photometric="rgb", extrasamples=["unassalpha"], extratags=[tag])
        data = stream.getvalue()
    elif format == "deep LZW TIFF":
        tags = [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW]
        plain = cv2.imencode(".tif", deep[..., [2, 1, 0, 3]], tags)[1].tobytes()
        data = with_tiff_orientation(plain, orientation)
    else:
        options = {"lossless": True, "exact": True} if format == "WEBP" else {}
        data = encoded(Image.fromarray(stacked), format, exif=exif, **options)
    picture = read_picture(data, SETTINGS)
    scale = 257 if "deep" in format else 1
    assert np.array_equal(picture.pixels[..., 1], UPRIGHT[orientation].astype(np.uint16) * scale)
    assert np.array_equal(picture.alpha, (255 - UPRIGHT[orientation]).astype(np.uint16) * scale)


def test_a_phone_jpeg_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read_picture(encoded(Image.new("RGB", (40, 24), "navy"), "JPEG", exif=exif), SETTINGS)
    assert (picture.width, picture.height) == (24, 40)
    assert picture.notes == ()


def test_damaged_exif_is_said_and_the_pixels_stay():
    picture = read_picture(
        encoded(Image.new("RGB", (4, 4), "red"), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"), SETTINGS
    )
    assert picture.width == 4


# --- colour
# -------------------------------------------------------------------------------------------------------------------


def test_a_profile_is_converted_to_srgb_and_it_says_so():
    image = Image.new("RGBA", (5, 3), (255, 0, 0, 77))
    picture = read_picture(encoded(image, "PNG", icc_profile=swapped_profile()), SETTINGS)
    assert np.abs(picture.pixels.astype(int) - [0, 255, 0]).max() <= 1
    assert (picture.alpha == 77).all()
    assert len(picture.notes) == 1
    assert picture.notes[0].endswith(" to sRGB.")


@pytest.mark.parametrize("suffix", ["PNG", "TIFF"])
def test_a_profile_is_applied_to_all_16_bits(suffix):
    deep = noise(31, 17, np.uint16).pixels
    profile = swapped_profile()
    if suffix == "PNG":
        data = with_png_chunk(encode_png(Picture(deep)), b"iCCP", b"icc\0\0" + zlib.compress(profile))
    else:
        stream = io.BytesIO()
        tifffile.imwrite(stream, deep, photometric="rgb", iccprofile=profile)
        data = stream.getvalue()
    picture = read_picture(data, SETTINGS)
    assert picture.bits == 16
    assert len(picture.notes) == 1
    assert np.abs(picture.pixels.astype(int) - deep[..., [1, 0, 2]]).max() <= 2


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_16_bits_agree_with_littlecms_on_8(gamma):
    profile = bytearray(swapped_profile())
    for index in range(struct.unpack_from(">I", profile, 128)[0]):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name == b"rTRC":  # shared by the three channels
            profile[start : start + size] = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256)).ljust(size, b"\0")
    shallow = noise(16, 16).pixels
    reference = read_picture(encoded(Image.fromarray(shallow), "PNG", icc_profile=bytes(profile)), SETTINGS)
    stream = io.BytesIO()
    tifffile.imwrite(stream, shallow.astype(np.uint16) * 257, photometric="rgb", iccprofile=bytes(profile))
    deep = read_picture(stream.getvalue(), SETTINGS)
    assert deep.notes == reference.notes != ()
    assert np.abs(deep.pixels / 257 - reference.pixels).max() <= 1.5


def test_grey_of_linear_light_becomes_srgb_grey_in_both_depths():
    for dtype, expected, error in [
        (np.uint8, 188, 1),
        (np.uint16, 48_276, 2),
    ]:  # sRGB of the light 128 / 255 is 0.73665
        grey = Picture(np.array([[[0], [np.iinfo(dtype).max // 255 * 128], [np.iinfo(dtype).max]]], dtype))
        data = with_png_chunk(encode_png(grey), b"iCCP", b"icc\0\0" + zlib.compress(grey_profile(gamma=1.0)))
        picture = read_picture(data, SETTINGS)
        assert picture.is_grey
        assert len(picture.notes) == 1
        assert np.abs(picture.pixels.ravel().astype(int) - [0, expected, np.iinfo(dtype).max]).max() <= error


def test_a_profile_of_lookup_tables_leaves_16_bits_alone_and_it_says_so():
    profile = swapped_profile().replace(b"chrm", b"A2B0", 1)
    picture = noise(5, 3, np.uint16)
    again = read_picture(with_png_chunk(encode_png(picture), b"iCCP", b"icc\0\0" + zlib.compress(profile)), SETTINGS)
    assert same(again, picture)
    assert len(again.notes) == 1


def test_pixels_with_the_srgb_profile_stay_bit_for_bit():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = noise(7, 13)
    again = read_picture(encoded(Image.fromarray(picture.pixels), "PNG", icc_profile=profile), SETTINGS)
    assert same(again, picture)
    assert again.notes == ()


@pytest.mark.parametrize("profile", [b"no profile at all", swapped_profile()[:200], bytes(400)])
def test_a_broken_profile_is_a_note_and_no_error(profile):
    for picture in (noise(7, 13), noise(7, 13, np.uint16)):
        data = with_png_chunk(encode_png(picture), b"iCCP", b"icc\0\0" + zlib.compress(profile))
        again = read_picture(data, SETTINGS)
        assert same(again, picture)
        assert again.notes == ("The embedded colour profile is damaged or does not fit the pixels; it was ignored.",)


def test_cmyk_jpeg_becomes_rgb_and_it_says_so():
    picture = read_picture(encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG"), SETTINGS)
    assert np.abs(picture.pixels.astype(int) - [0, 255, 255]).max() <= 4
    assert len(picture.notes) == 1
    assert picture.notes[0].startswith("Converted from CMYK to sRGB")


def test_ycck_jpeg_becomes_rgb():
    data = bytearray(
        encoded(Image.new("CMYK", (16, 16), (127, 127, 0, 0)), "JPEG")
    )  # stored inverted: 128, 128, 255, 255
    data[data.index(b"Adobe") + 11] = 2  # the transform: what is stored is Y = 128, Cb = 128, Cr = 255, K
    picture = read_picture(bytes(data), SETTINGS)
    assert np.abs(picture.pixels.astype(int) - [0, 218, 127]).max() <= 4


def test_lab_white_and_black_are_white_and_black():
    image = Image.frombytes("LAB", (2, 1), bytes([255, 0, 0, 0, 0, 0]))
    picture = read_picture(encoded(image, "TIFF"), SETTINGS)
    assert np.abs(picture.pixels.astype(int) - [[[255] * 3, [0] * 3]]).max() <= 1


# --- 16-bit files of other makers
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"planarconfig": "separate"}, {"tile": (16, 16)}, {"byteorder": ">"}, {"compression": "zlib"}]
)
def test_16_bit_tiff_is_read_in_its_common_layouts(options):
    deep = noise(21, 19, np.uint16).pixels
    stream = io.BytesIO()
    separate = options.get("planarconfig") == "separate"
    tifffile.imwrite(
        stream, np.ascontiguousarray(deep.transpose(2, 0, 1)) if separate else deep, photometric="rgb", **options
    )
    assert np.array_equal(read_picture(stream.getvalue(), SETTINGS).pixels, deep)


def test_16_bit_grey_where_white_is_0_is_inverted():
    deep = noise(5, 3, np.uint16, 1).pixels
    stream = io.BytesIO()
    tifffile.imwrite(stream, deep[..., 0], photometric="miniswhite")
    assert np.array_equal(read_picture(stream.getvalue(), SETTINGS).pixels, 65535 - deep)


def test_16_bit_alpha_that_was_multiplied_in_is_divided_out():
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, np.array([[[10_000, 0, 32_768, 32_768]]], np.uint16), photometric="rgb", extrasamples=["assocalpha"]
    )
    picture = read_picture(stream.getvalue(), SETTINGS)
    assert picture.pixels.tolist() == [[[20_000, 0, 65_535]]]
    assert picture.alpha.tolist() == [[32_768]]


def test_a_16_bit_graymap_is_read_with_16_bits():
    picture = read_picture(b"P5 2 1 65535\n" + struct.pack(">2H", 1, 65_000), SETTINGS)
    assert picture.pixels.ravel().tolist() == [1, 65_000]
