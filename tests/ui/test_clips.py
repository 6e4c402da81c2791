"""Clips in *Restore*, without a browser: limits, the run with Stop, and a frame as a picture."""

import gc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.clips import BT709, frames_of, make_clip, packets_of, times_of
from helpers.restoring import CHOICE, REQUEST, restore_handlers, shown_as_toasts
from helpers.serving import tiny_settings_in

from kdsr.errors import InputError
from kdsr.image import read_picture
from kdsr.settings import Settings
from kdsr.ui import build_ui, texts
from kdsr.ui.clips.limits import checked_clip, is_clip
from kdsr.ui.restore.clips import ClipHandlers, ClipView
from kdsr.video import open_clip
from kdsr.video.frame import frame_at

pytestmark = pytest.mark.slow

handlers = pytest.fixture(restore_handlers)
toasts = pytest.fixture(shown_as_toasts, autouse=True)


@pytest.fixture
def clips(handlers):
    return ClipHandlers(handlers)


def uploaded(clips: ClipHandlers, path: Path) -> ClipView:
    *view, _, _ = clips.on_upload(str(path), REQUEST)
    return ClipView(*view)


def run(clips: ClipHandlers, path: Path, student: str = "sr_x4-student") -> list[ClipView]:
    choice = CHOICE._replace(student=student)
    return list(clips.on_run(uploaded(clips, path).clip, choice, "torch", REQUEST))


def newest(views: list[ClipView], name: str):
    return [value for view in views if not_skipped(value := getattr(view, name))][-1]


def not_skipped(value) -> bool:
    return not (isinstance(value, dict) and value == ClipView().clip)


def test_the_student_restores_all_of_a_clip_and_both_players_have_the_same_frames(clips, tmp_path):
    times = [0, 40, 90, 180, 260, 300]
    make_clip(tmp_path / "a.mkv", frames=6, times=times, channels=2, layout="yuv420p10le", matrix=BT709)
    views = run(clips, tmp_path / "a.mkv")
    shown = newest(views, "clip").shown
    assert shown.student is not None and newest(views, "file")["value"] == str(shown.student)
    before, after = open_clip(shown.before), open_clip(shown.student)
    assert (before.width, before.height, after.width, after.height) == (64, 48, 256, 192)
    assert {(clip.bits, clip.chroma) for clip in (before, after)} == {(8, "420")}
    assert np.allclose(times_of(shown.before), np.array(times) / 1000, atol=0.001)
    assert times_of(shown.before) == times_of(shown.student)
    assert packets_of(shown.student) == packets_of(tmp_path / "a.mkv")
    assert shown.student.name == "a_sr_x4-student.mp4" and "data-clip" in newest(views, "data")


def test_a_picture_closes_the_clip(clips, tmp_path):
    make_clip(tmp_path / "a.mp4", frames=2)
    assert uploaded(clips, tmp_path / "a.mp4").section == {"visible": True, "__type__": "update"}
    view = uploaded(clips, tmp_path / "photo.png")
    assert view.clip is None and view.section["visible"] is False
    assert [view.clip for view in clips.on_run(view.clip, CHOICE, "torch", REQUEST)] == [ClipView().clip]


def test_what_the_page_does_not_take_is_one_sentence(clips, tmp_path, toasts):
    settings = clips.restore.settings
    make_clip(tmp_path / "long.mp4", frames=30, rate=1)
    make_clip(tmp_path / "wide.mp4", frames=1, width=1400, height=800)
    (tmp_path / "junk.mp4").write_bytes(b"junk")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile long.mp4\n", encoding="utf-8")
    (tmp_path / "heavy.mp4").touch()
    with (tmp_path / "heavy.mp4").open("wb") as file:
        file.truncate(60_000_000)
    for name, told in {
        "long.mp4": "This clip lasts 30 s, and the limit here is 20 s.",
        "wide.mp4": "has 1400x800 px, over the 1 megapixels allowed here",
        "junk.mp4": "cannot be read as a video",
        "list.mp4": "cannot be read as a video",
        "heavy.mp4": "This clip has 60 MB, and the limit here is 50 MB.",
    }.items():
        with pytest.raises(InputError, match=told):
            checked_clip(tmp_path / name, settings)
        *view, _, status = clips.on_upload(str(tmp_path / name), REQUEST)
        assert told in toasts[-1] and told in status and ClipView(*view) == ClipView(), name


