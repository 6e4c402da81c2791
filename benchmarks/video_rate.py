"""How much of a network's own rate a clip keeps, with decoding, encoding and sound, and the memory that it takes.

    python benchmarks/video_rate.py [--model sr_x2-student-16x7] [--seconds 20] [--fps 24] [--width 640] [--height 360]

`ONEDNN_MAX_CPU_ISA=AVX2` before it measures the runtimes of OpenVINO as on a processor without AVX-512.

Makes a clip (H.264, stereo) and restores it by `restore_clip`. Times the network alone on frames of
the same clip, before and after. Prints frames per second of both, the ratio, and the highest memory up to a quarter,
a half and the end of the clip: where it does not grow, a longer clip takes no more.
"""

import resource
import statistics
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from helpers.clips import make_clip

from kdsr.image import Picture
from kdsr.restore import open_runtime
from kdsr.restore.engine import restore_picture
from kdsr.restore.runtime import Runtime
from kdsr.settings import settings_from_environment
from kdsr.video import ClipProgress, clip_settings, open_clip, restore_clip
from kdsr.video.clip import Shot, shots
from kdsr.zoo import Catalog

ALONE = 40
"""Frames that the network restores alone."""


def main(
    model: str = "sr_x2-student-16x7",
    seconds: int = 20,
    fps: int = 24,
    width: int = 640,
    height: int = 360,
    codec: str = "libx264",
) -> None:
    """Measure and print."""
    settings = settings_from_environment()
    catalog = Catalog(settings.weights_dir)
    card = catalog.find(model)
    runtime = open_runtime(card, catalog, settings=settings)
    for_clips = open_runtime(card, catalog, settings=clip_settings(settings, card))
    with TemporaryDirectory() as folder:
        source = Path(folder) / "clip.mp4"
        about = {"frames": fps * seconds, "width": width, "height": height, "codec": codec, "rate": fps, "channels": 2}
        maker = get_context("spawn").Process(target=make_clip, args=(source,), kwargs=about)  # it keeps its frames
        maker.start()
        maker.join()
        frames = [shot for shot, _ in zip(shots(open_clip(source)), range(ALONE), strict=False)]
        alone = [*seconds_alone(runtime, frames)]
        since, highest_mb = time.perf_counter(), dict[float, float]()

        def sample(progress: ClipProgress) -> None:
            for share in (0.25, 0.5):
                if progress.frames >= share * fps * seconds:
                    highest_mb.setdefault(share, memory_mb())

        restore_clip(
            source, Path(folder) / "result.mp4", for_clips, settings, made_by="benchmark", on_progress=sample
        )  # fmt: skip
        rate = fps * seconds / (time.perf_counter() - since)
        alone += seconds_alone(runtime, frames)
    own = 1 / statistics.median(alone)
    grown = ", ".join(f"{mb:.0f}" for mb in (*highest_mb.values(), memory_mb()))
    typer.echo(
        f"{model}, {runtime.about.name}, {width}x{height} x{runtime.about.scale}: alone {own:.1f} frames/s, "
        f"the clip {rate:.1f} frames/s ({rate / own:.0%} of it), memory at most {grown} MB"
    )


def memory_mb() -> float:
    """The highest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def seconds_alone(runtime: Runtime, frames: list[Shot]) -> list[float]:
    """Seconds of each frame by the network alone."""
    found = []
    for shot in frames:
        since = time.perf_counter()
        restore_picture(Picture(shot.pixels), runtime)
        found.append(time.perf_counter() - since)
    return found


if __name__ == "__main__":
    typer.run(main)
