"""The states of a background run and the moves between them. No files, clocks or processes."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from kdsr.errors import MoveError


class State(StrEnum):
    """State of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    STOPPING = "stopping"
    """A stop was requested; the worker has not ended yet."""
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The worker ended without a result: it was killed, or the machine went down."""


_ENDS = frozenset({State.STOPPED, State.DONE, State.FAILED, State.INTERRUPTED})

MOVES: Mapping[State, frozenset[State]] = MappingProxyType({
    State.QUEUED:      frozenset({State.RUNNING, State.STOPPED}),
    State.RUNNING:     frozenset({State.STOPPING, *_ENDS}),
    State.STOPPING:    _ENDS,
    State.STOPPED:     frozenset({State.QUEUED}),
    State.FAILED:      frozenset({State.QUEUED}),
    State.INTERRUPTED: frozenset({State.QUEUED}),
    State.DONE:        frozenset(),
})  # fmt: skip
"""The states that a run may move to, by its present state."""

ACTIVE = (State.RUNNING, State.STOPPING)
"""A worker holds the run."""
WAITING = (State.QUEUED, *ACTIVE)
"""The run has not ended."""


def check_move(now: State, to: State) -> None:
    """Check that a run may move from `now` to `to`.

    Raises:
        MoveError: it may not.
    """
    if to not in MOVES[now]:
        allowed = " or ".join(sorted(MOVES[now])) or "nothing else: start a new run"
        raise MoveError(f"A run that is {now} cannot become {to}, only {allowed}.")
