"""Flicker and `--steady`: closed forms, what moves stays as it was, and the figure of the command."""

import json
import sys

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from helpers.clips import frames_of, make_clip, picture

from kdsr.bench.flicker import clip_flicker
from kdsr.cli import main
from kdsr.errors import InputError, ShapeError, Stopped
from kdsr.metrics.flicker import frame_change, still_pixels
from kdsr.metrics.luma import to_luma
from kdsr.settings import Settings
from kdsr.video import restore_clip
from kdsr.video.steady import Steady
from kdsr.video.unchanged import Unchanged

MODEL = "sr_x2-student-16x7"


def noisy(pixels: np.ndarray, seed: int, sigma: float = 4.0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def error_of(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.square(one.astype(float) - other).mean())


# The figure


def test_a_constant_change_has_a_closed_form():
    before = torch.full((1, 3, 31, 37), 0.5)
    after = before + 2 / 255
    still = still_pixels(before, after)
    assert still.all()
    expected = 255 * (to_luma(after) - to_luma(before)).mean().item()
    assert frame_change(before, after, still).item() == pytest.approx(expected, rel=1e-5)
    assert frame_change(before, before, still).item() == 0
    assert frame_change(before, after, ~still).isnan().all()


def test_noise_is_still_and_an_object_that_moves_is_not():
    flat = torch.full((1, 3, 60, 80), 0.5)
    noise = [0.03 * torch.randn(flat.shape, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    assert still_pixels(flat + noise[0], flat + noise[1]).float().mean() > 0.99
    moved = flat.clone()
    moved[..., 20:40, 20:40] = 0.8
    still = still_pixels(flat, moved)[0, 0]
    assert not still[13:47, 13:47].any() and still[:, 60:].all() and still[54:].all()


def test_shapes_that_do_not_fit_are_refused():
    frames = torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9)
    with pytest.raises(ShapeError):
        still_pixels(*frames)
    with pytest.raises(ShapeError):
        frame_change(frames[0], frames[0], torch.ones(1, 1, 8, 9, dtype=torch.bool))


def test_what_changes_nothing_flickers_as_the_source_does(tmp_path):
    shown = [noisy(picture(0, 64, 48), seed) for seed in range(6)]
    write(tmp_path / "a.mkv", shown)
    found = clip_flicker(tmp_path / "a.mkv", Unchanged(), Settings())
    assert found.frames == 6 and found.flicker == pytest.approx(1) and found.still_share > 0.9
    steady = clip_flicker(tmp_path / "a.mkv", Unchanged(), Settings(), steady=True)
    assert steady.flicker < 0.5 and steady.source_change_255 == pytest.approx(found.source_change_255)


def test_a_clip_that_shows_no_flicker_is_told(tmp_path):
    write(tmp_path / "one.mkv", [picture(0, 64, 48)])
    write(tmp_path / "moves.mkv", [np.full((48, 64, 3), 20 * level, np.uint8) for level in range(5)])
    write(tmp_path / "same.mkv", [picture(0, 64, 48)] * 3)
    for name, told in {"one.mkv": "fewer than two frames", "moves.mkv": "moves everywhere"}.items():
        with pytest.raises(InputError, match=told):
            clip_flicker(tmp_path / name, Unchanged(), Settings())
    assert clip_flicker(tmp_path / "same.mkv", Unchanged(), Settings()).flicker is None


def write(path, frames):
    """A lossless clip of `frames`."""
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "bgr0"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


# The blend


def test_noise_of_a_still_camera_goes_and_a_moving_object_stays_sharp():
    scene, thing = skimage.data.coffee()[40:160, 100:260], skimage.data.chelsea()[110:142, 160:192]
    blend, errors = Steady(), []
    for index in range(12):
        truth = scene.copy()
        truth[40:72, 20 + 4 * index : 52 + 4 * index] = thing
        source = noisy(truth, index)
        result = blend.blended(source, source)
        there = (slice(36, 76), slice(16 + 4 * index, 56 + 4 * index))
        errors.append([error_of(*pair) for pair in ((source, truth), (result, truth), (source[there], truth[there]),
                                                    (result[there], truth[there]))])  # fmt: skip
    plain, steady, plain_there, steady_there = np.mean(errors[4:], axis=0)
    assert steady < 0.5 * plain and steady_there < 1.02 * plain_there


@pytest.mark.parametrize("speed_px", [0.25, 0.5, 1, 3])
def test_texture_that_moves_slowly_or_fast_is_not_smeared(speed_px):
    grass = np.repeat(skimage.data.grass()[..., None], 3, axis=2)
    blend = Steady()
    for index in range(8):
        shift = np.float32([[1, 0, -speed_px * index - 20], [0, 1, -10]])
        frame = cv2.warpAffine(grass, shift, (120, 90), flags=cv2.INTER_CUBIC)
        assert error_of(blend.blended(frame, frame), frame) < 1


def test_a_cut_and_a_slow_fade_are_followed():
    blend, dark, bright = Steady(), np.full((40, 50, 3), 40, np.uint8), np.full((80, 100, 3), 200, np.uint16)
    blend.blended(dark, bright)
    assert np.array_equal(blend.blended(dark + 60, bright // 2), bright // 2)
    fading = Steady()
    for level in range(40, 160):
        frame = np.full((30, 30, 3), level, np.uint8)
        assert np.abs(fading.blended(frame, frame).astype(int) - level).max() <= 6
    assert fading.blended(frame, frame).dtype == np.uint8


# The commands


@pytest.mark.slow
def test_steady_is_written_and_evaluated(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KDSR_HOME", str(tmp_path / "home"))
    shown = [noisy(picture(0, 64, 48), seed) for seed in range(8)]
    write(tmp_path / "a.mkv", shown)
    found = []
    for more in ([], ["--steady"]):
        words = ["kdsr", "evaluate", "--model", MODEL, "--video", str(tmp_path / "a.mkv"), "--json", *more]
        found.append(json.loads(told(words, monkeypatch, capsys)))
        target = tmp_path / f"b{len(more)}.mkv"
        words = ["kdsr", "restore", str(tmp_path / "a.mkv"), "-o", str(target), "--model", MODEL, *more]
        told(words, monkeypatch, capsys)
    assert found[0]["frames"] == 8 and found[1]["flicker"] < 0.6 * found[0]["flicker"]
    changes = [
        np.abs(np.diff(np.stack(frames_of(tmp_path / f"b{n}.mkv")).astype(float), axis=0)).mean() for n in (0, 1)
    ]
    assert changes[1] < 0.6 * changes[0]
    text = told(["kdsr", "evaluate", "--model", MODEL, "--video", str(tmp_path / "a.mkv")], monkeypatch, capsys)
    assert "8 frames, " in text and "lower is steadier" in text
    monkeypatch.setattr(sys, "argv", ["kdsr", "evaluate", "--model", MODEL])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "Give --set and --task, or --video" in capsys.readouterr().err


def told(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr()
    assert ended.value.code in (0, None), out.err
    return out.out


def test_a_steady_clip_does_not_go_on_from_pieces_that_are_not(tmp_path):
    make_clip(tmp_path / "a.mp4", frames=30)
    for steady, count in ((False, "[1-9]"), (True, "0 frames")):
        stops = iter([False] * 8)
        with pytest.raises(Stopped, match=f"Stopped after {count}"):
            restore_clip(
                tmp_path / "a.mp4", tmp_path / "b.mp4", Unchanged(), Settings(), made_by="test", steady=steady,
                should_stop=lambda stops=stops, steady=steady: steady or next(stops, True),
            )  # fmt: skip
