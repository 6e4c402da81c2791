"""Who holds a lease: one process of one machine, told apart from a later process that was given the same number.

Where the system shows no `/proc`, nothing can be known of another process, and only the heartbeat tells.
"""

import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def this_holder(pid: int | None = None) -> str:
    """The name of the process `pid` (None: this one): machine, process number, and when it started."""
    pid = os.getpid() if pid is None else pid
    return f"{_machine()} {pid} {_started(pid) or '?'}"


def is_alive(holder: str) -> bool | None:
    """Whether the process of that name still lives; None if that cannot be known from here."""
    machine, pid, started = holder.rsplit(" ", 2)
    if machine != _machine() or not (_PROC / "self" / "stat").exists():
        return None
    return _started(int(pid)) == started


def _machine() -> str:
    """Host, boot and process namespace: inside one of these a process number means one process."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        boot = namespace = "?"
    return f"{socket.gethostname().replace(' ', '_')}/{boot}/{namespace}"


def _started(pid: int) -> str | None:
    """When the process started, in ticks since boot; None if there is none or it only waits to be collected."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
