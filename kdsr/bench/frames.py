"""How long a network takes for a frame: measured here, or scaled from its card; and which network keeps a frame rate.

A frame is the input: a network for x4 makes one of four times the width. Times are array to array, without decoding,
encoding and drawing. What was measured here is kept under `Settings.home`, for the networks of the same shape. Times
measured here and times of cards are never in one answer. Not here: sentences and plots (`ui.models`, `cli.fit`).
"""

import json
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import psutil

from kdsr.errors import SettingsError, Stopped
from kdsr.image import Picture
from kdsr.restore import Runtime, open_runtime, restore_picture
from kdsr.restore.cache import Remembered
from kdsr.restore.choice import choice_key
from kdsr.settings import Settings
from kdsr.zoo import Card, Catalog

LEAST, MOST = 3, 15
"""Timed passes of a network; one that takes `SLOW_S` is timed once more only."""
SLOW_S, PATIENCE_S = 2.0, 1.5
"""After `PATIENCE_S` seconds no further pass begins, if there are `LEAST`."""
BUSY_SHARE = 0.25
"""Of the processor in use by other programs, from which on times are called rough."""
STOPPED = "Stopped. The networks measured so far are kept."
_LARGEST_PX = 8192
_FRAME = re.compile(r"(\d{1,5})\s*[x×]\s*(\d{1,5})")
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*(fps|ms)")


class Frame(NamedTuple):
    """The size of a frame that a network is given."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


class FrameTime(NamedTuple):
    """The median time of one network for a frame, measured on this machine."""

    ms: float
    runtime: str
    threads: int
    repeats: int
    day: str
    busy_share: float
    """Of the processor that other programs used before, in [0, 1]."""


class Contender(NamedTuple):
    """A network with its time for a frame in ms and its quality."""

    name: str
    ms: float
    quality: float


def frame_of(text: str) -> Frame:
    """The frame in `text`, such as `640x360`.

    Raises:
        SettingsError: no such size, or a side above 8192.
    """
    found = _FRAME.fullmatch(text.strip())
    frame = Frame(int(found[1]), int(found[2])) if found else Frame(0, 0)
    if not 0 < min(frame) <= max(frame) <= _LARGEST_PX:
        raise SettingsError(f"A frame is WIDTHxHEIGHT with sides of 1 to {_LARGEST_PX} px, got '{text}'; try 640x360.")
    return frame


def budget_ms(text: str) -> float:
    """The milliseconds for a frame in `text`: `30fps` or `33ms`.

    Raises:
        SettingsError: neither of the two, or not above 0.
    """
    found = _BUDGET.fullmatch(text.strip().lower())
    number = float(found[1]) if found else 0.0
    if found is None or number <= 0:
        raise SettingsError(
            f"A budget is frames per second or milliseconds for a frame, got '{text}'; try 30fps, 33ms."
        )
    return 1000 / number if found[2] == "fps" else number


def front(contenders: Iterable[Contender], *, higher_is_better: bool) -> list[Contender]:
    """The Pareto front, quickest first: nobody else is as quick and better."""
    kept: list[Contender] = []
    for one in sorted(contenders, key=lambda each: (each.ms, -_signed(each, higher_is_better))):
        if not kept or _signed(one, higher_is_better) > _signed(kept[-1], higher_is_better):
            kept.append(one)
    return kept


def best_within(contenders: Iterable[Contender], ms: float, *, higher_is_better: bool) -> Contender | None:
    """The best of `contenders` that take at most `ms`; of equals the quickest. None if all take longer."""
    able = [one for one in contenders if one.ms <= ms]
    return max(able, key=lambda one: (_signed(one, higher_is_better), -one.ms), default=None)


def _signed(one: Contender, higher_is_better: bool) -> float:
    return one.quality if higher_is_better else -one.quality


class FrameTimes:
    """The times that were measured on this machine, in a file under `settings.home`.

    Networks of one shape share a time, as those of the choice of a runtime do.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._memory = Remembered(settings.home / "frames.json")

    def find(self, card: Card, frame: Frame) -> FrameTime | None:
        """The time of `card`; None if it was not measured with these packages on this processor."""
        kept = self._memory.get(self._key(card, frame))
        try:
            return FrameTime(**kept) if isinstance(kept, dict) else None
        except TypeError:
            return None

    def put(self, card: Card, frame: Frame, taken: FrameTime) -> None:
        """Keep the time of `card`."""
        self._memory.put(self._key(card, frame), taken._asdict())

    def _key(self, card: Card, frame: Frame) -> str:
        return json.dumps(["frame", *frame, self.settings.device, choice_key(card, self.settings)])


def measure_frames(
    cards: Sequence[Card],
    catalog: Catalog,
    frame: Frame,
    times: FrameTimes,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[tuple[int, Card]]:
    """Time each of `cards` on `frame`, in the runtime that the page takes, and keep the times in `times`.

    Gives the number of those done and the next one, before each.

    Raises:
        Stopped: `should_stop`, asked before each pass; the times so far are kept.
        KdsrError: a network that cannot be opened.
    """
    busy_share = psutil.cpu_percent(interval=0.3) / 100
    for number, card in enumerate(cards):
        yield number, card
        runtime = open_runtime(card, catalog, settings=times.settings)
        taken = _passes_s(runtime, frame, should_stop, clock)
        about = runtime.about
        day = date.today().isoformat()
        median_ms = round(1000 * statistics.median(taken), 3)
        times.put(card, frame, FrameTime(median_ms, about.name, about.threads, len(taken), day, round(busy_share, 2)))


def _passes_s(
    runtime: Runtime, frame: Frame, should_stop: Callable[[], bool], clock: Callable[[], float]
) -> list[float]:
    """Seconds of warm passes of `runtime` on a random frame."""
    random = np.random.default_rng(0)
    picture = Picture(random.integers(0, 256, (frame.height, frame.width, 3), dtype=np.uint8))
    holes = random.random((frame.height, frame.width)) < 0.2 if runtime.about.planes == 4 else None
    taken: list[float] = []
    began = clock()
    while len(taken) < 1 + MOST:
        if should_stop():
            raise Stopped(STOPPED)
        started = clock()
        restore_picture(picture, runtime, holes=holes)
        taken.append(clock() - started)
        is_enough = len(taken) > LEAST and clock() - began > PATIENCE_S
        if is_enough or (len(taken) > 1 and taken[-1] > SLOW_S):
            break
    return taken[1:]


def scaled_ms(end_to_end_ms: float, width_px: float, height_px: float, frame: Frame) -> float:
    """A time for `width_px` x `height_px`, scaled to `frame` by the number of pixels: an estimate."""
    return end_to_end_ms * frame.pixels / (width_px * height_px)
