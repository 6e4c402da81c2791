"""Runs as jobs of a Ray cluster, by its REST interface: each queued run is a job that starts a worker there.

Worker and page meet in the database: events, stops and the end go through it as for a worker of this machine. Source:
Ray Jobs REST API, https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html. Not here: Ray
itself, which the page does not need.
"""

import http.client
import json
import logging
import shlex
import socket
import sys
import time
import urllib.error
import urllib.request
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from kdsr.errors import JobError, SettingsError, shortened
from kdsr.jobs.process import WORKER
from kdsr.jobs.states import State
from kdsr.jobs.store import Store
from kdsr.settings import Settings

_ANSWER_S = 5.0
_AGAIN_S = 30.0
"""How long after a job that ended without taking its run the next one is submitted."""
_GOING = ("PENDING", "RUNNING")
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]
_OWN = ("admin_token", "launcher", "ray_address", "ray_gpus", "ray_token")
"""Settings of the page alone."""
_OF_THIS_MACHINE = ("home", "weights_dir", "data_dir")


class RayJobsLauncher:
    """Trains in jobs of the Ray cluster at `settings.ray_address`.

    Raises:
        SettingsError: there is no address, or a worker there could not reach the runs.
    """

    name = "ray"
    refusal = ""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.address = settings.ray_address.rstrip("/")
        if not self.address.startswith(("http://", "https://")):
            raise SettingsError("KDSR_LAUNCHER=ray needs KDSR_RAY_ADDRESS, as http://HOST:8265.")
        self.is_here = urlsplit(self.address).hostname in ("localhost", "127.0.0.1", "::1", socket.gethostname())
        if not (self.is_here or store.database.is_shared):
            raise SettingsError(
                "A worker on another machine cannot reach a SQLite file: set KDSR_DATABASE_URL to PostgreSQL, "
                "or KDSR_RAY_ADDRESS to a cluster of this machine."
            )
        self._is_closed = False
        self._lock = Lock()

    def launch(self, run_id: str) -> None:
        """Submit a job for the run, if its turn has come and none is on its way.

        Raises:
            JobError: the cluster does not answer; the run stays in the queue.
        """
        room = self.settings.runs_at_once - self.store.running()
        if self._is_closed or run_id not in self.store.queue()[: max(0, room)]:
            return
        run = self.store.get(run_id)
        with self._lock:
            for attempt in range(1, 1000):
                name = f"kdsr-{run_id}-{run.place}-{attempt}"
                job = self._ask("GET", f"/api/jobs/{name}")
                if job is None:
                    if self.store.get(run_id).state is State.QUEUED:
                        self._ask("POST", "/api/jobs/", self._job(name))
                    return
                if job["status"] in _GOING or time.time() - (job.get("end_time") or 0) / 1000 < _AGAIN_S:
                    return
                if job["status"] == "FAILED":
                    said = shortened(job.get("message") or "it said nothing", 300)
                    logging.getLogger(__name__).warning("Ray job %s failed: %s", name, said)

    def close(self) -> None:
        """Submit nothing any more; jobs go on."""
        self._is_closed = True

    def _job(self, name: str) -> dict[str, Any]:
        """What is submitted: the worker, its settings, and what it needs of a machine."""
        python = sys.executable if self.is_here else "python"
        return {
            "entrypoint": shlex.join([python, *WORKER]),
            "submission_id": name,
            "runtime_env": {"env_vars": job_environment(self.settings, is_here=self.is_here)},
            "entrypoint_num_cpus": self.settings.run_threads or 1,
            "entrypoint_num_gpus": self.settings.ray_gpus,
        }

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """The answer of the cluster; None where it knows no such job, or another page submitted it first."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self.settings.ray_token:
            headers["Authorization"] = f"Bearer {self.settings.ray_token}"
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_S) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            said = error.read(10_000).decode(errors="replace")
            if error.code == http.HTTPStatus.NOT_FOUND or "already exists" in said:
                return None
            if error.code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
                raise JobError("The Ray cluster of KDSR_RAY_ADDRESS takes another KDSR_RAY_TOKEN.") from None
            why = f"status {error.code}"
            logging.getLogger(__name__).warning("Ray: %s", shortened(said.strip().split("\n")[-1], 300))
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = type(getattr(error, "reason", None) or error).__name__
        raise JobError(
            f"The Ray cluster of KDSR_RAY_ADDRESS does not answer ({why}); the run stays in the queue until it does."
        )


def job_environment(settings: Settings, *, is_here: bool) -> dict[str, str]:
    """The environment of a job: the settings that are not the default.

    The cluster's dashboard shows it, so the database's password is left out: libpq takes PGPASSWORD or a password file
    of the machine where the worker runs. There, `python` has this KDSR, and networks and photographs are in its own
    folders. Its home is the page's only where no other place for the files of runs is set.
    """
    left_out = {*_OWN} if is_here else {*_OWN, *_OF_THIS_MACHINE}
    if not settings.artifacts_url:
        left_out -= {"home"}
    default = Settings()
    given = {
        f"KDSR_{item.name.upper()}": str(getattr(settings, item.name))
        for item in fields(settings)
        if item.name not in left_out and (getattr(settings, item.name) != getattr(default, item.name))
    }
    given |= {"KDSR_LAUNCHER": "off"}  # the page submits the next run
    if settings.database_url:
        given["KDSR_DATABASE_URL"] = without_password(settings.database_url)
    if is_here:
        given["PYTHONPATH"] = str(_PACKAGE_PARENT)
    if settings.run_threads:
        given |= {"KDSR_THREADS": str(settings.run_threads), "OMP_NUM_THREADS": str(settings.run_threads)}
    return given


def without_password(url: str) -> str:
    """`url` with its user, but without its password."""
    bare = sa.make_url(url)._replace(password=None).difference_update_query(["password"])
    return bare.render_as_string(hide_password=False)
