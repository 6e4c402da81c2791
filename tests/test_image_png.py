"""PNG in strips: what OpenCV and Pillow read is what was written."""

import cv2
import numpy as np
import pytest

from kdsr.image import Picture, png, read_picture, write, write_picture
from kdsr.settings import Settings


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (31, 2)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels, alpha", [(1, False), (1, True), (3, False), (3, True)])
def test_a_large_picture_reads_back_bit_for_bit(tmp_path, monkeypatch, size, kind, channels, alpha):
    monkeypatch.setattr(write, "_LARGE_BYTES", 0)
    monkeypatch.setattr(png, "_STRIP_BYTES", 50)
    random = np.random.default_rng(0)
    top = int(np.iinfo(kind).max) + 1
    plane = random.integers(0, top, size, kind) if alpha else None
    picture = Picture(random.integers(0, top, (*size, channels), kind), plane)
    again = read_picture(write_picture(picture, tmp_path / "large.png"), Settings())
    assert np.array_equal(again.pixels, picture.pixels)
    assert plane is None or np.array_equal(again.alpha, plane)


def test_another_reader_sees_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(write, "_LARGE_BYTES", 0)
    pixels = np.random.default_rng(1).integers(0, 256, (23, 41, 3), np.uint8)
    path = write_picture(Picture(pixels), tmp_path / "large.png")
    assert np.array_equal(cv2.imread(str(path))[:, :, ::-1], pixels)
