"""The figures for looks of the pictures of a run, taken after every picture is shown and every network is timed.

Not here: the figures themselves (`kdsr.metrics.looks`), the table and the sentences (`restore.look_view`).
"""

import math
from collections.abc import Callable, Iterable

from kdsr.errors import Stopped
from kdsr.image import Picture, to_tensor
from kdsr.metrics.feature_distance import SMALLEST_SIDE_PX
from kdsr.metrics.looks import LOOKS, looks_for, measure_looks
from kdsr.metrics.niqe import BLOCK_PX
from kdsr.tasks import Task
from kdsr.ui.restore.request import Prepared
from kdsr.zoo import Card

LARGEST_MEGAPIXELS = 4.5
"""Larger results have no figure for looks here: HaarPSI took 1.2 GB for 8 megapixels. A picture of 512 x 512, enlarged
4 times, has 4.2.
"""
LARGEST_LITE2_MEGAPIXELS = 1.2
"""For the distance in features: 1.8 GB and 31 s of one core for 4.5 megapixels."""


def wanted_looks(task: Task, cards: Iterable[Card], *, has_truth: bool) -> tuple[str, ...]:
    """The figures for looks that a run takes.

    None unless the task is of real photographs, which have networks for looks, or one of `cards` is for looks.
    """
    if task.degradation != "photo" and not any(card.is_for_looks for card in cards):
        return ()
    return looks_for(task, has_truth=has_truth)


def take_looks(
    picture: Picture, names: Iterable[str], prepared: Prepared, should_stop: Callable[[], bool]
) -> dict[str, float]:
    """The figures `names` of one result; nan where it has none, or where it is too large for this page.

    The truth itself has only the figures that compare with something else.

    Raises:
        Stopped: `should_stop` said so, between two figures.
    """
    truth = prepared.truth
    is_grey = picture.is_grey and (truth is None or truth.is_grey)
    restored, degraded = to_tensor(picture), to_tensor(prepared.degraded)
    compared = None if truth is None else to_tensor(truth)
    found = {}
    for name in names:
        if should_stop():
            raise Stopped("Stopped before every figure for looks was taken.")
        if picture is truth and LOOKS[name].compared_with == "truth":
            continue
        if is_too_large(name, picture.width, picture.height):
            found[name] = math.nan
        else:
            found |= measure_looks(restored, (name,), truth=compared, degraded=degraded, grey=is_grey)
    return found


def is_too_large(name: str, width: int, height: int) -> bool:
    """Whether the figure `name` is not taken here of a picture of that size."""
    return width * height > (LARGEST_LITE2_MEGAPIXELS if name == "lite2" else LARGEST_MEGAPIXELS) * 1e6


def why_missing(name: str, width: int, height: int) -> str:
    """Why a picture of that size lacks the figure `name`, in at most two words."""
    if is_too_large(name, width, height):
        return "too large"
    blocks = (width // BLOCK_PX) * (height // BLOCK_PX)
    is_small = {"niqe": blocks < 2, "lite2": min(width, height) < SMALLEST_SIDE_PX}.get(name, False)
    return "too small" if is_small else "too plain"
