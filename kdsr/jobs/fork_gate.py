"""No fork while a database is open: SQLite keeps its locks per process, and a child would take over its parent's for
ever.

On ZeroGPU a chunk of training runs in a fork of the app, whose other threads use the store at any moment.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class ForkGate:
    """Forks and blocks that must not be forked, one after the other; a fork that waits goes before the next block."""

    def __init__(self, longest_wait_s: float = 30.0) -> None:
        self.longest_wait_s = longest_wait_s
        self._changed = Condition()
        self._blocks = 0
        self._is_forking = False
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._after)

    @contextmanager
    def no_fork(self) -> Iterator[None]:
        """While the block lasts, a fork of this process waits in the thread that wants it, which must be another one.
        Do not nest.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_forking, self.longest_wait_s)
            self._blocks += 1
        try:
            yield
        finally:
            with self._changed:
                self._blocks -= 1
                self._changed.notify_all()

    def _before(self) -> None:
        self._changed.acquire()
        self._is_forking = True
        self._changed.wait_for(lambda: self._blocks == 0, self.longest_wait_s)

    def _after(self) -> None:
        self._is_forking = False
        self._changed.notify_all()
        self._changed.release()


no_fork = ForkGate().no_fork
"""One for the process, as SQLite's locks are."""
