"""Inpainting in the tab *Restore*: holes drawn here, marks painted by a visitor, and what is offered where."""

import math
from pathlib import Path

import numpy as np
import pytest
from gradio.components.image_editor import AcceptBlobs, EditorData
from helpers.pictures import empty_png, png_of
from helpers.restoring import CHOICE, REQUEST, restore_handlers, results, run, small_photo
from PIL import Image
from starlette.exceptions import HTTPException

from kdsr.errors import InputError
from kdsr.image import Picture, read_picture
from kdsr.image import read as decoding
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.restore.editor import MarksEditor
from kdsr.ui.restore.marks import MarksHandlers, what_is_lacking
from kdsr.ui.restore.painting import Marks, write_marks
from kdsr.ui.restore.request import Order

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)


@pytest.fixture(autouse=True)
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would have been shown as a toast; gradio warns on the console where there is no page."""
    shown: list[str] = []
    monkeypatch.setattr("kdsr.ui.restore.handlers.gr.Warning", shown.append)
    return shown


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


def test_what_a_visitor_marks_is_filled(handlers, photo, toasts):
    on_marks = MarksHandlers(handlers)
    editor, *_ = on_marks.on_open(str(photo))
    layer = np.zeros((*editor["value"].shape[:2], 4), np.uint8)
    assert on_marks.on_use([png_of(layer)], str(photo), REQUEST)[2] and "Nothing is marked" in toasts[-1]
    layer[10:20, 5:40, 3] = 255
    marks, kind, *_ = on_marks.on_use([png_of(layer)], str(photo), REQUEST)
    assert kind["value"] is None
    for mode in ("clean", "degraded"):
        result = results(run(handlers, photo, mode=mode, task="inpaint", strength="dots", marks=marks))[-1]
        restored, before = (read_picture(path, handlers.settings) for path in (result.column("student").file, photo))
        changed = (restored.pixels != before.pixels).any(axis=2)
        assert changed[10:20, 5:40].any() and not changed[:10].any() and not changed[20:].any()
        assert (result.column("student").measurement is not None) == (mode == "clean")
    other = marks._replace(picture="another.png")
    views = run(handlers, photo, mode="degraded", task="inpaint", marks=other)
    assert "Nothing says what is missing" in views[-1].status


def test_kinds_strengths_and_marks_are_offered_where_they_serve(handlers):
    _, _, _, strength, kind, marks, *_ = handlers.on_task("inpaint", CHOICE, None, REQUEST)
    assert (strength["visible"], kind["visible"], marks["visible"]) == (False, True, True) and kind[
        "value"
    ] == "strokes"
    choice, strength, kind, marks, *_ = handlers.on_mode("degraded", CHOICE._replace(task="inpaint"), REQUEST)
    assert (strength["visible"], kind["visible"], marks["visible"], choice.mode) == (False, False, True, "degraded")
    assert handlers.on_mode("clean", CHOICE._replace(task="denoise"), REQUEST)[1]["visible"]
    choice, marks, *_ = handlers.on_kind("text", CHOICE, REQUEST)
    assert choice.strength == "text" and marks is None


@pytest.mark.parametrize("alpha, is_marked", [(0, False), (1, True), (127, True), (255, True)])
def test_the_faintest_paint_marks_a_pixel(tmp_path, alpha, is_marked):
    picture = Picture(np.zeros((4, 6, 3), np.uint8))
    layer = np.zeros((4, 6, 4), np.uint8)
    layer[0, 0, 3] = 255
    layer[2, 3, 3] = alpha
    mask = read_picture(write_marks([png_of(layer)], picture, tmp_path), Settings()).pixels[..., 0]
    assert bool(mask[2, 3] == 255) == is_marked
    assert mask[0, 0] == 255 and np.count_nonzero(mask) == 1 + is_marked


def test_no_paint_several_layers_and_layers_of_another_size_are_refused(tmp_path):
    picture, empty = Picture(np.zeros((4, 6, 3), np.uint8)), np.zeros((4, 6, 4), np.uint8)
    painted, turned = np.full((4, 6, 4), 255, np.uint8), np.full((6, 4, 4), 255, np.uint8)
    for layers, sentence in (
        ([], "Nothing is marked"), ([png_of(empty)], "Nothing is marked"), ([png_of(empty[..., :3])], "Nothing is"),
        ([png_of(painted)] * 2, "must be one layer, got 2"), ([b"no picture"], "is not a picture"),
        ([png_of(turned)], "must have 6 x 4 pixels, got 4 x 6"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=sentence):
            write_marks(layers, picture, tmp_path)
    assert not list(tmp_path.iterdir())


def test_paint_of_169_megapixels_in_46_kilobytes_is_refused_by_its_header(tmp_path, monkeypatch):
    """gradio's editor decoded three of these before anything judged them: 3.4 GB."""
    monkeypatch.setattr(decoding, "decode", lambda *_: pytest.fail("it was decoded"))
    huge = empty_png(13_000, 13_000)
    assert len(huge) < 46_000
    editor = MarksEditor()
    for payload in (payload_of(editor, huge), payload_of(editor, huge, huge, huge)):
        assert payload == [huge]
        with pytest.raises(InputError, match="13000 x 13000 pixels, and the longest side may have 1024"):
            write_marks(payload, Picture(np.zeros((4, 6, 3), np.uint8)), tmp_path)


def test_paint_that_is_sent_and_not_asked_for_stays_bounded():
    editor = MarksEditor()
    blob = {"type": "layer", "index": 0, "file": b"", "id": "large"}
    with pytest.raises(HTTPException, match="413"):
        editor.accept_blobs(AcceptBlobs(data=blob, files=[("file", bytes(2_000_001))]))
    for other in ({"index": 1_000_000_000}, {"type": "background"}, {"type": "composite"}):
        editor.accept_blobs(AcceptBlobs(data={**blob, **other}, files=[("file", b"x")]))
    assert editor.preprocess(EditorData(id="large")) == []
    for number in range(65):
        editor.accept_blobs(AcceptBlobs(data={**blob, "id": str(number)}, files=[("file", b"x")]))
    assert [editor.preprocess(EditorData(id=id_)) for id_ in ("0", "1", "1", "64")] == [[], [b"x"], [], [b"x"]]


def payload_of(editor, *layers):
    """What a handler gets where a browser sends `layers`."""
    for index, layer in enumerate(layers):
        about = {"type": "layer", "index": index, "file": b"", "id": "marks"}
        editor.accept_blobs(AcceptBlobs(data=about, files=[("file", layer)]))
    return editor.preprocess(EditorData(id="marks"))


def test_an_upload_without_missing_pixels_opens_the_editor_instead_of_an_error(handlers, photo, toasts):
    on_marks, choice = MarksHandlers(handlers), CHOICE._replace(task="inpaint")
    picture, _, _, choice, *_ = handlers.on_upload(str(photo), choice, REQUEST)
    editor, opening, use, _, status, button, stop = on_marks.on_ordered(picture, None, choice, None, REQUEST)
    assert editor["visible"] and editor["value"].shape == (53, 67, 3) and use["visible"] and not opening["visible"]
    assert texts.MARK in status and "line needed" in status and button["interactive"] and not stop["visible"]
    assert not handlers.orders.is_waiting("visitor") and toasts == []
    handlers.on_press(REQUEST)
    editor, *_ = on_marks.on_ordered(picture, None, choice, Marks(picture, str(photo)), REQUEST)
    assert not editor["visible"] and handlers.orders.is_waiting("visitor")


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
