"""Folders and targets: nothing is lost by its name, what is passed over is told, and what cannot be written is known
before the first tile.
"""

import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from helpers.pictures import noise
from PIL import Image

from kdsr.errors import InputError
from kdsr.image import Picture, read_picture, write_picture
from kdsr.image.batch import others_in, pictures_in, result_names
from kdsr.image.suffixes import PHOTO_SUFFIXES, PICTURE_SUFFIXES
from kdsr.restore import restore_file
from kdsr.restore.runtime import RuntimeInfo
from kdsr.settings import Settings
from kdsr.train.data.photos import find_photos


@pytest.fixture
def run(monkeypatch, capsys):
    """(exit code, stderr) of `kdsr degrade`, which goes through folders as `kdsr restore` does, without a network."""
    from kdsr.cli import main

    def call(source: Path, out: Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["kdsr", "degrade", str(source), "-o", str(out), "--task", "sr_x2"])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("a.png", "b.jpg"), ["a.png", "b.png"]),
        (("a.jpg", "a.png"), ["a.jpg.png", "a.png.png"]),
        (("a.jpg", "a.png", "a.png.png"), ["a.jpg.png", "a.png.png", "a.png.png.png"]),
        (("a.jpg", "a.jpg.jpg", "a.jpg.png", "a.png"), ["a.jpg.png", "a.jpg.jpg.png", "a.jpg.png.png", "a.png.png"]),
        (("A.jpg", "a.png"), ["A.jpg.png", "a.png.png"]),
        (("A.PNG", "a.png"), ["A.PNG.png", "a.png.png.2.png"]),
        (("A.PNG", "a.png", "a.png.png.2.png"), ["A.PNG.png", "a.png.png.3.png", "a.png.png.2.png"]),
        (("e\u0301.png", "\u00e9.png"), ["e\u0301.png.png", "\u00e9.png.png.2.png"]),
        (("x" * 250 + ".jpg", "x" * 250 + ".png"), ["x" * 249 + ".2.png", "x" * 249 + ".3.png"]),
        (("\u00e9" * 125 + ".jpg", "\u00e9" * 125 + ".png"), ["\u00e9" * 124 + ".2.png", "\u00e9" * 124 + ".3.png"]),
        ((), []),
    ],
)
def test_no_two_results_have_one_name(names, wanted):
    made = result_names([Path(name) for name in names])
    assert made == wanted
    assert len({unicodedata.normalize("NFC", name).casefold() for name in made}) == len(names)
    assert all(len(name.encode()) <= 255 for name in made)


def test_every_picture_of_a_folder_comes_out(run, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for side, name in enumerate(("a.jpg", "a.png", "a.png.png"), start=4):
        write_picture(noise(2 * side, 2 * side), source / name)
    assert run(source, out)[0] == 0
    assert {path.name: read_picture(path, Settings()).width for path in out.glob("*.png")} == {
        "a.jpg.png": 4, "a.png.png": 5, "a.png.png.png": 6,
    }  # fmt: skip


def test_a_folder_is_not_restored_into_itself(run, tmp_path):
    write_picture(noise(8, 8), tmp_path / "in.jpg")
    source = tmp_path / "in"
    source.mkdir()
    write_picture(noise(8, 8), source / "a.jpg")
    (tmp_path / "link").symlink_to(source)
    for out in (source, source / ".." / "in", tmp_path / "link"):
        code, err = run(source, out)
        assert (code, "lie among their sources" in err) == (2, True), err
    assert [path.name for path in source.iterdir()] == ["a.jpg"]


def test_every_ending_is_seen_by_every_door_and_the_others_are_told(run, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    formats = {".apng": "PNG", ".dib": "BMP", ".jfif": "JPEG", ".jpe": "JPEG", ".mpo": "MPO", ".pnm": "PPM"}
    for suffix, name in formats.items():
        Image.new("RGB", (8, 8), (200, 100, 50)).save(source / f"of{suffix}", name)
        (source / f"of{suffix}").rename(source / f"of{suffix[1:]}{suffix.upper()}")
    for name in ("notes.txt", "film.mp4", ".hidden", ".hidden.PNG"):
        (source / name).touch()
    (source / "below").mkdir()
    assert set(formats) <= PICTURE_SUFFIXES >= PHOTO_SUFFIXES
    assert len(pictures_in(source)) == len(formats) == len(find_photos([str(source)], tmp_path)) + 1  # .pnm
    assert others_in(source) == [".hidden.PNG", "below/", "film.mp4", "notes.txt"]
    code, err = run(source, tmp_path / "out")
    assert code == 0 and len(list((tmp_path / "out").glob("*.png"))) == len(formats)
    told = "Passed over, as hidden or no pictures by their names: .hidden.PNG, below/, film.mp4, notes.txt."
    assert err.splitlines()[0] == told
    for index in range(9):
        (source / f"{index}.txt").touch()
    assert run(source, tmp_path / "out")[1].splitlines()[0].endswith("5.txt, 6.txt and 5 more.")


def test_a_link_to_itself_is_one_that_failed(run, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    write_picture(noise(8, 8), source / "a.png")
    (source / "loop.png").symlink_to(source / "loop.png")
    code, err = run(source, tmp_path / "out")
    assert code == 1 and "1 of 2 pictures failed" in err and "Traceback" not in err
    assert (tmp_path / "out" / "a.png").is_file()
    code, err = run(source / "loop.png", tmp_path / "out2")
    assert code == 2 and "Traceback" not in err
    (tmp_path / "out3").symlink_to(tmp_path / "out3")
    code, err = run(source / "a.png", tmp_path / "out3")
    assert code == 2 and "Traceback" not in err


class Untouched:
    """A runtime that must not run."""

    about = RuntimeInfo("none", "cpu", 1, "float32", scale=4, planes=3, multiple=1, halo=0, max_output_megapixels=999.0)

    def run_array(self, image: np.ndarray) -> np.ndarray:
        raise AssertionError("a tile was restored")

    run = run_uint8 = run_array


@pytest.mark.parametrize(
    ("picture", "target", "told"),
    [
        (Picture(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)), "a.jpg", "JPEG holds no transparency"),
        (Picture(np.zeros((4, 4, 3), np.uint16)), "a.jpeg", "JPEG holds 8 bits"),
        (Picture(np.zeros((4, 4, 3), np.uint16)), "a.webp", "WebP holds 8 bits"),
        (Picture(np.zeros((2, 4096, 3), np.uint8)), "a.webp", "16383 pixels, and this picture is 16384 x 8"),
        (Picture(np.zeros((2, 16376, 3), np.uint8)), "a.jpg", "65500 pixels, and this picture is 65504 x 8"),
        (Picture(np.zeros((4, 4, 3), np.uint8)), "a.xyz", "got '.xyz'"),
        (Picture(np.zeros((4, 4, 3), np.uint8)), "folder.png", "is a folder"),
        (Picture(np.zeros((4, 4, 3), np.uint8)), "nowhere/a.png", "cannot be written"),
        (Picture(np.zeros((4, 4, 3), np.uint8)), "/proc/a.png", "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_known_before_the_first_tile(tmp_path, picture, target, told):
    (tmp_path / "folder.png").mkdir()
    source = write_picture(picture, tmp_path / "source.png")
    with pytest.raises(InputError, match=told):
        restore_file(source, tmp_path / target, Untouched(), Settings())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "source.png"]
