"""A cache of measurements of this machine: one JSON file under `Settings.home`, and a copy in the process.

Several processes may write it: each reads it again first and replaces the file, so that at worst something is measured
twice. An unreadable file counts as empty; an unwritable one is ignored.
"""

import contextlib
import functools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kdsr.files import replaced

KEPT = 1000
"""Most entries of a file; the oldest are dropped first."""


class Remembered:
    """JSON values by name, in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._own: dict[str, Any] = {}
        self._writing = threading.Lock()

    def get(self, name: str) -> Any:
        """The value of `name`; None if there is none."""
        return self._own[name] if name in self._own else self._read().get(name)

    @contextlib.contextmanager
    def one_process(self, wait_s: float) -> Iterator[None]:
        """No other process is in such a block at the same time, unless it stays longer than `wait_s` or the folder
        takes no lock.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path.with_suffix(".lock"), timeout=wait_s)
        with contextlib.suppress(OSError, NotImplementedError, Timeout):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def put(self, name: str, value: Any) -> None:
        """Store `value` under `name`, in this process and, if possible, in the file."""
        with self._writing:
            self._own[name] = value
            facts = self._read()
            facts.pop(name, None)
            facts[name] = value
            for oldest in list(facts)[:-KEPT]:
                del facts[oldest]
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with replaced(self.path) as part:
                    part.write_text(json.dumps(facts, indent=1), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        try:
            facts = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return facts if isinstance(facts, dict) else {}


@functools.cache
def remembered(home: Path) -> Remembered:
    """The cache of runtimes under `home`; one object per process."""
    return Remembered(home / "runtimes.json")
