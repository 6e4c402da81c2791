"""Prevents forks while a database is open: SQLite's locks belong to a process, and a forked child would never free
those of its parent.

On ZeroGPU a chunk of training runs in a fork of the app, whose other threads may use the store at any time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

_LONGEST_WAIT_S = 30.0


class ForkGate:
    """Keeps forks and protected blocks apart; a waiting fork goes before the next block."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._blocks = 0
        self._is_forking = False
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._after)

    @contextmanager
    def no_fork(self) -> Iterator[None]:
        """A block during which forks by other threads of this process wait. Must not be nested."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_forking, _LONGEST_WAIT_S)
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
        self._changed.wait_for(lambda: self._blocks == 0, _LONGEST_WAIT_S)

    def _after(self) -> None:
        self._is_forking = False
        self._changed.notify_all()
        self._changed.release()


no_fork = ForkGate().no_fork
"""One per process, like SQLite's locks."""
