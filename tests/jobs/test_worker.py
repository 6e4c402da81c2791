"""Background runs with workers: real processes, stopped, killed and resumed, and chunks on a lent GPU."""

import dataclasses
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
import torch
from helpers.running import ANNA, Recorder, photograph, recipe
from helpers.workers import closed_gate, ended, wait_for, workers_begin_with

from kdsr.errors import TrainingError
from kdsr.jobs import Jobs, State, curve
from kdsr.jobs.launchers import ChunkLauncher
from kdsr.jobs.part import PartResult, Watch, train_part
from kdsr.jobs.process import end_worker, is_alive, this_holder
from kdsr.jobs.store import Store, store_of
from kdsr.jobs.worker import train_run
from kdsr.train import recipe_from_json, train_recipe
from kdsr.zoo import Catalog
from kdsr.zoo.weights import load_tensors

PLAN = {"steps": 400, "warmup_steps": 2, "validate_every": 200, "validation_photos": 1}
ENDLESS = {"steps": 200_000}


@pytest.fixture
def photos(tmp_path):
    return [photograph(tmp_path / "given" / f"photo{index}.png") for index in range(4)]


@pytest.fixture
def jobs(tiny_settings):
    """Runs in local processes; whatever is left of them is killed."""
    opened = Jobs(tiny_settings)
    yield opened
    for run in opened.store.runs():
        if run.holder is not None:
            os.kill(pid_of(run), signal.SIGKILL)


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """While this file is there, each worker waits after 150 steps, of which its first 100 are in the database."""
    workers_begin_with(monkeypatch, closed_gate(tmp_path / "gate", 150))
    return tmp_path / "gate"


def pid_of(run):
    return int(run.holder.split()[-2])


def beyond(jobs, run, step):
    """The running run when it has passed `step`."""
    now = wait_for(
        lambda: (now := jobs.get(run.id)).state != "queued" and (now.step > step or now.state != "running") and now
    )
    assert now.state is State.RUNNING, now.message
    return now


def uninterrupted(jobs, run, folder):
    """The weights of the same recipe without any stop, trained here."""
    settings = dataclasses.replace(jobs.settings, data_dir=jobs.settings.home / "runs")
    train_recipe(recipe_from_json(run.recipe), folder, settings=settings)
    return load_tensors(folder / "tiny.safetensors")


