"""Background runs at their boundaries: every move by name, each limit at its exact value and one beyond, leases."""

import dataclasses
import io
import itertools
import os
from pathlib import Path

import pytest
from helpers.running import ANNA, BOTH, claimed, four_photos, jobs_opener_on_both, photograph, recipe, recorded_jobs

from kdsr.errors import JobError, LimitError, MoveError, SettingsError
from kdsr.jobs import State, uploads
from kdsr.jobs.folders import new_id, run_dir
from kdsr.jobs.limits import Counts, check_counts, check_name, check_recipe, time_left_s
from kdsr.jobs.process import is_alive, this_holder
from kdsr.jobs.states import MOVES, check_move
from kdsr.jobs.store import LEASE_S, Store
from kdsr.jobs.uploads import take_photos
from kdsr.settings import Settings

photos = pytest.fixture(four_photos)
open_jobs = pytest.fixture(jobs_opener_on_both, params=BOTH)
jobs = pytest.fixture(recorded_jobs)

ALLOWED = {
    ("queued", "running"),
    ("queued", "stopped"),
    ("running", "stopping"),
    ("running", "stopped"),
    ("running", "done"),
    ("running", "failed"),
    ("running", "interrupted"),
    ("stopping", "stopped"),
    ("stopping", "done"),
    ("stopping", "failed"),
    ("stopping", "interrupted"),
    ("stopped", "queued"),
    ("failed", "queued"),
    ("interrupted", "queued"),
}
"""Written out here, so that a move added to the table by mistake fails a test."""


@pytest.mark.parametrize("now, to", [*itertools.product(State, State)])
def test_exactly_the_moves_written_here_are_allowed(now, to):
    if (str(now), str(to)) in ALLOWED:
        check_move(now, to)
    else:
        with pytest.raises(MoveError, match=f"is {now} cannot become {to}"):
            check_move(now, to)


def test_the_table_has_a_row_for_every_state():
    assert set(MOVES) == set(State)


