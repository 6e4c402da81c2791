"""A clip through the page: what browsers play of it first, then the student's result, with progress and Stop.

The clip is restored in a separate thread, so that Stop is never late. Not here: gradio (`restore.clips`).
"""

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from kdsr.errors import InputError, Stopped
from kdsr.restore import open_runtime
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.disk import writing
from kdsr.ui.networks import find_network
from kdsr.video import ClipProgress, Encoding, clip_settings, restore_clip
from kdsr.video.unchanged import Unchanged
from kdsr.zoo import Card, Catalog, at_sharpness

TIME_LIMIT_S = 300.0
"""The most that one clip may take before it is stopped; what is done until then is shown."""
_BEFORE = Encoding("h264", 12)
_POLL_S = 0.25
_ENDS = (texts.CLIP_PART, texts.CLIP_TOO_SLOW.format(seconds=TIME_LIMIT_S))
"""Notes of a run that was stopped, or took too long."""


@dataclass(frozen=True)
class ClipOrder:
    """A clip to be restored, and by which student."""

    source: Path
    student: str
    sharpness: float | None = None
    runtime: str = "auto"


@dataclass(frozen=True)
class ClipShown:
    """What there is of a clip: files that browsers play."""

    name: str
    size: tuple[int, int]
    """Width and height of an upright frame of the source."""
    rate: float
    before: Path
    student: Path | None = None
    by: str = ""
    """The title of the student."""
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class ClipStep:
    """News from a run: what goes on, how far it is, and what is to be shown, where that has changed."""

    text: str
    fraction: float | None = None
    shown: ClipShown | None = None


def before_steps(shown: ClipShown, source: Path, settings: Settings, stop: Event) -> Iterator[ClipStep]:
    """Write `shown.before` from `source`, as browsers play it.

    Raises:
        KdsrError: it cannot be decoded or written. Stopped: `stop` was set.
    """

    def work(on_progress: Callable[[ClipProgress], None]) -> tuple[str, ...]:
        return restore_clip(
            source, shown.before, Unchanged(), settings, made_by="before", encoding=_BEFORE, strip=True,
            preview_s=settings.max_clip_seconds + 1, for_browsers=True, on_progress=on_progress,
            should_stop=stop.is_set,
        )  # fmt: skip

    with writing("The clip"):
        shown.before.parent.mkdir(parents=True, exist_ok=True)
    notes = yield from _watched(work, stop, texts.CLIP_READING, shown.before)
    yield ClipStep(texts.CLIP_READING, None, replace(shown, notes=notes))


def student_steps(order: ClipOrder, shown: ClipShown, settings: Settings, stop: Event) -> Iterator[ClipStep]:
    """The student's result beside `shown.before`; the last step has it. After a stop, what there is until then.

    Raises:
        KdsrError: the network or the result cannot be used. Stopped: `stop` was set before the first frames.
    """
    card, catalog = _network(order, settings)
    shown = replace(shown, notes=tuple(note for note in shown.notes if note not in _ENDS))  # of a run before
    target = shown.before.with_name(f"{Path(shown.name).stem}_{card.name}.mp4")
    started = time.monotonic()

    def is_over() -> bool:
        return stop.is_set() or time.monotonic() - started > TIME_LIMIT_S

    def work(on_progress: Callable[[ClipProgress], None]) -> tuple[str, ...]:
        own = clip_settings(settings, card)
        runtime = open_runtime(card, catalog, runtime=order.runtime, settings=own)
        return restore_clip(
            order.source, target, runtime, settings, made_by=f"{card.sha256} {order.sharpness}",
            preview_s=settings.max_clip_seconds + 1, for_browsers=True, on_progress=on_progress, should_stop=is_over,
        )  # fmt: skip

    made = replace(shown, student=target, by=card.title)
    try:
        notes = yield from _watched(work, stop, texts.CLIP_AT_WORK, target)
    except Stopped:
        if not target.is_file():
            raise Stopped(texts.CLIP_STOPPED) from None
        why = _ENDS[0 if stop.is_set() else 1]
        yield ClipStep(why, None, replace(made, notes=(why,)))
        return
    yield ClipStep("", 1.0, replace(made, notes=tuple(dict.fromkeys((*shown.notes, *notes)))))


def _network(order: ClipOrder, settings: Settings) -> tuple[Card, Catalog]:
    card, catalog = find_network(order.student, settings)
    return (card, catalog) if order.sharpness is None else at_sharpness(card, catalog, order.sharpness, settings)


def _watched(
    work: Callable[[Callable[[ClipProgress], None]], tuple[str, ...]], stop: Event, text: str, target: Path
) -> Generator[ClipStep, None, tuple[str, ...]]:
    """A step with frames, rate and time left now and then, until `work` ends; returns what it returns."""
    seen: list[ClipProgress] = []
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clip")
    future = pool.submit(work, seen.append)
    pool.shutdown(wait=False)
    try:
        while not future.done():
            yield _step(text, seen[-1] if seen else None)
            wait([future], timeout=_POLL_S)
        return future.result()
    except InputError as error:  # its sentence names a place of the server
        raise InputError(str(error).replace(str(target), "The clip")) from error
    finally:
        if not future.done():
            stop.set()


def _step(text: str, progress: ClipProgress | None) -> ClipStep:
    if progress is None:
        return ClipStep(text)
    expected = progress.expected
    whole = "" if expected is None else f" of {max(expected, progress.frames)}"
    left = "" if progress.left_s is None else f", {texts.duration(progress.left_s)} left"
    told = f"{text}: {progress.frames}{whole} frames, {texts.number(progress.frames_per_s)} frames/s{left}"
    return ClipStep(told, None if not expected else min(1.0, progress.frames / expected))
