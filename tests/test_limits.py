"""Limits hold at their exact value: what is as large as the limit is accepted, one pixel more is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kdsr.errors import InputError, SettingsError
from kdsr.image import Picture, encode_picture, read_picture
from kdsr.image.batch import side_by_side
from kdsr.restore import open_runtime, plan_tiles, restore_picture
from kdsr.settings import Settings
from kdsr.tasks import TASKS, Strength, find_task
from kdsr.ui.restore.request import Order, check_output_size, prepare


def black(height, width):
    return np.zeros((height, width, 3), np.uint8)


def as_files(pixels):
    """`pixels` as an array and as the bytes of files whose headers are read first."""
    return [pixels, *(encode_picture(Picture(pixels), suffix) for suffix in (".png", ".tif"))]


def test_as_many_megapixels_as_allowed_are_read_and_one_row_more_is_not():
    settings = Settings(max_input_megapixels=0.01)
    for source in as_files(black(100, 100)):
        assert read_picture(source, settings).height == 100
    for source in as_files(black(101, 100)):
        with pytest.raises(InputError, match=r"at most 0\.01 are read"):
            read_picture(source, settings)


def test_a_side_as_long_as_allowed_is_read_and_one_pixel_more_is_not():
    settings = Settings(max_side_px=50)
    for height, width in ((50, 3), (3, 50)):
        for source in as_files(black(height, width)):
            assert read_picture(source, settings).pixels.shape == (height, width, 3)
    for height, width in ((51, 3), (3, 51)):
        for source in as_files(black(height, width)):
            with pytest.raises(InputError, match="the longest side may have 50"):
                read_picture(source, settings)


def test_as_many_output_megapixels_as_allowed_are_made_and_one_column_more_is_not(tiny_catalog, tiny_settings):
    settings = dataclasses.replace(tiny_settings, max_output_megapixels=40 * 80 / 1e6)
    card = tiny_catalog.find("tiny_x4_student")
    runtime = open_runtime(card, tiny_catalog, runtime="torch", settings=settings)
    assert restore_picture(Picture(black(10, 20)), runtime).width == 80
    with pytest.raises(InputError, match="at most"):
        restore_picture(Picture(black(10, 21)), runtime)


def test_the_page_makes_as_many_megapixels_as_allowed():
    settings = Settings(max_output_megapixels=0.01)
    check_output_size(100, 100, find_task("sr_x4"), settings)
    with pytest.raises(InputError, match="at most"):
        check_output_size(100, 101, find_task("sr_x4"), settings)


def test_a_tile_of_one_pixel_is_accepted_and_of_none_is_not(tiny_catalog, tiny_settings):
    runtime = open_runtime(tiny_catalog.find("tiny_x4_student"), tiny_catalog, runtime="torch", settings=tiny_settings)
    assert restore_picture(Picture(black(2, 3)), runtime, tile_px=1).width == 12
    assert len(plan_tiles(2, 3, tile_px=1, halo=1, multiple=1, scale=1)) == 6
    for tile_px in (0, -1):
        with pytest.raises(SettingsError, match="at least 1 pixel"):
            restore_picture(Picture(black(2, 3)), runtime, tile_px=tile_px)


def test_a_visitor_s_tile_has_32_pixels_or_more():
    picture = Path("missing.png")
    with pytest.raises(SettingsError, match="at least 32 pixels wide here, got 31"):
        prepare(Order(picture, "degraded", "denoise", tile_px=31), Settings())
    for tile_px in (None, 32):
        with pytest.raises(InputError, match="no file"):
            prepare(Order(picture, "degraded", "denoise", tile_px=tile_px), Settings())


@pytest.mark.parametrize("side, tiles", [(16, 1), (17, 2), (32, 2), (33, 3)])
def test_a_picture_as_wide_as_a_tile_is_one_tile(side, tiles):
    assert len(plan_tiles(1, side, tile_px=16, halo=2, multiple=1, scale=1)) == tiles


@pytest.mark.parametrize("format, side", [(".jpg", 65_500), (".webp", 16_383)])
def test_a_format_holds_sides_up_to_its_own_limit(format, side):
    assert encode_picture(Picture(black(1, side)), format)
    with pytest.raises(InputError, match=f"sides up to {side}"):
        encode_picture(Picture(black(1, side + 1)), format)


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if isinstance(task.strength, Strength)])
def test_both_ends_of_a_strength_are_accepted(task):
    strength = find_task(task).strength
    for value in (strength.minimum, strength.maximum):
        assert strength.check(value) == value
    for value in (np.nextafter(strength.minimum, -np.inf), np.nextafter(strength.maximum, np.inf)):
        with pytest.raises(SettingsError, match="between"):
            strength.check(float(value))


def test_threads_are_shared_out_among_pictures_and_none_is_left_without():
    for threads, pictures, at_once, each in ((4, 9, 4, 1), (4, 2, 2, 2), (1, 5, 1, 1), (64, 99, 8, 8)):
        found, settings = side_by_side(Settings(threads=threads), pictures)
        assert (found, settings.threads) == (at_once, each)


def test_settings_accept_their_smallest_values_and_refuse_what_is_below():
    for name in ("threads", "run_threads"):
        assert getattr(Settings(**{name: 0}), name) == 0
        with pytest.raises(SettingsError, match=name):
            Settings(**{name: -1})
    for item in dataclasses.fields(Settings):
        if item.name.startswith("max_") or item.name in ("runs_at_once", "runs_keep_days"):
            assert getattr(Settings(**{item.name: 1}), item.name) == 1
            with pytest.raises(SettingsError, match=item.name):
                Settings(**{item.name: 0})
