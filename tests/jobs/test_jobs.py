"""Background runs without a worker: states, database, owners, and limits."""

import dataclasses
import json
import multiprocessing
import sqlite3
import subprocess
import sys
import time
from threading import Event, Thread

import pytest
from helpers.running import ANNA, BERT, BOTH, claimed, four_photos, jobs_opener_on_both, recipe, recorded_jobs

from kdsr.errors import JobError, LimitError, MoveError, SettingsError, UnknownNameError
from kdsr.jobs import State, public
from kdsr.jobs.folders import new_id, runs_dir
from kdsr.jobs.process import is_alive, this_holder
from kdsr.jobs.store import Store
from kdsr.settings import Settings

TOKEN = "the token of the admin"
photos = pytest.fixture(four_photos)
open_jobs = pytest.fixture(jobs_opener_on_both, params=BOTH)
jobs = pytest.fixture(recorded_jobs)


def test_a_run_goes_from_the_queue_to_its_end(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    assert (run.state, jobs.place_in_queue(run.id), jobs.launcher.launched) == (State.QUEUED, 1, [run.id])
    held = claimed(jobs, run)
    assert jobs.get(run.id).state is State.RUNNING and jobs.place_in_queue(run.id) is None
    jobs.store.add_event(held, {"event": "step", "step": 7, "loss": 0.5})
    jobs.store.finish(held, State.DONE, "Finished.")
    ended = jobs.get(run.id)
    assert (ended.state, ended.step, ended.message, ended.lease) == (State.DONE, 7, "Finished.", None)
    assert jobs.events(run.id) == [{"number": 1, "event": "step", "step": 7, "loss": 0.5}]
    assert jobs.events(run.id, after=1) == []
    assert not {"owner_sha256", "lease", "holder", "data_dir"} & set(public(ended)) and json.dumps(public(ended))


def test_a_worker_that_lost_its_lease_changes_nothing(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    stale = claimed(jobs, run)
    jobs.store.recover(lambda _holder: False)
    assert jobs.store.beat(stale) is None
    with pytest.raises(JobError, match="no longer this worker's"):
        jobs.store.add_event(stale, {"event": "step", "step": 1})
    jobs.resume(run.id, ANNA)
    claimed(jobs, run)
    with pytest.raises(JobError, match="no longer this worker's"):
        jobs.store.finish(stale, State.DONE, "")
    assert jobs.get(run.id).state is State.RUNNING and jobs.events(run.id) == []


def test_stop_is_at_once_in_the_queue_and_asked_for_in_a_worker(jobs, photos):
    waiting = jobs.submit(recipe(), ANNA, photos)
    assert jobs.stop(waiting.id, ANNA).state is State.STOPPED
    running = jobs.submit(recipe(), ANNA, photos)
    held = claimed(jobs, running)
    assert jobs.stop(running.id, ANNA).state is State.STOPPING
    assert jobs.stop(running.id, ANNA).state is State.STOPPING and jobs.store.beat(held) is State.STOPPING
    jobs.store.finish(held, State.STOPPED, "")
    with pytest.raises(MoveError):
        jobs.stop(running.id, ANNA)
    assert jobs.resume(waiting.id, ANNA).state is State.QUEUED


def test_the_queue_is_first_come_first_served_and_a_resumed_run_stands_at_its_end(jobs, photos):
    first, second, third = (jobs.submit(recipe(), ANNA, photos) for _ in range(3))
    jobs.stop(first.id, ANNA)
    jobs.resume(first.id, ANNA)
    assert [jobs.place_in_queue(run.id) for run in (first, second, third)] == [3, 1, 2]
    assert jobs.store.claim("me 1 1", at_once=1, only=third.id) is None
    assert jobs.store.claim("me 1 1", at_once=1).id == second.id
    assert jobs.store.claim("me 1 1", at_once=1) is None
    assert jobs.store.claim("me 1 1", at_once=2, only=third.id).id == third.id


@pytest.mark.parametrize(
    "alive, silence_s, expected",
    [(False, 0, True), (True, 60, False), (True, 1000, True), (None, 5, False), (None, 20, True)],
)
def test_a_run_is_interrupted_when_its_worker_died_or_was_silent_for_too_long(
    tmp_path, jobs, photos, alive, silence_s, expected
):
    run = jobs.submit(recipe(), ANNA, photos)
    claimed(jobs, run)
    later = Store(jobs.store.place, clock=lambda: time.time() + silence_s)
    assert later.recover(lambda _holder: alive) == ([run.id] if expected else [])
    assert (jobs.get(run.id).state is State.INTERRUPTED) is expected


def test_a_process_is_told_from_a_later_one_with_its_number():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = this_holder(process.pid)
    assert is_alive(holder) is True and is_alive(this_holder()) is True
    assert is_alive(holder[:-1] + ("1" if holder[-1] != "1" else "2")) is False
    assert is_alive("another-machine 1 1") is None
    process.kill()
    deadline = time.monotonic() + 10
    while is_alive(holder) and time.monotonic() < deadline:  # dead, though nobody has collected it
        time.sleep(0.01)
    assert is_alive(holder) is False
    process.communicate()


def in_two_processes(work, *arguments):
    """What `work(*arguments)` puts into a list in each of two forked processes that begin together."""
    context = multiprocessing.get_context("fork")
    begin, results = context.Barrier(2), context.Queue()
    processes = [context.Process(target=lambda: (begin.wait(30), results.put(work(*arguments)))) for _ in range(2)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    return found


def claim_all(path):
    store, claims = Store(path), []
    while run := store.claim("me 1 1", at_once=1000):
        claims.append(run.id)
    return claims


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_two_processes_claim_200_runs_and_none_twice(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    for _ in range(199):
        jobs.store.add(dataclasses.replace(run, id=new_id()), lambda _counts: None)
    one, other = in_two_processes(claim_all, jobs.store.place)
    assert len(one) + len(other) == 200 and len({*one, *other}) == 200 and jobs.store.running() == 200


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("attempt", range(10))
def test_two_processes_may_make_the_database_at_once(tmp_path, attempt):
    assert in_two_processes(lambda: Store(tmp_path / "new" / "jobs.sqlite").runs()) == [[], []]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_while_a_thread_uses_the_database_can_write(tmp_path):
    store, is_open = Store(tmp_path / "jobs.sqlite"), Event()

    def use():
        with store.database.transaction():
            is_open.set()
            time.sleep(0.3)

    thread = Thread(target=use)
    thread.start()
    is_open.wait()
    child = multiprocessing.get_context("fork").Process(
        target=store.claim, args=("me 1 1",), kwargs={"at_once": 1}, daemon=True
    )
    child.start()
    child.join(30)
    thread.join()
    assert child.exitcode == 0


def test_a_database_of_a_newer_version_or_none_at_all_is_told(tmp_path):
    path = tmp_path / "jobs.sqlite"
    Store(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(JobError, match="newer KDSR"):
        Store(path)
    (tmp_path / "text.sqlite").write_text("no database, but long enough to be looked at" * 10)
    with pytest.raises(JobError, match="cannot be used"):
        Store(tmp_path / "text.sqlite")


def test_what_fails_inside_a_transaction_leaves_nothing(jobs, photos):
    def refuse(_counts):
        raise LimitError("no")

    with pytest.raises(LimitError):
        jobs.store.add(dataclasses.replace(jobs.submit(recipe(), ANNA, photos), id=new_id()), refuse)
    assert len(jobs.runs(ANNA)) == 1


def test_a_run_belongs_to_its_owner_and_can_be_watched_by_all(jobs, open_jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    assert jobs.get(run.id) == run and jobs.runs(ANNA) == [run] and jobs.runs(BERT) == []
    assert jobs.may_change(run.id, ANNA) and not jobs.may_change(run.id, BERT) and not jobs.may_change(run.id, "")
    for change in (jobs.stop, jobs.resume, jobs.delete, jobs.log):
        with pytest.raises(JobError, match="belongs to another browser"):
            change(run.id, BERT)
    assert not any(ANNA.encode() in path.read_bytes() for path in jobs.settings.home.glob("jobs.sqlite*"))
    admin = open_jobs(admin_token=TOKEN)
    assert (
        admin.runs(TOKEN) == [run] and admin.may_change(run.id, TOKEN) and not admin.may_change(run.id, "another token")
    )
    assert admin.stop(run.id, TOKEN).state is State.STOPPED
    assert open_jobs(is_trusted=True).may_change(run.id)


def test_without_a_token_in_the_settings_nobody_is_admin(jobs):
    assert not jobs.is_admin("") and "token" not in repr(Settings(admin_token="token" * 4)).replace("admin_token", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "limit, asked, message",
    [
        ({"max_runs_waiting": 1}, {}, "at most 1 may: try again"),
        ({"max_runs_waiting_per_owner": 1}, {}, "stop one first"),
        ({"max_runs_per_owner": 1}, {}, "delete one first"),
        ({"max_run_steps": 11}, {}, "11 steps here, got 12"),
        ({"max_run_photos": 3}, {}, "at most 3 photographs"),
        ({"max_run_megapixels": 0.01}, {}, "megapixels together"),
        ({"max_input_megapixels": 0.001}, {}, "at most 0.001 are read"),
        ({"max_runs_gigabytes": 1e-6}, {}, "GB, and 1e-06 are allowed"),
    ],
)
def test_every_limit_answers_with_a_sentence_and_leaves_nothing_behind(jobs, open_jobs, photos, limit, asked, message):
    jobs.submit(recipe(), ANNA, photos)
    limited = open_jobs(**limit)
    before = sorted(runs_dir(limited.settings).iterdir())
    with pytest.raises(LimitError, match=message):
        limited.submit(recipe(**asked), ANNA, photos)
    assert len(limited.runs(ANNA)) == 1 and sorted(runs_dir(limited.settings).iterdir()) == before
    if "gigabytes" not in next(iter(limit)):
        assert open_jobs(is_trusted=True, **limit).submit(recipe(), photos=photos).owner_sha256 == ""


def test_a_run_that_had_its_minutes_cannot_be_resumed(jobs, open_jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    held = claimed(jobs, run)
    Store(jobs.store.place, clock=lambda: time.time() + 90).finish(held, State.STOPPED, "")
    assert jobs.get(run.id).trained_s == pytest.approx(90, abs=5)
    with pytest.raises(LimitError, match="has had its 1 minutes"):
        open_jobs(max_run_minutes=1.0).resume(run.id, ANNA)
    assert jobs.resume(run.id, ANNA).state is State.QUEUED


@pytest.mark.parametrize(
    "changes, error, message",
    [
        ({"name": "checkpoint"}, SettingsError, "is not checkpoint"),
        ({"name": "a b"}, SettingsError, "letters"),
        ({"warm_start": "/etc/x.safetensors"}, SettingsError, "got the file 'x.safetensors'"),
        ({"warm_start": "student", "soup_with": "/etc/x.safetensors"}, SettingsError, "got the file 'x.safetensors'"),
        ({"teacher": "/etc/x.pth"}, SettingsError, "got the file 'x.pth'"),
        ({"warm_start": "nothing"}, UnknownNameError, "nothing"),
        ({"extra_teachers": ["nothing"]}, UnknownNameError, "nothing"),
        ({"teacher": "nothing"}, UnknownNameError, "nothing"),
    ],
)
def test_a_recipe_that_a_visitor_may_not_run_is_told(jobs, photos, changes, error, message):
    with pytest.raises(error, match=message):
        jobs.submit(recipe(**changes), ANNA, photos)


def test_a_visitor_needs_an_owner_and_photographs(jobs, photos):
    with pytest.raises(JobError, match="needs an owner"):
        jobs.submit(recipe(), "short", photos)
    with pytest.raises(JobError, match="upload some"):
        jobs.submit(recipe(photos=["/etc"]), ANNA)
