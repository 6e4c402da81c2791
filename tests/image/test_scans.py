"""A JPEG of thousands of scans costs seconds per kilobyte; scans are counted before they are decoded."""

import numpy as np
import pytest
from helpers.pictures import encoded, many_scans
from PIL import Image

from kdsr.errors import InputError
from kdsr.image import read as reading
from kdsr.image import read_picture
from kdsr.image.scans import count_scans
from kdsr.settings import Settings

PHOTO = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8))


@pytest.mark.parametrize("options, scans", [({}, 1), ({"progressive": True}, 10)])
def test_scans_are_counted_as_encoders_write_them(options, scans):
    assert count_scans(encoded(PHOTO, "JPEG", quality=100, restart_marker_blocks=1, **options)) == scans
    with_thumbnails = encoded(PHOTO, "JPEG", comment=many_scans(8, 8, 200), **options)
    assert count_scans(with_thumbnails + encoded(PHOTO, "JPEG")) == scans


def test_as_many_scans_as_allowed_are_read_and_one_more_is_not(monkeypatch):
    assert read_picture(many_scans(40, 24, 100), Settings()).width == 40
    monkeypatch.setattr(reading, "decode", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match="is a JPEG of 101 scans, and at most 100 are read"):
        read_picture(many_scans(40, 24, 101), Settings())
    with pytest.raises(InputError, match=r"of 4,000 scans, and at most 40 are read at its size"):
        read_picture(many_scans(5000, 5000, 4000), Settings())


@pytest.mark.parametrize("cut", [1, 7, 50, 300])
def test_a_torn_jpeg_is_counted_without_an_error(cut):
    assert count_scans(many_scans(40, 24, 30)[:-cut]) in range(1, 31)
