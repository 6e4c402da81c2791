"""Who holds a lease: one process of one machine, not to be confused with a later process of the same number."""

import os
import socket
from pathlib import Path

import psutil

_PROC = Path("/proc")


def this_holder(pid: int | None = None) -> str:
    """The name of the process `pid` (None: this one): machine, process number, and when it started."""
    pid = os.getpid() if pid is None else pid
    return f"{_machine()} {pid} {_started(pid) or '?'}"


def is_alive(holder: str) -> bool | None:
    """Whether the process of that name still lives; None if that cannot be known from here."""
    machine, pid, started = holder.rsplit(" ", 2)
    if machine != _machine():
        return None
    return _started(int(pid)) == started


def _machine() -> str:
    """Host, boot and process namespace: inside one of these a process number means one process.

    psutil gives neither of the last two; its boot time moves with the clock. Elsewhere than on Linux both are `?`.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        boot = namespace = "?"
    return f"{socket.gethostname().replace(' ', '_')}/{boot}/{namespace}"


def _started(pid: int) -> str | None:
    """When the process started, in hundredths of a second since boot; None if it is gone or a zombie.

    Counted from the boot, because the time of day of a start moves when the clock is set.
    """
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        return str(round(100 * (process.create_time() - psutil.boot_time())))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
