"""The events of a run: JSON lines in one file, also passed to a listener."""

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Event = dict[str, Any]
"""Its kind under `event`, and what belongs to that kind."""

EVENTS_FILE = "events.jsonl"


def events_in(path: Path) -> list[Event]:
    """The events of a log; none if there is no file. A line that a killed run left incomplete is skipped."""
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


class EventLog:
    """Appends events to one file and passes them to a listener.

    Args:
        silent: write and pass on nothing, as in all processes of a run but the first.
    """

    def __init__(self, path: Path, listener: Callable[[Event], None] | None, *, silent: bool = False) -> None:
        self.path = path
        self.listener = listener
        self.silent = silent
        self.minutes_before = sum(event.get("minutes", 0.0) for event in events_in(path))
        """Minutes of the earlier parts of this run."""

    def write(self, event: Event) -> None:
        """Append `event` with the time, and pass it to the listener."""
        event = self.note(event)
        if self.listener is not None and not self.silent:
            self.listener(event)

    def note(self, event: Event) -> Event:
        """Append `event` with the time, and do not pass it on: the caller raises what it says."""
        event = {"time": round(time.time(), 1), **event}
        if not self.silent:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
        return event
