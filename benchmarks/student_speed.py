"""The speed that the students promise: their ratios to torch, to a network of IMDN's size and to what the processor can do, in one run.

    python benchmarks/student_speed.py [--integer NAME] [--small-integer NAME] [--weights DIR] [--repeats 15]

`--integer` names a network of 8-bit integers, the student's or another. The network of IMDN's size is a plain stack of 20 convolutions
of 64 channels, 694 K parameters with random weights (IMDN: 715 K, and slower per parameter, because its layers are small pieces).
256x256 in, 1024x1024 out, array to array; turns as in `kdsr bench`. Run it on an idle machine.
"""

import tempfile
from pathlib import Path

import torch
import typer

from kdsr.bench.speed import Contestant, Speed, measure_speed, open_contestant
from kdsr.bench.speed_report import speed_table
from kdsr.models import build_model, count_macs, count_parameters
from kdsr.settings import Settings, settings_from_environment
from kdsr.zoo import Card, Catalog, save_weights, sha256_of, write_card

FLOAT_RUNTIMES = ("torch", "onnx", "openvino", "openvino-bf16")
LARGE = "imdn-size"


def main(
    student: str = "sr_x4-student-32x7",
    small: str = "sr_x4-student-16x7",
    integer: str = "",
    small_integer: str = "",
    weights: Path | None = None,
    repeats: int = 15,
) -> None:
    """Print the table and the ratios."""
    settings = settings_from_environment()
    catalog = Catalog(weights or settings.weights_dir)
    runtimes = dict.fromkeys((student, small), FLOAT_RUNTIMES) | {name: ("onnx", "openvino") for name in (integer, small_integer) if name}
    contestants = [open_contestant(name, catalog, settings, runtime=runtime) for name, each in runtimes.items() for runtime in each]
    with tempfile.TemporaryDirectory() as folder:
        contestants += large_contestants(Path(folder), settings)
        report = measure_speed(contestants, settings, sides_px=[256], repeats=repeats, memory=False, tell=lambda text: typer.echo(text, err=True))
    typer.echo(speed_table(report))

    def best(model: str, precision: str = "") -> Speed:
        return min((each for each in report.speeds if each.model == model and precision in ("", each.precision)), key=lambda each: each.median_ms)

    plain = next(each.median_ms for each in report.speeds if (each.model, each.runtime) == (student, "torch"))
    for name, lesser in ((integer or student, small_integer or small), (student, small)):
        ours, theirs = best(name), best(LARGE)
        typer.echo(
            f"{name} ({ours.runtime}, {ours.precision}): {plain / ours.median_ms:.2f}x torch eager float32; {theirs.median_ms / ours.median_ms:.2f}x {LARGE}"
        )
        exact = best(LARGE, "float32")
        typer.echo(f"   {exact.median_ms / ours.median_ms:.2f}x {LARGE} in float32; {ours.share_of_limit or 0:.0%} of the limit")
        typer.echo(f"   {lesser}: {ours.median_ms / best(lesser).median_ms:.2f}x the speed of {name}")


def large_contestants(folder: Path, settings: Settings) -> list[Contestant]:
    """A network of IMDN's size in each runtime for floats; its files lie in `folder`."""
    torch.manual_seed(0)
    arguments = {"width": 64, "depth": 20}
    network = build_model("plain", 4, arguments)
    path = save_weights(network.state_dict(), folder / f"{LARGE}.safetensors")
    card = Card(
        name=LARGE, title="Of IMDN's size", task="sr_x4", role="teacher", architecture="plain", arguments=arguments, parameters=count_parameters(network),
        macs_per_output_megapixel=count_macs(network), file_bytes=path.stat().st_size, sha256=sha256_of(path), licence="Apache-2.0",
        trained_on="nothing: random weights", steps=0, seed=0,
    )  # fmt: skip
    write_card(card, path.with_suffix(".json"))
    return [open_contestant(LARGE, Catalog(folder), settings, runtime=runtime) for runtime in FLOAT_RUNTIMES]


if __name__ == "__main__":
    typer.run(main)
