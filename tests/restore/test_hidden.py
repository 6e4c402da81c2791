"""Colour under alpha 0 changes nothing that is seen: rims of a disc, at every scale, in denoising and JPEG clean-up."""

from pathlib import Path

import numpy as np
import pytest

from kdsr.degrade import degrade_picture
from kdsr.image import Picture, fill_hidden
from kdsr.restore import open_runtime, restore_picture
from kdsr.tasks import TASKS
from kdsr.zoo import Catalog

CATALOG = Catalog(Path(__file__).parents[2] / "weights")
ORANGE = (255, 160, 40)
HIDDEN = [(0, 0, 0), (255, 255, 255), (0, 255, 0)]
CLOSE = 3.0
"""Levels of 255 times alpha."""


def disc_alpha(height=40, width=40):
    """(H, W) uint8: 255 inside, 0 outside, between them at the rim."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    return (np.clip(min(height, width) * 0.35 - distance, 0, 1) * 255).round().astype(np.uint8)


def disc(colour, hidden=None, *, dtype=np.uint8, channels=3, size=(40, 40)):
    """A disc of `colour` ((3,) or (H, W, 3) levels of 255), `hidden` where alpha is 0."""
    alpha, many = disc_alpha(*size), np.iinfo(dtype).max // 255
    pixels = np.broadcast_to(np.asarray(colour, np.uint8), (*size, 3)).copy()
    if hidden is not None:
        pixels[alpha == 0] = hidden
    return Picture((pixels[..., :channels].astype(dtype) * many), alpha.astype(dtype) * many)


def seen_difference(one, other):
    """The largest, in levels of 255 times alpha."""
    most = np.iinfo(one.pixels.dtype).max
    differences = np.abs(one.pixels.astype(float) - other.pixels) * (255 / most)
    assert np.array_equal(one.alpha, other.alpha)
    return (differences * (one.alpha / most)[..., None]).max()


@pytest.mark.parametrize(
    "name", [f"{task}-student-16x7" for task in ("sr_x2", "sr_x3", "sr_x4", "denoise", "jpeg", "photo_x2", "photo_x4")]
)
def test_a_rim_has_the_colour_of_what_is_seen(name, tiny_settings):
    runtime = open_runtime(CATALOG.find(name), CATALOG, runtime="onnx", settings=tiny_settings)
    wanted = restore_picture(disc(ORANGE), runtime)
    for hidden in HIDDEN:
        assert seen_difference(restore_picture(disc(ORANGE, hidden), runtime), wanted) <= CLOSE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["sr_x2-student-16x7", "sr_x4-student-16x7", "denoise-student-16x7"])
def test_what_can_hardly_be_seen_does_not_bleed_either(name, dtype, tiny_settings):
    """Alpha of 1 or 2 of 255 around the disc, as brushes and soft shadows leave it."""
    runtime = open_runtime(CATALOG.find(name), CATALOG, runtime="onnx", settings=tiny_settings)
    for level in (1, 2):
        pictures = [disc(ORANGE, hidden, dtype=dtype) for hidden in (None, *HIDDEN)]
        for picture in pictures:
            picture.alpha[picture.alpha == 0] = level * (np.iinfo(dtype).max // 255)
        wanted, *results = [restore_picture(picture, runtime) for picture in pictures]
        assert max(seen_difference(result, wanted) for result in results) <= CLOSE


@pytest.mark.parametrize("name", ["sr_x2-student-16x7", "sr_x4-student-16x7", "denoise-student-16x7"])
def test_a_rim_of_a_shading_goes_on_as_it_does(name, tiny_settings):
    """The hidden pixels that match are those of the shading itself, which the filling can only guess."""
    rows, columns = np.mgrid[:40, :40]
    shading = np.dstack([columns * 6, rows * 6, 255 - columns * 3]).astype(np.uint8)
    runtime = open_runtime(CATALOG.find(name), CATALOG, runtime="onnx", settings=tiny_settings)
    results = [restore_picture(disc(shading, hidden), runtime) for hidden in HIDDEN]
    whole = restore_picture(Picture(shading), runtime)
    wanted = Picture(whole.pixels, results[0].alpha)
    assert max(seen_difference(result, wanted) for result in results) <= CLOSE


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(40, 40), (1, 7), (517, 33), (33, 517)])
def test_only_hidden_pixels_change_and_one_colour_stays_one(dtype, channels, size):
    picture = disc(ORANGE, (0, 255, 0), dtype=dtype, channels=channels, size=size)
    if not picture.alpha.any():
        picture.alpha[0, 0] = np.iinfo(dtype).max
        picture.pixels[0, 0] = disc(ORANGE, dtype=dtype, channels=channels, size=size).pixels[0, 0]
    before = picture.pixels.copy()
    filled = fill_hidden(picture)
    assert np.array_equal(filled.pixels, disc(ORANGE, dtype=dtype, channels=channels, size=size).pixels)
    assert np.array_equal(picture.pixels, before) and filled.alpha is picture.alpha


def test_far_hidden_pixels_take_the_nearest_side_and_alpha_weighs():
    pixels, alpha = np.zeros((300, 64, 3), np.uint8), np.zeros((300, 64), np.uint8)
    pixels[:, :8], alpha[:, :8] = 200, 255
    pixels[:, -8:], alpha[:, -8:] = 40, 255
    pixels[:, 8], alpha[:, 8] = 0, 3  # hardly seen
    filled = fill_hidden(Picture(pixels, alpha)).pixels[..., 0].astype(int)
    assert (filled[:, 8] == 0).all()
    assert (filled[:, 9:14] > 150).all() and (filled[:, 50:56] < 70).all()


@pytest.mark.parametrize("level", [None, 0, 1, 3, 255])
def test_a_picture_without_hidden_pixels_or_without_others_is_left_alone(level):
    picture = Picture(np.full((5, 6, 3), 9, np.uint8), None if level is None else np.full((5, 6), level, np.uint8))
    assert fill_hidden(picture) is picture


@pytest.mark.parametrize("task", ["sr_x4", "sr_x2", "jpeg", "photo_x4"])
def test_degrading_does_not_mix_it_in_either(task):
    wanted = degrade_picture(disc(ORANGE), TASKS[task]).picture
    for hidden in HIDDEN:
        assert seen_difference(degrade_picture(disc(ORANGE, hidden), TASKS[task]).picture, wanted) <= CLOSE
