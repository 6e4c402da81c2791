"""Whether the times of a `RestoreResult` can be right: other work on the machine shows in times that cannot be. Pure.

Not here: how networks are timed (`restore.run`).
"""

from kdsr.ui import texts
from kdsr.ui.restore.result import Column, RestoreResult

TOLERANCE = 1.25
"""Networks of one shape do the same work; on an idle machine their medians are nearer to each other than this ratio."""
_SHORTEST_S = 0.005
"""Shorter times are mostly overhead, and scatter more."""


def busy_because(result: RestoreResult) -> str:
    """Which times of `result` cannot be, in one sentence; empty if none is or they are still being taken."""
    timed = [column for column in result.columns if column.timing and column.timing.repeats]
    for column in timed:
        assert column.timing is not None
        if column.timing.network_s > column.timing.end_to_end_s:
            return f"{column.title}: the network alone cannot take longer than end to end."
    student = next((column for column in timed if column.key == "student"), None)
    others = [column for column in timed if column.key in ("twin", "before")]
    for other in others if student else []:
        assert student is not None and student.timing is not None and other.timing is not None
        times = sorted((student.timing.end_to_end_s, other.timing.end_to_end_s))
        if _do_the_same_work(student, other) and times[0] >= _SHORTEST_S and times[1] > TOLERANCE * times[0]:
            took = " and ".join(map(texts.milliseconds, times))
            return f"{student.title} and {other.title.lower()} do the same work, and took {took}."
    return ""


def _do_the_same_work(column: Column, other: Column) -> bool:
    """Whether two networks have one shape and ran in one way."""
    one, two = column.card, other.card
    if one is None or two is None or column.timing is None or other.timing is None:
        return False
    shapes = [(card.architecture, card.arguments, card.file_bytes) for card in (one, two)]
    ways = [
        (timing.device, timing.threads, timing.precision, timing.runtime) for timing in (column.timing, other.timing)
    ]
    return shapes[0] == shapes[1] and ways[0] == ways[1]
