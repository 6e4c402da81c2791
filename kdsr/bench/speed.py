"""Speed of several networks in one measurement: every network in every runtime at every size, in turns.

A turn is one untimed run and one timed run, array to array. The untimed one refills the caches, and gives the idle
threads of the previous runtime time to sleep. If the measurement is stopped, its results so far are kept.
Not here: the latency that goes into a card (`latency`), drawing and printing (`speed_report`).
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kdsr.bench.latency import machine_name
from kdsr.bench.limit import measure_limits
from kdsr.bench.memory import peak_memory_mb
from kdsr.errors import SettingsError, WeightsError
from kdsr.image import Picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.restore.device import torch_device
from kdsr.settings import Settings, usable_threads
from kdsr.zoo import Catalog

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Contestant:
    """A restoring method, ready to run."""

    model: str
    runtime: str
    precision: str
    scale: int
    run: Callable[[Picture], object]
    open_ms: float
    """Time to read the weights, make or read the graph, and compile."""
    gflop_per_output_megapixel: float | None = None
    """Two operations per multiply-accumulate of the convolutions; None if unknown."""
    peak_mb: Callable[[int], float | None] = lambda _side: None
    """Peak memory in MB by side in pixels, in a separate process."""
    speed_only: bool = False
    """Random weights: only the speed is meaningful."""


@dataclass(frozen=True)
class Speed:
    """One contestant at one size."""

    model: str
    runtime: str
    precision: str
    input_side_px: int
    output_megapixels: float
    open_ms: float
    first_ms: float
    """The first run at this size."""
    median_ms: float
    p95_ms: float
    repeats: int
    megapixels_per_s: float
    """Output megapixels per second, by the median."""
    gflops: float | None
    """GFLOP/s, by the median."""
    share_of_limit: float | None
    """Share of this machine's limit in this precision, in [0, 1]."""
    peak_mb: float | None
    speed_only: bool


@dataclass(frozen=True)
class SpeedReport:
    """All measurements of one run, and the machine."""

    machine: str
    device: str
    threads: int
    limits_gflops: dict[str, float]
    speeds: tuple[Speed, ...]
    complete: bool
    """False after an interruption."""


def open_contestant(model: str, catalog: Catalog, settings: Settings, *, runtime: str) -> Contestant:
    """The network `model` in `runtime`.

    Raises:
        KdsrError: as `open_runtime`; SettingsError besides for a network that needs a mask.
    """
    started = time.perf_counter()
    card = catalog.find(model)
    opened = open_runtime(card, catalog, runtime=runtime, settings=settings)
    open_ms = 1000 * (time.perf_counter() - started)

    def run(picture: Picture) -> Picture:
        side = picture.height
        return restore_picture(picture, opened, holes=np.tri(side, dtype=bool) if opened.about.planes == 4 else None)

    return Contestant(
        model=model,
        runtime=opened.about.name,
        precision=opened.about.precision,
        scale=opened.about.scale,
        run=run,
        open_ms=round(open_ms, 1),
        gflop_per_output_megapixel=2 * card.macs_per_output_megapixel / 1e9,
        peak_mb=lambda side: peak_memory_mb(model, runtime, side, settings),
        speed_only=not (card.steps or card.compressed_from or card.published),
    )


def open_contestants(
    model: str, catalog: Catalog, settings: Settings, runtimes: Sequence[str], *, tell: Progress
) -> list[Contestant]:
    """The network `model` in each of `runtimes` that runs on this machine; `tell` gets a line for each that does not.

    Raises:
        SettingsError, WeightsError: none of them runs; as the last of them says.
    """
    opened: list[Contestant] = []
    for number, runtime in enumerate(runtimes, start=1):
        try:
            opened.append(open_contestant(model, catalog, settings, runtime=runtime))
        except (SettingsError, WeightsError) as error:
            if number == len(runtimes) and not opened:
                raise
            tell(f"{model} goes on without the runtime {runtime}: {error}")
    return opened