def test_stop_leaves_the_part_that_was_restored_and_restore_goes_on(clips, tmp_path, monkeypatch):
    monkeypatch.setattr("kdsr.ui.clips.run._POLL_S", 0.01)  # a quick machine is done with this clip in 0.25 s
    make_clip(tmp_path / "a.mp4", frames=200)
    steps = clips.on_run(uploaded(clips, tmp_path / "a.mp4").clip, CHOICE, "torch", REQUEST)
    views = []
    for view in steps:
        views.append(view)
        if "Student at work: " in str(view.status):
            clips.on_stop(REQUEST)
    clip = newest(views, "clip")
    part = len(frames_of(clip.shown.student))
    assert 0 < part < 200 and texts.CLIP_PART in newest(views, "notes")
    clips.on_press(REQUEST)
    again = list(clips.on_run(clip, CHOICE, "torch", REQUEST))
    assert len(frames_of(newest(again, "clip").shown.student)) == 200
    assert texts.CLIP_PART not in newest(again, "notes")  # and browsers do not show the part from their cache
    assert newest(again, "data") != newest(views, "data")


def test_a_network_that_needs_a_mask_is_refused_in_a_sentence(clips, tmp_path, toasts):
    make_clip(tmp_path / "a.mp4", frames=2)
    views = run(clips, tmp_path / "a.mp4", student="inpaint-student")
    assert "needs a mask for each frame" in views[-1].status and newest(views, "clip").shown.student is None
    assert str(tmp_path) not in "".join(str(view.status) for view in views)


def test_a_closed_page_ends_its_run(clips, tmp_path):
    make_clip(tmp_path / "a.mp4", frames=200)
    steps = clips.on_run(uploaded(clips, tmp_path / "a.mp4").clip, CHOICE, "torch", REQUEST)
    next(steps)
    clips.on_close(REQUEST)
    assert len(list(steps)) < 20


def test_the_paused_frame_becomes_the_picture_of_the_tab(clips, tmp_path):
    shown = make_clip(tmp_path / "a.mp4", frames=12, rate=10, options={"crf": "4"})
    clip = uploaded(clips, tmp_path / "a.mp4").clip
    *outputs, told = clips.on_frame(clip, 0.71, CHOICE, REQUEST)
    picture = read_picture(Path(outputs[0]), Settings())
    assert "a-0.71s.png" in outputs[0] and "0.71 s" in told and outputs[3].mode == "degraded"
    assert np.abs(picture.pixels.astype(int) - shown[7]).mean() < 3
    *outputs, _ = clips.on_frame(None, 0.7, CHOICE, REQUEST)
    assert texts.CLIP_GONE in outputs[9]


def test_the_frame_at_a_time_is_the_one_that_a_player_shows(tmp_path):
    times = [0, 40, 90, 1000, 1040]
    make_clip(tmp_path / "a.mkv", frames=5, times=times, options={"crf": "4", "bf": "0"})
    frames, clip = frames_of(tmp_path / "a.mkv"), open_clip(tmp_path / "a.mkv")
    for seconds, number in {-1: 0, 0: 0, 0.05: 1, 0.8: 2, 0.997: 2, 1.0: 3, 9: 4}.items():
        assert np.abs(frame_at(clip, seconds).astype(int) - frames[number]).mean() < 2, seconds


def test_a_clip_is_told_by_its_name():
    assert is_clip("/tmp/a.MP4") and not is_clip("/tmp/a.png") and not is_clip(None)
    assert not is_clip("/tmp/a.gif")  # a picture by its name


def test_pictures_of_the_tab_leave_clips_alone(handlers, tmp_path):
    make_clip(tmp_path / "a.mp4", frames=2)
    outputs = handlers.on_upload(str(tmp_path / "a.mp4"), CHOICE, SimpleNamespace(session_hash="visitor"))
    assert len(outputs) == 12 and handlers.page(REQUEST).picks == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # gradio leaves event loops of its own open
@pytest.mark.parametrize("is_there", [True, False])
def test_the_page_asks_for_clips_only_where_they_can_be_opened(tmp_path, monkeypatch, is_there):
    monkeypatch.setattr("kdsr.ui.clips.limits.is_installed", lambda: is_there)
    blocks = build_ui(tiny_settings_in(tmp_path))
    fields = {each.elem_id: each for each in blocks.blocks.values() if each.elem_id in ("upload", "photos")}
    assert {"takes-clips" in field.elem_classes for field in fields.values()} == {is_there} and len(fields) == 2
    assert ("video" in fields["upload"].file_types) is is_there
    del blocks, fields
    gc.collect()
