"""Style transfer measured: student and twin against their teacher, flicker on a pan, and a sheet to look at.

    python benchmarks/style.py STYLE... --photos FOLDER [--sheet OUT.jpg] [--speed]

Per style the mean style and content distance over the photographs, the worst picture's style distance, and flicker, by
EfficientNet-Lite0 (the loss) and Lite2 (not the loss). Give photographs that no recipe trained on. With `--speed` all
networks of the first style are timed in turns at 512x512, each in its best runtime; run that on an idle machine.
"""

import functools
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from torch import Tensor

from kdsr.bench.speed import Speed, measure_speed, open_contestant
from kdsr.bench.speed_report import speed_table
from kdsr.bench.style import JUDGES, StyleFigure, measure_style, pan_flicker
from kdsr.image import Picture, from_tensor, read_picture, to_tensor, write_picture
from kdsr.image.batch import pictures_in
from kdsr.restore import open_runtime, restore
from kdsr.settings import Settings, settings_from_environment
from kdsr.zoo import Catalog, open_catalog

KINDS = ("teacher", "student-32x7", "student-16x7", "student-32x7-twin")
SIDE_PX = 256
"""Of the middle of each photograph, which is halved first."""
RUNTIMES = ("torch", "onnx", "openvino")


def main(
    styles: list[str],
    photos: Annotated[list[Path], typer.Option(help="Photographs, or folders of them.")],
    sheet: Path | None = None,
    count: int = 12,
    speed: Annotated[bool, typer.Option("--speed")] = False,
) -> None:
    """Print the table of every style; write a sheet of input, teacher, students and twin, one row per photograph."""
    settings = settings_from_environment()
    catalog = open_catalog(settings)
    files = [file for place in photos for file in (pictures_in(place) if place.is_dir() else [place])][:count]
    pictures = [middle(read_picture(file, settings)) for file in files]
    typer.echo(
        "| style | network | style, Lite0 | content, Lite0 | style, Lite2 | content, Lite2 | worst style | flicker |"
    )
    typer.echo("|---|---|---|---|---|---|---|---|")
    columns: list[list[Tensor]] = [pictures]
    for style in styles:
        for kind in KINDS:
            name = f"style_{style}-{kind}"
            if not any(card.name == name for card in catalog.cards):
                continue
            draw = drawer(name, catalog, settings)
            results = [draw(picture) for picture in pictures]
            columns.append(results)
            typer.echo(row(style, kind, results, pictures, draw))
    if sheet is not None:
        write_picture(from_tensor(grid(columns), Picture(np.zeros((1, 1, 3), np.uint8))), sheet)
    if speed:
        compare_speed(styles[0], catalog, settings)


def middle(picture: Picture) -> Tensor:
    """The middle of `picture` at half its size, (1, 3, 256, 256) or less."""
    half = cv2.resize(picture.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    side_y, side_x = (min(side, SIDE_PX) // 2 * 2 for side in half.shape[:2])
    top, left = (half.shape[0] - side_y) // 2, (half.shape[1] - side_x) // 2
    return to_tensor(Picture(np.ascontiguousarray(half[top : top + side_y, left : left + side_x, :3])))


def drawer(name: str, catalog: Catalog, settings: Settings) -> Callable[[Tensor], Tensor]:
    """The function that draws one picture by the network `name`."""
    runtime = open_runtime(catalog.find(name), catalog, runtime="auto", settings=settings)
    return functools.partial(restore, runtime=runtime)


def row(
    style: str, kind: str, results: Sequence[Tensor], pictures: Sequence[Tensor], draw: Callable[[Tensor], Tensor]
) -> str:
    """One line of the table."""
    found: dict[str, list[StyleFigure]] = {
        judge: [measure_style(*pair, style, judge) for pair in zip(results, pictures, strict=True)] for judge in JUDGES
    }
    cells = [
        f"{statistics.fmean(getattr(figure, what) for figure in found[judge]):.3f}"
        for judge in JUDGES
        for what in ("style", "content")
    ]
    flicker = statistics.fmean(pan_flicker(draw, picture) for picture in pictures[:3])
    worst = max(figure.style for figure in found["lite2"])
    return f"| {style} | {kind} | {' | '.join(cells)} | {worst:.3f} | {flicker:.2f} |"


def grid(columns: Sequence[Sequence[Tensor]]) -> Tensor:
    """All pictures in one, (1, 3, H, W): a row per photograph, 4 white pixels between them."""
    side = max(max(picture.shape[2:]) for picture in columns[0])
    rows = [
        torch.cat([_padded(column[number], side) for column in columns], dim=3) for number in range(len(columns[0]))
    ]
    return torch.cat(rows, dim=2)


def _padded(picture: Tensor, side: int) -> Tensor:
    height, width = picture.shape[2:]
    return torch.nn.functional.pad(picture, (0, side - width + 4, 0, side - height + 4), value=1.0)


def compare_speed(style: str, catalog: Catalog, settings: Settings) -> None:
    """Print the time of each network in its best runtime, all in one interleaved run, and the ratios."""
    names = [f"style_{style}-{kind}" for kind in KINDS[:3]]
    contestants = [open_contestant(name, catalog, settings, runtime=runtime) for name in names for runtime in RUNTIMES]
    report = measure_speed(contestants, settings, sides_px=[512], repeats=9, memory=False)
    typer.echo(speed_table(report))

    def best(name: str) -> Speed:
        return min((each for each in report.speeds if each.model == name), key=lambda each: each.median_ms)

    for name in names[1:]:
        teacher, ours = best(names[0]), best(name)
        ratio = teacher.median_ms / ours.median_ms
        typer.echo(
            f"{name} ({ours.runtime}) {ours.median_ms:.1f} ms, teacher ({teacher.runtime}) {teacher.median_ms:.1f} ms: "
            f"{ratio:.1f}x"
        )


if __name__ == "__main__":
    typer.run(main)
