"""The fastest runtime for a network on this machine: measured once on a small picture, and cached.

Networks of one shape are equally fast, so that the key is the shape, the threads, the processor and the versions of
the packages. Not here: which runtimes there are (`runtimes`).
"""

import functools
import importlib.metadata
import json
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np

from kdsr.errors import KdsrError, SettingsError, WeightsError
from kdsr.restore.cache import Remembered
from kdsr.restore.processor import instructions, processor_name
from kdsr.restore.runtime import Runtime
from kdsr.restore.trial import as_settings_error
from kdsr.settings import Settings, usable_threads
from kdsr.zoo import Card

SIDE_PX = 128
"""Of the picture that is timed: large enough that the network counts, small enough for a student's 10 ms."""
ROUNDS = 4
BUDGET_S = 0.6
"""After this many seconds no other round begins: a teacher's pass takes a tenth of a second."""
_ALONE_S = 30.0
"""How long another process is waited for."""
_LEFT_OUT = "left out "
"""Before the key of a choice: what failed in it."""
_PACKAGES = ("torch", "onnxruntime", "openvino")
_CHOOSING = threading.Lock()


def choose(
    candidates: Mapping[str, Callable[[], Runtime]],
    key: str,
    memory: Remembered,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> str:
    """The name of the fastest of `candidates`, from the cache under `key`, else measured now.

    A candidate that cannot be opened, fails its check or fails in its first runs is left out, see `left_out`. Of
    threads and processes that ask at once one measures, and all take its answer: two runtimes differ in the last bit,
    and the pictures of one folder should not.

    Raises:
        KdsrError: no candidate runs.
    """
    if len(candidates) == 1:
        return next(iter(candidates))
    taken = _usable(memory.get(key), candidates)
    if not taken:
        with _CHOOSING, memory.one_process(_ALONE_S):  # the second to come finds the answer of the first
            taken = _usable(memory.get(key), candidates)
            if not taken:
                taken, failures = _measured_ms(candidates, clock)
                memory.put(key, taken)
                if failures:
                    memory.put(_LEFT_OUT + key, failures)
    return min(taken, key=taken.__getitem__)


def left_out(key: str, memory: Remembered) -> tuple[str, ...]:
    """The candidates that failed when `choose` measured under `key`, one sentence each; none if all ran."""
    kept = memory.get(_LEFT_OUT + key)
    return tuple(f"Went on without the runtime {name}: {why}" for name, why in kept.items()) if kept else ()


def choice_key(card: Card, settings: Settings) -> str:
    """The cache key of the fastest runtime: network shape, threads, processor and versions of the packages."""
    shape = [card.architecture, dict(sorted(card.arguments.items())), card.task, card.precision]
    return json.dumps(
        [
            "quickest",
            *shape,
            usable_threads(settings),
            processor_name(),
            instructions(),
            {name: version_of(name) for name in _PACKAGES},
        ]
    )


@functools.cache
def version_of(package: str) -> str | None:
    """The version of an installed package, which is not imported; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _usable(kept: object, candidates: Mapping[str, object]) -> dict[str, float]:
    """The cached milliseconds of those that are still candidates."""
    if not isinstance(kept, dict):
        return {}
    return {name: ms for name, ms in kept.items() if name in candidates and isinstance(ms, int | float)}


def _measured_ms(
    candidates: Mapping[str, Callable[[], Runtime]], clock: Callable[[], float]
) -> tuple[dict[str, float], dict[str, str]]:
    """The shortest warm run of each candidate in milliseconds, interleaved, since other load can only add time; and of
    each that failed, why.
    """
    opened: dict[str, Runtime] = {}
    failures: dict[str, KdsrError] = {}
    for name, open_candidate in candidates.items():
        try:
            with as_settings_error(name):
                runtime = open_candidate()
                runtime.run_uint8(_pixels(runtime))
            opened[name] = runtime
        except (SettingsError, WeightsError) as error:
            failures[name] = error
    if not opened:
        raise next(iter(failures.values()), None) or WeightsError("There is no runtime to choose from.")
    pixels = _pixels(next(iter(opened.values())))
    shortest = dict.fromkeys(opened, float("inf"))
    began = clock()
    for _ in range(ROUNDS):
        for name, runtime in opened.items():
            started = clock()
            runtime.run_uint8(pixels)
            shortest[name] = min(shortest[name], round(1000 * (clock() - started), 3))
        if clock() - began > BUDGET_S:
            break
    return shortest, {name: str(error) for name, error in failures.items()}


def _pixels(runtime: Runtime) -> np.ndarray:
    """A random picture of `SIDE_PX`, or a little more where the network needs a multiple."""
    side = -(-SIDE_PX // runtime.about.multiple) * runtime.about.multiple
    return np.random.default_rng(0).integers(0, 256, (side, side, runtime.about.planes), np.uint8)
