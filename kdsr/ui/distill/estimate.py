"""How long a run would take on this device, by a few real steps of its recipe on one small picture.

The steps run in a separate thread, one measurement at a time, in a temporary folder. The result for each kind of step
is cached. Not here: photographs of the visitor, whose size only scales the teacher's part.
"""

import statistics
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import torch

from kdsr.errors import Stopped
from kdsr.restore.device import torch_device
from kdsr.settings import Settings, usable_threads
from kdsr.train import Recipe, train_recipe, with_keys

MEASURE_S = 8.0
"""The most that one measurement may take."""
_ENOUGH_STEPS = 12
_SMALLEST_PX = 96


@dataclass(frozen=True)
class Pace:
    """Measured seconds per step and per labelled megapixel."""

    step_s: float
    label_s_per_megapixel: float
    """Of the teacher's work, once for every photograph or fixed crop; 0 where it has none."""
    device: str


class Paces:
    """The measurements so far, by what they depend on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="estimate")
        self._found: dict[tuple[Any, ...], Future[Pace | None]] = {}
        self._lock = Lock()

    def pace(self, recipe: Recipe, *, timeout_s: float) -> Pace | None:
        """The pace of `recipe`, measured on first request; None if this device is too slow.

        Raises:
            KdsrError: the recipe cannot be trained.
        """
        key = (
            recipe.task,
            recipe.architecture,
            *sorted(recipe.arguments.items()),
            recipe.teaching.teacher,
            recipe.schedule.batch_size,
            recipe.data.patch_px,
            recipe.teaching.needs_teacher,
        )
        with self._lock:
            future = self._found.get(key) or self._pool.submit(measure_pace, recipe, self.settings)
            self._found[key] = future
        try:
            found = future.result(timeout_s)
        except TookTooLong:
            return None
        except BaseException:
            self._forget(key)
            raise
        if found is None:
            self._forget(key)
        return found

    def close(self) -> None:
        """Measure nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _forget(self, key: tuple[Any, ...]) -> None:
        with self._lock:
            self._found.pop(key, None)


def measure_pace(recipe: Recipe, settings: Settings) -> Pace | None:
    """The pace of a few steps of `recipe` with as many threads as a run gets; None if there were too few in
    `MEASURE_S`.
    """
    threads, threads_before = settings.run_threads or max(1, usable_threads(settings) - 1), torch.get_num_threads()
    torch.set_num_threads(threads)  # torch keeps this number per thread
    clock = _Clock(time.monotonic() + MEASURE_S)
    try:
        with tempfile.TemporaryDirectory(prefix="kdsr-estimate-") as name:
            folder = Path(name)
            megapixels = _picture(
                folder / "photos" / "picture.png", max(_SMALLEST_PX, recipe.data.patch_px * recipe.the_task.scale)
            )
            endless = {"compile": False, "patience": 0, "validate_every": 10**9, "steps": 10**9, "twin": False}
            short = with_keys(recipe, {"photos": ["photos"], "warm_start": None, **endless})
            train_recipe(
                short, folder / "run", settings=replace(settings, data_dir=folder, home=folder / "home"),
                on_event=clock.on_event, should_stop=clock.should_stop,
            )  # fmt: skip
    except Stopped:
        pass
    finally:
        torch.set_num_threads(threads_before)
    if len(clock.steps) < 3:
        return None
    times = [later - earlier for earlier, later in zip(clock.steps, clock.steps[1:], strict=False)]
    where = torch_device(settings)
    device = (
        f"CPU, {threads} thread{'s' if threads != 1 else ''}" if where == "cpu" else torch.cuda.get_device_name(where)
    )
    return Pace(statistics.median(times), clock.label_s / _labelled(recipe, megapixels), device)


def run_seconds(recipe: Recipe, pace: Pace, megapixels: float) -> float:
    """Estimated seconds of the complete run, its twin included, with `megapixels` of photographs."""
    label_s = _labelled(recipe, megapixels) * pace.label_s_per_megapixel if recipe.teaching.needs_teacher else 0.0
    return recipe.all_steps * pace.step_s + label_s


def _labelled(recipe: Recipe, megapixels: float) -> float:
    """How much the teacher labels of photographs of `megapixels`: all of them, or as many crops as the recipe fixes."""
    data, side_px = recipe.data, max(recipe.data.patch_px, recipe.data.crop_px) * recipe.the_task.scale
    return data.fixed_crops * side_px**2 / 1e6 if data.fixed_crops else megapixels


class _Clock:
    """Hears the trainer's events and steps, and ends it in time."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.steps: list[float] = []
        self.label_s = 0.0
        self._labelling = time.monotonic()

    def on_event(self, event: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if event["event"] == "reading":
            self._labelling = now
        elif event["event"] == "labelling":
            self.label_s = now - self._labelling
        if now > self.deadline:
            raise Stopped("Too slow to estimate.")

    def should_stop(self) -> bool:
        self.steps.append(time.monotonic())
        return len(self.steps) > _ENOUGH_STEPS or self.steps[-1] > self.deadline


def _picture(path: Path, side_px: int) -> float:
    """Write a square picture; its megapixels."""
    path.parent.mkdir(parents=True)
    coarse = np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    cv2.imwrite(str(path), cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC))
    return side_px**2 / 1e6
