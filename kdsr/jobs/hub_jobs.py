"""Runs as Hugging Face Jobs under the visitor's own sign-in: the visitor's account trains, pays, and keeps the files.

The run's folder travels through a private repository of the account (`hub_place`). A thread of the page starts the job,
passes its events on, and ends the run. The token lives in that thread, and as a secret of the job; it is never stored.
Source: https://huggingface.co/docs/huggingface_hub/guides/jobs. Not here: what the job does (`hub_worker`).
"""

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, Thread
from typing import Any

from kdsr.errors import JobError, LimitError, SettingsError, shortened
from kdsr.jobs.artifacts import Artifacts
from kdsr.jobs.folders import run_dir
from kdsr.jobs.hub_place import REPOSITORY, HubPlace
from kdsr.jobs.limits import time_left_s
from kdsr.jobs.part import PartResult, Watch, finish, heartbeat
from kdsr.jobs.process import this_holder
from kdsr.jobs.run import Run
from kdsr.jobs.states import State
from kdsr.jobs.store import Store
from kdsr.settings import Settings
from kdsr.train.events import EVENTS_FILE, events_in

OUTCOME, STOP = "outcome.json", "stop"
"""Files in the repository: how the job ended, and that it is to stop."""
POLL_S = 15.0
_STOP_S = 240.0
"""How long a job that was asked to stop may take to leave its checkpoint."""
_START_S = 600.0
"""Of a job's limit: its image, its packages, and the last upload."""
_LABEL = "kdsr-run"
_ENDED = ("COMPLETED", "CANCELED", "ERROR", "DELETED")
_TOKEN: ContextVar[str] = ContextVar("token of the visitor's account", default="")


@contextmanager
def signed_in(token: str) -> Iterator[None]:
    """What is launched during the block runs under the account of `token`; empty: nobody is signed in."""
    before = _TOKEN.set(token)
    try:
        yield
    finally:
        _TOKEN.reset(before)


class HubJobsLauncher:
    """Trains in Hugging Face Jobs of whoever is `signed_in` when a run is launched.

    Raises:
        SettingsError: no image is named in which the job finds this KDSR.
    """

    name = "hf"

    def __init__(self, settings: Settings, store: Store, *, poll_s: float = POLL_S) -> None:
        if not settings.hf_image:
            raise SettingsError("KDSR_LAUNCHER=hf needs KDSR_HF_IMAGE, an image or hf.co/spaces/USER/NAME with KDSR.")
        self.settings = settings
        self.store = store
        self.poll_s = poll_s
        self._threads: dict[str, Thread] = {}
        self._is_closed = False
        self._lock = Lock()

    @property
    def refusal(self) -> str:
        """Why nothing is trained for whoever asks now."""
        return "" if _TOKEN.get() else "Runs are trained by your own Hugging Face account: sign in first."

    def launch(self, run_id: str) -> None:
        """Start the thread that has the run trained; without a sign-in the run waits."""
        token = _TOKEN.get()
        with self._lock:
            self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
            if token and not self._is_closed and run_id not in self._threads:
                thread = Thread(target=self._train, args=(run_id, token), daemon=True, name=f"job of {run_id}")
                self._threads[run_id] = thread
                thread.start()

    def close(self) -> None:
        """Start no job any more; those that run leave their files in the account."""
        self._is_closed = True

    def _train(self, run_id: str, token: str) -> None:
        run = self._claim(run_id)
        if run is None:
            return
        watch = Watch(self.store, run)
        with heartbeat(watch):
            try:
                outcome = _Job(run, token, self.settings, watch, self.poll_s).train()
            except (JobError, LimitError) as error:
                outcome = PartResult(State.INTERRUPTED, str(error))
            except Exception as error:  # each service of the Hub has errors of its own; none of them names the token
                said = shortened(str(error).replace(token, "***"), 200)
                outcome = PartResult(State.INTERRUPTED, f"Hugging Face Jobs did not take the run ({said}); resume it.")
        finish(self.store, run, outcome)

    def _claim(self, run_id: str) -> Run | None:
        """The run when its turn has come; None if it no longer waits."""
        with contextlib.suppress(JobError):
            while not self._is_closed and self.store.get(run_id).state is State.QUEUED:
                run = self.store.claim(this_holder(), at_once=self.settings.runs_at_once, only=run_id)
                if run is not None:
                    return run
                time.sleep(min(1.0, self.poll_s))
        return None


