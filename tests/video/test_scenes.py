"""Photographs from footage: one frame of each scene, the sharpest, whatever door the clip comes in by."""

import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
from helpers.training import recipe

from kdsr.errors import InputError, LimitError
from kdsr.image import read_picture
from kdsr.jobs.uploads import take_photos
from kdsr.settings import Settings
from kdsr.train.recipe import recipe_to_json
from kdsr.ui.distill.photos import own_name, stage
from kdsr.video.scenes import scenes

RATE = 10
NAMES = ("astronaut", "coffee", "chelsea", "astronaut", "rocket")


@pytest.fixture(scope="module")
def footage(tmp_path_factory) -> Path:
    """Five scenes of 2 s, the first of which comes back as the fourth; each begins blurred, is noisy and pans."""
    path, random = tmp_path_factory.mktemp("footage") / "holiday film.mp4", np.random.default_rng(0)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
        for number, name in enumerate(NAMES):
            picture = getattr(skimage.data, name)()
            for index in range(2 * RATE):
                view = picture[60:204, 100 + index // 4 : 292 + index // 4]
                view = cv2.GaussianBlur(view, (0, 0), 3) if index < RATE else view
                pixels = np.clip(view + random.normal(0, 3, view.shape), 0, 255).astype(np.uint8)
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame.pts = 2 * RATE * number + index
                out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.mark.slow
def test_each_scene_gives_its_sharpest_frame_once(footage):
    found = list(scenes(footage, most=100, max_megapixels=1))
    assert [int(scene.seconds // 2) for scene in found] == [0, 1, 2, 4]  # the fourth is the first again
    assert all(scene.seconds % 2 >= 1 for scene in found)  # the first second of each is blurred
    assert {scene.pixels.shape for scene in found} == {(144, 192, 3)}


@pytest.mark.slow
def test_no_more_than_asked_for_and_no_longer(footage):
    assert len(list(scenes(footage, most=2, max_megapixels=1))) == 2
    assert len(list(scenes(footage, most=9, max_megapixels=1, limit_s=0))) == 1
    with pytest.raises(InputError, match="192x144"):
        list(scenes(footage, most=2, max_megapixels=0.01))


def test_distill_takes_a_clip_among_pictures(footage, tmp_path):
    picture, junk = tmp_path / "mine.png", tmp_path / "broken.mp4"
    cv2.imwrite(str(picture), np.zeros((20, 30, 3), np.uint8))
    junk.write_bytes(b"junk")
    staged, skipped = stage([str(picture), str(footage), str(junk)], tmp_path / "staged", Settings())
    names = sorted(path.name for path in Path(staged).iterdir())
    assert len(names) == 5 and skipped == ["broken.mp4"]
    assert [name for name in names if name.startswith("holiday_film-")] == [name for name in names if "film" in name]
    assert all(read_picture(Path(staged) / name, Settings()) for name in names)
    assert own_name(Path("0001_holiday_film-1.5s.png")) == "holiday_film-1.5s.png"


def test_the_limits_of_a_run_hold_for_clips_too(footage, tmp_path):
    with pytest.raises(LimitError, match="at most 2 photographs"):
        take_photos([footage, footage], tmp_path / "a", Settings(max_run_photos=2))
    with pytest.raises(LimitError, match="megapixels together"):
        take_photos([footage], tmp_path / "b", Settings(max_run_megapixels=0.05))


@pytest.mark.slow
def test_train_draws_from_footage_once(footage, tmp_path, monkeypatch, capsys):
    from kdsr.cli import main

    plan = tmp_path / "recipe.json"
    plan.write_text(recipe_to_json(recipe(photos=["nowhere"], steps=4, validate_every=2)), encoding="utf-8")
    for more in ([], ["--resume"]):
        words = ["kdsr", "train", str(plan), "--out", str(tmp_path / "run"), "--footage", str(footage), *more]
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setenv("KDSR_HOME", str(tmp_path / "home"))
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert ended.value.code in (0, None), told.err
        assert ("4 photographs were drawn from holiday film.mp4." in told.out) is (not more)
    assert len(list((tmp_path / "run" / "footage" / "photos").iterdir())) == 4
