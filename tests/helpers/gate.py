"""A gate for processes that a test stops or kills: they wait at a known place, however quick the machine is."""

import importlib
import itertools
import sys
import time
from functools import wraps
from pathlib import Path

KDSR = "from kdsr.cli import main; main()"


def program_with_gate(gate: Path, place: str, calls: int, program: str = KDSR) -> list[str]:
    """The words, without the program's own arguments, of a Python `program` that waits at a gate.

    The function `place` ("module:name" or "module:Class.name") is called `calls` times; each later call waits while
    the file `gate` is there.
    """
    gate.touch()
    lines = [
        "import sys", f"sys.path[:0] = {sys.path!r}", "from helpers.gate import hold",
        f"hold({str(gate)!r}, {place!r}, {calls})", program,
    ]  # fmt: skip
    return [sys.executable, "-c", "\n".join(lines)]


def hold(gate: str, place: str, calls: int) -> None:
    """Let calls of `place` in this process wait at `gate`, all but the first `calls`."""
    module, names = place.split(":")
    *owners, name = names.split(".")
    owner = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    called, count = getattr(owner, name), itertools.count()

    @wraps(called)
    def held(*given, **named):
        has_come = next(count) >= calls
        while has_come and Path(gate).exists():
            time.sleep(0.01)
        return called(*given, **named)

    setattr(owner, name, held)
