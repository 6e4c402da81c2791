"""Inpainting in the tab *Restore*: holes drawn here, marks painted by a visitor, and what is offered where."""

import math
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from helpers.pictures import empty_png
from helpers.restoring import CHOICE, REQUEST, restore_handlers, results, run, shown_as_toasts, shown_in, small_photo
from PIL import Image

from kdsr.errors import InputError
from kdsr.image import Picture, read_picture
from kdsr.image import read as decoding
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.restore.marks import MarksHandlers
from kdsr.ui.restore.painting import Marks, write_marks
from kdsr.ui.restore.request import Order, what_is_lacking

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)
toasts = pytest.fixture(shown_as_toasts, autouse=True)


@pytest.mark.slow
def test_a_clean_picture_gets_holes_and_is_measured_in_them(handlers, photo):
    result = results(run(handlers, photo, task="inpaint", strength="text"))[-1]
    assert result.column("input").measurement is None and result.description.endswith("missing pixels: text")
    given, restored = (read_picture(result.column(key).file, handlers.settings) for key in ("input", "student"))
    assert (given.alpha == 0).any() and np.array_equal(restored.pixels[given.alpha > 0], given.pixels[given.alpha > 0])
    assert {"navier_stokes", "twin", "student", "teacher", "truth", "error_student"} <= {
        column.key for column in result.columns
    }
    assert (
        math.isfinite(result.column("navier_stokes").measurement.psnr_db)
        and "missing pixels" in result.column("student").measurement.convention
    )


def mask_file(folder, pixels):
    Image.fromarray(pixels).save(folder / "mask.png")
    return str(folder / "mask.png")


@pytest.mark.slow
def test_what_a_visitor_marks_is_filled(handlers, photo, toasts, tmp_path):
    on_marks = MarksHandlers(handlers)
    pictures, opening, cancel, status = on_marks.on_open(str(photo))
    shown = shown_in(pictures)
    assert (shown["size"], shown["paint"], [each["title"] for each in shown["pictures"]]) == (
        [67, 53],
        True,
        ["Before"],
    )
    assert cancel["visible"] and not opening["visible"] and texts.MARK in status
    mask = np.zeros((53, 67), np.uint8)
    assert on_marks.on_mask(mask_file(tmp_path, mask), str(photo), REQUEST)[3] and "Nothing is marked" in toasts[-1]
    mask[10:20, 5:40] = 255
    marks, field, kind, *_ = on_marks.on_mask(mask_file(tmp_path, mask), str(photo), REQUEST)
    assert field["value"] is kind["value"] is None
    for mode in ("clean", "degraded"):
        result = results(run(handlers, photo, mode=mode, task="inpaint", strength="dots", marks=marks))[-1]
        restored, before = (read_picture(path, handlers.settings) for path in (result.column("student").file, photo))
        changed = (restored.pixels != before.pixels).any(axis=2)
        assert changed[10:20, 5:40].any() and not changed[:10].any() and not changed[20:].any()
        assert (result.column("student").measurement is not None) == (mode == "clean")
    other = marks._replace(picture="another.png")
    views = run(handlers, photo, mode="degraded", task="inpaint", marks=other)
    assert texts.MARK in views[-1].status


def test_kinds_strengths_and_marks_are_offered_where_they_serve(handlers):
    _, _, _, strength, kind, marks, *_ = handlers.on_task("inpaint", CHOICE, None, REQUEST)
    assert (strength["visible"], kind["visible"], marks["visible"]) == (False, True, True) and kind[
        "value"
    ] == "strokes"
    choice, strength, kind, marks, *_ = handlers.on_mode("degraded", CHOICE._replace(task="inpaint"), REQUEST)
    assert (strength["visible"], kind["visible"], marks["visible"], choice.mode) == (False, False, True, "degraded")
    assert handlers.on_mode("clean", CHOICE._replace(task="denoise"), REQUEST)[1]["visible"]
    another = SimpleNamespace(session_hash="another")
    choice, marks, *_ = handlers.on_kind("text", CHOICE, another)
    assert choice.strength == "text" and marks is None


