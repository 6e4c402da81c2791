"""Folders: pictures side by side, finished ones skipped, failures reported, and a killed run that is resumed."""

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from helpers.gate import program_with_gate
from helpers.pictures import noise
from helpers.workers import wait_for

from kdsr.cli.folders import pace
from kdsr.errors import InputError, Stopped
from kdsr.files import clear_parts
from kdsr.image import read_picture, write_picture
from kdsr.image.batch import Job, Ledger, side_by_side, work_through
from kdsr.settings import Settings

STUDENT = "tiny_x4_student"


@pytest.fixture
def folder(tmp_path):
    """Three pictures."""
    for name in "abc":
        (tmp_path / "in").mkdir(exist_ok=True)
        write_picture(noise(9, 8), tmp_path / "in" / f"{name}.png")
    return tmp_path / "in"


@pytest.fixture
def run(tiny_catalog, tiny_settings, monkeypatch, capsys):
    """Restores a folder by `kdsr restore`: (exit code, stderr)."""
    from kdsr.cli import main

    monkeypatch.setenv("KDSR_HOME", str(tiny_settings.home))

    def call(source: Path, out: Path, model: str = STUDENT) -> tuple[int, str]:
        arguments = [
            "--weights",
            tiny_catalog.weights_dir,
            "--device",
            "cpu",
            "--threads",
            2,
            "restore",
            source,
            "-o",
            out,
            "--model",
            model,
        ]
        monkeypatch.setattr(sys, "argv", ["kdsr", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return call


def jobs_of(folder: Path, out: Path) -> list[Job]:
    return [Job(path, out / path.name) for path in sorted(folder.iterdir())]


def restored(err: str) -> list[str]:
    """The names of the pictures that a run says it wrote."""
    return sorted(line.split()[1] for line in err.splitlines() if " -> " in line)


@pytest.mark.slow
def test_finished_pictures_are_skipped(run, folder, tmp_path):
    out = tmp_path / "out"
    code, err = run(folder, out)
    assert (code, restored(err)) == (0, ["a.png", "b.png", "c.png"])
    assert "pictures/s, 0:00:00 left" in err.splitlines()[-2] and "tiny_x4_student by " in err.splitlines()[-1]
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    code, err = run(folder, out)
    assert (code, err) == (0, "3 of 3 pictures are finished already and skipped.\n")
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")} == before


@pytest.mark.parametrize(
    "done, total, passed_s, text",
    [
        (1, 4, 20.0, "(0.05 pictures/s, 0:01:00 left)"),
        (30, 90, 10.0, "(3 pictures/s, 0:00:20 left)"),
        (8, 8, 3.0, "(2.67 pictures/s, 0:00:00 left)"),
    ],
)
def test_the_time_left_is_that_of_the_other_pictures_at_the_pace_so_far(done, total, passed_s, text):
    assert pace(done, total, passed_s) == text


@pytest.mark.slow
def test_what_is_gone_changed_or_made_by_another_network_is_done_again(run, folder, tmp_path):
    out = tmp_path / "out"
    run(folder, out)
    (out / "a.png").unlink()
    os.utime(folder / "b.png", ns=(1, 1))
    assert restored(run(folder, out)[1]) == ["a.png", "b.png"]
    assert restored(run(folder, out, "tiny_x4_teacher")[1]) == ["a.png", "b.png", "c.png"]
    assert restored(run(folder, out, "tiny_x4_teacher")[1]) == []
    assert restored(run(folder, out)[1]) == ["a.png", "b.png", "c.png"]


@pytest.mark.slow
def test_a_picture_that_was_there_before_is_not_taken_for_finished(run, folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").write_bytes((folder / "b.png").read_bytes())
    assert restored(run(folder, tmp_path / "out")[1]) == ["a.png", "b.png", "c.png"]


@pytest.mark.slow
def test_failures_are_listed_at_the_end_and_tried_again(run, folder, tmp_path):
    (folder / "b.png").write_text("not a picture")
    (folder / "empty.jpg").touch()
    code, err = run(folder, tmp_path / "out")
    assert code == 1
    assert err.splitlines()[-3] == "2 of 4 pictures failed:"
    assert [line.split(":")[0] for line in err.splitlines()[-2:]] in (["b.png", "empty.jpg"], ["empty.jpg", "b.png"])
    assert "Traceback" not in err
    write_picture(noise(4, 5), folder / "b.png")
    code, err = run(folder, tmp_path / "out")
    assert (code, restored(err)) == (1, ["b.png"])
    assert "2 of 4 pictures are finished already" in err


def test_lines_of_the_ledger_that_cannot_be_read_cost_no_other(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    jobs = jobs_of(folder, out)
    for outcome in work_through(jobs, lambda job, _should_stop: (str(job.target.write_text("made")),), 1):
        Ledger(out, "way").add(outcome)
    assert all(Ledger(out, "way").has(job) for job in jobs)
    assert not any(Ledger(out, "another way").has(job) for job in jobs)
    lines = (out / ".kdsr.jsonl").read_text().splitlines()
    lines[-2] = lines[-2][: len(lines[-2]) // 2]
    (out / ".kdsr.jsonl").write_text("\n".join([*lines, "[]", "3", '{"target": 1}', '{"tar']))
    assert sum(Ledger(out, "way").has(job) for job in jobs) == 2
    outcome = next(iter(work_through(jobs[:1], lambda job, _should_stop: (), 1)))
    Ledger(out, "way").add(outcome)
    assert json.loads((out / ".kdsr.jsonl").read_text().splitlines()[-1])["target"] == "a.png"
    assert Ledger(out, "way").has(jobs[0])


def test_a_source_that_changes_while_it_is_worked_on_is_done_again(folder, tmp_path):
    job = Job(folder / "a.png", tmp_path / "a.png")

    def work(job: Job, _should_stop: object) -> tuple[str, ...]:
        write_picture(noise(3, 3), job.source)
        write_picture(noise(3, 3), job.target)
        return ()

    ledger = Ledger(tmp_path, "way")
    for outcome in work_through([job], work, 1):
        ledger.add(outcome)
    assert not Ledger(tmp_path, "way").has(job)


def test_pictures_are_worked_on_side_by_side(folder, tmp_path):
    meeting = threading.Barrier(3, timeout=30)

    def work(job: Job, _should_stop: object) -> tuple[str, ...]:
        meeting.wait()
        return (job.source.name,)

    assert sorted(outcome.notes for outcome in work_through(jobs_of(folder, tmp_path), work, 3)) == [
        ("a.png",),
        ("b.png",),
        ("c.png",),
    ]


def test_one_that_fails_does_not_hold_up_the_others(folder, tmp_path):
    def work(job: Job, _should_stop: object) -> tuple[str, ...]:
        if job.source.name == "b.png":
            raise InputError("It is damaged.")
        return ()

    outcomes = {
        outcome.job.source.name: outcome.failure for outcome in work_through(jobs_of(folder, tmp_path), work, 2)
    }
    assert outcomes == {"a.png": None, "b.png": "It is damaged.", "c.png": None}


def test_when_the_caller_goes_away_what_is_under_way_stops_and_nothing_new_begins(tmp_path):
    begun, ended = [], []

    def work(job: Job, should_stop) -> tuple[str, ...]:
        begun.append(job)
        if len(begun) == 1:
            return ()
        while not should_stop():
            time.sleep(0.001)
        ended.append(job)
        raise Stopped("Stopped.")

    outcomes = work_through([Job(Path(str(index)), Path()) for index in range(50)], work, 2)
    assert next(outcomes).failure is None
    outcomes.close()
    assert len(ended) == len(begun) - 1 <= 2


@pytest.mark.parametrize(
    ("threads", "pictures", "wanted"),
    [(1, 9, (1, 1)), (2, 500, (2, 1)), (2, 1, (1, 2)), (16, 3, (3, 5)), (64, 500, (8, 8)), (4, 0, (1, 4))],
)
def test_threads_are_shared_out_among_pictures(threads, pictures, wanted):
    at_once, settings = side_by_side(Settings(threads=threads), pictures)
    assert (at_once, settings.threads) == wanted


def test_what_a_killed_process_left_is_cleared_and_nothing_else(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, mine = (tmp_path / f".{pid}.{uuid.uuid4().hex}.part" for pid in (ended.pid, os.getpid()))
    other = tmp_path / ".film.part"
    for path in (dead, mine, other):
        path.touch()
    clear_parts(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, other])


@pytest.mark.slow
def test_a_killed_run_is_taken_up_again(run, tiny_catalog, tmp_path):
    source, out, count = tmp_path / "in", tmp_path / "out", 12
    source.mkdir()
    for index in range(count):
        write_picture(noise(150, 200, seed=index), source / f"{index:03}.png")
    command = [
        *program_with_gate(tmp_path / "gate", "kdsr.image.batch:Ledger.add", 5),
        "--weights",
        tiny_catalog.weights_dir,
        "--device",
        "cpu",
        "--threads",
        2,
        "restore",
        source,
        "-o",
        out,
    ]
    with subprocess.Popen([*map(str, command), "--model", STUDENT], stderr=subprocess.DEVNULL) as process:
        ledger = out / ".kdsr.jsonl"
        wait_for(lambda: (ledger.exists() and ledger.read_text().count("target") == 5) or process.poll() is not None)
        process.kill()
    (out / f".{process.pid}.{uuid.uuid4().hex}.part").write_text("what it was writing")
    assert len(list(out.glob("*.png"))) < count
    code, err = run(source, out)
    finished = int(err.split(" of ")[0])
    assert code == 0
    assert finished == 5
    assert len(restored(err)) == count - finished
    assert [read_picture(path, Settings()).height for path in sorted(out.glob("*.png"))] == [600] * count
    assert {path.name for path in out.glob(".*")} == {".kdsr.jsonl"}
