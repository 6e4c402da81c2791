"""Records of what the page does, one per piece of work: for the log (`logs`) and the counts (`counts`).

Python's logging carries them, so that whoever tells needs not know who listens. Each has `facts`: `event` and what
belongs to it.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kdsr.errors import KdsrError, Stopped

Fact = str | int | float
_LOG = logging.getLogger("kdsr.page")


def tell(event: str, facts: Mapping[str, Fact]) -> None:
    """Record that `event` happened."""
    told = {"event": event, **facts}
    _LOG.info(" ".join(f"{name}={value}" for name, value in told.items()), extra={"facts": told})


@contextmanager
def recorded(kind: str) -> Iterator[None]:
    """Record the work within as the event `work`, with its outcome and its seconds.

    Outcomes: `done`; `stopped`, by the visitor, who may have left, or by its time limit; `refused`, with a sentence;
    `failed`, which nobody foresaw.
    """
    started, outcome = time.perf_counter(), "failed"
    try:
        yield
        outcome = "done"
    except (Stopped, GeneratorExit):
        outcome = "stopped"
        raise
    except KdsrError:
        outcome = "refused"
        raise
    finally:
        tell("work", {"kind": kind, "outcome": outcome, "seconds": round(time.perf_counter() - started, 3)})