def measure_speed(
    contestants: Sequence[Contestant],
    settings: Settings,
    *,
    sides_px: Sequence[int],
    repeats: int = 15,
    memory: bool = True,
    on_progress: Progress = lambda _text: None,
    clock: Callable[[], float] = time.perf_counter,
) -> SpeedReport:
    """The speed of each contestant at each size, and the machine's limits; after KeyboardInterrupt, what was measured
    until then.

    Args:
        sides_px: of square 8-bit RGB pictures; a 4x network makes 16 times as many pixels of one.
        repeats: timed runs of each, at least 1.
        memory: measure peak memory too, each in a separate process (3 s and more).
        on_progress: called with one line of progress.
    Raises:
        SettingsError: nothing to measure, or `repeats` or a side below 1.
    """
    if not contestants or repeats < 1 or not sides_px or min(sides_px) < 1:
        raise SettingsError(
            "A measurement needs at least one network, one size from 1 pixel up and 1 repeat; give these."
        )
    device, threads = torch_device(settings), usable_threads(settings)
    entries = [_TimedContestant(contestant, side) for side in sides_px for contestant in contestants]
    limits: dict[str, float] = {}
    complete = False
    try:
        on_progress("what this machine can do at most")
        limits = measure_limits(threads, device, clock=clock)
        for entry in entries:
            on_progress(f"first run of {entry.contestant.model} by {entry.contestant.runtime} at {entry.side}")
            entry.first_ms = entry.timed(clock)
        for number in range(1, repeats + 1):
            on_progress(f"round {number} of {repeats}")
            for entry in entries:
                entry.contestant.run(entry.picture)
                entry.taken_ms.append(entry.timed(clock))
        for entry in entries if memory else ():
            on_progress(f"memory of {entry.contestant.model} by {entry.contestant.runtime} at {entry.side}")
            entry.peak_mb = entry.contestant.peak_mb(entry.side)
        complete = True
    except KeyboardInterrupt:
        on_progress("stopped; what was measured is kept")
    speeds = tuple(entry.speed(limits) for entry in entries if entry.taken_ms)
    return SpeedReport(machine_name(device), device, threads, limits, speeds, complete)


class _TimedContestant:
    """One contestant at one size, while it is being measured."""

    def __init__(self, contestant: Contestant, side: int) -> None:
        self.contestant, self.side = contestant, side
        self.picture = Picture(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))
        self.first_ms = 0.0
        self.taken_ms: list[float] = []
        self.peak_mb: float | None = None

    def timed(self, clock: Callable[[], float]) -> float:
        """Milliseconds of one run."""
        started = clock()
        self.contestant.run(self.picture)
        return 1000 * (clock() - started)

    def speed(self, limits: dict[str, float]) -> Speed:
        """The summary of the timed runs."""
        who = self.contestant
        megapixels = (self.side * who.scale) ** 2 / 1e6
        median_ms = statistics.median(self.taken_ms)
        gflops = (
            None
            if who.gflop_per_output_megapixel is None
            else who.gflop_per_output_megapixel * megapixels / median_ms * 1000
        )
        limit = limits.get(who.precision)
        return Speed(
            model=who.model,
            runtime=who.runtime,
            precision=who.precision,
            input_side_px=self.side,
            output_megapixels=round(megapixels, 3),
            open_ms=who.open_ms,
            first_ms=round(self.first_ms, 2),
            median_ms=round(median_ms, 2),
            p95_ms=round(float(np.percentile(self.taken_ms, 95)), 2),
            repeats=len(self.taken_ms),
            megapixels_per_s=round(1000 * megapixels / median_ms, 2),
            gflops=None if gflops is None else round(gflops, 1),
            share_of_limit=round(gflops / limit, 3) if gflops is not None and limit else None,
            peak_mb=self.peak_mb,
            speed_only=who.speed_only,
        )
