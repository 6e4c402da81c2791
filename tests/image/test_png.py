"""PNG in strips: what OpenCV and Pillow read is what was written."""

import io
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from kdsr.image import Picture, png, read_picture, write_picture
from kdsr.image.write import encode_png
from kdsr.settings import Settings


@pytest.fixture(params=["isal", "zlib"])
def packer(request, monkeypatch):
    """Each of the two that pack; without the package isal it is zlib."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal.isal_zlib", None)
    png._deflate.cache_clear()
    yield png._deflate()
    png._deflate.cache_clear()


def test_the_package_packs_where_it_is_installed(packer, request):
    assert (packer is zlib) == request.node.name.endswith("[zlib]")


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (31, 2)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels, alpha", [(1, False), (1, True), (3, False), (3, True)])
def test_a_picture_reads_back_bit_for_bit(tmp_path, packer, monkeypatch, size, kind, channels, alpha):
    monkeypatch.setattr(png, "_STRIP_BYTES", 50)
    random = np.random.default_rng(0)
    top = int(np.iinfo(kind).max) + 1
    plane = random.integers(0, top, size, kind) if alpha else None
    picture = Picture(random.integers(0, top, (*size, channels), kind), plane)
    again = read_picture(write_picture(picture, tmp_path / "large.png"), Settings())
    assert np.array_equal(again.pixels, picture.pixels)
    assert plane is None or np.array_equal(again.alpha, plane)


def test_other_readers_see_the_same(tmp_path, packer, monkeypatch):
    monkeypatch.setattr(png, "_STRIP_BYTES", 500)
    pixels = np.random.default_rng(1).integers(0, 256, (23, 41, 3), np.uint8)
    path = write_picture(Picture(pixels), tmp_path / "large.png")
    assert np.array_equal(cv2.imread(str(path))[:, :, ::-1], pixels)
    with Image.open(path) as opened:
        opened.verify()
    with Image.open(io.BytesIO(encode_png(Picture(pixels)))) as opened:
        assert np.array_equal(np.asarray(opened), pixels)
