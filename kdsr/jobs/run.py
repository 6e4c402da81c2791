"""One background run as a row of the database, and the curves of its events."""

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
    """Name of the trained network."""
    recipe: str
    """JSON."""
    data_dir: str = field(repr=False)
    """Parent of the recipe's folders of photographs; empty: they were uploaded into the run's own folder."""
    state: State
    created: float
    steps: int
    """Of a search its seconds, those of its twin included."""
    step: int = 0
    place: int = 0
    """Number in the queue; a resumed run gets a new one."""
    started: float | None = None
    ended: float | None = None
    trained_s: float = 0.0
    """Training time of all ended parts."""
    message: str = ""
    """One sentence about how it ended."""
    lease: str | None = field(default=None, repr=False)
    """The secret of the worker that holds the run."""
    holder: str | None = field(default=None, repr=False)
    leased: float | None = None
    heartbeat: float | None = None
    client: str = field(default="", repr=False)
    """Where it was submitted from: a keyed hash of a network address. Empty: not known."""
    search: str = ""
    """JSON of a `SearchPlan`: the run searches for a better recipe. Empty: it trains by its recipe."""

    @property
    def is_uploaded(self) -> bool:
        """Whether the photographs were uploaded into the run's own folder."""
        return not self.data_dir


def public(run: Run) -> dict[str, Any]:
    """The public fields of `run`, ready for JSON."""
    shown = ("id", "name", "state", "created", "started", "ended", "step", "steps", "trained_s", "message")
    return {name: getattr(run, name) for name in shown} | {"state": str(run.state), "is_search": bool(run.search)}


def curve(events: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    """The events named `kind` (`step`, `validation`) in order, each step once.

    A killed worker's events beyond its last checkpoint are left out.
    """
    kept: dict[int, Mapping[str, Any]] = {}
    for event in events:
        if event["event"] == "started":
            kept = {step: one for step, one in kept.items() if step <= event["step"]}
        elif event["event"] == kind:
            kept[event["step"]] = event
    return [kept[step] for step in sorted(kept)]