def same_weights(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_a_run_that_was_stopped_killed_and_resumed_ends_with_the_weights_of_one_that_was_not(
    jobs, photos, tmp_path, gate
):
    run = jobs.submit(recipe(**PLAN), ANNA, photos)
    next_run = jobs.submit(recipe(steps=2), ANNA, photos)
    beyond(jobs, run, 0)
    asked = time.monotonic()
    jobs.stop(run.id, ANNA)
    stopped = ended(jobs, run)
    assert stopped.state is State.STOPPED and 0 < stopped.step < 400 and time.monotonic() - asked < 30
    assert ended(jobs, next_run).state is State.DONE  # the first worker has started the second
    jobs.resume(run.id, ANNA)
    killed = beyond(jobs, run, stopped.step)
    os.kill(pid_of(killed), signal.SIGKILL)
    assert wait_for(jobs.tend) == [run.id]
    interrupted = jobs.get(run.id)
    assert interrupted.state is State.INTERRUPTED and interrupted.trained_s > 0
    gate.unlink()
    jobs.resume(run.id, ANNA)
    done = ended(jobs, run)
    assert done.state is State.DONE and done.step == 400, jobs.log(run.id, ANNA)
    assert same_weights(
        load_tensors(jobs.folder(run.id) / "tiny.safetensors"), uninterrupted(jobs, run, tmp_path / "whole")
    )
    steps = [event["step"] for event in curve(jobs.events(run.id), "step")]
    assert steps == sorted(set(steps)) and {*range(100, 401, 100)} <= {*steps}
    assert Catalog(jobs.folder(run.id)).load("tiny").scale == 2


@pytest.mark.slow
def test_a_worker_ended_by_the_system_leaves_a_checkpoint(jobs, photos, gate):
    run = jobs.submit(recipe(**PLAN | ENDLESS), ANNA, photos)
    os.kill(pid_of(beyond(jobs, run, 0)), signal.SIGTERM)
    now = ended(jobs, run)
    assert now.state is State.INTERRUPTED and "had to end" in now.message
    assert (jobs.folder(run.id) / "checkpoint.safetensors").is_file()


@pytest.mark.slow
def test_a_wedged_worker_is_replaced(jobs, photos, monkeypatch):
    run = jobs.submit(recipe(**PLAN | ENDLESS), ANNA, photos)
    wedged = beyond(jobs, run, 0)
    next_run = jobs.submit(recipe(steps=2), ANNA, photos)
    os.kill(pid_of(wedged), signal.SIGSTOP)
    try:
        assert jobs.tend() == [] and is_alive(wedged.holder)  # it may be a laptop that was closed for a minute
        monkeypatch.setattr("kdsr.jobs.store._HUNG_S", 0.5)
        assert wait_for(jobs.tend) == [run.id]
        assert jobs.get(run.id).state is State.INTERRUPTED
        assert ended(jobs, next_run).state is State.DONE and not is_alive(wedged.holder)
    finally:
        if is_alive(wedged.holder):
            os.kill(pid_of(wedged), signal.SIGKILL)


def test_only_workers_are_ended():
    words = [sys.executable, "-c", "input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as other:
        end_worker(this_holder(other.pid))
        end_worker(this_holder().rsplit(" ", 1)[0] + " 1")
        assert other.poll() is None
        other.communicate(b"\n")
    assert other.returncode == 0


@pytest.fixture
def held(tiny_settings, photos):
    """Submits a run without a launcher and holds it in this process: (jobs, run)."""

    def submit(**changes):
        jobs = Jobs(tiny_settings, launcher=Recorder())
        jobs.submit(recipe(**PLAN | {"steps": 12} | changes), ANNA, photos)
        return jobs, jobs.store.claim("this 1 1", at_once=1)

    return submit


def test_a_worker_that_hangs_with_the_lock_is_ended_before_anything_is_written(held):
    jobs, run = held()
    later = Store(jobs.store.place, clock=lambda: time.time() + 301)
    with closing(sqlite3.connect(jobs.store.place, isolation_level=None)) as hung:
        hung.execute("BEGIN IMMEDIATE")
        assert later.recover(lambda _: True, by_silence=False) == []  # it reads only, and so waits for nobody
        ended = []
        assert later.recover(lambda _: True, end=lambda who: ended.append((who, hung.rollback()))) == [run.id]
    assert ended == [("this 1 1", None)]


def part(jobs, run, *, watch=None, time_limit_s=None):
    return train_part(run, jobs.settings, watch or Watch(jobs.store, run), time_limit_s=time_limit_s)


def test_a_part_ends_with_its_run_or_when_its_time_is_up(held):
    jobs, run = held()
    assert part(jobs, run, time_limit_s=0.0) == PartResult(None)
    assert part(jobs, run) == PartResult(State.DONE, "Finished at step 12.")
    assert [event["event"] for event in jobs.events(run.id)][-1] == "finished" and jobs.get(run.id).step == 12


def test_a_part_stops_when_asked_before_and_after_the_first_step(held, monkeypatch):
    monkeypatch.setattr("kdsr.jobs.part.BEAT_S", 0.0)
    jobs, run = held()
    jobs.stop(run.id, ANNA)
    assert part(jobs, run) == PartResult(State.STOPPED, "Stopped before the first step.")
    watch = Watch(jobs.store, run)
    monkeypatch.setattr(watch, "should_stop", lambda: watch.has_begun)
    assert part(jobs, run, watch=watch).message.startswith("Stopped at step 1 of 12")


@pytest.mark.parametrize(
    "error, message",
    [
        (TrainingError("The loss is high."), "The loss is high."),
        (ValueError("odd"), "The run failed unexpectedly (ValueError); its log says more."),
        (OSError(28, "No space left on device"), "The disk is full; the last good checkpoint is kept"),
        (
            RuntimeError("I/O error: No space left on device (os error 28)"),
            "The disk is full; the last good checkpoint is kept",
        ),
        (torch.OutOfMemoryError("no"), "The run needs more memory than there is"),
    ],
)
def test_a_failure_is_one_sentence_and_what_was_unexpected_is_in_the_log(held, monkeypatch, error, message):
    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr("kdsr.jobs.part.train_recipe", fail)
    jobs, run = held()
    outcome = part(jobs, run)
    assert outcome.state is State.FAILED and outcome.message.startswith(message)
    assert ("Traceback" in jobs.log(run.id, ANNA)) is not isinstance(error, TrainingError)


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["save_weights", "write_card"])
def test_a_disk_that_is_full_at_the_end_of_a_run_loses_nothing_and_resuming_trains_no_step_again(
    held, monkeypatch, writer
):
    jobs, run = held()
    with monkeypatch.context() as full:

        def fail(*_arguments):
            raise OSError(28, "No space left on device")

        full.setattr(f"kdsr.train.release.{writer}", fail)
        outcome = part(jobs, run)
    assert outcome.state is State.FAILED and outcome.message.startswith("The disk is full; the last good checkpoint")
    steps = [event["step"] for event in curve(jobs.events(run.id), "step")]
    assert part(jobs, run) == PartResult(State.DONE, "Finished at step 12.")
    assert [event["step"] for event in curve(jobs.events(run.id), "step")] == steps
    (card,) = Catalog(jobs.folder(run.id)).cards
    assert Catalog(jobs.folder(run.id)).load(card.name)


def test_half_written_files_of_a_killed_worker_are_removed(held):
    jobs, run = held()
    half = jobs.folder(run.id) / ".checkpoint.safetensors.1.part"
    half.write_bytes(b"half")
    part(jobs, run)
    assert not half.exists()


def chunked(jobs, gpu, chunk_s=0.0):
    launcher = ChunkLauncher(jobs.settings, store_of(jobs.settings), gpu=gpu, chunk_s=chunk_s, poll_s=0.01)
    return Jobs(jobs.settings, launcher=launcher)


@pytest.mark.slow
def test_chunks_give_the_weights_and_the_curve_of_one_run(jobs, photos, tmp_path):
    lent = []
    chunks = chunked(jobs, lambda function: lambda *given: (lent.append(given), function(*given))[1])
    runs = [chunks.submit(recipe(**PLAN | {"steps": 4}), ANNA, photos) for _ in range(2)]
    assert [ended(chunks, run).state for run in runs] == [State.DONE, State.DONE]
    assert [given[1].id for given in lent] == [runs[0].id] * 4 + [runs[1].id] * 4
    assert same_weights(
        load_tensors(chunks.folder(runs[1].id) / "tiny.safetensors"), uninterrupted(chunks, runs[1], tmp_path / "whole")
    )
    assert [event["step"] for event in curve(chunks.events(runs[0].id), "step")] == [1, 2, 3, 4]


@pytest.mark.slow
def test_chunks_in_forked_daemons_give_the_curve_of_one_run():
    script = Path(__file__).parents[2] / "benchmarks" / "runs_under_fire.py"
    done = subprocess.run(
        [sys.executable, script, "lent", "--steps", "3", "--chunk-s", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (
        told["chunks"] >= 3
        and told["state"] == "done"
        and told["same_weights_as_one_run"]
        and told["same_curve_as_one_run"]
    ), told


def test_chunks_stop_when_asked_and_when_no_gpu_is_lent(jobs, photos, monkeypatch):
    monkeypatch.setattr("kdsr.jobs.part.BEAT_S", 0.01)
    chunks = chunked(jobs, lambda function: function)
    run = chunks.submit(recipe(**PLAN | ENDLESS), ANNA, photos)
    beyond(chunks, run, 0)
    chunks.stop(run.id, ANNA)
    assert ended(chunks, run).state is State.STOPPED

    def refuse(*_given):
        raise RuntimeError("You have used up your share.")

    broke = chunked(jobs, lambda _function: refuse)
    broke.resume(run.id, ANNA)
    now = ended(broke, run)
    assert now.state is State.INTERRUPTED and "used up your share" in now.message


def test_a_run_stops_at_its_minutes(jobs, photos):
    settings = dataclasses.replace(jobs.settings, max_run_minutes=0.002)
    run = chunked(Jobs(settings, launcher=Recorder()), lambda function: function, 10.0).submit(
        recipe(**PLAN | ENDLESS), ANNA, photos
    )
    now = ended(jobs, run)
    assert now.state is State.STOPPED and "has had its 0.002 minutes" in now.message and now.step > 0


@pytest.mark.slow
@pytest.mark.parametrize("minutes, message", [(120.0, "Stopped before"), (0.005, "Stopped after 0.005 minutes")])
def test_a_worker_that_decodes_stops_when_asked_and_when_its_time_is_over(
    tiny_settings, tmp_path, monkeypatch, own_signals, minutes, message
):
    decoded = []
    monkeypatch.setattr("kdsr.jobs.part.BEAT_S", 0.02)
    monkeypatch.setattr("kdsr.train.data.photos._decode", lambda path: decoded.append(path) or time.sleep(0.2))
    settings = dataclasses.replace(tiny_settings, max_run_minutes=minutes)
    jobs = Jobs(settings, launcher=Recorder())
    given = [photograph(tmp_path / "given" / f"{index:03d}.png", 8, 8) for index in range(100)]
    jobs.submit(recipe(**PLAN), ANNA, given)
    run = jobs.store.claim("this 1 1", at_once=1)
    if minutes == 120:
        asking = Thread(target=lambda: wait_for(lambda: decoded) and jobs.stop(run.id, ANNA))
        asking.start()
    outcome = train_run(run, jobs.store, settings)
    assert outcome.state is State.STOPPED and message in outcome.message and 0 < len(decoded) < 50


@pytest.fixture
def own_signals():
    """The handlers of signals as they were, after a worker's work in this process."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)
