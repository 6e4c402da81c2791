"""`kdsr restore` on a clip, as a process of its own: killed twice, it still ends with every frame."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.clips import frames_of, make_clip, packets_of

from kdsr.cli import main
from kdsr.cli.clips import is_clip, seconds_of
from kdsr.errors import SettingsError

MODEL = "sr_x2-student-16x7"


def command(*words):
    return [sys.executable, "-m", "kdsr", "restore", *map(str, words), "--model", MODEL]


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Exit code and stderr of `kdsr restore`, in this process."""
    monkeypatch.setenv("KDSR_HOME", str(tmp_path / "home"))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["kdsr", *command(*words)[3:]])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return call


@pytest.mark.slow
def test_killed_twice_the_result_is_complete(run, tmp_path):
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    make_clip(source, frames=1200, width=160, height=96, channels=1)
    environment = os.environ | {"KDSR_HOME": str(tmp_path / "home"), "KDSR_THREADS": "1"}
    for kill in (1, 2):
        process = subprocess.Popen(command(source, "-o", target), env=environment, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("b.mp4.pieces/piece-*.json"))) < kill and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert not target.exists() and len(list(tmp_path.glob("b.mp4.pieces/piece-*.json"))) >= kill
    code, told = run(source, "-o", target)
    assert code == 0 and "1200 of 1200 frames" in told
    assert len(frames_of(target)) == 1200 and packets_of(target) == packets_of(source)
    assert not target.with_name("b.mp4.pieces").exists()


@pytest.mark.slow
def test_what_a_clip_cannot_be_is_one_sentence(run, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"junk")
    (tmp_path / "a.png").write_bytes(b"junk")
    for words, message in {
        ("a.mp4", "-o", "b.mp4"): "a.mp4 cannot be read as a video",
        ("a.mp4", "-o", "b.mp4", "--codec", "divx"): "There is no codec named 'divx'",
        ("a.png", "-o", "b.png", "--crf", "3"): "are for clips",
    }.items():
        code, told = run(*(tmp_path / word if "." in word else word for word in words))
        assert code == 2 and message in told and told.count("\n") == 1


def test_a_clip_is_told_by_its_name():
    assert is_clip(Path("a.MP4"), Path("out")) and is_clip(Path("a.gif"), Path("b.mp4"))
    assert not is_clip(Path("a.gif"), Path("b.png")) and not is_clip(Path("a.png"), Path("b.png"))


def test_a_preview_is_a_time():
    assert [seconds_of(text) for text in ("5", "5s", "1.5s", "2m")] == [5, 5, 1.5, 120]
    for text in ("0", "soon", "-5s", ""):
        with pytest.raises(SettingsError, match="takes a time such as 5s"):
            seconds_of(text)
