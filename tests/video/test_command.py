"""`kdsr restore` on a clip, as a process of its own: killed twice, it still ends with every frame."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.clips import frames_of, make_clip, packets_of
from helpers.gate import program_with_gate
from helpers.workers import wait_for

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
    make_clip(source, frames=600, width=160, height=96, channels=1)
    environment = os.environ | {"KDSR_HOME": str(tmp_path / "home"), "KDSR_THREADS": "1"}
    words = program_with_gate(tmp_path / "gate", "kdsr.video.pieces:Pieces.add", 1) + command(source, "-o", target)[3:]

    def pieces():
        return len(list(tmp_path.glob("b.mp4.pieces/piece-*.json")))

    for kill in (1, 2):
        process = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
        wait_for(lambda kill=kill, process=process: pieces() == kill or process.poll() is not None)
        process.kill()
        process.wait()
        assert not target.exists() and pieces() == kill
    code, told = run(source, "-o", target)
    assert code == 0 and "600 of 600 frames" in told
    assert len(frames_of(target)) == 600 and packets_of(target) == packets_of(source)
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
