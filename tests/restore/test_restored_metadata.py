"""`kdsr restore` and the page keep what the source says beside its pixels, and name a position."""

import sys
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from helpers.pictures import encoded
from helpers.restoring import CHOICE, REQUEST, restore_handlers, results, run
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from kdsr.restore.files import POSITION
from kdsr.ui import texts
from kdsr.ui.restore import shown as shown_module
from kdsr.ui.restore.shown import ShownHandlers

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


def tells_place(file):
    """Whether the picture in `file` says where it was taken."""
    with Image.open(file) as image:
        return bool(image.getexif().get_ifd(ExifTags.IFD.GPSInfo)) or "dpi" in image.info


def test_the_box_beside_the_downloads_leaves_exif_gps_and_xmp_out_and_puts_them_back(handlers, photograph):
    view = run(handlers, photograph, mode="degraded")[-1]
    shown = ShownHandlers(handlers).on_files(view.result, True, "PNG")
    files = [shown[1]["value"], shown[2]["value"], *shown[3]]
    assert tells_place(view.student_file["value"]) and any(map(tells_place, view.files))
    assert not any(map(tells_place, files))
    for stripped, whole in zip(shown[3], view.files, strict=True):
        assert np.array_equal(np.asarray(Image.open(stripped)), np.asarray(Image.open(whole)))
        assert Path(stripped).name == Path(whole).name
    result, *_, webp = ShownHandlers(handlers).on_files(shown[0], True, "WebP")
    assert not any(map(tells_place, webp))
    result, *_, webp = ShownHandlers(handlers).on_files(result, False, "WebP")
    assert any(map(tells_place, webp))
    back = ShownHandlers(handlers).on_files(result, False, "PNG")
    assert back[1:] == (view.student_file, view.teacher_file, view.files)
    assert shown[0].order == view.result.order  # so that the result is not taken for a stale one


def test_a_run_with_the_box_ticked_offers_nothing_that_tells_the_place(handlers, photograph):
    handlers.on_press(REQUEST)
    given = (
        str(photograph),
        None,
        CHOICE._replace(mode="degraded"),
        "torch",
        0,
        0,
        False,
        None,
        ("teacher", "student"),
        REQUEST,
        True,
    )
    offered = []
    for view in handlers.on_restore(*given):
        for button in (view.student_file, view.teacher_file):
            offered += [button["value"]] if button.get("value") else []
        offered += view.files if isinstance(view.files, list) else []
    assert len(offered) > 4 and not any(map(tells_place, offered))
    assert tells_place(view.result.column("student").file)


def test_the_box_ticked_while_a_run_is_at_work_counts_for_all_that_comes_after(handlers, photograph):
    handlers.on_press(REQUEST)
    choice = CHOICE._replace(mode="degraded")
    views = handlers.on_restore(
        str(photograph), None, choice, "torch", 0, 0, False, None, ("input", "student"), REQUEST
    )
    first = next(view for view in views if view.result != gr.skip())
    assert tells_place(first.student_file["value"])
    ShownHandlers(handlers).on_files(first.result, True, "PNG", REQUEST)
    last = list(views)[-1]
    assert not any(map(tells_place, [last.student_file["value"], last.teacher_file["value"], *last.files]))


def test_files_written_while_a_newer_result_came_do_not_replace_its_own(handlers, photograph, monkeypatch):
    view, write = run(handlers, photograph, mode="degraded")[-1], shown_module.files_as

    def write_slowly(*given):
        monkeypatch.setattr(shown_module, "files_as", write)
        assert run(handlers, photograph, task="denoise", mode="degraded")[-1].files
        return write(*given)

    monkeypatch.setattr(shown_module, "files_as", write_slowly)
    assert ShownHandlers(handlers).on_files(view.result, False, "WebP", REQUEST) == (gr.skip(),) * 4


def test_without_a_result_the_box_changes_nothing(handlers):
    assert ShownHandlers(handlers).on_files(None, True, "PNG") == (gr.skip(),) * 4
