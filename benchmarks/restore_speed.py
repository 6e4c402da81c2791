"""How long restoring takes, array to array, side by side: a student under torch and ONNX Runtime, and its teacher.

    python benchmarks/restore_speed.py [--student NAME] [--teacher NAME] [--side 256] [--repeats 15]

All candidates take turns in each round; a turn is one run that is not timed (it takes the place of the neighbour's data in the
caches, and waits until its idle threads have gone to sleep) and one that is. Medians. Run it on an idle machine.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import typer

from kdsr.image import Picture, from_tensor, to_tensor
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import Settings, settings_from_environment, usable_threads
from kdsr.zoo import Catalog

PLAIN = "torch eager, plain layout"


def main(student: str = "", teacher: str = "", task: str = "sr_x4", side: int = 256, repeats: int = 15) -> None:
    """Print the medians in milliseconds and how many times slower each candidate is than the student under ONNX Runtime."""
    settings = settings_from_environment()
    catalog = Catalog(settings.weights_dir)
    student = student or catalog.for_task(task, "student")[0].name
    teacher = teacher or catalog.for_task(task, "teacher")[0].name
    picture = Picture(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))
    candidates = {(name, runtime): candidate(name, runtime, picture, catalog, settings) for name in (student, teacher) for runtime in (PLAIN, "torch", "onnx")}
    medians = interleaved_medians_ms(candidates, repeats)
    typer.echo(f"{side}x{side} in, array to array, {usable_threads(settings)} threads, median of {repeats} warm runs, torch {torch.__version__}")
    for (name, runtime), median_ms in medians.items():
        typer.echo(f"{name:32} {runtime:28} {median_ms:9.1f} ms {median_ms / medians[student, 'onnx']:8.2f}x")


def candidate(name: str, runtime: str, picture: Picture, catalog: Catalog, settings: Settings) -> Callable[[], Picture]:
    """A function that restores `picture` once; `PLAIN` is the network as a script would call it, without the engine."""
    if runtime != PLAIN:
        opened = open_runtime(catalog.find(name), catalog, runtime=runtime, settings=settings)
        return lambda: restore_picture(picture, opened)
    network = catalog.load(name)

    @torch.no_grad()
    def run() -> Picture:
        torch.set_num_threads(usable_threads(settings))
        return from_tensor(network(to_tensor(picture)), picture)

    return run


def interleaved_medians_ms(candidates: dict[tuple[str, str], Callable[[], Picture]], repeats: int) -> dict[tuple[str, str], float]:
    """The median duration of each candidate in milliseconds; the first round is not counted."""
    durations: dict[tuple[str, str], list[float]] = {key: [] for key in candidates}
    for _ in range(repeats + 1):
        for key, run in candidates.items():
            run()
            started = time.perf_counter()
            run()
            durations[key].append(1000 * (time.perf_counter() - started))
    return {key: statistics.median(taken[1:]) for key, taken in durations.items()}


if __name__ == "__main__":
    typer.run(main)
