"""What a request of the page costs: a 256x256 file in, the student's exact PNG and what the page shows of it out.

    python benchmarks/request_cost.py [--student NAME] [--picture FILE] [--side 256] [--repeats 9] [--runtime auto]

Three take turns: the page's own handler (`restore_steps`, until the student's picture is shown and until the last
figure), the same handler with torch eager and Pillow's default PNG, and the least that a script would do with these
two: read, one pass, write one PNG. Medians of warm runs. Run it on an idle machine.
"""

import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event
from unittest import mock

import numpy as np
import torch
import typer
from PIL import Image

from kdsr.degrade import bicubic_resize
from kdsr.image import Picture, from_tensor, write_picture
from kdsr.image import write as writing
from kdsr.settings import settings_from_environment, usable_threads
from kdsr.ui.restore.request import Order
from kdsr.ui.restore.run import restore_steps
from kdsr.zoo import Catalog

TASK = "sr_x4"


def main(student: str = "", picture: str = "", side: int = 256, repeats: int = 9, runtime: str = "auto") -> None:
    """Print the medians, and how many times longer each takes than the page's handler."""
    # Over 40 lines: options, one measurement, one report.
    settings = settings_from_environment()
    catalog = Catalog(settings.weights_dir)
    student = student or catalog.for_task(TASK, "student")[0].name
    with tempfile.TemporaryDirectory() as folder:
        file = write_picture(crop(Path(picture) if picture else None, side), Path(folder) / "given.png")

        def handler(name: str) -> tuple[float, float]:
            """Seconds until the student's picture stands, and until the last figure."""
            started, stands = time.perf_counter(), 0.0
            order = Order(file, "degraded", TASK, student=student, runtime=name)
            for step in restore_steps(order, settings, Path(folder) / "out", Event()):
                if not stands and step.result is not None and step.result.column("student"):
                    stands = time.perf_counter() - started
            return stands, time.perf_counter() - started

        def plain_handler() -> tuple[float, float]:
            with mock.patch.object(writing, "_written", pillow_png):
                return handler("torch")

        network = catalog.load(student)

        @torch.no_grad()
        def script() -> tuple[float, float]:
            started = time.perf_counter()
            torch.set_num_threads(usable_threads(settings))
            with Image.open(file) as opened:
                image = torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
            pixels = network(image)[0].clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
            Image.fromarray(pixels).save(Path(folder) / "script.png")
            return (time.perf_counter() - started,) * 2

        candidates: dict[str, Callable[[], tuple[float, float]]] = {
            "the page's handler": lambda: handler(runtime),
            "handler, torch eager, Pillow's PNG": plain_handler,
            "script, torch eager, Pillow's PNG": script,
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
        for repeat in range(repeats + 1):
            for name, run in candidates.items():
                run()
                durations = run()
                if repeat:
                    taken[name].append(durations)
    typer.echo(f"{student}, {side}x{side} x4, {usable_threads(settings)} threads, medians of {repeats}")
    medians = {
        name: [1000 * statistics.median(each) for each in zip(*durations, strict=True)]
        for name, durations in taken.items()
    }
    ours = medians["the page's handler"]
    for name, (stands, done) in medians.items():
        typer.echo(
            f"{name:36} picture shown {stands:7.1f} ms {stands / ours[0]:5.1f}x   "
            f"all figures {done:7.1f} ms {done / ours[1]:5.1f}x"
        )


def crop(path: Path | None, side: int) -> Picture:
    """The centre of the picture at `path`, shrunk so that all of it is seen; without one, smooth noise, which packs as
    a photograph does.
    """
    if path is None:
        noise = torch.rand(1, 3, side // 8, side // 8, generator=torch.Generator().manual_seed(0))
        fine = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
        return from_tensor(
            (0.95 * bicubic_resize(noise, 8)[..., :side, :side] + 0.05 * fine).clamp(0, 1),
            Picture(np.zeros((1, 1, 3), np.uint8)),
        )
    with Image.open(path) as opened:
        return Picture(np.array(opened.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)))


def pillow_png(picture: Picture, _writer: object) -> bytes:
    """`picture` as a PNG by Pillow's defaults."""
    stream = io.BytesIO()
    Image.fromarray(picture.pixels).save(stream, "PNG")
    return stream.getvalue()


if __name__ == "__main__":
    typer.run(main)