@pytest.mark.parametrize("value, is_marked", [(0, False), (127, False), (128, True), (255, True)])
def test_a_mask_marks_what_is_lighter_than_mid_grey(tmp_path, value, is_marked):
    picture, mask = Picture(np.zeros((4, 6, 3), np.uint8)), np.zeros((4, 6, 1), np.uint8)
    mask[0, 0], mask[2, 3] = 255, value
    written = read_picture(write_marks(Picture(mask), picture, tmp_path), Settings()).pixels[..., 0]
    assert bool(written[2, 3] == 255) == is_marked
    assert written[0, 0] == 255 and np.count_nonzero(written) == 1 + is_marked


def test_a_mask_of_another_size_is_refused(tmp_path):
    picture, turned = Picture(np.zeros((4, 6, 3), np.uint8)), Picture(np.full((6, 4, 1), 255, np.uint8))
    with pytest.raises(InputError, match="as large as the picture, 6 x 4, and it is 4 x 6"):
        write_marks(turned, picture, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_mask_of_169_megapixels_in_46_kilobytes_is_refused_by_its_header(handlers, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "decode", lambda *_: pytest.fail("it was decoded"))
    (tmp_path / "huge.png").write_bytes(empty_png(13_000, 13_000))
    marks, *_, status, _, _ = MarksHandlers(handlers).on_mask(str(tmp_path / "huge.png"), str(photo), REQUEST)
    assert marks == gr.skip() and "13000 x 13000" in status


def test_an_upload_without_missing_pixels_is_painted_on_instead_of_an_error(handlers, photo, toasts):
    on_marks, choice = MarksHandlers(handlers), CHOICE._replace(task="inpaint")
    picture, _, _, choice, *_ = handlers.on_upload(str(photo), choice, REQUEST)
    pictures, opening, cancel, status, button, stop = on_marks.on_ordered(picture, None, choice, None, REQUEST)
    assert shown_in(pictures)["paint"] and cancel["visible"] and not opening["visible"]
    assert texts.MARK in status and "line needed" in status and button["interactive"] and not stop["visible"]
    assert on_marks.on_ordered(picture, None, choice, None, REQUEST) == (gr.skip(),) * 6 and toasts == []
    handlers.on_press(REQUEST)
    pictures, opening, cancel, *_ = on_marks.on_ordered(picture, None, choice, Marks(picture, str(photo)), REQUEST)
    assert pictures == gr.skip() and opening["visible"] and not cancel["visible"]
    shown, opening, *_ = on_marks.on_cancel(None, ("input", "student"))
    assert shown == gr.skip() and opening["visible"] and handlers.orders.is_waiting("visitor")


def test_of_two_quick_choices_the_page_asks_for_what_the_last_lacks(handlers, photo):
    on_marks, picture = MarksHandlers(handlers), str(photo)
    before, *_ = handlers.on_mode("both", CHOICE._replace(task="inpaint"), REQUEST)
    choice, *_ = handlers.on_mode("degraded", before, REQUEST)
    late = on_marks.on_ordered(picture, None, before, None, REQUEST)  # read before the second choice was stored
    assert texts.MARK in late[3] and shown_in(late[0])["paint"]
    run_of = (picture, None, choice, "torch", 0, 0, False, None, ("input", "student"), REQUEST)
    assert texts.MARK in list(handlers.on_restore(*run_of))[-1].status


def test_an_order_waits_only_for_what_it_lacks(handlers, photo, tmp_path):
    def lacking(mode: str, task: str = "inpaint", picture: Path = photo, **given: object) -> str:
        return what_is_lacking(Order(picture, mode, task, **given), handlers.settings)

    Image.new("RGBA", (16, 16), (9, 9, 9, 0)).save(tmp_path / "all.png")
    half = Image.new("RGBA", (16, 16), (9, 9, 9, 255))
    half.putpixel((3, 4), (0, 0, 0, 0))
    half.save(tmp_path / "half.png")
    (tmp_path / "text.png").write_text("no picture")
    assert lacking("degraded") == lacking("degraded", picture=tmp_path / "all.png") == texts.MARK
    assert lacking("both", truth=photo) == texts.MARK and lacking("both", "denoise") == texts.ADD_ORIGINAL
    complete = [
        lacking("clean"), lacking("degraded", mask=photo), lacking("degraded", "denoise"),
        lacking("degraded", picture=tmp_path / "half.png"), lacking("degraded", picture=tmp_path / "text.png"),
        lacking("both", "denoise", truth=photo),
    ]  # fmt: skip
    assert complete == [""] * 6
