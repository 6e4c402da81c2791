"""Background runs with workers: waiting for what they do, and a gate that holds them where a test needs them.

A worker at its gate still beats and hears a stop. So a run is under way when a test stops or kills it, on a machine of
any speed.
"""

import itertools
import sys
import time
from pathlib import Path

DEADLINE_S = 150.0
"""Of one wait; a test that hangs is ended later, after the `timeout` in pyproject.toml."""
_MAIN = "import os", "os.nice = lambda _more: 0", "from kdsr.jobs.worker import main", "main()"
"""Not nicer than the tests: beside others of them a worker would hardly come to its first step."""


def wait_for(condition):
    """What `condition()` gives once it is true."""
    deadline = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.02)
    return found


def ended(jobs, run):
    """The run after its worker has ended it."""
    return wait_for(lambda: (now := jobs.get(run.id)).state not in ("queued", "running", "stopping") and now)


def workers_begin_with(monkeypatch, *lines):
    """Workers that this process starts run these lines of Python first."""
    program = "\n".join(["import sys", f"sys.path[:0] = {sys.path!r}", *lines, *_MAIN])
    monkeypatch.setattr("kdsr.jobs.launchers.WORKER", ("-c", program))


def closed_gate(gate: Path, steps: int) -> str:
    """The line for `workers_begin_with` that holds each worker after `steps` steps, until `gate` is removed.

    Each worker counts its own steps.
    """
    gate.touch()
    return f"from helpers.workers import wait_at; wait_at({str(gate)!r}, {steps})"


def wait_at(gate: str, steps: int) -> None:
    """From its step number `steps` on, this worker waits before each step while the file `gate` is there, unless it is
    asked to stop.
    """
    from kdsr.jobs.part import Watch

    asked, should_stop = itertools.count(), Watch.should_stop

    def held(watch):
        has_come = next(asked) >= steps
        while not (stops := should_stop(watch)) and has_come and Path(gate).exists():
            time.sleep(0.01)
        return stops

    Watch.should_stop = held
