"""Trees of folders: the same tree comes out, what lies there is kept as asked, and a long run is estimated."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from helpers.clips import frames_of, make_clip
from helpers.gate import program_with_gate
from helpers.pictures import noise
from helpers.workers import wait_for

from kdsr.cli import main
from kdsr.image import read_picture, write_picture
from kdsr.image.batch import folders_in
from kdsr.settings import Settings

MODEL = "sr_x2-student-16x7"


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Exit code and stderr of `kdsr restore` on the folder `in`, to `out`, in this process."""

    def call(*more, source="in", out="out"):
        monkeypatch.setattr(sys, "argv", ["kdsr", *command(tmp_path, *more, source=source, out=out)[3:]])
        with pytest.raises(SystemExit) as ended:
            main()
        return SimpleNamespace(returncode=int(ended.value.code or 0), stderr=capsys.readouterr().err)

    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return call


def command(tmp_path, *more, source="in", out="out"):
    words = ("-m", "kdsr", "restore", tmp_path / source, "-o", tmp_path / out, "--model", MODEL, *more)
    return [sys.executable, *map(str, words)]


def environment(tmp_path):
    return {"KDSR_HOME": str(tmp_path / "home"), "KDSR_THREADS": "2"}


def tree(tmp_path, names, side=12):
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(noise(side, side), path)


def files_in(folder):
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix == ".png"
    )


@pytest.mark.slow
def test_the_same_tree_comes_out(run, tmp_path):
    tree(tmp_path, ["a.png", "one/a.png", "one/a.jpg", "one/two/b.webp", ".hidden/c.png"])
    (tmp_path / "in" / "empty").mkdir()
    (tmp_path / "in" / "one" / "notes.txt").touch()
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    ended = run("--recursive")
    assert ended.returncode == 0, ended.stderr
    assert files_in(tmp_path / "out") == ["a.png", "one/a.jpg.png", "one/a.png.png", "one/two/b.png"]
    assert "Passed over, as hidden or no pictures by their names: one/notes.txt." in ended.stderr
    assert "4 of 4 pictures are finished already" in run("--recursive").stderr


@pytest.mark.slow
def test_results_inside_their_sources_are_not_restored_again(run, tmp_path):
    tree(tmp_path, ["a.png", "one/b.png"])
    for _ in range(2):
        assert run("--recursive", out="in/results").returncode == 0
    assert files_in(tmp_path / "in" / "results") == ["a.png", "one/b.png"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["overwrite", "skip", "rename"])
def test_what_lies_there_is_kept_as_asked(run, tmp_path, way):
    tree(tmp_path, ["a.png", "b.png"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"mine")
    for turn in range(2):
        ended = run("--on-conflict", way)
        assert ended.returncode == 0, ended.stderr
        assert turn == 0 or "finished already and skipped" in ended.stderr
    is_kept = (tmp_path / "out" / "a.png").read_bytes() == b"mine"
    assert is_kept is (way != "overwrite")
    assert files_in(tmp_path / "out") == (["a (2).png", "a.png", "b.png"] if way == "rename" else ["a.png", "b.png"])


def lines_in(folder):
    """Pictures below `folder` that are noted as finished."""
    return sum(path.read_text().count('"target"') for path in folder.rglob(".kdsr.jsonl"))


@pytest.mark.slow
def test_a_long_run_is_estimated_and_goes_on_after_a_kill(run, tmp_path):
    names = [f"{number % 3}/{number % 5}/{number:03}.png" for number in range(60)]
    tree(tmp_path, names, side=96)
    words = program_with_gate(tmp_path / "gate", "kdsr.image.batch:Ledger.add", 20) + command(tmp_path, "-r")[3:]
    process = subprocess.Popen(words, env=os.environ | environment(tmp_path), stderr=subprocess.DEVNULL)
    wait_for(lambda: lines_in(tmp_path / "out") == 20 or process.poll() is not None)
    process.kill()
    process.wait()
    assert lines_in(tmp_path / "out") == 20 and len(files_in(tmp_path / "out")) < 60
    ended = run("--recursive")
    assert ended.returncode == 0 and files_in(tmp_path / "out") == sorted(names)
    assert "20 of 60 pictures are finished already" in ended.stderr
    estimate = re.search(r"Estimate for the other (\d+) pictures: (\d+:\d+:\d+) and ([\d,]+) MB\.", ended.stderr)
    assert estimate is not None and int(estimate[1]) < 40
    last = read_picture(tmp_path / "out" / names[-1], Settings())
    assert (last.width, last.height) == (192, 192)


@pytest.mark.slow
def test_clips_of_a_folder_are_restored_too(run, tmp_path):
    tree(tmp_path, ["a.png"])
    make_clip(tmp_path / "in" / "film.mkv", frames=3)
    (tmp_path / "in" / "bad.mp4").write_bytes(b"junk")
    ended = run()
    assert ended.returncode == 1 and "1 of 2 clips failed:" in ended.stderr
    assert files_in(tmp_path / "out") == ["a.png"] and len(frames_of(tmp_path / "out" / "film.mkv")) == 3
    (tmp_path / "in" / "bad.mp4").unlink()
    again = run()
    assert again.returncode == 0 and "film.mkv is finished already and skipped" in again.stderr
    (tmp_path / "in" / "a.png").unlink()
    assert run(out="films").returncode == 0 and len(frames_of(tmp_path / "films" / "film.mkv")) == 3


def test_hidden_folders_links_and_results_are_no_part_of_a_tree(tmp_path):
    for name in ("b/c", "a", ".hidden", "out/b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "b")
    found = folders_in(tmp_path, but=tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in found] == [".", "a", "b", "b/c"]
