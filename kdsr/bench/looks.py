"""The figures for looks over a set: the mean of each, and the picture where it is worst.

Not here: the figures themselves (`kdsr.metrics.looks`), and those that a card states (`look_figures`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kdsr.metrics.looks import LOOKS, look_text


@dataclass(frozen=True)
class LookSummary:
    """One figure for looks over the pictures of a set."""

    look: str
    """Its name in `kdsr.metrics.looks.LOOKS`."""
    n: int
    """Pictures that have the figure; too small or flat ones have none and are left out of the mean."""
    mean: float
    worst: float
    """The highest or the lowest value, by the direction of the figure."""
    worst_picture: str
    direction: str
    convention: str


def summarise_looks(pictures: Sequence[tuple[str, Mapping[str, float]]]) -> tuple[LookSummary, ...]:
    """One summary per figure that at least one picture has, in the order of `LOOKS`.

    Args:
        pictures: (name, figures by name) of each picture, as `measure_looks` gives them; nan where it has none.
    """
    found = []
    for name, look in LOOKS.items():
        known = [(looks[name], picture) for picture, looks in pictures if not math.isnan(looks.get(name, math.nan))]
        if not known:
            continue
        worst, worst_picture = (min if look.higher_is_better else max)(known, key=lambda pair: pair[0])
        mean = sum(value for value, _ in known) / len(known)
        found.append(LookSummary(name, len(known), mean, worst, worst_picture, look.direction, look.convention))
    return tuple(found)


def looks_table(summaries: Sequence[LookSummary]) -> str:
    """The summaries as lines of text: title, direction, mean, worst value and its picture."""
    lines = [f"{'figure':<16} {'better':<8} {'mean':>10} {'worst':>10}  worst picture"]
    for one in summaries:
        mean, worst = (look_text(one.look, value) for value in (one.mean, one.worst))
        better = one.direction.removesuffix(" is better")
        lines.append(f"{LOOKS[one.look].title:<16} {better:<8} {mean:>10} {worst:>10}  {one.worst_picture}")
    return "\n".join(lines)
