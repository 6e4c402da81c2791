"""The rate of `kdsr restore DIR` against the same pictures one by one, in one process with the same runtime.

    python benchmarks/folder.py [--model NAME] [--pictures 500] [--height 150] [--width 200]
                                [--rounds 5] [--runtime auto]

Files in, PNG files out, on a temporary folder. One by one: read, restore and write, with all threads for the network.
Side by side: what the command line does. Both take turns over parts of the pictures; start, loading and a first picture
each are not counted. Photographs come from scikit-image's own. Run it on an idle machine.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
import typer

from kdsr.image import Picture, read_picture, write_picture
from kdsr.image.batch import Job, Ledger, side_by_side, work_through
from kdsr.restore import Runtime, open_runtime, restore_file, restore_picture
from kdsr.settings import Settings, settings_from_environment, usable_threads
from kdsr.zoo import Catalog


def main(
    model: str = "sr_x4-student-32x7",
    pictures: int = 500,
    height: int = 150,
    width: int = 200,
    rounds: int = 5,
    runtime: str = "auto",
    suffix: str = ".png",
) -> None:
    """Print the pictures per second of both ways, and their ratio."""
    settings = settings_from_environment()
    catalog = Catalog(settings.weights_dir)
    at_once, shared = side_by_side(settings, pictures)
    alone, beside = (
        open_runtime(catalog.find(model), catalog, runtime=runtime, settings=each) for each in (settings, shared)
    )
    with TemporaryDirectory() as place:
        jobs = write_sources(Path(place), pictures, height, width, suffix)
        ways: dict[str, Callable[[list[Job]], None]] = {
            "one by one": lambda part: one_by_one(part, alone, settings),
            "side by side": lambda part: beside_each_other(part, beside, shared, at_once),
        }
        seconds = dict.fromkeys(ways, 0.0)
        for way in ways.values():
            way(jobs[:at_once])
        for first in range(rounds):
            for name, way in ways.items():
                started = time.perf_counter()
                way(jobs[first::rounds])
                seconds[name] += time.perf_counter() - started
    typer.echo(
        f"{model}, {alone.about.name}, {usable_threads(settings)} threads; {pictures} {suffix} of {width}x{height}, "
        f"PNG out; {at_once} in parallel"
    )
    for name, taken in seconds.items():
        typer.echo(f"{name:14} {pictures / taken:8.2f} pictures/s ({1000 * taken / pictures:.1f} ms each)")
    typer.echo(f"ratio {seconds['one by one'] / seconds['side by side']:.2f}")


def write_sources(folder: Path, pictures: int, height: int, width: int, suffix: str) -> list[Job]:
    """Random cuts of photographs, written to `folder`, each with the place of its result."""
    photographs = [
        each() for each in (skimage.data.astronaut, skimage.data.chelsea, skimage.data.coffee, skimage.data.rocket)
    ]
    random, jobs = np.random.default_rng(0), []
    for index in range(pictures):
        photograph = photographs[index % len(photographs)]
        times = [-(-side // length) for side, length in zip((height, width), photograph.shape, strict=False)]
        tiled = np.tile(photograph, (*times, 1))
        top, left = (
            random.integers(0, length - side + 1) for length, side in zip(tiled.shape, (height, width), strict=False)
        )
        source = write_picture(
            Picture(np.ascontiguousarray(tiled[top : top + height, left : left + width])),
            folder / f"{index:04}{suffix}",
        )
        jobs.append(Job(source, folder / f"{index:04}.restored.png"))
    return jobs


def one_by_one(jobs: list[Job], runtime: Runtime, settings: Settings) -> None:
    """Each picture read, restored and written before the next one is begun."""
    for job in jobs:
        write_picture(restore_picture(read_picture(job.source, settings), runtime), job.target)


def beside_each_other(jobs: list[Job], runtime: Runtime, settings: Settings, at_once: int) -> None:
    """As the command line does it, with its ledger."""
    ledger = Ledger(jobs[0].target.parent, "benchmark")
    for outcome in work_through(
        jobs,
        lambda job, should_stop: restore_file(job.source, job.target, runtime, settings, should_stop=should_stop),
        at_once,
    ):
        assert outcome.failure is None, outcome.failure
        ledger.add(outcome)


if __name__ == "__main__":
    typer.run(main)
