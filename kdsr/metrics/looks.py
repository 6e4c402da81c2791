"""The figures for looks by name, beside PSNR and SSIM and never instead of them.

A sharp picture may look better than one with a higher PSNR. Each of these figures can be misled in its own way;
`limits` says how. Not here: means over a set (`kdsr.bench.looks`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from kdsr.errors import ShapeError, find
from kdsr.metrics.consistency import CONVENTION, consistency
from kdsr.metrics.feature_distance import feature_distance
from kdsr.metrics.haarpsi import haarpsi
from kdsr.metrics.lite import JUDGE, is_installed
from kdsr.metrics.niqe import niqe
from kdsr.tasks import Task


@dataclass(frozen=True)
class Look:
    """One figure for looks: its function, and what a reader must know beside the number."""

    function: Callable[..., Tensor]
    """Takes the restored picture, and what `compared_with` names; gives (N,) float64."""
    title: str
    unit: str
    decimals: int
    """Digits after the point in tables."""
    higher_is_better: bool
    compared_with: Literal["nothing", "truth", "input"]
    convention: str
    limits: str
    """One sentence: what misleads this figure."""
    tolerance: float
    """How far the mean over a set may be off when it is measured again on another machine."""

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        return "higher is better" if self.higher_is_better else "lower is better"


LOOKS: Mapping[str, Look] = MappingProxyType({
    "niqe": Look(
        niqe, "NIQE", "", 2, higher_is_better=False, compared_with="nothing", tolerance=0.01,
        convention="LIVE's model, blocks of 96, BT.601 luma (16..235) in whole levels, no border cut",
        limits="It rewards regular grids of pixels and mild noise, and ignores what the picture shows.",
    ),
    "haarpsi": Look(
        haarpsi, "HaarPSI", "", 4, higher_is_better=True, compared_with="truth", tolerance=0.0005,
        convention="YIQ of 8-bit levels, halved first, C 30, alpha 4.2, no border cut",
        limits="It tolerates blurred fine texture, and penalises invented texture even where it looks right.",
    ),
    "lite2": Look(
        feature_distance, "Lite2 distance", "", 3, higher_is_better=False, compared_with="truth", tolerance=0.002,
        convention="EfficientNet-Lite2, ImageNet mean and deviation, blocks 0, 3, 6, 14 and 20, no border cut",
        limits="It was not fitted to human judgement, and says nothing about a network trained with these features.",
    ),
    "consistency": Look(
        consistency, "Consistency", "dB", 2, higher_is_better=True, compared_with="input", tolerance=0.01,
        convention=CONVENTION,
        limits="It rewards keeping the input's noise and artefacts; bicubic enlargement scores high.",
    ),
})  # fmt: skip
"""None of them may serve as a loss of a network that they judge."""


def find_look(name: str) -> Look:
    """The figure for looks named `name`.

    Raises:
        UnknownNameError: no such figure; the text names the nearest one.
    """
    return find("figure for looks", name, LOOKS)


def looks_for(task: Task, *, has_truth: bool) -> tuple[str, ...]:
    """The names of the figures that can be taken here for a result of `task`.

    Consistency needs an enlargement: at scale 1 the input is what the network is to change. The distance in features
    needs the extra `looks`.
    """
    compared_with = {"nothing"} | ({"truth"} if has_truth else set()) | ({"input"} if task.scale > 1 else set())
    return tuple(
        name
        for name, look in LOOKS.items()
        if look.compared_with in compared_with and (name != "lite2" or is_installed(JUDGE))
    )


def measure_looks(
    restored: Tensor,
    names: Sequence[str],
    *,
    truth: Tensor | None = None,
    degraded: Tensor | None = None,
    grey: bool = False,
) -> dict[str, float]:
    """The figures `names` of a restored picture, each in its own convention and direction; of several, their means.

    Args:
        restored: (N, C, H, W), C 3 or 1, range [0, 1], on any device.
        truth: as `restored`, same shape; for the figures that compare with the ground truth.
        degraded: (N, C, h, w), what `restored` was made from; for the figures that compare with the input.
        grey: a grey picture, its plane repeated to three channels: measured on that plane, as by `measure`.
    Raises:
        UnknownNameError: no figure of a name. ShapeError: the shapes do not fit, or what a figure compares with was not
            given. SettingsError: a figure needs an extra that is not installed.
    """
    found = {}
    for name in names:
        look = find_look(name)
        given = {"nothing": restored, "truth": truth, "input": degraded}[look.compared_with]
        if given is None:
            raise ShapeError(f"{look.title} compares with the {look.compared_with}, and none was given.")
        pictures = (restored,) if look.compared_with == "nothing" else (restored, given)
        planes = [picture[:, :1] if grey else picture for picture in pictures]
        found[name] = torch.mean(look.function(*planes)).item()
    return found


@dataclass(frozen=True)
class LookRow:
    """One line of a table: a figure, and its value for each column in words."""

    name: str
    title: str
    direction: str
    convention: str
    limits: str
    cells: tuple[str, ...]
    best: tuple[int, ...]
    """Indices of the columns with the best value; none if fewer than two columns have one."""


def look_rows(
    columns: Sequence[Mapping[str, float]], names: Sequence[str], *, why_nan: Callable[[str], str], missing: str = "–"
) -> list[LookRow]:
    """A table of figures: one row for each of `names`, in the order of `LOOKS`.

    Args:
        columns: per result (or network) its figures by name, as `measure_looks` gives them.
        why_nan: the cell of a figure that is nan, by the name of the figure.
        missing: the cell of a figure that a column lacks.
    """
    rows = []
    for name, look in LOOKS.items():
        if name not in names:
            continue
        values = [column.get(name, math.nan) for column in columns]
        known = [value for value in values if not math.isnan(value)]
        best = (max if look.higher_is_better else min)(known) if len(known) > 1 else None
        rows.append(
            LookRow(
                name=name,
                title=look.title,
                direction=look.direction,
                convention=look.convention,
                limits=look.limits,
                cells=tuple(
                    missing if name not in column else why_nan(name) if math.isnan(value) else look_text(name, value)
                    for column, value in zip(columns, values, strict=True)
                ),
                best=tuple(index for index, value in enumerate(values) if value == best),
            )
        )
    return rows


def look_text(name: str, value: float) -> str:
    """`value` of the figure `name` with its digits and unit: "4.48", "28.50 dB"; an infinite one is "exact"."""
    look = find_look(name)
    if math.isinf(value):
        return "exact"
    return f"{value:.{look.decimals}f} {look.unit}".rstrip()
