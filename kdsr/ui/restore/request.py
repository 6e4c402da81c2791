"""A visitor's request, and its pictures before any network runs.

`prepare` reads, checks and degrades. Not here: networks and timing (`restore.run`), gradio.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from kdsr.degrade import bicubic_resize, degrade_picture
from kdsr.errors import InputError, KdsrError, SettingsError
from kdsr.image import Picture, fill_hidden, from_tensor, read_picture, to_tensor, with_transparent
from kdsr.restore import holes_in, navier_stokes
from kdsr.settings import Settings
from kdsr.tasks import Task, find_task
from kdsr.ui import texts

SMALLEST_TILE_PX = 32
"""Of a visitor: smaller tiles cost more than the network, up to one call for each pixel."""
Mode = Literal["clean", "degraded", "both"]


@dataclass(frozen=True)
class Order:
    """One press of the button."""

    picture: Path | None
    mode: Mode
    task: str
    truth: Path | None = None
    """The clean picture, for the mode `both` only."""
    strength: float | str | None = None
    """Of the degradation, or its kind, for the mode `clean` only."""
    teacher: str | None = None
    student: str | None = None
    before: str | None = None
    """The student before a run that tuned it; shown beside the new one."""
    sharpness: float | None = None
    """Of the student, 0 to 1, where the dial was moved; None is the student as it was chosen."""
    runtime: str = "auto"
    tile_px: int | None = None
    """Side of a tile; None lets the engine choose."""
    seed: int = 0
    teacher_plus: bool = False
    """The teacher's output is the mean over the 8 symmetries of the square."""
    mask: Path | None = None
    """For inpainting: what the visitor marked as missing; it goes before `strength`, and before transparent pixels."""
    strip: bool = field(default=False, compare=False)
    """Downloads have no EXIF, GPS and XMP. The pictures are the same: a result does not get stale by it."""


@dataclass(frozen=True)
class Prepared:
    """The pictures that are there before any network runs."""

    task: Task
    name: str
    degraded: Picture
    """The input of the networks, shown and downloaded."""
    baseline: Picture
    """The input at the size of the result: bicubic for super-resolution, filled by Navier-Stokes for inpainting, as it
    is otherwise.
    """
    truth: Picture | None
    notes: tuple[str, ...]
    holes: np.ndarray | None = None
    """(H, W) bool, True where a pixel is missing; for inpainting only. `degraded` is transparent there."""


def prepare(order: Order, settings: Settings) -> Prepared:
    """The degraded picture, the baseline and, where one is known, the truth.

    Raises:
        InputError: no picture, one that cannot be read, one too large, a reference of another size, or nothing marked
            as missing.
        SettingsError: a strength out of its range, or a tile that is too small.
    """
    task = find_task(order.task)
    if order.tile_px is not None and order.tile_px < SMALLEST_TILE_PX:
        raise SettingsError(
            f"A tile must be at least {SMALLEST_TILE_PX} pixels wide here, got {order.tile_px}; 0 chooses."
        )
    if order.picture is None:
        raise InputError("There is no picture yet: drop one on the page, paste one, or choose an example.")
    picture = read_picture(order.picture, settings)
    if task.degradation == "holes":
        return _with_holes(picture, task, order, settings)
    picture = fill_hidden(picture)
    if order.mode == "clean":
        return _degraded_here(picture, task, order, settings)
    check_output_size(picture.height * task.scale, picture.width * task.scale, task, settings)
    truth = fill_hidden(_reference(order, picture, task, settings)) if order.mode == "both" else None
    notes = picture.notes + (truth.notes if truth else ())
    return Prepared(task, picture.name, picture, _baseline(to_tensor(picture), picture, task), truth, notes)


def what_is_lacking(order: Order, settings: Settings) -> str:
    """What the visitor has to add before `order` can run, in one sentence; empty where nothing lacks."""
    if order.picture is None:
        return ""
    if order.mode == "both" and order.truth is None:
        return texts.ADD_ORIGINAL
    if find_task(order.task).degradation != "holes" or order.mode == "clean" or order.mask is not None:
        return ""
    try:
        picture = read_picture(order.picture, settings)
    except KdsrError:
        return ""  # the run says what is wrong with it
    try:
        holes_in(picture)
    except InputError:
        return texts.MARK
    return ""


def check_output_size(height: int, width: int, task: Task, settings: Settings) -> None:
    """Pass if the page may make a picture of that size.

    Raises:
        InputError: it has more megapixels than the settings allow; the text says what to do.
    """
    megapixels, limit = height * width / 1e6, settings.max_output_megapixels
    if megapixels > limit:
        raise InputError(
            f"The result would have {width:,} x {height:,} pixels ({megapixels:.1f} megapixels); the limit is"
            f" {limit:g}. Use a picture of at most {limit / task.scale**2:.2g} megapixels, or run `kdsr restore` on "
            "your own machine."
        )


def _degraded_here(picture: Picture, task: Task, order: Order, settings: Settings) -> Prepared:
    """The clean `picture` degraded for the task, and the part of it that the result is measured against."""
    check_output_size(picture.height, picture.width, task, settings)
    made = degrade_picture(picture, task, strength=order.strength if task.strength else None, seed=order.seed)
    degraded = made.picture
    baseline = _baseline(made.tensor, degraded, task)
    return Prepared(task, picture.name, degraded, baseline, made.truth, picture.notes)


def _with_holes(picture: Picture, task: Task, order: Order, settings: Settings) -> Prepared:
    """`picture` with the pixels missing that were marked, are transparent, or (of a clean picture) are drawn here."""
    check_output_size(picture.height, picture.width, task, settings)
    mask = read_picture(order.mask, settings) if order.mask else None
    if order.mode == "clean" and mask is None:
        made = degrade_picture(picture, task, strength=order.strength, seed=order.seed)
        opaque, drawn = made.truth, made.holes
        assert drawn is not None  # the task has holes
        holes = drawn
    else:
        opaque, holes = holes_in(picture, mask)
    filling = navier_stokes(opaque, holes)
    truth = (
        opaque
        if order.mode == "clean"
        else _reference(order, picture, task, settings)
        if order.mode == "both"
        else None
    )
    notes = opaque.notes + (truth.notes if truth and order.mode == "both" else ())
    return Prepared(task, picture.name, with_transparent(filling, holes), filling, truth, notes, holes)


def _reference(order: Order, picture: Picture, task: Task, settings: Settings) -> Picture:
    """The truth that the visitor gave, if it has the size of the result."""
    if order.truth is None:
        raise InputError(
            "The original to compare with is missing: add it as the second picture, or choose another mode."
        )
    truth = read_picture(order.truth, settings)
    wanted = (picture.width * task.scale, picture.height * task.scale)
    if (truth.width, truth.height) != wanted:
        times = f" ({task.scale} times the picture's {picture.width} x {picture.height})" if task.scale > 1 else ""
        raise InputError(
            f"The original must have {wanted[0]} x {wanted[1]} pixels{times}, got {truth.width} x {truth.height}: "
            "use the same scene at that size."
        )
    return truth


def _baseline(tensor: Tensor, picture: Picture, task: Task) -> Picture:
    """`tensor` at the size of the result, without any network."""
    return from_tensor(bicubic_resize(tensor, task.scale), picture) if task.scale > 1 else picture
