"""A run of the page: student, teacher, then the student without distillation. Figures appear one by one; networks are
timed once all pictures are out, and the figures for looks come last.

`restore_steps` is a generator of `Step`s that can be stopped at any moment. Networks run in a separate thread, so that
progress and Stop are never late. Not here: gradio (`restore.tab`).
"""

import statistics
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

import torch

from kdsr.errors import InputError, Stopped
from kdsr.image import Picture, to_tensor
from kdsr.metrics import Measurement, measure
from kdsr.restore import open_runtime, passed_over, restore_picture
from kdsr.restore.ensemble import SelfEnsemble
from kdsr.restore.stopwatch import Stopwatch
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.disk import writing
from kdsr.ui.examples import name_of
from kdsr.ui.networks import find_network, is_of_run
from kdsr.ui.restore.busy import busy_because
from kdsr.ui.restore.look_view import BASELINES
from kdsr.ui.restore.looks import take_looks, wanted_looks
from kdsr.ui.restore.maps import error_column, invented_column
from kdsr.ui.restore.request import Order, Prepared, prepare
from kdsr.ui.restore.result import COLUMNS, Column, NetworkTiming, RestoreResult, save_column
from kdsr.ui.restore.timing import in_turn
from kdsr.ui.texts import LOOKS_AT_WORK, STOPPED, TOO_SLOW, missing_roles
from kdsr.zoo import Card, Catalog, alike, at_sharpness, style_of, style_title

TIME_LIMIT_S = 300.0
"""The most that one run may take before it is stopped, so that an abandoned one ends."""
_WARM_UP_PX = 48
_POLL_S = 0.1

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """News from a run: what goes on, how far it is, and the result as soon as it has grown."""

    text: str
    fraction: float | None = None
    result: RestoreResult | None = None
    last: bool = False


@dataclass(frozen=True)
class _Pass:
    """One network over one picture."""

    restored: Picture
    watch: Stopwatch
    network_s: float
    end_to_end_s: float


def restore_steps(order: Order, settings: Settings, folder: Path, stop: Event) -> Iterator[Step]:
    """The steps of `order`; pictures are written under `folder`. The last step holds the complete result.

    Raises:
        KdsrError: a picture or a network that cannot be used. Stopped: `stop` was set, or the time limit is over.
    """
    started = time.perf_counter()
    prepared = yield from watched(lambda _: prepare(order, settings), stop, started, "Reading the picture")
    networks = chosen_networks(order, settings)
    cards = [card for card, _ in networks.values()]
    missing = [role for role in ("teacher", "student") if role not in networks]
    result = _first_result(prepared, order, folder, missing, dict.fromkeys(filter(None, map(style_of, cards))))
    result = replace(result, looks=wanted_looks(prepared.task, cards, has_truth=prepared.truth is not None))
    restored: dict[str, Picture] = {}
    untimed: list[_Untimed] = []
    for role, (card, catalog) in networks.items():
        is_ensemble = role == "teacher" and order.teacher_plus
        text = f"{COLUMNS[role]}{'+' if is_ensemble else ''} at work"
        work = _NetworkRun(card, catalog, prepared, order, settings, _stopper(stop, started), is_ensemble)
        first = yield from watched(work.run, stop, started, text)
        restored[role] = first.restored
        dial = order.sharpness if role == "student" else None
        column = save_column(role, first.restored, folder, order.task, sharpness=dial)
        column = replace(column, card=card, is_ensemble=is_ensemble)
        column = replace(column, measurement=_measured(first.restored, prepared.truth, prepared))
        waited_s = time.perf_counter() - started
        untimed.append((column, waited_s, work, first))
        result = result.with_column(_timed(column, [first], waited_s, final=False))
        try:
            result = _compared(result, restored, prepared, folder)
        except InputError as error:  # a full disk: the picture itself is there
            result = replace(result, notes=(*result.notes, f"Some maps are missing: {error}"))
        yield Step(text, None, result := _noted(result, first.restored, card, order, settings))
    result = yield from _with_times(result, untimed, stop, started, "Measuring the times")
    if busy_because(result):
        result = yield from _with_times(result, untimed, stop, started, "Measuring the times again")
    result = yield from _with_looks(result, restored, prepared, stop, started)
    yield Step("Done", 1.0, result, last=True)


def _noted(result: RestoreResult, restored: Picture, card: Card, order: Order, settings: Settings) -> RestoreResult:
    """`result` with what `restored` says, and a note for each runtime that `auto` went on without."""
    lines = passed_over(card, settings) if order.runtime == "auto" else ()
    return replace(result, notes=tuple(dict.fromkeys((*result.notes, *restored.notes, *lines))))


