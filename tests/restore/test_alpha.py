"""Alpha is restored and written strip by strip as in one piece; a file is never written in place."""

import threading

import numpy as np
import pytest

import kdsr.image.write as writing
from kdsr.errors import InputError
from kdsr.image import Picture, read_picture, write_picture, write_strips
from kdsr.image.plane import resize_plane
from kdsr.restore import open_runtime, restore_picture, restore_strips

SIZE = (37, 29)


def transparent(dtype=np.uint8, channels=3):
    """A random picture whose alpha differs in every row."""
    draw, most = np.random.default_rng(0), np.iinfo(dtype).max
    pixels = draw.integers(0, most + 1, (*SIZE, channels), dtype)
    alpha = np.linspace(0, most, SIZE[0] * SIZE[1]).reshape(SIZE).astype(dtype)
    return Picture(pixels, alpha, name="transparent")


@pytest.fixture
def runtime(tiny_catalog, tiny_settings):
    return open_runtime(tiny_catalog.find("tiny_x4_student"), tiny_catalog, runtime="torch", settings=tiny_settings)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tile_px", [1, 8, 16, 64])
def test_every_strip_has_the_alpha_of_its_rows(runtime, dtype, tile_px):
    picture = transparent(dtype)
    height, width = 4 * SIZE[0], 4 * SIZE[1]
    wanted = resize_plane(picture.alpha, height, width)
    top = 0
    for strip in restore_strips(picture, runtime, tile_px=tile_px):
        assert strip.alpha.shape == strip.pixels.shape[:2]
        assert np.array_equal(strip.alpha, wanted[top : top + strip.height])
        top += strip.height
    assert top == height
    assert np.array_equal(restore_picture(picture, runtime, tile_px=tile_px).alpha, wanted)


@pytest.mark.parametrize("large_bytes", [0, 10**9], ids=["strip by strip", "gathered"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_written_strips_keep_the_alpha_of_every_strip(
    tmp_path, tiny_settings, monkeypatch, large_bytes, suffix, channels, dtype
):
    monkeypatch.setattr(writing, "_LARGE_BYTES", large_bytes)
    picture = transparent(dtype, channels)
    strips = [
        Picture(picture.pixels[top : top + 5], picture.alpha[top : top + 5]) for top in range(0, picture.height, 5)
    ]
    path = write_strips(strips, tmp_path / f"strips{suffix}", height=picture.height)
    read = read_picture(path, tiny_settings)
    assert np.array_equal(read.alpha, picture.alpha) and np.array_equal(read.pixels, picture.pixels)


@pytest.mark.parametrize("large_bytes", [0, 10**9], ids=["strip by strip", "gathered"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_file_is_never_written_in_place(tmp_path, tiny_settings, monkeypatch, large_bytes, suffix):
    """While strips come, and after one fails, the path holds the old picture and nothing else is left."""
    monkeypatch.setattr(writing, "_LARGE_BYTES", large_bytes)
    old, new = transparent(), Picture(np.zeros((10, 8, 3), np.uint8))
    path = write_picture(old, tmp_path / f"picture{suffix}")
    before = path.read_bytes()
    seen: list[bool] = []

    def strips(fails):
        for top in range(0, 10, 2):
            seen.append(path.read_bytes() == before)
            if fails and top == 6:
                raise InputError("the network failed")
            yield Picture(new.pixels[top : top + 2])

    with pytest.raises(InputError, match="the network failed"):
        write_strips(strips(True), path, height=10)
    assert path.read_bytes() == before and sorted(tmp_path.iterdir()) == sorted([tiny_settings.weights_dir, path])
    write_strips(strips(False), path, height=10)
    assert seen and all(seen)
    assert np.array_equal(read_picture(path, tiny_settings).pixels, new.pixels)


def test_a_reader_sees_the_old_picture_or_the_new_one(tmp_path, tiny_settings):
    """A reader in a loop never meets half a file, while a writer replaces it again and again."""
    pictures = [Picture(np.full((64, 64, 3), level, np.uint8)) for level in (0, 255)]
    path = write_picture(pictures[0], tmp_path / "picture.png")
    ended = threading.Event()

    def write():
        for turn in range(40):
            write_picture(pictures[turn % 2], path)
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not ended.is_set():
        levels = np.unique(read_picture(path, tiny_settings).pixels)
        assert levels.tolist() in ([0], [255])
    writer.join()
