"""Runs in a PostgreSQL database: claims at once, an outage, its address. `test_jobs` runs on it too."""

import dataclasses
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest
import sqlalchemy as sa
from helpers.postgres import PASSWORD
from helpers.running import ANNA, claimed, four_photos, jobs_opener, recipe
from helpers.serving import free_port

from kdsr.errors import JobError, SettingsError, UnreachableError
from kdsr.jobs import State
from kdsr.jobs.folders import new_id
from kdsr.jobs.part import PartResult, Watch, finish
from kdsr.jobs.store import Store
from kdsr.jobs.tables import RUNS
from kdsr.settings import Settings, settings_from_environment

photos = pytest.fixture(four_photos)


@pytest.fixture
def jobs(tiny_settings, postgres_url):
    return jobs_opener(dataclasses.replace(tiny_settings, database_url=postgres_url))()


@pytest.mark.slow
@pytest.mark.parametrize("at_once, expected", [(1000, 40), (7, 7)])
def test_of_40_claims_at_once_none_is_given_twice_and_the_limit_holds(jobs, photos, at_once, expected):
    run = jobs.submit(recipe(), ANNA, photos)
    for _ in range(49):
        jobs.store.add(dataclasses.replace(run, id=new_id()), lambda _counts: None)
    stores = [Store(jobs.store.place) for _ in range(8)]
    with ThreadPoolExecutor(40) as threads:
        claims = [threads.submit(stores[n % 8].claim, f"host {n} 1", at_once=at_once) for n in range(40)]
    taken = [claim.result().id for claim in claims if claim.result() is not None]
    assert len(taken) == len(set(taken)) == expected == jobs.store.running()
    assert jobs.store.queue() == [run.id for run in reversed(jobs.store.runs()) if run.state is State.QUEUED]


@pytest.mark.slow
def test_a_claim_does_not_wait_for_a_run_that_somebody_is_changing(jobs, photos):
    first, second = (jobs.submit(recipe(), ANNA, photos) for _ in range(2))
    with jobs.store.database.transaction() as connection:
        connection.execute(sa.select(RUNS).where(RUNS.c.id == first.id).with_for_update())
        asked = time.monotonic()
        assert jobs.store.claim("me 1 1", at_once=9).id == second.id and time.monotonic() - asked < 5


@pytest.mark.slow
def test_while_the_database_is_away_one_sentence_comes_and_a_worker_waits(jobs, photos, postgres_server, caplog):
    run = claimed(jobs, jobs.submit(recipe(), ANNA, photos))
    watch, other = Watch(jobs.store, run), jobs.submit(recipe(), ANNA, photos)
    postgres_server.stop()
    try:
        asked = time.monotonic()
        for ask in (lambda: jobs.get(run.id), lambda: jobs.submit(recipe(), ANNA, photos), jobs.tend):
            with pytest.raises(UnreachableError, match=r"does not answer: try again in a minute\.$"):
                ask()
        with pytest.raises(UnreachableError, match=r"KDSR_DATABASE_URL does not answer \(.*\): start it") as caught:
            Store(jobs.store.place)
        assert time.monotonic() - asked < 10 and "\n" not in str(caught.value)
        watch.beat()
        told = Thread(target=watch.on_event, args=({"event": "step", "step": 3},))
        told.start()
        ended = Thread(target=finish, args=(jobs.store, run, PartResult(State.DONE, "It ended.")))
        time.sleep(0.5)
        assert told.is_alive() and not watch.is_lost
    finally:
        postgres_server.start()
    told.join(20)
    assert [event["step"] for event in jobs.events(run.id)] == [3] and jobs.get(run.id).step == 3
    assert jobs.tend() == []  # the worker's next beat may be a moment away
    ended.start()
    ended.join(20)
    assert jobs.get(run.id).state is State.DONE and jobs.place_in_queue(other.id) == 1
    assert "The database of runs failed" in caplog.text and PASSWORD not in caplog.text + str(caught.value)


@pytest.mark.slow
def test_silence_is_measured_by_the_database_s_clock_and_not_soon_after_the_start(jobs, photos, monkeypatch):
    run = jobs.submit(recipe(), ANNA, photos)
    jobs.store.claim("another-machine 1 1", at_once=1)
    monkeypatch.setattr("kdsr.jobs.database.time.time", lambda: 0.0)
    monkeypatch.setattr("kdsr.jobs.store.LEASE_S", 0.2)
    time.sleep(0.4)
    assert jobs.tend() == []
    jobs._blind_until = 0.0
    assert jobs.tend() == [run.id]


@pytest.mark.slow
def test_texts_that_postgresql_cannot_hold_are_no_run_or_are_kept_without_it(jobs, photos):
    for run_id in ("r\0", "r\ud800", "é"):
        with pytest.raises(JobError, match="no such run"):
            jobs.get(run_id)
    run = claimed(jobs, jobs.submit(recipe(), ANNA, photos))
    jobs.store.add_event(run, {"event": "step", "step": 1, "said": "a\0b"})
    jobs.store.finish(run, State.FAILED, "It said 'a\0b'.")
    assert jobs.get(run.id).message == "It said 'ab'." and jobs.events(run.id)[0]["said"] == "a\0b"


@pytest.mark.parametrize("given", ["mysql://a@b/c", "runs.sqlite", "postgresql:/a", f"postgres//kdsr:{PASSWORD}@h/d"])
def test_an_address_that_is_none_is_refused_without_repeating_it(given):
    with pytest.raises(SettingsError, match="must be postgresql://") as caught:
        settings_from_environment({"KDSR_DATABASE_URL": given})
    assert given not in str(caught.value)


def test_an_address_with_a_port_that_is_none_and_one_where_nothing_answers_are_one_sentence():
    with pytest.raises(SettingsError, match="must be postgresql://"):
        Store(f"postgresql://kdsr:{PASSWORD}@host:port/runs")
    with pytest.raises(UnreachableError, match=r"does not answer \(.*refused.*\): start it") as caught:
        Store(f"postgres://kdsr:{PASSWORD}@127.0.0.1:{free_port()}/runs")
    assert PASSWORD not in str(caught.value)


@pytest.mark.slow
def test_a_user_without_rights_and_an_option_that_is_none_are_one_sentence_with_the_reason(postgres_url):
    owner = sa.create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with owner.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS visitor")
        connection.exec_driver_sql("CREATE ROLE visitor LOGIN")
    owner.dispose()
    address = sa.make_url(postgres_url)
    for url, reason in (
        (address.set(username="visitor"), "no schema has been selected to create in"),
        (address.set(query={"colour": "red"}), 'invalid connection option "colour"'),
    ):
        with pytest.raises(JobError, match=rf"refuses its user or its address \({reason}\): let the user") as caught:
            Store(url.render_as_string(hide_password=False))
        assert PASSWORD not in str(caught.value)


def test_without_its_driver_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=r"pip install 'kdsr\[postgres\]'"):
        Store("postgresql://kdsr@127.0.0.1/runs")


def test_the_password_is_in_no_text_of_the_settings():
    settings = Settings(database_url=f"postgresql://kdsr:{PASSWORD}@host/runs")
    assert PASSWORD not in repr(settings) + str(settings) + json.dumps(str(dataclasses.replace(settings, threads=2)))
