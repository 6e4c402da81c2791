"""Speed of the sharp students for real photographs against their teacher, Real-ESRGAN x4plus, in one interleaved run.

    python benchmarks/sharp_speed.py [--student NAME]... [--side-px 128] [--repeats 5]

Each network runs in every runtime of this machine in turn; the ratio is that of the best runtime of each. The teacher
comes by `kdsr teachers add realesrgan-x4plus`. Array to array, float32. Run it on an idle machine.
"""

import typer

from kdsr.bench.speed import Speed, measure_speed, open_contestant
from kdsr.bench.speed_report import speed_table
from kdsr.settings import settings_from_environment
from kdsr.zoo import open_catalog

TEACHER = "realesrgan-x4plus"
RUNTIMES = ("torch", "onnx", "openvino")


def main(student: list[str] | None = None, side_px: int = 128, repeats: int = 5) -> None:
    """Print the table and the ratios. `student`: by default every network for looks of photo_x4 that is no twin."""
    settings = settings_from_environment()
    catalog = open_catalog(settings)
    students = student or [card.name for card in catalog.for_task("photo_x4", "student") if card.is_for_looks]
    contestants = [
        open_contestant(name, catalog, settings, runtime=runtime)
        for name in (TEACHER, *students)
        for runtime in RUNTIMES
    ]
    report = measure_speed(
        contestants,
        settings,
        sides_px=[side_px],
        repeats=repeats,
        memory=False,
        on_progress=lambda text: typer.echo(text, err=True),
    )
    typer.echo(speed_table(report))

    def best(name: str) -> Speed:
        return min((each for each in report.speeds if each.model == name), key=lambda each: each.median_ms)

    teacher = best(TEACHER)
    for name in students:
        ours = best(name)
        typer.echo(
            f"{name} ({ours.runtime}): {teacher.median_ms / ours.median_ms:.0f}x faster than {TEACHER} "
            f"({teacher.runtime}): {ours.median_ms:.1f} ms against {teacher.median_ms:,.0f} ms"
        )


if __name__ == "__main__":
    typer.run(main)
