"""Launchers start the training of queued runs: in a local process, in chunks on a lent GPU, or not at all. Jobs of a
Ray cluster are in `ray_jobs`, those of Hugging Face in `hub_jobs`.

Each has `name`, `refusal` (why nothing is trained here, or empty) and `launch(run_id)`, which may be called repeatedly.
"""

import contextlib
import contextvars
import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol

from kdsr.errors import JobError, LimitError, SettingsError
from kdsr.jobs.hub_jobs import HubJobsLauncher
from kdsr.jobs.limits import time_left_s
from kdsr.jobs.part import PartResult, Watch, finish, heartbeat, train_part
from kdsr.jobs.process import WORKER, this_holder
from kdsr.jobs.ray_jobs import RayJobsLauncher
from kdsr.jobs.run import Run
from kdsr.jobs.states import State
from kdsr.jobs.store import Store, store_of
from kdsr.settings import Settings, usable_threads

Gpu = Callable[[Callable[..., PartResult]], Callable[..., PartResult]]
"""A decorator under which a function has a GPU for a while, as `spaces.GPU(duration=45)`."""
_CHUNK_S = 30.0
_START_S = 15
"""Of a chunk's booking: reading the photographs and the checkpoint."""
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class Launcher(Protocol):
    """Starts the training of queued runs."""

    name: str

    @property
    def refusal(self) -> str:
        """Why nothing is trained; empty if it is."""

    def launch(self, run_id: str) -> None:
        """Arrange for the queued run to be trained when its turn comes; returns at once."""

    def close(self) -> None:
        """Start nothing any more, also not when a run ends."""


class OffLauncher:
    """Trains nothing."""

    name = "off"
    refusal = (
        "Training is switched off on this installation: run KDSR on a machine of your own, or set KDSR_LAUNCHER=local."
    )

    def launch(self, run_id: str) -> None:
        """Refuse."""
        raise LimitError(self.refusal)

    def close(self) -> None:
        """Nothing was started."""


class ClosedLauncher(OffLauncher):
    """Starts nothing any more, because the page ends; queued runs start with the next page."""

    name = "closed"
    refusal = "The server is being stopped and starts no run: try again in a minute."


