"""One part of a run under a worker: training, events, the lease, and the state at its end.

Used by the worker process and by the chunks on a lent GPU. Not here: claiming a run, and choosing the next.
"""

import contextlib
import errno
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Any

import torch

from kdsr.errors import JobError, KdsrError, Stopped, UnreachableError
from kdsr.jobs.artifacts import Artifacts
from kdsr.jobs.folders import LOG, run_dir, runs_dir
from kdsr.jobs.run import Run
from kdsr.jobs.search import SEARCH_FOLDER, search_recipe
from kdsr.jobs.search_plan import plan_from_json
from kdsr.jobs.states import State
from kdsr.jobs.store import LEASE_S, Store
from kdsr.settings import Settings
from kdsr.train.recipe import recipe_from_json
from kdsr.train.stage import RunResult
from kdsr.train.train import train_recipe
from kdsr.train.twin import TWIN_FOLDER

BEAT_S = 1.0
"""Interval of heartbeats, which also read stop requests."""
_FINISH_TRIES_S = (0.0, 1.0, 2.0, 4.0)
_OUTAGE_S = 600.0
"""How long a worker waits for a database that does not answer."""
_RESERVE = ".reserve.part"
_RESERVE_BYTES = 1_000_000
"""Reserved while a run trains and freed when it ends, so that a full disk can take the last database entry."""


@dataclass(frozen=True)
class PartResult:
    """The state after a part of a run and one sentence; no state: the time limit was reached and the run can go on."""

    state: State | None
    message: str = ""


class Watch:
    """The worker's connection to the store while it trains one run."""

    def __init__(self, store: Store, run: Run) -> None:
        self.store = store
        self.run = run
        self.is_asked_to_stop = False
        self.is_lost = False
        self.is_terminated = False
        """By SIGTERM: the machine shuts down."""
        self.is_out_of_time = False
        """The clock passed the limit before the first step, where the trainer reads no clock."""
        self.has_begun = False
        """Training has started: from here on `should_stop` is called at every step."""
        self._asked = self._heard = time.monotonic()

    def is_heard(self) -> bool:
        """Whether the store still takes the run for this worker's."""
        return not self.is_lost and time.monotonic() - self._heard < LEASE_S

    def beat(self) -> None:
        """Renew the lease and read stop requests."""
        self._asked = time.monotonic()
        try:
            state = self.store.beat(self.run)
        except JobError:  # a full disk or a busy database; the next beat tries again, and the lease outlasts several
            return
        self._heard = time.monotonic()
        self.is_lost = state is None
        self.is_asked_to_stop = state is State.STOPPING

    def should_stop(self) -> bool:
        """Whether to stop now; reads the store at most once per `BEAT_S`."""
        if time.monotonic() - self._asked >= BEAT_S:
            self.beat()
        return self.is_asked_to_stop or self.is_lost or self.is_terminated

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Store an event of the trainer; before the first step of student or twin, raise `Stopped` on request."""
        self.has_begun = event["event"] == "started" or (self.has_begun and event["event"] != "reading")
        self._add(event)
        if not self.has_begun and self.should_stop():
            raise Stopped("Stopped before the first step.")

    def _add(self, event: Mapping[str, Any]) -> None:
        """Store `event`; while the database does not answer, the training waits for it."""
        give_up = time.monotonic() + _OUTAGE_S
        while True:
            try:
                return self.store.add_event(self.run, event)
            except UnreachableError:
                if self.is_terminated:  # the next step ends with a checkpoint, which counts more than the event
                    return
                if time.monotonic() > give_up:
                    raise
            time.sleep(BEAT_S)


@contextmanager
def heartbeat(watch: Watch, on_beat: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Renew the lease from a thread during the block, also through long steps; `on_beat` is called each time."""
    ended = Signal()

    def beat() -> None:
        while not ended.wait(BEAT_S):
            watch.beat()
            on_beat()

    thread = Thread(target=beat, daemon=True, name=f"heartbeat of {watch.run.id}")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def train_part(
    run: Run, settings: Settings, watch: Watch, *, time_limit_s: float | None, files: Artifacts | None = None
) -> PartResult:
    """Train `run` from its last checkpoint to its end, a stop, a failure or the time limit.

    files: where its files are fetched from and stored; None: where the settings say.
    """
    folder, artifacts = run_dir(settings, run.id), files or Artifacts(settings)
    try:
        with artifacts.held(run.id):
            artifacts.pull(run.id, without=(LOG,))
            _sweep(folder)
            (folder / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))
            with artifacts.pushing(run.id, watch.is_heard):
                result = _trained(run, folder, _settings_of(run, settings), watch, time_limit_s)
    except (Stopped, KeyboardInterrupt) as error:
        if watch.is_terminated and not watch.is_asked_to_stop:
            return PartResult(State.INTERRUPTED, "The worker had to end; resume continues from here.")
        if watch.is_out_of_time and not watch.is_asked_to_stop:
            return PartResult(None)
        return PartResult(State.STOPPED, str(error) or "Stopped before the first step.")
    except KdsrError as error:
        return PartResult(State.FAILED, _disk_message(error) or str(error))
    except Exception as error:  # outermost level: any failure becomes the run's message
        with contextlib.suppress(OSError), open(folder / LOG, "a", encoding="utf-8") as log:  # the disk may be full
            traceback.print_exc(file=log)
        return PartResult(
            State.FAILED,
            _disk_message(error)
            or _memory_message(error)
            or f"The run failed unexpectedly ({type(error).__name__}); its log says more.",
        )
    finally:
        (folder / _RESERVE).unlink(missing_ok=True)
    return PartResult(State.DONE, f"Finished at step {result.step:,}.") if result.finished else PartResult(None)