def test_a_run_that_is_done_cannot_be_queued_claimed_or_stopped_again(jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    jobs.store.finish(claimed(jobs, run), State.DONE, "Finished.")
    done = jobs.get(run.id)
    for change in (jobs.resume, jobs.stop):
        with pytest.raises(MoveError, match="is done cannot become"):
            change(run.id, ANNA)
    assert jobs.store.claim("me 1 1", at_once=9) is None
    assert jobs.get(run.id) == done


@pytest.mark.parametrize("state", ["stopped", "failed", "interrupted"])
def test_a_run_that_ended_early_can_be_queued_again(jobs, photos, state):
    run = jobs.submit(recipe(), ANNA, photos)
    jobs.store.finish(claimed(jobs, run), State(state), "It ended.")
    again = jobs.resume(run.id, ANNA)
    assert (again.state, again.message, again.ended) == (State.QUEUED, "", None)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def timed(jobs, photos):
    """A queued run, the store with a clock set by hand, and that clock."""
    run, clock = jobs.submit(recipe(), ANNA, photos), Clock()
    return run, Store(jobs.store.place, clock=clock), clock


def test_the_time_of_all_parts_adds_up_and_waiting_counts_nothing(timed):
    run, store, clock = timed
    for began, ended, total in ((100.0, 130.0, 30.0), (200.0, 245.0, 75.0), (1000.0, 1000.5, 75.5)):
        clock.now = began
        held = store.claim("me 1 1", at_once=1)
        assert held.trained_s == total - (ended - began)
        clock.now = ended
        store.finish(held, State.INTERRUPTED, "")
        assert store.get(run.id).trained_s == pytest.approx(total)
        store.requeue(run.id, lambda _counts: None)


def test_a_dead_worker_has_trained_until_its_last_heartbeat(timed):
    run, store, clock = timed
    clock.now = 100.0
    held = store.claim("me 1 1", at_once=1)
    clock.now = 107.0
    store.beat(held)
    clock.now = 500.0
    assert store.recover(lambda _holder: False) == [run.id]
    assert store.get(run.id).trained_s == pytest.approx(7.0)


def test_a_run_stopped_in_the_queue_keeps_the_time_of_its_parts(timed):
    run, store, clock = timed
    held = store.claim("me 1 1", at_once=1)
    clock.now = 20.0
    store.finish(held, State.STOPPED, "")
    store.requeue(run.id, lambda _counts: None)
    clock.now = 900.0
    assert store.ask_to_stop(run.id).trained_s == pytest.approx(20.0)


@pytest.mark.parametrize("alive, most_s", [(None, LEASE_S), (True, 300.0)])
def test_a_silence_as_long_as_the_lease_is_allowed_and_one_second_more_is_not(timed, alive, most_s):
    run, store, clock = timed
    store.claim("me 1 1", at_once=1)
    clock.now = most_s
    assert store.recover(lambda _holder: alive) == []
    clock.now = most_s + 1
    assert store.recover(lambda _holder: alive) == [run.id]


def test_a_heartbeat_or_an_event_renews_the_lease(timed):
    _, store, clock = timed
    held = store.claim("me 1 1", at_once=1)
    for number, renew in enumerate(
        (store.beat, lambda run: store.add_event(run, {"event": "step", "step": 1})), start=1
    ):
        clock.now = number * LEASE_S
        renew(held)
        clock.now += LEASE_S
        assert store.recover(lambda _holder: None) == []


LIMITED = Settings(max_runs_waiting=5, max_runs_waiting_per_owner=3, max_runs_per_owner=7, max_run_steps=100)


@pytest.mark.parametrize("field, most", [("waiting", 5), ("waiting_of_owner", 3), ("kept_of_owner", 7)])
def test_the_last_free_place_may_be_taken_and_no_further_one(field, most):
    check_counts(dataclasses.replace(Counts(0, 0, 0), **{field: most - 1}), LIMITED, is_new=True)
    with pytest.raises(LimitError, match=f"at most {most}"):
        check_counts(dataclasses.replace(Counts(0, 0, 0), **{field: most}), LIMITED, is_new=True)


def test_a_run_that_is_kept_already_may_wait_again():
    check_counts(Counts(0, 0, 7), LIMITED, is_new=False)


def test_as_many_steps_as_the_limit_are_allowed_and_one_more_is_not(tmp_path):
    check_recipe(recipe(steps=100), LIMITED, tmp_path)
    with pytest.raises(LimitError, match="got 101"):
        check_recipe(recipe(steps=101), LIMITED, tmp_path)


def test_a_name_has_up_to_64_characters():
    check_name("n" * 64)
    with pytest.raises(SettingsError, match="up to 64"):
        check_name("n" * 65)


def test_minutes_end_at_their_exact_value():
    settings = Settings(max_run_minutes=2.0)
    assert time_left_s(0.0, settings) == 120.0 and time_left_s(119.5, settings) == 0.5
    with pytest.raises(LimitError, match="had its 2 minutes"):
        time_left_s(120.0, settings)


def test_an_owner_has_16_characters_or_more(jobs, photos):
    jobs.submit(recipe(), "a" * 16, photos)
    with pytest.raises(JobError, match="16 characters or more"):
        jobs.submit(recipe(), "a" * 15, photos)


def test_as_many_photographs_as_the_limit_are_taken_and_one_more_is_not(tmp_path, photos):
    assert take_photos(photos, tmp_path / "all", Settings(max_run_photos=4)) == 4
    with pytest.raises(LimitError, match="at most 3 photographs"):
        take_photos(photos, tmp_path / "some", Settings(max_run_photos=3))


@pytest.mark.parametrize("limit, pixels", [("max_input_megapixels", 1000), ("max_run_megapixels", 2000)])
def test_megapixels_as_many_as_the_limit_are_taken_and_a_row_more_is_not(tmp_path, limit, pixels):
    fitting = [photograph(tmp_path / f"{name}.png", 25, 40) for name in ("one", "two")]
    settings = Settings(**{limit: pixels / 1e6})
    assert take_photos(fitting, tmp_path / "fitting", settings) == 2
    with pytest.raises(LimitError, match=r"at most 0\.001 are read|0\.002 megapixels together"):
        take_photos([fitting[0], photograph(tmp_path / "more.png", 26, 40)], tmp_path / "over", settings)


def test_a_file_may_have_the_largest_size_and_no_byte_more():
    assert uploads._Bounded(io.BytesIO(bytes(10)), "photo", 10).read() == bytes(10)
    with pytest.raises(LimitError, match="'photo' has more than"):
        uploads._Bounded(io.BytesIO(bytes(11)), "photo", 10).read()


def test_runs_may_fill_the_disk_space_to_its_last_byte(jobs, open_jobs, photos):
    run = jobs.submit(recipe(), ANNA, photos)
    used = sum(path.lstat().st_size for path in jobs.folder(run.id).parent.rglob("*"))
    more = sum(path.stat().st_size for path in photos) + _folders_bytes(jobs, run)
    assert open_jobs(max_runs_gigabytes=(used + more) / 1e9).submit(recipe(), ANNA, photos)
    with pytest.raises(LimitError, match=r"GB, and|left for it here"):
        open_jobs(max_runs_gigabytes=(used + more) / 1e9).submit(recipe(), ANNA, photos)


def _folders_bytes(jobs, run):
    """What the two folders of a run count for."""
    folder = jobs.folder(run.id)
    return folder.lstat().st_size + (folder / "photos").lstat().st_size


def test_a_run_is_kept_for_its_days_and_removed_after_them(jobs, photos, monkeypatch):
    run = jobs.submit(recipe(), ANNA, photos)
    jobs.stop(run.id, ANNA)
    ended = jobs.get(run.id).ended
    monkeypatch.setattr("kdsr.jobs.service.time.time", lambda: ended + 86_400.0)
    assert jobs.clean(keep_days=1.0) == []
    monkeypatch.setattr("kdsr.jobs.service.time.time", lambda: ended + 86_401.0)
    assert jobs.clean(keep_days=1.0) == [run.id]


def test_a_folder_without_a_row_is_kept_for_an_hour(jobs, monkeypatch):
    folder = run_dir(jobs.settings, new_id())
    folder.mkdir(parents=True)
    os.utime(folder, (10_000, 10_000))
    monkeypatch.setattr("kdsr.jobs.service.time.time", lambda: 10_000 + 3600.0)
    jobs.clean()
    assert folder.exists()
    monkeypatch.setattr("kdsr.jobs.service.time.time", lambda: 10_000 + 3601.0)
    jobs.clean()
    assert not folder.exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Linux only")
def test_a_holder_has_the_start_time_of_the_kernel_so_that_names_of_earlier_versions_hold():
    ticks = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    assert this_holder().split()[-2:] == [str(os.getpid()), ticks]
    assert os.sysconf("SC_CLK_TCK") == 100


def test_a_process_that_never_was_is_dead():
    machine, _, started = this_holder().rsplit(" ", 2)
    assert is_alive(f"{machine} {2**22 + 1} {started}") is False
