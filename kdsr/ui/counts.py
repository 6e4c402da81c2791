"""Counts of what the page did, in the text format of Prometheus.

Source: https://prometheus.io/docs/instrumenting/exposition_formats (version 0.0.4). Not here: who may read them
(`health`).
"""

import logging
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

import psutil

from kdsr import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Upper ends of the buckets of the seconds of one piece of work; a run of *Restore* may take 300."""
_LOGGERS = ("kdsr.page", "kdsr.refused")
Labels = tuple[tuple[str, str], ...]
Values = Iterable[tuple[str, Labels, float]]
"""(ending of the name, labels, value)"""


class PageCounts(logging.Handler):
    """What the records of `records` and `refusals` add up to since the page started."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._work: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(_BOUNDS_S) + 2))
        """By kind: how many took at most each bound, then all, then their sum."""
        self._refused = 0

    def listen(self) -> None:
        """Count from now on; refusals are still printed where nothing else prints them."""
        if not logging.getLogger().handlers:
            printed = logging.StreamHandler(sys.stderr)
            printed.setLevel(logging.WARNING)
            logging.getLogger().addHandler(printed)
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self)
        logging.getLogger(_LOGGERS[0]).setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        """Count one record; `handle` holds the lock."""
        facts: Mapping[str, object] = getattr(record, "facts", {})
        if facts.get("event") == "refused":
            self._refused += 1
        elif facts.get("event") == "work":
            kind, seconds = str(facts["kind"]), float(str(facts["seconds"]))
            self._work[kind, str(facts["outcome"])] += 1
            found = self._seconds[kind]
            for place, bound in enumerate((*_BOUNDS_S, float("inf"))):
                found[place] += seconds <= bound
            found[-1] += seconds

    def text(self, *, running: int, waiting: int, runs: Mapping[str, int], is_taking: bool) -> str:
        """Everything that is measured.

        Args:
            running, waiting: requests in the page's queue. runs: background runs by their state.
            is_taking: new work is accepted.
        """
        rss = psutil.Process().memory_info().rss
        assert self.lock is not None
        with self.lock:
            work = [("", (("kind", kind), ("outcome", end)), float(n)) for (kind, end), n in sorted(self._work.items())]
            seconds = [each for kind in sorted(self._seconds) for each in _buckets(kind, self._seconds[kind])]
            refused = float(self._refused)
        families: list[tuple[str, str, str, Values]] = [
            ("kdsr_build_info", "gauge", "Version of KDSR.", [("", (("version", __version__),), 1.0)]),
            ("kdsr_requests_total", "counter", "Work that ended, by kind and outcome.", work),
            ("kdsr_request_seconds", "histogram", "Seconds that the work took, without its wait.", seconds),
            ("kdsr_refused_total", "counter", "Requests refused with a sentence.", [("", (), refused)]),
            ("kdsr_queue_running", "gauge", "Requests at work in the queue.", [("", (), float(running))]),
            ("kdsr_queue_waiting", "gauge", "Requests that wait in the queue.", [("", (), float(waiting))]),
            ("kdsr_runs", "gauge", "Background runs by state.",
             [("", (("state", state),), float(count)) for state, count in sorted(runs.items())]),
            ("kdsr_accepts_work", "gauge", "1 while new work is accepted.", [("", (), float(is_taking))]),
            ("kdsr_memory_bytes", "gauge", "Resident memory of the page's process.", [("", (), float(rss))]),
        ]  # fmt: skip
        return "".join(line for family in families for line in _lines(*family))


def _buckets(kind: str, found: list[float]) -> Iterator[tuple[str, Labels, float]]:
    label = ("kind", kind)
    for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), found, strict=False):
        yield "_bucket", (label, ("le", bound)), count
    yield "_sum", (label,), found[-1]
    yield "_count", (label,), found[-2]


def _lines(name: str, kind: str, told: str, values: Values) -> Iterator[str]:
    yield f"# HELP {name} {told}\n# TYPE {name} {kind}\n"
    for ending, labels, value in values:
        named = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{ending}{{{named}}} {value:.15g}\n" if named else f"{name}{ending} {value:.15g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
