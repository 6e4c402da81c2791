"""The result of a run of the page: its columns, each a picture on disk with its figures. Plain data that a session can
hold.

The file of a column is the exact array that its figures were taken on. What is shown may differ: the input is enlarged
to the size of the result, and very large pictures are shrunk. Not here: how the pictures are made (`restore.run`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch.nn.functional as F

from kdsr.image import Picture, from_tensor, to_tensor, write_picture
from kdsr.metrics import Measurement
from kdsr.ui.restore.request import Order
from kdsr.zoo import Card

PREVIEW_MEGAPIXELS = 6.0
"""Larger pictures are shown shrunk, so that a browser can hold a pair of them."""

COLUMNS: dict[str, str] = {
    "input": "Before",
    "bicubic": "Bicubic",
    "navier_stokes": "Navier-Stokes (OpenCV)",
    "twin": "Student without distillation",
    "before": "Student before",
    "student": "Student",
    "teacher": "Teacher",
    "truth": "Original",
    "error_student": "Error of the student",
    "error_teacher": "Error of the teacher",
    "difference": "Difference: student and teacher",
    "invented_student": "Invented by the student",
    "invented_teacher": "Invented by the teacher",
}  # in the order of the dropdowns and the table


@dataclass(frozen=True)
class NetworkTiming:
    """How long one network took; first run and loading are in `waited_s` only."""

    network_s: float
    end_to_end_s: float
    waited_s: float
    repeats: int
    """Warm runs behind the medians; 0 while they are still being taken."""
    device: str
    threads: int
    precision: str
    runtime: str


@dataclass(frozen=True)
class Column:
    """One picture of the comparison."""

    key: str
    shown: Path
    file: Path
    measurement: Measurement | None = None
    timing: NetworkTiming | None = None
    card: Card | None = None
    is_ensemble: bool = False
    """Mean over the 8 symmetries of the square."""
    looks: Mapping[str, float] | None = None
    """Figures for looks by name, nan where the picture has none; None while they are not taken."""
    sharpness: float | None = None
    """Of the student, where the dial was moved: 0 faithful, 1 sharp."""
    consistency_db: float | None = None
    """Of a map of what was invented: PSNR of the result, shrunk again, against the input."""

    @property
    def title(self) -> str:
        key = (
            "twin" if self.card is not None and self.card.role == "twin" else self.key
        )  # it may be tried in the student's place
        dial = "" if self.sharpness is None else f" at sharpness {self.sharpness:g}"
        return COLUMNS[key] + ("+" if self.is_ensemble else "") + dial


@dataclass(frozen=True)
class RestoreResult:
    """What a run has made of one picture so far."""

    task: str
    name: str
    bits: int
    size: tuple[int, int]
    """Width and height of the result."""
    truth_given: bool
    columns: tuple[Column, ...] = ()
    apart: Measurement | None = None
    """The student measured against the teacher, as if that were the truth."""
    notes: tuple[str, ...] = ()
    description: str = ""
    """Picture, task and strength, in a few words."""
    order: Order | None = None
    """What was asked for; as long as the controls ask for the same, the result is not stale."""
    looks: tuple[str, ...] = ()
    """The figures for looks that the run takes of each picture, by their names in `kdsr.metrics.looks`."""

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height of the pictures that are shown."""
        shrink = _shrink(*self.size)
        return math.ceil(self.size[0] / shrink), math.ceil(self.size[1] / shrink)

    def column(self, key: str) -> Column | None:
        """The column `key`, or None while it is not there."""
        return next((column for column in self.columns if column.key == key), None)

    def with_column(self, column: Column) -> "RestoreResult":
        """This result with `column` added or replaced, columns in their order."""
        kept = {each.key: each for each in self.columns} | {column.key: column}
        return replace(self, columns=tuple(kept[key] for key in COLUMNS if key in kept))


def save_column(
    key: str, picture: Picture, folder: Path, task: str, *, enlarge: int = 1, sharpness: float | None = None
) -> Column:
    """The column `key` with `picture` written exactly, and a copy to be shown where that must differ."""
    dial = "" if sharpness is None else f"-sharpness-{sharpness:g}"
    file = write_picture(picture, folder / f"{picture.name}-{task}-{key}{dial}.png")
    shrink = _shrink(picture.width * enlarge, picture.height * enlarge)
    if enlarge == 1 and shrink == 1:
        return Column(key, file, file, sharpness=sharpness)
    copy = replace(
        picture,
        pixels=_repeated(picture.pixels, enlarge),
        alpha=None if picture.alpha is None else _repeated(picture.alpha, enlarge),
        metadata=None,
    )
    if shrink > 1:
        copy = from_tensor(F.avg_pool2d(to_tensor(copy), shrink, ceil_mode=True), copy)
    shown = write_picture(copy, folder / "shown" / file.name)
    return Column(key, shown, file, sharpness=sharpness)


def _shrink(width: int, height: int) -> int:
    """How many times smaller a picture of that size is shown."""
    return math.ceil(math.sqrt(height * width / (PREVIEW_MEGAPIXELS * 1e6)))


def _repeated(plane: np.ndarray, times: int) -> np.ndarray:
    """`plane` (H, W, ...) with each pixel as `times` x `times` pixels."""
    return plane.repeat(times, axis=0).repeat(times, axis=1)
