"""One background run as the database knows it, and the curve of its events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kdsr.jobs.states import State


@dataclass(frozen=True)
class Run:
    """A row of the table of runs; times are seconds since 1970."""

    id: str
    owner_sha256: str = field(repr=False)
    """Empty: the run belongs to whoever owns the machine."""
    name: str
    """Name of the network that comes out."""
    recipe: str
    """JSON."""
    data_dir: str = field(repr=False)
    """Where the folders of photographs lie; empty: they were uploaded into the run's own folder."""
    state: State
    created: float
    steps: int
    step: int = 0
    place: int = 0
    """Number in the queue; a run that is resumed takes a new one."""
    started: float | None = None
    ended: float | None = None
    trained_s: float = 0.0
    """Time under a worker, without the part that still goes on."""
    message: str = ""
    """One sentence about how it ended."""
    lease: str | None = field(default=None, repr=False)
    """The secret of the worker that holds the run."""
    holder: str | None = field(default=None, repr=False)
    leased: float | None = None
    heartbeat: float | None = None

    @property
    def is_uploaded(self) -> bool:
        """Whether the photographs lie in the run's own folder."""
        return not self.data_dir


def public(run: Run) -> dict[str, Any]:
    """What everybody who knows its id may know of `run`, ready for JSON."""
    shown = ("id", "name", "state", "created", "started", "ended", "step", "steps", "trained_s", "message")
    return {name: getattr(run, name) for name in shown} | {"state": str(run.state)}


def curve(events: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    """The events named `kind` (`step`, `validation`), each step once and in order; what a killed worker told beyond its
    checkpoint is left out.
    """
    kept: dict[int, Mapping[str, Any]] = {}
    for event in events:
        if event["event"] == "started":
            kept = {step: one for step, one in kept.items() if step <= event["step"]}
        elif event["event"] == kind:
            kept[event["step"]] = event
    return [kept[step] for step in sorted(kept)]
