"""Runs as jobs of a Ray cluster, against a server that answers as Ray's job server does and starts what it is given.

`benchmarks/ray_jobs.py` does the same with Ray itself.
"""

import dataclasses
import json
import os
import shlex
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from helpers.postgres import PASSWORD
from helpers.running import ANNA, claimed, four_photos, recipe
from helpers.serving import free_port

from kdsr.errors import JobError, SettingsError
from kdsr.jobs import WAITING, Jobs, State
from kdsr.jobs.ray_jobs import RayJobsLauncher, job_environment, without_password
from kdsr.jobs.store import store_of
from kdsr.settings import Settings, settings_from_environment

photos = pytest.fixture(four_photos)
TOKEN = "the cluster's own token"


class Cluster:
    """A job server: submitted jobs by their names, started where `starts` is set."""

    def __init__(self, *, starts):
        self.jobs, self.starts, self.processes = {}, starts, []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def _handler(cluster):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    return self.answer(401, "Unauthorized: Missing authentication token")
                job = cluster.jobs.get(self.path.removeprefix("/api/jobs/"))
                self.answer(404 if job is None else 200, job)

            def do_POST(self):
                job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if job["submission_id"] in cluster.jobs:
                    return self.answer(
                        500, f"ValueError: Job with submission_id {job['submission_id']} already exists."
                    )
                cluster.submit(job)
                self.answer(200, {"submission_id": job["submission_id"]})

            def answer(self, status, body):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_said):
                pass

        return Handler

    def submit(self, job):
        self.jobs[job["submission_id"]] = job | {"status": "PENDING"}
        if self.starts:
            plain = {name: value for name, value in os.environ.items() if not name.startswith("KDSR_")}
            words, environment = shlex.split(job["entrypoint"]), plain | job["runtime_env"]["env_vars"]
            self.processes.append(subprocess.Popen(words, env=environment))

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(request):
    opened = Cluster(starts=getattr(request, "param", False))
    yield opened
    opened.close()


@pytest.fixture
def jobs(cluster, tiny_settings):
    settings = dataclasses.replace(
        tiny_settings, launcher="ray", ray_address=cluster.address, ray_gpus=0.5, ray_token=TOKEN
    )
    return Jobs(settings)


def test_a_queued_run_is_one_job_however_often_it_is_launched(jobs, cluster, photos):
    run, second = (jobs.submit(recipe(), ANNA, photos) for _ in range(2))
    jobs.tend()
    Jobs(jobs.settings).launcher.launch(run.id)  # another page
    (job,) = cluster.jobs.values()
    assert job["submission_id"] == f"kdsr-{run.id}-1-1" and job["entrypoint_num_gpus"] == 0.5
    assert job["entrypoint"].endswith("-m kdsr.jobs.worker")
    jobs.store.finish(claimed(jobs, run), State.DONE, "")
    jobs.tend()
    assert f"kdsr-{second.id}-2-1" in cluster.jobs and len(cluster.jobs) == 2


def test_a_job_that_failed_is_submitted_again_after_a_while_and_its_reason_is_logged(jobs, cluster, photos, caplog):
    run = jobs.submit(recipe(), ANNA, photos)
    first = cluster.jobs[f"kdsr-{run.id}-1-1"]
    first |= {"status": "FAILED", "message": "No module named kdsr", "end_time": 1000 * time.time()}
    jobs.tend()
    assert len(cluster.jobs) == 1
    first["end_time"] -= 31_000
    jobs.tend()
    assert len(cluster.jobs) == 2 and "No module named kdsr" in caplog.text


def test_a_cluster_that_does_not_answer_is_one_sentence_and_the_run_waits(jobs, cluster, photos):
    jobs.launcher.address = f"http://127.0.0.1:{free_port()}"
    asked = time.monotonic()
    with pytest.raises(JobError, match=r"does not answer \(ConnectionRefusedError\); the run stays in the queue"):
        jobs.submit(recipe(), ANNA, photos)
    assert time.monotonic() - asked < 5 and jobs.runs(ANNA)[0].state is State.QUEUED
    jobs.launcher.address = cluster.address
    jobs.tend()
    assert len(cluster.jobs) == 1
    jobs.launcher.settings = dataclasses.replace(jobs.settings, ray_token="another")
    with pytest.raises(JobError, match="takes another KDSR_RAY_TOKEN"):
        jobs.tend()


@pytest.mark.parametrize("address", ["", "ray://cluster:10001", "cluster:8265"])
def test_an_address_that_is_none_is_told(tiny_settings, address):
    settings = dataclasses.replace(tiny_settings, launcher="ray", ray_address=address)
    with pytest.raises(SettingsError, match="needs KDSR_RAY_ADDRESS"):
        Jobs(settings)


def test_a_cluster_elsewhere_needs_a_database_that_it_can_reach(tiny_settings):
    settings = dataclasses.replace(tiny_settings, launcher="ray", ray_address="http://cluster.example:8265")
    with pytest.raises(SettingsError, match="cannot reach a SQLite file: set KDSR_DATABASE_URL"):
        Jobs(settings)
    store = store_of(tiny_settings)
    store.database.is_shared = True
    assert RayJobsLauncher(settings, store)._job("n")["entrypoint"] == "python -m kdsr.jobs.worker"


def test_a_job_gets_settings_but_no_secret_and_no_folder_of_another_machine(tiny_settings):
    settings = dataclasses.replace(
        tiny_settings, admin_token="a secret of the admin", ray_token="secret",
        database_url=f"postgresql://kdsr:{PASSWORD}@db:5433/runs?a=b", artifacts_url="s3://bucket/runs",
        max_run_minutes=7.0, run_threads=3,
    )  # fmt: skip
    given = job_environment(settings, is_here=False)
    assert PASSWORD not in str(given) and "secret" not in str(given)
    read_back = settings_from_environment(given)
    assert read_back == dataclasses.replace(
        Settings(), database_url="postgresql://kdsr@db:5433/runs?a=b", artifacts_url="s3://bucket/runs", device="cpu",
        max_run_minutes=7.0, run_threads=3, threads=3, launcher="off",
    )  # fmt: skip
    shared = job_environment(dataclasses.replace(settings, artifacts_url=""), is_here=False)
    assert shared["KDSR_HOME"] == str(settings.home) and "KDSR_WEIGHTS_DIR" not in shared
    assert without_password("postgresql:///runs?host=%2Ftmp&password=x") == "postgresql:///runs?host=%2Ftmp"


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [True], indirect=True)
def test_a_run_on_the_cluster_is_watched_stopped_and_resumed(jobs, cluster, photos):
    plan = {"steps": 200_000, "warmup_steps": 2, "validate_every": 50, "validation_photos": 1}
    run = jobs.submit(recipe(**plan), ANNA, photos)

    def now():
        return jobs.get(run.id)

    def wait_for(condition):
        deadline = time.monotonic() + 120
        while not condition():
            assert time.monotonic() < deadline, (now().state, now().message)
            time.sleep(0.05)

    wait_for(lambda: now().step > 0)
    jobs.stop(run.id, ANNA)
    wait_for(lambda: now().state not in WAITING)
    stopped = now()
    assert stopped.state is State.STOPPED and stopped.step > 0
    jobs.resume(run.id, ANNA)
    wait_for(lambda: now().step > stopped.step)
    begun = [event["step"] for event in jobs.events(run.id, most=10_000) if event["event"] == "started"]
    assert begun == [0, stopped.step] and len(cluster.jobs) == 2