class LocalLauncher:
    """Trains in processes of this machine that outlive this one; each starts its successor when it ends."""

    name = "local"
    refusal = ""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self._workers: set[subprocess.Popen[bytes]] = set()
        self._is_closed = False
        self._lock = Lock()

    def launch(self, run_id: str) -> None:
        """Start a worker if fewer than `runs_at_once` are running; it claims the next run."""
        with self._lock:
            room = 0 if self._is_closed else self.settings.runs_at_once
            if len(self._workers) >= room or self.store.running() >= room:
                return
            worker = self._start()
            self._workers.add(worker)
        Thread(target=self._collect, args=(worker,), daemon=True, name="worker's end").start()

    def close(self) -> None:
        """Start no worker any more. One that ends by itself still starts its successor."""
        with self._lock:
            self._is_closed = True

    def _start(self) -> "subprocess.Popen[bytes]":
        home = self.settings.home.absolute()
        home.mkdir(parents=True, exist_ok=True)
        try:
            with open(home / "workers.log", "ab") as log:
                return subprocess.Popen(
                    [sys.executable, *WORKER], cwd=home, env=worker_environment(self.settings),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise JobError(f"No worker could be started ({error}); the run stays in the queue.") from error

    def _collect(self, worker: "subprocess.Popen[bytes]") -> None:
        code = worker.wait()
        with self._lock:
            self._workers.discard(worker)
        if code <= 0:  # it ended or was killed; one that failed would fail again: tending tries that, not so often
            with contextlib.suppress(JobError):
                for run_id in self.store.queue()[:1]:  # it came while the worker was ending
                    self.launch(run_id)


class ChunkLauncher:
    """Trains in chunks, each under a decorator that lends a GPU; a checkpoint carries the run from chunk to chunk.

    A thread of this process goes from chunk to chunk with the context of the request that launched it. So the visitor's
    own share of GPU time is used. A chunk may run in a forked process; only its files remain.
    """

    name = "zerogpu"
    refusal = ""

    def __init__(
        self, settings: Settings, store: Store, *, gpu: Gpu, chunk_s: float = _CHUNK_S, poll_s: float = 1.0
    ) -> None:
        self.settings = settings
        self.store = store
        self.chunk_s = chunk_s
        self.poll_s = poll_s
        self._train_chunk = gpu(train_chunk)
        self._threads: dict[str, Thread] = {}
        self._is_closed = False
        self._lock = Lock()

    def launch(self, run_id: str) -> None:
        """Start the thread that trains this run when its turn comes."""
        with self._lock:
            self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
            if run_id not in self._threads:
                context = contextvars.copy_context()
                self._threads[run_id] = Thread(
                    target=context.run, args=(self._train, run_id), daemon=True, name=f"chunks of {run_id}"
                )
                self._threads[run_id].start()

    def close(self) -> None:
        """Claim no run any more."""
        self._is_closed = True

    def _train(self, run_id: str) -> None:
        importlib.import_module(
            "torch._dynamo"
        )  # the first step of an optimiser imports it: 3 s that every fork would pay again
        run = self._claim(run_id)
        if run is not None:
            with heartbeat(Watch(self.store, run)):
                outcome = self._train_in_chunks(run)
            finish(self.store, run, outcome)

    def _claim(self, run_id: str) -> Run | None:
        """The run when its turn has come; None if it no longer waits."""
        with contextlib.suppress(JobError):  # deleted
            while not self._is_closed and self.store.get(run_id).state is State.QUEUED:
                run = self.store.claim(this_holder(), at_once=self.settings.runs_at_once, only=run_id)
                if run is not None:
                    return run
                time.sleep(self.poll_s)
        return None

    def _train_in_chunks(self, run: Run) -> PartResult:
        """Train chunk after chunk until the run reaches an end state."""
        trained_s = run.trained_s
        while True:
            started = time.monotonic()
            try:
                left_s = (
                    self.chunk_s if run.owner_sha256 == "" else min(self.chunk_s, time_left_s(trained_s, self.settings))
                )
                outcome = self._train_chunk(self.settings, run, left_s)
            except LimitError as error:
                return PartResult(State.STOPPED, str(error))
            except Exception as error:  # the GPU's lender: quota used up, time over, none free
                return PartResult(
                    State.INTERRUPTED,
                    f"The GPU was not lent or was taken back ({error}); resume goes on from the last checkpoint.",
                )
            trained_s += time.monotonic() - started
            if outcome.state is not None:
                return outcome


def train_chunk(settings: Settings, run: Run, chunk_s: float) -> PartResult:
    """Train `run`, which the caller holds, for `chunk_s` seconds from its last checkpoint. Takes and gives plain data,
    for another process.
    """
    return train_part(run, settings, Watch(store_of(settings), run), time_limit_s=chunk_s)


def choose_launcher(settings: Settings, store: Store) -> Launcher:
    """The launcher that the settings name, or (`auto`) the one that fits this machine.

    Raises:
        SettingsError: `zerogpu` where the package spaces is not installed, `ray` without a cluster that fits,
            `hf` without an image.
    """
    if settings.launcher == "off":
        return OffLauncher()
    if settings.launcher == "ray":
        return RayJobsLauncher(settings, store)
    if settings.launcher == "hf":
        return HubJobsLauncher(settings, store)
    if settings.launcher == "zerogpu" or (settings.launcher == "auto" and _has_zero_gpu()):
        return ChunkLauncher(settings, store, gpu=_spaces_gpu())
    return LocalLauncher(settings, store)


def worker_environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker process: this one's with `settings` in it, fewer threads, and no admin token."""
    threads = settings.run_threads or max(1, usable_threads(settings) - 1)
    places = {name: getattr(settings, name).absolute() for name in ("weights_dir", "data_dir", "home")}
    given = replace(settings, threads=threads, run_threads=threads, **places)
    own: dict[str, Any] = {
        f"KDSR_{item.name.upper()}": str(getattr(given, item.name))
        for item in fields(given)
        if item.name != "admin_token"
    }
    paths = [str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: value for name, value in os.environ.items() if name != "KDSR_ADMIN_TOKEN"}
    return {**inherited, **own, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(paths)}


def _has_zero_gpu() -> bool:
    try:
        return bool(importlib.import_module("spaces.config").Config.zero_gpu)  # optional
    except ImportError:
        return False


def _spaces_gpu() -> Gpu:
    try:
        spaces = importlib.import_module("spaces")  # optional
    except ImportError as error:
        raise SettingsError("KDSR_LAUNCHER=zerogpu needs the package spaces: install it, or choose local.") from error
    gpu: Gpu = spaces.GPU(duration=round(_CHUNK_S) + _START_S)
    return gpu
