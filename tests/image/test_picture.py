"""Pictures to tensors, files and back: every bit survives. Reading is in test_image_reading, refusals in
test_image_bad_input.
"""

import io

import cv2
import numpy as np
import pytest
import tifffile
import torch
from helpers.pictures import KINDS, noise, same
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kdsr.errors import InputError, ShapeError
from kdsr.image import Picture, encode_picture, encode_png, from_tensor, read_picture, to_tensor, write_picture
from kdsr.settings import Settings

SETTINGS = Settings()
SIZES = [(1, 1), (1, 13), (7, 13), (31, 2), (37, 41)]


# --- closed forms
# -------------------------------------------------------------------------------------------------------------


def test_black_is_0_and_white_is_1_in_both_depths():
    for dtype in (np.uint8, np.uint16):
        tensor = to_tensor(Picture(np.array([[[0], [np.iinfo(dtype).max]]], dtype)))
        assert tensor.shape == (1, 3, 1, 2)
        assert tensor.dtype == torch.float32
        assert tensor[0, :, 0].tolist() == [[0.0, 1.0]] * 3


def test_values_are_clamped_and_rounded_to_the_nearest_level():
    like = noise(1, 4)
    tensor = torch.tensor([-0.5, 1.5, 100.4 / 255, 100.6 / 255]).expand(1, 3, 1, 4)
    assert from_tensor(tensor, like).pixels[0, :, 0].tolist() == [0, 255, 100, 101]


def test_a_picture_that_became_larger_gets_its_alpha_back_at_that_size():
    like = Picture(np.zeros((5, 7, 3), np.uint16), np.full((5, 7), 40_000, np.uint16), name="leaf")
    larger = from_tensor(torch.zeros(1, 3, 20, 28), like)
    assert larger.alpha is not None
    assert larger.alpha.shape == (20, 28)
    assert (larger.alpha == 40_000).all()
    assert (larger.name, larger.bits) == ("leaf", 16)


def test_alpha_is_enlarged_by_the_cubic_kernel_of_pillow():
    like = noise(13, 11, alpha=True)
    larger = from_tensor(torch.zeros(1, 3, 52, 44), like).alpha
    exact = Image.fromarray(like.alpha.astype(np.float32)).resize((44, 52), Image.Resampling.BICUBIC)
    assert np.abs(larger - np.asarray(exact).clip(0, 255)).max() <= 0.51


def test_what_is_no_single_rgb_picture_is_refused():
    for shape in [(3, 4, 4), (2, 3, 4, 4), (1, 1, 4, 4), (1, 3, 0, 4)]:
        with pytest.raises(ShapeError, match="One picture"):
            from_tensor(torch.zeros(shape), noise(4, 4))
    with pytest.raises(InputError, match="NaN"):
        from_tensor(torch.full((1, 3, 4, 4), float("nan")), noise(4, 4))
    with pytest.raises(ShapeError, match="uint8 or uint16"):
        Picture(np.zeros((4, 4)))
    with pytest.raises(ShapeError, match="alpha"):
        Picture(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8))


# --- round trips
# --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_level_survives_the_way_through_the_tensor(dtype, channels):
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype).reshape(-1, 16, 1).repeat(channels, axis=2)
    assert np.array_equal(from_tensor(to_tensor(Picture(levels)), Picture(levels)).pixels, levels)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 23), st.integers(1, 23), st.sampled_from(KINDS), st.integers(0, 9))
def test_any_picture_survives_the_way_through_the_tensor(height, width, kind, seed):
    picture = noise(height, width, kind[0], kind[1], alpha=kind[2], seed=seed)
    tensor = to_tensor(picture)
    assert tensor.shape == (1, 3, height, width)
    assert tensor.is_contiguous()
    assert same(from_tensor(tensor, picture), picture)


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 23), st.integers(1, 23), st.sampled_from(KINDS), st.sampled_from([".png", ".tif"]), st.integers(0, 9)
)
def test_png_and_tiff_give_back_every_bit(height, width, kind, suffix, seed):
    picture = noise(height, width, kind[0], kind[1], alpha=kind[2], seed=seed)
    assert same(read_picture(encode_picture(picture, suffix), SETTINGS), picture)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("alpha", [False, True])
def test_webp_is_lossless_also_where_it_is_transparent(size, alpha):
    picture = noise(*size, alpha=alpha)
    if picture.alpha is not None:
        picture.alpha[:] = np.where(picture.alpha < 128, 0, picture.alpha)
    assert same(read_picture(encode_picture(picture, ".webp"), SETTINGS), picture)


@pytest.mark.parametrize("kind", KINDS)
def test_other_readers_see_the_same_png_and_tiff(kind):
    picture = noise(7, 13, kind[0], kind[1], alpha=kind[2])
    samples = picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])
    assert np.array_equal(np.atleast_3d(tifffile.imread(io.BytesIO(encode_picture(picture, ".tiff")))), samples)
    decoded = np.atleast_3d(cv2.imdecode(np.frombuffer(encode_png(picture), np.uint8), cv2.IMREAD_UNCHANGED))
    order = {1: [0], 2: [0, 0, 0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[samples.shape[2]]
    assert np.array_equal(decoded, samples[..., order])


def test_jpeg_is_close_and_keeps_colour_at_full_resolution():
    flat = Picture(np.tile(np.array([[[200, 30, 60], [20, 90, 220]]], np.uint8).repeat(8, 1), (16, 2, 1)))
    data = encode_picture(flat, ".jpg")
    assert np.abs(read_picture(data, SETTINGS).pixels.astype(int) - flat.pixels).max() <= 4
    assert Image.open(io.BytesIO(data)).layer[0][1:3] == (1, 1)


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    picture = noise(7, 13)
    path = write_picture(picture, tmp_path / "result.PNG")
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.PNG"]
    again = read_picture(path, SETTINGS)
    assert same(again, picture)
    assert again.name == "result"


def test_a_failed_write_keeps_the_old_file_and_leaves_no_part(tmp_path, monkeypatch):
    path = write_picture(noise(3, 3), tmp_path / "result.png")
    before = path.read_bytes()

    def full(self, samples):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kdsr.image.write.PngWriter.write", full)
    with pytest.raises(InputError, match="No space left"):
        write_picture(noise(5, 5), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