class _Job:
    """One part of a run as a job of the account of `token`."""

    def __init__(self, run: Run, token: str, settings: Settings, watch: Watch, poll_s: float) -> None:
        from huggingface_hub import HfApi

        self.run, self.token, self.settings, self.watch, self.poll_s = run, token, settings, watch, poll_s
        self.api = HfApi(token=token)
        self.account = str(self.api.whoami()["name"])
        self.place = HubPlace(f"{self.account}/{REPOSITORY}", token)
        self.files = Artifacts(settings, place=self.place)
        self.told = len(events_in(run_dir(settings, run.id) / EVENTS_FILE))

    def train(self) -> PartResult:
        """How the job ended; its files are in the run's folder then."""
        self.place.make()
        folder = run_dir(self.settings, self.run.id)
        for name in (OUTCOME, STOP):
            (folder / name).unlink(missing_ok=True)
        self.place.write(f"{self.run.id}/{STOP}", b"no")
        self.files.push(self.run.id)
        for left in self.api.list_jobs(  # a page that ended left it alone, and the run was taken up again
            status=["RUNNING", "SCHEDULING"], labels={_LABEL: self.run.id}, namespace=self.account
        ):
            self.api.cancel_job(job_id=left.id, namespace=self.account)
        job = self.api.run_job(**self._asked())
        asked_at: float | None = None
        while True:
            status = self.api.inspect_job(job_id=job.id, namespace=self.account).status
            stage = "" if status is None else str(getattr(status.stage, "value", status.stage))
            self.files.pull(self.run.id)
            self._pass_on()
            if stage in _ENDED:
                return self._outcome(stage)
            if self.watch.is_lost:
                return PartResult(State.INTERRUPTED, "")
            if self.watch.is_asked_to_stop and asked_at is None:
                asked_at = time.monotonic()
                self.place.write(f"{self.run.id}/{STOP}", b"yes")
            if asked_at is not None and time.monotonic() > asked_at + _STOP_S:
                self.api.cancel_job(job_id=job.id, namespace=self.account)
            time.sleep(self.poll_s)

    def _asked(self) -> dict[str, Any]:
        """The job: image, command, environment, secret, hardware and time."""
        left_s = 0.0 if self.run.owner_sha256 == "" else time_left_s(self.run.trained_s, self.settings)
        plan = {name: getattr(self.run, name) for name in ("id", "name", "recipe", "steps", "search")}
        environment = {
            "KDSR_HUB_RUN": json.dumps(plan),
            "KDSR_HUB_REPOSITORY": self.place.repo_id,
            "KDSR_HUB_LIMIT_S": str(left_s),
            "PYTHONPATH": "/home/user/app",  # where a Space's image has its files
        }
        return {
            "image": self.settings.hf_image,
            "command": ["python", "-m", "kdsr.jobs.hub_worker"],
            "env": environment,
            "secrets": {"HF_TOKEN": self.token},
            "flavor": self.settings.hf_flavor,
            "timeout": int((left_s or 60 * self.settings.max_run_minutes) + _START_S),
            "labels": {_LABEL: self.run.id},
            "namespace": self.account,
        }

    def _pass_on(self) -> None:
        """Give the store the events that came since."""
        events = events_in(run_dir(self.settings, self.run.id) / EVENTS_FILE)
        for event in events[self.told :]:
            self.watch.store.add_event(self.run, event)
        self.told = len(events)

    def _outcome(self, stage: str) -> PartResult:
        try:
            read = json.loads((run_dir(self.settings, self.run.id) / OUTCOME).read_text(encoding="utf-8"))
            return PartResult(State(read["state"]), str(read["message"]))
        except (OSError, ValueError, KeyError):
            to = State.STOPPED if self.watch.is_asked_to_stop else State.INTERRUPTED
            return PartResult(
                to, f"The job on Hugging Face ended ({stage.lower()}); resume goes on from its last checkpoint."
            )
