"""A home that cannot be used is one sentence, its database is private, and a clock that is set costs no run."""

import time

import pytest
from helpers.running import ANNA, claimed, four_photos, jobs_opener, recipe, recorded_jobs

from kdsr.errors import JobError, SettingsError
from kdsr.jobs import State
from kdsr.jobs.store import Store
from kdsr.settings import Settings

open_jobs = pytest.fixture(jobs_opener)
jobs = pytest.fixture(recorded_jobs)
photos = pytest.fixture(four_photos)


def test_a_home_that_is_a_file_and_a_damaged_database_are_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(JobError, match=r"cannot be used \(File exists\): set KDSR_HOME"):
        Store(tmp_path / "file" / "jobs.sqlite")
    (tmp_path / "jobs.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(JobError, match=r"The database of runs cannot be used .* set KDSR_HOME") as caught:
        Store(tmp_path / "jobs.sqlite")
    assert str(tmp_path) not in str(caught.value)


def test_only_its_user_reads_the_database(jobs, photos):
    jobs.submit(recipe(), ANNA, photos)
    for path in jobs.settings.home.glob("jobs.sqlite*"):
        assert path.stat().st_mode & 0o077 == 0
    (jobs.settings.home / "jobs.sqlite").chmod(0o644)  # as an earlier version left it
    Store(jobs.settings.home / "jobs.sqlite")
    assert (jobs.settings.home / "jobs.sqlite").stat().st_mode & 0o077 == 0


def test_a_clock_that_is_set_forward_interrupts_no_run_whose_worker_lives(jobs, photos, monkeypatch):
    run = claimed(jobs, jobs.submit(recipe(), ANNA, photos))
    jobs.tend()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 400)
    jobs.store.clock = time.time
    assert jobs.tend() == [] and jobs.get(run.id).state is State.RUNNING
    jobs.store.beat(run)  # the worker's next beat, within a second
    assert jobs.tend() == [] and jobs.get(run.id).state is State.RUNNING


@pytest.mark.parametrize("token, is_taken", [("", True), ("a" * 16, True), ("a" * 15, False), ("a", False)])
def test_an_admin_token_has_16_characters_or_more(token, is_taken):
    if is_taken:
        assert Settings(admin_token=token).admin_token == token
    else:
        with pytest.raises(SettingsError, match="admin_token must have 16 characters or more") as caught:
            Settings(admin_token=token)
        assert f"'{token}'" not in str(caught.value)
