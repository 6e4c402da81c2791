"""Clips of every kind through a released student: frames, times, sound, colour, and what cannot be restored."""

import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.clips import BT709, SMPTE170M, frames_of, make_clip, make_torn_clip, packets_of, times_of

from kdsr.errors import InputError, SettingsError, Stopped
from kdsr.restore import open_runtime
from kdsr.settings import Settings
from kdsr.video import Encoding, clip_settings, open_clip, restore_clip
from kdsr.video import restore as restoring
from kdsr.video.pieces import Pieces
from kdsr.video.unchanged import Unchanged
from kdsr.zoo import Catalog

VFR = [0, 40, 90, 95, 180, 260, 300, 333, 390, 500, 520, 700]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    weights = Path(__file__).parents[2] / "weights"
    return Settings(weights_dir=weights, home=tmp_path_factory.mktemp("home"), device="cpu", threads=1)


@pytest.fixture(scope="module")
def runtime(settings):
    catalog = Catalog(settings.weights_dir)
    return open_runtime(catalog.find("sr_x2-student-16x7"), catalog, settings=settings)


def restored(source, target, runtime, settings, **more):
    return restore_clip(source, target, runtime, settings, made_by="test", **more)


CASES = {
    "stereo.mp4": {"channels": 2},
    "mono_vfr.mkv": {"channels": 1, "times": VFR},
    "turned.mov": {"rotation": 90},
    "odd.mkv": {"width": 65, "height": 49, "layout": "yuv444p"},
    "bt709.mp4": {"matrix": BT709},
    "bt601.mp4": {"matrix": SMPTE170M},
    "full.mp4": {"matrix": BT709, "full_range": True},
    "interlaced.mp4": {"interlaced": True},
    "one.mp4": {"frames": 1},
    "ten_bits.mkv": {"layout": "yuv420p10le"},
    "vp9.webm": {"codec": "libvpx-vp9", "channels": 2, "sound": "libopus"},
    "animated.gif": {"codec": "gif", "layout": "bgr8"},
    "wide_pixels.mp4": {"aspect": Fraction(4, 3)},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_frames_times_sound_and_colour_are_kept(name, runtime, settings, tmp_path):
    source, target = tmp_path / name, tmp_path / f"result{'.mkv' if name.endswith(('gif', 'webm')) else name[-4:]}"
    make_clip(source, **CASES[name])
    restored(source, target, runtime, settings)
    clip, result = open_clip(source), open_clip(target)
    before, after = frames_of(source), frames_of(target)
    assert len(after) == len(before) == CASES[name].get("frames", 12)
    assert (result.width, result.height, result.rotation) == (2 * clip.width, 2 * clip.height, 0)
    assert np.allclose(times_of(target), times_of(source), atol=0.001)
    assert packets_of(target) == packets_of(source)
    assert (result.bits, result.sample_aspect) == (clip.bits, clip.sample_aspect)
    assert (result.matrix, result.full_range) == (clip.matrix, clip.full_range)
    for one, other in zip(before, after, strict=True):
        upright = np.ascontiguousarray(np.rot90(one, clip.rotation // 90))
        bicubic = cv2.resize(upright, other.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        assert np.abs(bicubic.mean((0, 1)) - other.mean((0, 1))).max() < 2
        assert name == "animated.gif" or np.abs(bicubic.astype(int) - other).mean() < 3


@pytest.mark.slow
def test_a_turned_clip_stands_upright(runtime, settings, tmp_path):
    (shown,) = make_clip(tmp_path / "a.mov", frames=1, rotation=90)
    restored(tmp_path / "a.mov", tmp_path / "b.mov", runtime, settings)
    (got,) = frames_of(tmp_path / "b.mov")
    turned = [cv2.resize(np.ascontiguousarray(np.rot90(shown, k)), got.shape[1::-1]).astype(int) for k in (1, 3)]
    with av.open(str(tmp_path / "a.mov")) as source:
        (frame,) = source.decode(video=0)
    distances = [np.abs(each - got).mean() for each in turned]
    assert frame.rotation == 90 and distances[0] < 4 < distances[1]  # counter-clockwise, as FFmpeg's players turn it


def test_what_a_clip_is_not_is_said_before_the_first_frame(runtime, settings, tmp_path):
    make_clip(tmp_path / "a.mkv", channels=1, sound="aac")
    for target, message in {"b.txt": "is written as .mp4", "b.webm": "takes no H.264; choose --codec av1"}.items():
        with pytest.raises(InputError, match=message):
            restored(tmp_path / "a.mkv", tmp_path / target, runtime, settings)
    with pytest.raises(InputError, match="takes no sound as aac"):
        restored(tmp_path / "a.mkv", tmp_path / "b.webm", runtime, settings, encoding=Encoding("av1"))
    (tmp_path / "junk.mp4").write_bytes(b"junk")
    with pytest.raises(InputError, match="cannot be read as a video"):
        restored(tmp_path / "junk.mp4", tmp_path / "b.mp4", runtime, settings)
    with pytest.raises(InputError, match="no video file"):
        restored(tmp_path / "none.mp4", tmp_path / "b.mp4", runtime, settings)
    with pytest.raises(InputError, match="would replace the clip"):
        restored(tmp_path / "a.mkv", tmp_path / "a.mkv", runtime, settings)
    small = Settings(max_input_megapixels=0.001, home=tmp_path)
    with pytest.raises(InputError, match=r"64x48 px, over the 0\.001 mega"):
        restored(tmp_path / "a.mkv", tmp_path / "b.mkv", runtime, small)
    assert sorted(path.name for path in tmp_path.glob("b.*")) == []


@pytest.mark.parametrize("asked, message", [(("h264", 60), "from 0, the best, to 51"), (("ffv1", 3), "takes no --crf")])
def test_a_quality_out_of_range_is_one_sentence(asked, message):
    with pytest.raises(SettingsError, match=message):
        Encoding(*asked)


def test_hdr_is_refused(runtime, settings, tmp_path):
    make_clip(tmp_path / "a.mkv", frames=2, layout="yuv420p10le", options={"x264-params": "transfer=smpte2084"})
    with pytest.raises(InputError, match=r"HDR \(PQ\)"):
        restored(tmp_path / "a.mkv", tmp_path / "b.mkv", runtime, settings)


def test_a_clip_that_breaks_off_is_restored_up_to_there(runtime, settings, tmp_path):
    make_clip(tmp_path / "a.mkv", frames=40, channels=1)
    data = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    readable = len(frames_of(tmp_path / "cut.mkv"))
    restored(tmp_path / "cut.mkv", tmp_path / "b.mkv", runtime, settings)
    assert 0 < readable < 40 and len(frames_of(tmp_path / "b.mkv")) == readable


def test_a_stopped_clip_plays_so_far_and_goes_on(runtime, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(restoring, "_MOST_FRAMES", 10)
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    make_clip(source, frames=50, channels=1)
    seen = []
    with pytest.raises(Stopped, match="plays up to there, and the same command goes on"):
        restored(source, target, runtime, settings, on_progress=seen.append, should_stop=lambda: len(seen) >= 2)
    first = Pieces(target, "").folder
    assert 10 <= len(frames_of(target)) < 50 and 0 < len(packets_of(target)) < len(packets_of(source))
    assert seen[-1].expected == 50 and seen[-1].left_s > 0
    assert first.is_dir()


@pytest.mark.slow
def test_a_stopped_clip_goes_on_without_repeating_a_frame(runtime, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(restoring, "_MOST_FRAMES", 10)
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    make_clip(source, frames=50, channels=1)
    seen = []
    with pytest.raises(Stopped):
        restored(source, target, runtime, settings, on_progress=seen.append, should_stop=lambda: len(seen) >= 2)
    done, again = len(frames_of(target)), []
    restored(source, target, runtime, settings, on_progress=again.append)
    assert len(frames_of(target)) == 50 and np.allclose(times_of(target), times_of(source), atol=0.001)
    assert packets_of(target) == packets_of(source)
    assert again[0].frames > done and again[-1].frames == 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_pieces_of_another_network_are_not_used(tmp_path):
    pieces = Pieces(tmp_path / "b.mp4", "one")
    with pieces.new() as path:
        path.write_bytes(b"x")
    pieces.add(first_pts=0, last_pts=9, frames=10)
    assert Pieces(tmp_path / "b.mp4", "one").frames == 10
    assert Pieces(tmp_path / "b.mp4", "other").frames == 0


def test_a_preview_is_the_start_with_its_sound(runtime, settings, tmp_path):
    make_clip(tmp_path / "a.mp4", frames=50, channels=1)
    restored(tmp_path / "a.mp4", tmp_path / "b.mp4", runtime, settings, preview_s=0.4)
    assert len(frames_of(tmp_path / "b.mp4")) == 10
    assert 0 < len(packets_of(tmp_path / "b.mp4")) < len(packets_of(tmp_path / "a.mp4"))


def test_title_and_chapters_are_copied_unless_stripped(runtime, settings, tmp_path):
    make_clip(tmp_path / "a.mkv", metadata={"title": "A clip"})
    for name, strip in {"b.mkv": False, "c.mkv": True}.items():
        restored(tmp_path / "a.mkv", tmp_path / name, runtime, settings, strip=strip)
        with av.open(str(tmp_path / name)) as result:
            assert ("title" in result.metadata) is not strip
            assert [chapter["metadata"].get("title") for chapter in result.chapters()] == ["One"]


@pytest.mark.parametrize("codec, name", [("hevc", "hevc"), ("av1", "av1"), ("ffv1", "ffv1")])
def test_every_codec_writes_every_frame(codec, name, runtime, settings, tmp_path):
    make_clip(tmp_path / "a.mkv", frames=6, times=[0, 40, 95, 120, 300, 310])
    restored(tmp_path / "a.mkv", tmp_path / "b.mkv", runtime, settings, encoding=Encoding(codec))
    with av.open(str(tmp_path / "b.mkv")) as result:
        assert name in result.streams.video[0].codec_context.codec.canonical_name
    assert np.allclose(times_of(tmp_path / "b.mkv"), [0, 0.04, 0.095, 0.12, 0.3, 0.31], atol=0.001)


class Slow(Unchanged):
    """Takes longer for the first frames; knows how many were at work at once."""

    def __init__(self):
        self.lock, self.at_work, self.most, self.frames = threading.Lock(), 0, 0, 0

    def run_uint8(self, pixels):
        with self.lock:
            self.at_work, self.frames = self.at_work + 1, self.frames + 1
            self.most, seconds = max(self.most, self.at_work), 0.06 / self.frames
        time.sleep(seconds)
        with self.lock:
            self.at_work -= 1
        return pixels


def test_frames_are_restored_beside_each_other_and_stay_in_order(tmp_path):
    make_clip(tmp_path / "a.mp4")
    settings, one, many = Settings(device="cpu", threads=3), Slow(), tmp_path / "b.mp4"
    restored(tmp_path / "a.mp4", many, one, settings, encoding=Encoding("h264", 0))
    assert 2 <= one.most <= 3
    restored(tmp_path / "a.mp4", tmp_path / "c.mp4", Unchanged(), settings, encoding=Encoding("h264", 0))
    assert times_of(many) == times_of(tmp_path / "a.mp4")
    assert all(np.array_equal(*pair) for pair in zip(frames_of(many), frames_of(tmp_path / "c.mp4"), strict=True))


def test_a_frame_of_a_clip_has_one_thread_but_for_integers():
    catalog, settings = Catalog(Path(__file__).parents[2] / "weights"), Settings(device="cpu", threads=4)
    assert clip_settings(settings, catalog.find("sr_x2-student-16x7")).threads == 1
    assert clip_settings(settings, catalog.find("sr_x2-student-32x7-int8")).threads == 4


LEFT = """
import sys
from pathlib import Path
from kdsr.video.clip import open_clip, shots
for _ in range(20):
    frames = shots(open_clip(Path(sys.argv[1])))
    next(frames), next(frames)
    frames.close()
"""


@pytest.mark.slow
def test_a_damaged_clip_that_is_left_while_its_decoder_complains_does_not_hold_up_the_process(tmp_path):
    make_torn_clip(tmp_path / "torn.mkv")
    subprocess.run([sys.executable, "-c", LEFT, tmp_path / "torn.mkv"], check=True, timeout=60)