def _with_looks(
    result: RestoreResult, restored: dict[str, Picture], prepared: Prepared, stop: Event, started: float
) -> Generator[Step, None, RestoreResult]:
    """`result` with the figures for looks of each picture, with a step for each; nothing where the run takes none."""
    if not result.looks:
        return result
    baseline = next(key for key in BASELINES if result.column(key))
    pictures = {**restored, baseline: prepared.baseline}
    pictures |= {"truth": prepared.truth} if prepared.truth else {}
    yield Step(LOOKS_AT_WORK, None, result)
    for column in [column for column in result.columns if column.key in pictures]:
        work = partial(_looks_of, pictures[column.key], result.looks, prepared, _stopper(stop, started))
        found = yield from watched(work, stop, started, LOOKS_AT_WORK)
        result = result.with_column(replace(column, looks=found))
        yield Step(LOOKS_AT_WORK, None, result)
    return result


def _looks_of(
    picture: Picture,
    names: tuple[str, ...],
    prepared: Prepared,
    should_stop: Callable[[], bool],
    _on_progress: Callable[[float], None],
) -> dict[str, float]:
    return take_looks(picture, names, prepared, should_stop)


def chosen_networks(order: Order, settings: Settings) -> dict[str, tuple[Card, Catalog]]:
    """The networks of a run by role, each with its catalog, in the order in which they work.

    A role without a network is left out.
    """
    roles = (("student", order.student), ("before", order.before), ("teacher", order.teacher))
    networks = {role: find_network(name, settings) for role, name in roles if name}
    if "student" in networks and order.sharpness is not None:
        networks["student"] = at_sharpness(*networks["student"], order.sharpness, settings)
    if "student" in networks and not is_of_run(order.student):  # what a visitor trained has no twin of its own
        student, catalog = networks["student"]
        twin = twin_of(student, catalog) if student.role == "student" else None
        networks |= {"twin": (twin, catalog)} if twin else {}
    return networks


def twin_of(student: Card, catalog: Catalog) -> Card | None:
    """The same network as `student`, trained without a teacher: the one its card names, else one of the same shape."""
    twins = alike(catalog.for_task(student.task, "twin"), student)
    named = [twin for twin in twins if twin.name == student.twin]
    shaped = [
        twin for twin in twins if (twin.architecture, twin.arguments) == (student.architecture, student.arguments)
    ]
    return next(iter(named + shaped), None)


def watched(
    work: Callable[[Callable[[float], None]], T], stop: Event, started: float, text: str
) -> Generator[Step, None, T]:
    """The value of `work(on_progress)`, done in a thread, with a step for each progress; gives up at once when stopped.

    The thread itself ends at its next tile, because leaving this generator in any way sets `stop`.
    """
    seen = [0.0]
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="restore")
    future = pool.submit(work, seen.append)
    pool.shutdown(wait=False)
    try:
        while not future.done():
            yield Step(text, seen[-1])
            wait([future], timeout=_POLL_S)
            if _stopper(stop, started)():
                raise _reason(stop)
        return future.result()
    except Stopped:
        raise _reason(stop) from None
    finally:
        if not future.done():
            stop.set()


def _reason(stop: Event) -> Stopped:
    """Why a run was stopped: by the visitor, or because its time was over."""
    return Stopped(STOPPED if stop.is_set() else TOO_SLOW.format(seconds=TIME_LIMIT_S))


@dataclass(frozen=True)
class _NetworkRun:
    """One network and its input."""

    card: Card
    catalog: Catalog
    prepared: Prepared
    order: Order
    settings: Settings
    should_stop: Callable[[], bool]
    is_ensemble: bool

    def run(self, on_progress: Callable[[float], None]) -> _Pass:
        """Load, warm up on a small crop, restore once."""
        runtime = open_runtime(self.card, self.catalog, runtime=self.order.runtime, settings=self.settings)
        runtime = SelfEnsemble(runtime) if self.is_ensemble else runtime
        corner = self.prepared.degraded.pixels[:_WARM_UP_PX, :_WARM_UP_PX]
        holes = self.prepared.holes
        restore_picture(Picture(corner), runtime, holes=None if holes is None else holes[:_WARM_UP_PX, :_WARM_UP_PX])
        return self.once(Stopwatch(runtime), on_progress)

    def once(self, watch: Stopwatch, on_progress: Callable[[float], None] | None = None) -> _Pass:
        """One pass, array to array."""
        watch.seconds = 0.0
        started = time.perf_counter()
        given, holes = self.prepared.degraded, self.prepared.holes
        restored = restore_picture(
            given if holes is None else replace(given, alpha=None),
            watch,
            holes=holes,
            tile_px=self.order.tile_px,
            on_progress=on_progress,
            should_stop=self.should_stop,
        )
        return _Pass(restored, watch, watch.seconds, time.perf_counter() - started)


_Untimed = tuple[Column, float, _NetworkRun, _Pass]
"""A column, when it was ready, its network and its first pass."""


