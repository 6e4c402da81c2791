"""`kdsr restore` and the page keep what the source says beside its pixels, and name a position."""

import sys

import pytest
from helpers.pictures import encoded
from helpers.restoring import restore_handlers, results, run
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from kdsr.restore.files import POSITION
from kdsr.ui import texts

handlers = pytest.fixture(restore_handlers)


@pytest.fixture
def photograph(tmp_path):
    """A JPEG that says where it was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "KDSR"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (IFDRational(52), IFDRational(31), IFDRational(0))
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(Image.linear_gradient("L").resize((16, 13)), "JPEG", exif=exif, dpi=(300, 300)))
    return path


@pytest.mark.parametrize("strip", [False, True])
def test_restore_keeps_a_position_and_strip_drops_it(tiny_catalog, tmp_path, photograph, monkeypatch, capsys, strip):
    from kdsr.cli import main

    monkeypatch.setenv("KDSR_WEIGHTS_DIR", str(tiny_catalog.weights_dir))
    monkeypatch.setenv("KDSR_HOME", str(tmp_path / "home"))
    for suffix in ("png", "tif", "jpg", "webp"):
        out = tmp_path / f"out.{suffix}"
        words = [
            "--threads",
            "1",
            "restore",
            str(photograph),
            "-o",
            str(out),
            "--model",
            "tiny_x4_student",
            "--runtime",
            "onnx",
        ]
        monkeypatch.setattr(sys, "argv", ["kdsr", *words, *(["--strip"] if strip else [])])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, None)
        assert (POSITION in capsys.readouterr().err) is not strip
        with Image.open(out) as image:
            exif = image.getexif()
            assert exif.get(ExifTags.Base.Make) == (None if strip else "KDSR")
            assert bool(exif.get_ifd(ExifTags.IFD.GPSInfo)) is not strip


def test_the_page_names_the_position_that_its_downloads_keep(handlers, photograph):
    result = results(run(handlers, photograph, mode="degraded"))[-1]
    assert texts.POSITION in result.notes
    with Image.open(result.column("student").file) as image:
        assert image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    shown = result.column("input").shown  # enlarged, for the eye only
    with Image.open(shown) as image:
        assert not image.getexif()
