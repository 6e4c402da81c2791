"""Speed of the students against torch, IMDN and the processor's peak, in one run.

    python benchmarks/student_speed.py [--integer NAME] [--small-integer NAME] [--weights DIR] [--repeats 15]

`--integer` names a network of 8-bit integers, the student's or another. IMDN (715 K parameters, random weights; see
`imdn.py`) runs in the same interleaved turns. 256x256 in, 1024x1024 out, array to array; turns as in `kdsr bench`. Run
it on an idle machine.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import typer
from imdn import GMACS_PER_OUTPUT_MEGAPIXEL, write_imdn, write_integer_imdn

from kdsr.bench.speed import Contestant, Speed, measure_speed, open_contestants
from kdsr.bench.speed_report import speed_table
from kdsr.errors import SettingsError, WeightsError
from kdsr.image import Picture
from kdsr.restore.openvino_session import open_openvino_session
from kdsr.restore.session import open_session
from kdsr.restore.trial import as_settings_error
from kdsr.settings import Settings, settings_from_environment, usable_threads
from kdsr.zoo import Catalog

FLOAT_RUNTIMES = ("torch", "onnx", "openvino", "openvino-bf16")
INTEGER_RUNTIMES = ("onnx", "openvino")
IMDN = "imdn"


def main(
    student: str = "sr_x4-student-32x7",
    small: str = "sr_x4-student-16x7",
    integer: str = "",
    small_integer: str = "",
    weights: Path | None = None,
    repeats: int = 15,
) -> None:
    """Print the table and the ratios."""
    # Over 40 lines: options, one measurement, one report.
    settings = settings_from_environment()
    catalog = Catalog(weights or settings.weights_dir)
    runtimes = dict.fromkeys((student, small), FLOAT_RUNTIMES) | {
        name: INTEGER_RUNTIMES for name in (integer, small_integer) if name
    }
    contestants = [
        contestant
        for name, each in runtimes.items()
        for contestant in open_contestants(name, catalog, settings, each, tell=tell)
    ]
    with tempfile.TemporaryDirectory() as folder:
        contestants += imdn_contestants(Path(folder), settings)
        report = measure_speed(
            contestants,
            settings,
            sides_px=[256],
            repeats=repeats,
            memory=False,
            on_progress=tell,
        )
    typer.echo(speed_table(report))

    def best(model: str, precision: str = "") -> Speed:
        return min(
            (each for each in report.speeds if each.model == model and precision in ("", each.precision)),
            key=lambda each: each.median_ms,
        )

    plain = next(each.median_ms for each in report.speeds if (each.model, each.runtime) == (student, "torch"))
    run_in = {each.precision for each in report.speeds if each.model == IMDN}
    large = [best(IMDN, precision) for precision in ("int8", "bfloat16", "float32") if precision in run_in]
    for name, lesser in ((integer or student, small_integer or small), (student, small)):
        ours = best(name)
        typer.echo(
            f"{name} ({ours.runtime}, {ours.precision}): {plain / ours.median_ms:.2f}x torch eager float32; "
            f"{ours.share_of_limit or 0:.0%} of the limit"
        )
        ratios = [
            f"{theirs.median_ms / ours.median_ms:.2f}x in {theirs.precision} ({theirs.runtime})" for theirs in large
        ]
        typer.echo(f"   against IMDN: {', '.join(ratios)}")
        typer.echo(f"   {lesser}: {ours.median_ms / best(lesser).median_ms:.2f}x the speed of {name}")


def tell(text: str) -> None:
    """Show a line of progress."""
    typer.echo(text, err=True)


def imdn_contestants(folder: Path, settings: Settings) -> list[Contestant]:
    """IMDN in each runtime, in floats and in 8-bit integers, array to array; its files lie in `folder`."""
    floats, integers, threads = folder / "imdn.onnx", folder / "imdn-int8.onnx", usable_threads(settings)
    write_imdn(floats)
    write_integer_imdn(floats, integers)
    openings: list[tuple[Path, str, str]] = [
        (floats, "onnx", "float32"),
        (integers, "onnx", "int8"),
        (integers, "openvino", "int8"),
    ]
    openings += [(floats, "openvino", precision) for precision in ("float32", "bfloat16")]
    contestants = []
    for path, runtime, precision in openings:
        try:
            with as_settings_error(runtime):
                contestant = imdn_contestant(path, runtime, precision, threads)
                contestant.run(Picture(np.zeros((32, 32, 3), np.uint8)))
            contestants.append(contestant)
        except (SettingsError, WeightsError) as error:
            tell(f"IMDN goes on without the runtime {runtime} in {precision}: {error}")
    return contestants


def imdn_contestant(path: Path, runtime: str, precision: str, threads: int) -> Contestant:
    """IMDN from the graph at `path`."""
    started = time.perf_counter()
    hint = "bfloat16" if precision == "bfloat16" else "float32"
    session = (
        open_session(path, threads=threads)
        if runtime == "onnx"
        else open_openvino_session(path, threads=threads, precision=hint)
    )

    def run(picture: Picture) -> object:
        planes = np.moveaxis(picture.pixels, 2, 0)[None].astype(np.float32) / 255
        return np.moveaxis(session.run(None, {"image": planes})[0][0], 0, 2)

    opened_ms = 1000 * (time.perf_counter() - started)
    return Contestant(IMDN, runtime, precision, 4, run, opened_ms, 2 * GMACS_PER_OUTPUT_MEGAPIXEL, speed_only=True)


if __name__ == "__main__":
    typer.run(main)
