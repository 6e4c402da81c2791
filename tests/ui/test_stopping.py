"""The page as a process: `/healthz`, `/metrics`, its log as JSON lines, and its end on SIGTERM."""

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from helpers.gate import program_with_gate
from helpers.running import Recorder, four_photos, recipe
from helpers.serving import free_port, served, tiny_settings_in
from PIL import Image

import kdsr
from kdsr.errors import LimitError
from kdsr.jobs import Jobs
from kdsr.jobs.states import State
from kdsr.settings import Settings
from kdsr.ui import stopping

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and client warn of things of their own
]
PATIENCE_S = 150.0
PROGRAM = (
    "import sys; from kdsr.settings import settings_from_environment; from kdsr.ui import serve;"
    "serve(settings_from_environment(), port=int(sys.argv[1]))"
)


class Page:
    """A served page in a process of its own."""

    def __init__(self, settings, **more):
        self.port = free_port()
        self.gate = settings.home.parent / "gate"
        """While it is there, no picture gets restored."""
        self.address = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {
            "KDSR_WEIGHTS_DIR": str(settings.weights_dir), "KDSR_HOME": str(settings.home), "KDSR_THREADS": "1",
            "KDSR_DEVICE": "cpu", "KDSR_LOG_FORMAT": "json", "KDSR_METRICS": "on", "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": str(settings.home / "gradio"), **more,
        }  # fmt: skip
        self.process = subprocess.Popen(
            [*program_with_gate(self.gate, "kdsr.ui.endpoints.restoring:restore_file", 0, PROGRAM), str(self.port)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.until(lambda: self.get("/healthz"))

    def get(self, path):
        try:
            return httpx.get(self.address + path, timeout=20)
        except httpx.TransportError:
            return None

    def until(self, holds):
        ends = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < ends and self.process.poll() is None
            time.sleep(0.05)

    def metric(self, name):
        return next(float(line.split()[-1]) for line in self.get("/metrics").text.splitlines() if line.startswith(name))

    def end(self):
        """(exit code, the lines of its log)"""
        told, _ = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, [json.loads(line) for line in told.splitlines()]


@contextmanager
def page(settings, **more):
    made = Page(settings, **more)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def settings(tmp_path):
    return tiny_settings_in(tmp_path)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.effect_noise((40, 30), 60).convert("RGB").save(path)
    return path


def restore(client, path):
    return client.submit(handle_file(str(path)), "sr_x4", "tiny_x4_student", None, None, api_name="/restore")


def event(log, name):
    return next(line for line in log if line["event"] == name)


def test_what_runs_ends_and_nothing_new_is_taken(settings, picture):
    with page(settings) as served_page:
        health = served_page.get("/healthz")
        assert (health.status_code, health.json()) == (
            200, {"status": "ok", "version": kdsr.__version__, "accepts_work": True}
        )  # fmt: skip
        assert "set-cookie" not in health.headers
        client = Client(served_page.address, verbose=False)
        first = restore(client, picture)
        served_page.until(lambda: served_page.metric("kdsr_queue_running") == 1)
        second = restore(client, picture)
        served_page.until(lambda: served_page.metric("kdsr_queue_waiting") == 1)
        served_page.process.send_signal(signal.SIGTERM)
        served_page.until(lambda: served_page.get("/healthz").status_code == 503)
        assert served_page.get("/healthz").json()["accepts_work"] is False
        with pytest.raises(AppError, match="being stopped"):
            second.result(timeout=PATIENCE_S)
        served_page.gate.unlink()
        with Image.open(first.result(timeout=PATIENCE_S)) as restored:
            assert restored.size == (160, 120)
        code, log = served_page.end()
    events = [line["event"] for line in log if line["event"] != "log"]
    assert code == 0 and events[0] == "serving" and events[-1] == "stopped"
    work = event(log, "work")
    assert (work["kind"], work["outcome"]) == ("api_restore", "done") and work["seconds"] > 0
    assert events.index("stopping") < events.index("work") and event(log, "stopped")["broken_off"] == 0


def test_what_runs_longer_than_allowed_is_told_so_and_the_process_ends(settings, picture):
    with page(settings, KDSR_STOP_S="0") as served_page:
        first = restore(Client(served_page.address, verbose=False), picture)
        served_page.until(lambda: served_page.metric("kdsr_queue_running") == 1)
        served_page.process.send_signal(signal.SIGTERM)
        with pytest.raises(AppError, match="stopped before this was done"):
            first.result(timeout=PATIENCE_S)
        code, log = served_page.end()
    assert code == 0 and event(log, "stopped")["broken_off"] == 1  # the last line may be the work's, which ends later


def test_metrics_are_not_there_unless_asked_for(settings):
    with served(settings) as address:
        assert httpx.get(address + "metrics").status_code == 404
        assert httpx.get(address + "healthz").status_code == 200
        assert httpx.head(address + "healthz").status_code == 200


def waiting_run(settings, photos):
    jobs = Jobs(settings, launcher=Recorder(), is_trusted=True)
    return jobs, jobs.submit(recipe(steps=100_000), photos=photos)


def test_a_closed_queue_of_runs_starts_none(tmp_path):
    jobs, run = waiting_run(tiny_settings_in(tmp_path), four_photos(tmp_path))
    jobs.close(ends_runs=False)
    assert jobs.tend() == [] and jobs.get(run.id).state is State.QUEUED
    with pytest.raises(LimitError, match="being stopped"):
        jobs.submit(recipe(), photos=four_photos(tmp_path / "more"))


def test_a_worker_is_ended_with_the_page_where_that_is_set_and_starts_no_successor(tmp_path):
    settings = tiny_settings_in(tmp_path)
    photos = four_photos(tmp_path)
    jobs, first = waiting_run(settings, photos)
    second = jobs.submit(recipe(steps=100_000), photos=photos)
    jobs = Jobs(settings, is_trusted=True)
    jobs.tend()
    ends = time.monotonic() + PATIENCE_S
    while jobs.get(first.id).step == 0 and time.monotonic() < ends:
        time.sleep(0.1)
    assert jobs.has_workers()
    launcher = jobs.launcher
    jobs.close(ends_runs=True)
    while (jobs.has_workers() or launcher._workers) and time.monotonic() < ends:
        time.sleep(0.1)
    time.sleep(0.5)  # the thread that saw the worker end would have started another by now
    assert not launcher._workers
    assert jobs.get(first.id).state is State.INTERRUPTED and jobs.get(first.id).step > 0
    assert jobs.get(second.id).state is State.QUEUED
    assert list(jobs.folder(first.id).glob("*checkpoint*"))


@pytest.mark.parametrize("stop_runs, waits", [("off", False), ("on", True)])
def test_the_page_waits_for_workers_only_where_it_ends_them(stop_runs, waits, monkeypatch):
    monkeypatch.setattr(stopping, "FETCH_S", 0.0)
    looks, told = [True, True, False], []
    jobs = SimpleNamespace(
        settings=Settings(stop_runs=stop_runs),
        close=lambda *, ends_runs: told.append(ends_runs),
        has_workers=lambda: looks.pop(0),
    )
    queue = SimpleNamespace(is_taking=True, running=0, waiting=0, break_off=lambda: 0)
    blocks = SimpleNamespace(close=lambda verbose: told.append("closed"))
    stopping.stop(blocks, queue, jobs, leave=told.append)
    assert told == [waits, "closed"] and not queue.is_taking and looks == ([] if waits else [True, True, False])
