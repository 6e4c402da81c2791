"""The peak memory of restoring a large picture, array to array, in a process of its own.

    python benchmarks/restore_memory.py [--model NAME] [--height 2000] [--width 3000] [--runtime onnx] [--tile N]

Peak RSS of the process, libraries, input and output included, in megabytes of 1,000,000 bytes (Linux). Before the run
the libraries take about 0.1 GB for ONNX Runtime, and 0.6 for torch, which is imported if the graph
does not exist yet. A tile as long as the picture gives the untiled run. From file to file, in strips: /usr/bin/time -v
kdsr restore IN -o OUT --model NAME.
"""

import resource
import time

import numpy as np
import typer

from kdsr.image import Picture
from kdsr.restore import open_runtime, restore_picture
from kdsr.settings import settings_from_environment
from kdsr.zoo import Catalog


def main(
    model: str = "", task: str = "sr_x4", height: int = 2000, width: int = 3000, runtime: str = "onnx", tile: int = 0
) -> None:
    """Print peak RSS before and after, what input and output take, and the time."""
    settings = settings_from_environment()
    catalog = Catalog(settings.weights_dir)
    model = model or catalog.for_task(task, "student")[0].name
    opened = open_runtime(catalog.find(model), catalog, runtime=runtime, settings=settings)
    opened.run_uint8(np.zeros((8, 8, 3), np.uint8))
    picture = Picture(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
    before_mb = peak_rss_mb()
    started = time.perf_counter()
    restored = restore_picture(picture, opened, tile_px=tile or None)
    duration_s = time.perf_counter() - started
    typer.echo(
        f"{model}, {opened.about.name}, {opened.about.threads} threads, "
        f"{height}x{width} to {restored.height}x{restored.width} in {duration_s:.1f} s"
    )
    typer.echo(
        f"peak RSS {peak_rss_mb():.0f} MB; {before_mb:.0f} MB before, "
        f"input {picture.pixels.nbytes / 1e6:.0f}, output {restored.pixels.nbytes / 1e6:.0f}"
    )


def peak_rss_mb() -> float:
    """The largest resident memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    typer.run(main)
