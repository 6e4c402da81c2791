"""Latency of a network on this machine, in two figures that are never mixed.

- end to end: array to array (conversion, tiles, network, rounding), without files;
- network: the part of that spent in the network, so never more of it.

Both are medians of warm repeats: opening, compiling and the first runs are excluded. The page reports its own waiting
time (upload, encoding, queue). Not here: comparisons of networks; those are timed in one run on an idle machine
(`speed`).
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from kdsr.errors import SettingsError, WeightsError
from kdsr.image import Picture
from kdsr.restore import Runtime, exact_runtimes, open_runtime, restore_picture
from kdsr.restore.processor import processor_kind
from kdsr.restore.stopwatch import Stopwatch
from kdsr.settings import Settings
from kdsr.zoo import Card, Catalog

WARM_UP = 3
"""Untimed runs: the first ones allocate memory and choose kernels."""

_SAME_PLACE = ("runtime", "device", "machine", "threads", "precision", "input_width_px", "input_height_px")
"""A new measurement replaces an earlier one with the same values of these."""


@dataclass(frozen=True)
class Latency:
    """Medians in milliseconds, lower is better, and the machine."""

    runtime: str
    device: str
    machine: str
    """As `machine_name` has it."""
    threads: int
    precision: str
    input_width_px: int
    input_height_px: int
    network_ms: float
    end_to_end_ms: float
    repeats: int


def measure_latency(
    runtime: Runtime, *, side_px: int = 256, repeats: int = 15, clock: Callable[[], float] = time.perf_counter
) -> Latency:
    """The latency of `runtime` on a square 8-bit RGB picture of `side_px`, after `WARM_UP` untimed runs.

    Args:
        side_px: made a multiple of what the network needs.
        repeats: timed runs, at least 1; the medians are given.
        clock: seconds; of a steady clock.
    Raises:
        SettingsError: `repeats` or `side_px` is below 1.
    """
    if repeats < 1 or side_px < 1:
        raise SettingsError(f"Latency needs at least 1 repeat and 1 pixel, got {repeats} and {side_px}.")
    side = -(-side_px // runtime.about.multiple) * runtime.about.multiple
    picture = Picture(pixels=np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8), alpha=None)
    holes = np.random.default_rng(0).random((side, side)) < 0.5 if runtime.about.planes == 4 else None
    watch = Stopwatch(runtime, clock)

    def once() -> tuple[float, float]:
        watch.seconds, started = 0.0, clock()
        restore_picture(picture, watch, holes=holes)
        return watch.seconds, clock() - started

    network_ms, end_to_end_ms = _medians_ms(once, repeats)
    return Latency(
        runtime=runtime.about.name,
        device=runtime.about.device,
        machine=machine_name(runtime.about.device),
        threads=runtime.about.threads,
        precision=runtime.about.precision,
        input_width_px=side,
        input_height_px=side,
        network_ms=network_ms,
        end_to_end_ms=end_to_end_ms,
        repeats=repeats,
    )


def measure_card_latency(
    card: Card,
    catalog: Catalog,
    settings: Settings,
    *,
    side_px: int = 256,
    repeats: int = 15,
    tell: Callable[[str], None] = lambda _text: None,
) -> tuple[Card, tuple[Latency, ...]]:
    """`card` with its latency on this machine in every exact runtime that runs on it, and these latencies. Nothing is
    written; `tell` gets a line for each runtime that fails here.

    Raises:
        SettingsError, WeightsError: none of them runs; as the last of them says.
    """
    taken: list[Latency] = []
    names = exact_runtimes(card.precision, card.architecture)
    for runtime in names:
        try:
            opened = open_runtime(card, catalog, runtime=runtime, settings=settings)
            taken.append(measure_latency(opened, side_px=side_px, repeats=repeats))
        except (SettingsError, WeightsError) as error:
            if runtime == names[-1] and not taken:
                raise
            tell(f"{card.name} goes on without the runtime {runtime}: {error}")
    entries = [asdict(latency) for latency in taken]
    places = [_place(entry) for entry in entries]
    kept = [entry for entry in card.latency if _place(entry) not in places]
    return replace(card, latency=(*kept, *entries)), tuple(taken)


def machine_name(device: str) -> str:
    """The name of the GPU of `device`, or that of the processor with its fastest instruction set: `AMD EPYC, AVX2`."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return processor_kind()


def _medians_ms(once: Callable[[], tuple[float, float]], repeats: int) -> list[float]:
    """Medians in milliseconds to 0.001 of the two durations that `once` gives in seconds, after the warm-up."""
    durations = [once() for _ in range(WARM_UP + repeats)][WARM_UP:]
    return [round(1000 * statistics.median(taken), 3) for taken in zip(*durations, strict=True)]


def _place(entry: dict[str, Any]) -> tuple[object, ...]:
    return tuple(entry.get(name) for name in _SAME_PLACE)
