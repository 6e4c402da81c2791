"""The worker: `python -m kdsr.jobs.worker` takes the next queued run, trains it, starts the next worker, and ends.

Its settings come from the environment that its launcher gives it. SIGTERM ends it with a checkpoint.
"""

import _thread
import os
import signal
import sys
import time
from types import FrameType

import torch

from kdsr.errors import KdsrError, LimitError
from kdsr.jobs.folders import LOG, run_dir
from kdsr.jobs.launchers import LocalLauncher
from kdsr.jobs.limits import time_left_s
from kdsr.jobs.part import PartResult, Watch, finish, heartbeat, train_part
from kdsr.jobs.process import this_holder
from kdsr.jobs.run import Run
from kdsr.jobs.states import State
from kdsr.jobs.store import Store, store_of
from kdsr.settings import Settings, settings_from_environment, usable_threads

_NICENESS = 10
"""Lower priority than the page."""
_LOST = 3


def main() -> int:
    """Train one run. Exit code 0, also if the run failed: its row in the database holds the error."""
    os.nice(_NICENESS)
    settings = settings_from_environment()
    store = store_of(settings)
    run = store.claim(this_holder(), at_once=settings.runs_at_once)
    if run is None:
        return 0
    _write_to_log_of(run, settings)
    torch.set_num_threads(usable_threads(settings))
    outcome = train_run(run, store, settings)
    finish(store, run, outcome)
    waiting = store.queue()
    is_ours = settings.launcher in ("auto", "local")  # a job of a cluster starts no process beside it
    if waiting and is_ours and outcome.state is not State.INTERRUPTED:  # by SIGTERM: the machine or the container ends
        LocalLauncher(settings, store).launch(waiting[0])
    return 0


def train_run(run: Run, store: Store, settings: Settings) -> PartResult:
    """The result of training a run that this process holds; it always has a state."""
    watch = Watch(store, run)
    interrupted: list[bool] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        watch.is_terminated = watch.is_terminated or number == signal.SIGTERM
        if not watch.has_begun:  # before the first step nothing is written, so any point will do
            raise KeyboardInterrupt

    def on_beat() -> None:
        if watch.is_lost:
            os._exit(_LOST)  # another worker may own the folder: write nothing more
        watch.is_out_of_time = deadline is not None and time.monotonic() > deadline
        if (watch.is_asked_to_stop or watch.is_out_of_time) and not watch.has_begun and not interrupted:
            interrupted.append(True)  # once: another would hit what the first one ends
            _thread.interrupt_main()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        left_s = None if run.owner_sha256 == "" else time_left_s(run.trained_s, settings)
    except LimitError as error:
        return PartResult(State.STOPPED, str(error))
    deadline = None if left_s is None else time.monotonic() + left_s
    with heartbeat(watch, on_beat):
        outcome = train_part(run, settings, watch, time_limit_s=left_s)
    if outcome.state is None:
        return PartResult(
            State.STOPPED,
            f"Stopped after {settings.max_run_minutes:g} minutes, the most that a run may take; "
            "the network so far is kept.",
        )
    return outcome


def _write_to_log_of(run: Run, settings: Settings) -> None:
    """Redirect stdout and stderr of this process to the run's log."""
    folder = run_dir(settings, run.id)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOG, "ab") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KdsrError as error:
        sys.exit(f"kdsr: {error}")
