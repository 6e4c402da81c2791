"""The holder of a lease: one process of one machine, distinct from a later process with the same number."""

import contextlib
import os
import socket
from pathlib import Path

import psutil

_PROC = Path("/proc")
WORKER = ("-m", "kdsr.jobs.worker")
"""How a worker is started, after Python's name."""


def this_holder(pid: int | None = None) -> str:
    """The name of the process `pid` (None: this one): machine, process number, start time."""
    pid = os.getpid() if pid is None else pid
    return f"{_machine()} {pid} {_started(pid) or '?'}"


def is_alive(holder: str) -> bool | None:
    """Whether the process named `holder` is alive; None if it cannot be seen from here."""
    machine, pid, started = holder.rsplit(" ", 2)
    return _started(int(pid)) == started if machine == _machine() else None


def end(holder: str) -> None:
    """Send SIGTERM to the process named `holder`, if it is alive and of this machine."""
    if is_alive(holder):
        with contextlib.suppress(psutil.Error):
            _process(holder).terminate()


def end_worker(holder: str) -> None:
    """Kill the worker named `holder`, if it is one of this machine and still there: a wedged one heeds nothing less."""
    if is_alive(holder):
        with contextlib.suppress(psutil.Error):
            process = _process(holder)
            if tuple(process.cmdline()[-2:]) == WORKER:  # a page that trains by itself is no worker
                process.kill()


def _process(holder: str) -> psutil.Process:
    return psutil.Process(int(holder.rsplit(" ", 2)[1]))


def _machine() -> str:
    """Host, boot and process namespace, between which process numbers mean nothing. psutil knows neither of the last
    two; where there is no /proc they are `?`.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        boot = namespace = "?"
    return f"{socket.gethostname().replace(' ', '_')}/{boot}/{namespace}"


def _started(pid: int) -> str | None:
    """When the process started, in hundredths of a second since boot; None if there is none or it is a zombie.

    psutil's start time moves with the system clock, and the time of boot moves with it; their difference does not.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        boot_s = psutil.boot_time()
        return str(round(100 * (process.create_time() - boot_s)))
    except psutil.Error:
        return None
