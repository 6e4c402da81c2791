"""The events of a run as one curve. A resumed run repeats the steps after its last checkpoint; the later telling counts."""

from collections.abc import Iterable, Mapping
from typing import Any


def curve(events: Iterable[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    """The events named `kind` (`step`, `validation`), each step once and in order; what a killed worker told beyond its checkpoint is left out."""
    kept: dict[int, Mapping[str, Any]] = {}
    for event in events:
        if event["event"] == "started":
            kept = {step: one for step, one in kept.items() if step <= event["step"]}
        elif event["event"] == kind:
            kept[event["step"]] = event
    return [kept[step] for step in sorted(kept)]