def _trained(run: Run, folder: Path, settings: Settings, watch: Watch, time_limit_s: float | None) -> RunResult:
    """Train by the recipe of `run`, or search for a better one."""
    if run.search:
        return search_recipe(
            recipe_from_json(run.recipe), plan_from_json(run.search), folder, settings=settings,
            time_limit_s=time_limit_s, on_event=watch.on_event, should_stop=watch.should_stop,
        )  # fmt: skip
    return train_recipe(
        recipe_from_json(run.recipe), folder, settings=settings, resume=True, time_limit_s=time_limit_s,
        on_event=watch.on_event, should_stop=watch.should_stop,
    )  # fmt: skip


def finish(store: Store, run: Run, outcome: PartResult) -> None:
    """Store how a run ended. A lost lease is only logged.

    Tries again: for a few seconds in case the disk is full, for minutes while the database does not answer.
    """
    assert outcome.state is not None
    give_up, tries_s = time.monotonic() + _OUTAGE_S, list(_FINISH_TRIES_S)
    while tries_s:
        time.sleep(tries_s.pop(0))
        try:
            return store.finish(run, outcome.state, outcome.message)
        except JobError as error:
            sys.stderr.write(f"{error}\n")
            if isinstance(error, UnreachableError) and time.monotonic() < give_up:
                tries_s.append(_FINISH_TRIES_S[-1])


def _settings_of(run: Run, settings: Settings) -> Settings:
    """Settings in which the recipe's folders are found. A run with uploaded photographs keeps its labels with them."""
    if run.is_uploaded:
        return replace(settings, data_dir=runs_dir(settings), home=run_dir(settings, run.id))
    return replace(settings, data_dir=Path(run.data_dir))


def _sweep(folder: Path) -> None:
    """Remove partial files that a killed worker left."""
    for place in (folder, folder / TWIN_FOLDER, folder / SEARCH_FOLDER, *(folder / SEARCH_FOLDER).glob("trials/*")):
        for part in place.glob(".*.part"):
            part.unlink(missing_ok=True)


def _disk_message(error: BaseException) -> str:
    """The message for a full disk, if that caused `error`; safetensors reports it as text only."""
    cause: BaseException | None = error
    while cause is not None:
        if (
            getattr(cause, "errno", None) == errno.ENOSPC
            or "No space left" in str(cause)
            or "disk is full" in str(cause)
        ):
            return (
                "The disk is full; the last good checkpoint is kept. "
                "Free some space, for example by deleting runs, and resume."
            )
        cause = cause.__cause__ or cause.__context__
    return ""


def _memory_message(error: Exception) -> str:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return "The run needs more memory than there is: choose a smaller batch, smaller patches or fewer photographs."
    return ""