def _with_times(
    result: RestoreResult, untimed: list[_Untimed], stop: Event, started: float, text: str
) -> Generator[Step, None, RestoreResult]:
    """`result` with the medians of each network's passes, taken in turn."""
    works = [partial(work.once, first.watch) for _, _, work, first in untimed]
    firsts = [first for *_, first in untimed]

    def measured(_on_progress: Callable[[float], None]) -> list[list[_Pass]]:
        return in_turn(works, firsts, lambda each: each.end_to_end_s)

    rounds = yield from watched(measured, stop, started, text)
    for (column, waited_s, _, _), passes in zip(untimed, rounds, strict=True):
        result = result.with_column(_timed(result.column(column.key) or column, passes, waited_s, final=True))
    return result


def _stopper(stop: Event, started: float) -> Callable[[], bool]:
    return lambda: stop.is_set() or time.perf_counter() - started > TIME_LIMIT_S


def _first_result(
    prepared: Prepared, order: Order, folder: Path, missing: list[str], styles: Iterable[str]
) -> RestoreResult:
    """The pictures and figures that need no network."""
    task, baseline, truth = prepared.task, prepared.baseline, prepared.truth
    with writing("The result"):
        (folder / "shown").mkdir(parents=True, exist_ok=True)
    assert order.picture is not None  # it was prepared
    name = name_of(order.picture, prepared.name)
    words = [name, task.title, *map(style_title, styles)]
    if order.mode == "clean" and task.strength is not None:
        words.append(f"{texts.within(task.strength.title)}{texts.strength(order.strength, order.mask)}")
    if order.sharpness is not None:
        words.append(f"sharpness {order.sharpness:g}")
    notes = prepared.notes + ((missing_roles(missing, task),) if missing else ())
    if prepared.degraded.metadata is not None and prepared.degraded.metadata.has_position:
        notes += (texts.POSITION,)
    result = RestoreResult(
        task.name,
        name,
        prepared.degraded.bits,
        (baseline.width, baseline.height),
        truth is not None,
        notes=notes,
        description=" · ".join(words),
        order=order,
    )
    figures = _measured(baseline, truth, prepared)
    input_column = save_column("input", prepared.degraded, folder, task.name, enlarge=task.scale)
    key = "bicubic" if task.scale > 1 else "navier_stokes" if prepared.holes is not None else None
    result = result.with_column(input_column if key else replace(input_column, measurement=figures))
    if key:
        result = result.with_column(replace(save_column(key, baseline, folder, task.name), measurement=figures))
    return result.with_column(save_column("truth", truth, folder, task.name)) if truth is not None else result


def _measured(picture: Picture, truth: Picture | None, prepared: Prepared) -> Measurement | None:
    """The figures of `picture` by the task's convention, if there is a truth."""
    if truth is None:
        return None
    holes = None if prepared.holes is None else torch.from_numpy(prepared.holes)[None, None]
    return measure(to_tensor(picture), to_tensor(truth), prepared.task, grey=truth.is_grey, holes=holes)


def _compared(result: RestoreResult, restored: dict[str, Picture], prepared: Prepared, folder: Path) -> RestoreResult:
    """`result` with the maps, and with the distance of student and teacher, that `restored` allows."""
    for role in restored.keys() & {"student", "teacher"}:
        if prepared.truth is not None and result.column(f"error_{role}") is None:
            result = result.with_column(error_column(f"error_{role}", restored[role], prepared.truth, result, folder))
        if prepared.task.scale > 1 and result.column(f"invented_{role}") is None:
            result = result.with_column(invented_column(role, restored[role], prepared.degraded, result, folder))
    if {"student", "teacher"} <= restored.keys() and result.apart is None:
        student, teacher = restored["student"], restored["teacher"]
        result = replace(result, apart=_measured(student, teacher, prepared))
        result = result.with_column(error_column("difference", student, teacher, result, folder))
    if "teacher" in restored and not prepared.task.has_truth:
        result = _beside_teacher(result, restored | {"input": prepared.degraded}, prepared)
    return result


def _beside_teacher(result: RestoreResult, pictures: dict[str, Picture], prepared: Prepared) -> RestoreResult:
    """`result` with each of `pictures` measured against that of the teacher, where there is no original."""
    for key in pictures.keys() - {"teacher"}:
        column = result.column(key)
        if column is not None and column.measurement is None:
            found = _measured(pictures[key], pictures["teacher"], prepared)
            result = result.with_column(replace(column, measurement=found))
    return result


def _timed(column: Column, passes: list[_Pass], waited_s: float, *, final: bool) -> Column:
    """`column` with the medians of `passes`; not `final` while they are still being taken."""
    about = passes[0].watch.about
    return replace(column, timing=NetworkTiming(
        statistics.median(each.network_s for each in passes), statistics.median(each.end_to_end_s for each in passes),
        waited_s, len(passes) if final else 0, about.device, about.threads, about.precision, about.name,
    ))  # fmt: skip
