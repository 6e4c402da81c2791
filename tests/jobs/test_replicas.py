"""Two replicas in processes of their own on one PostgreSQL: a run started at one is watched, stopped and resumed at the
other, also after `kill -9` of the one.
"""

import dataclasses
import os
import signal
import subprocess
import sys

import pytest
from helpers.running import ANNA, four_photos, recipe
from helpers.workers import wait_for

from kdsr.jobs import WAITING, Jobs, State, curve
from kdsr.jobs.launchers import worker_environment

ONE = """
import sys, time
from kdsr.jobs import Jobs
from kdsr.settings import settings_from_environment
from kdsr.train import recipe_from_json
from pathlib import Path
jobs = Jobs(settings_from_environment())
jobs.keep_tending(0.5)
print(jobs.submit(recipe_from_json(sys.argv[2]), sys.argv[1], [Path(name) for name in sys.argv[3:]]).id, flush=True)
time.sleep(300)
"""
photos = pytest.fixture(four_photos)


@pytest.fixture
def settings(tiny_settings, postgres_url, tmp_path):
    (tmp_path / "place").mkdir()
    return dataclasses.replace(tiny_settings, database_url=postgres_url, artifacts_url=f"file://{tmp_path / 'place'}")


@pytest.fixture
def one(settings, photos):
    """(its process, the id of its run) of a replica with a home of its own."""
    from kdsr.train.recipe import recipe_to_json

    plan = recipe_to_json(recipe(steps=200_000, warmup_steps=2, validate_every=50, validation_photos=1))
    environment = worker_environment(dataclasses.replace(settings, home=settings.home / "one"))
    words = [sys.executable, "-c", ONE, ANNA, plan, *map(str, photos)]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


@pytest.mark.slow
def test_a_run_of_one_replica_is_watched_stopped_and_resumed_at_another_and_outlives_the_first(settings, one):
    process, run_id = one
    other = Jobs(dataclasses.replace(settings, home=settings.home / "other"))

    def now():
        return other.get(run_id)

    def beyond(step):
        run = wait_for(lambda: (now().step > step or now().state not in WAITING) and now())
        assert run.state is State.RUNNING, run.message
        return run

    try:
        beyond(0)
        assert wait_for(lambda: curve(other.events(run_id), "validation"))
        process.send_signal(signal.SIGKILL)
        process.wait()
        step = now().step
        assert beyond(step).step > step  # the worker is a process of its own
        other.stop(run_id, ANNA)
        stopped = wait_for(lambda: now().state not in WAITING and now())
        assert stopped.state is State.STOPPED and stopped.step > 0
        assert (other.folder(run_id) / "checkpoint.safetensors").is_file()
        other.resume(run_id, ANNA)
        os.kill(int(beyond(stopped.step).holder.split()[-2]), signal.SIGKILL)
        assert wait_for(other.tend) == [run_id] and now().state is State.INTERRUPTED
        begun = [event["step"] for event in other.events(run_id, most=10_000) if event["event"] == "started"]
        assert begun == [0, stopped.step]
    finally:
        for run in other.store.runs():
            if run.holder is not None:
                os.kill(int(run.holder.split()[-2]), signal.SIGKILL)
