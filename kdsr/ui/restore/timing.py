"""When networks have been run often enough to time them: in turn, until their medians stand still.

What else the machine does then slows all alike, so that the ratio of two networks is the same at each visit. Not here:
networks (`restore.run`), and times that cannot be (`restore.busy`).
"""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

LEAST, MOST = 3, 15
"""Turns of each network."""
PATIENCE_S = 3.0
"""After so long no further turn begins."""
SLOW_S = 2.0
"""A pass that takes longer is not repeated."""
_TURN_S = 0.06
"""A shorter pass is repeated so long in each turn, since its time scatters more."""
_MOST_A_TURN = 5
_STILL = 0.03
"""The standard error of a median, as a share of it, below which it stands still."""

T = TypeVar("T")


def in_turn(
    works: Sequence[Callable[[], T]],
    firsts: Sequence[T],
    seconds: Callable[[T], float],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> list[list[T]]:
    """The passes of each of `works`, made in turn; a slow one keeps its first, which is in `firsts`.

    Args:
        seconds: how long a pass took.
    """
    made: list[list[T]] = [[] for _ in works]
    lengths = [seconds(first) for first in firsts]
    quick = [index for index, length in enumerate(lengths) if length < SLOW_S]
    began = clock()
    for turn in range(1, MOST + 1 if quick else 0):
        for index in quick:
            times = min(_MOST_A_TURN, max(1, round(_TURN_S / max(lengths[index], 1e-6))))
            made[index] += [works[index]() for _ in range(times)]
        are_still = turn >= LEAST and all(is_still([seconds(each) for each in made[index]]) for index in quick)
        if are_still or clock() - began > PATIENCE_S:
            break
    return [passes or [first] for passes, first in zip(made, firsts, strict=True)]


def is_still(times: Sequence[float]) -> bool:
    """Whether the median of `times`, two or more, is known well; its error from their middle half."""
    low, middle, high = statistics.quantiles(times, n=4)
    return 0.93 * (high - low) / math.sqrt(len(times)) < _STILL * middle
