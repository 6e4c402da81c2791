"""The figures of a card: measured on the standard sets of its task, and measured again to verify the card."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from kdsr.bench.evaluate import evaluate
from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.tasks import Task, find_task
from kdsr.zoo import Card, Catalog, Figure, FigureKey

STANDARD_SETS: Mapping[str, tuple[FigureKey, ...]] = MappingProxyType({
    "bicubic": tuple(FigureKey(name) for name in ("Set5", "Set14", "BSD100")),
    "noise":   tuple(FigureKey("CBSD68", sigma, noise)
                     for noise in ("laboratory", "file") for sigma in (15.0, 25.0, 50.0)),
    "jpeg":    tuple(FigureKey(name, quality)
                     for name in ("BSD100", "CBSD68") for quality in (10.0, 20.0, 30.0, 40.0)),
    "photo":   tuple(FigureKey(name, level) for name in ("Set14", "BSD100") for level in (2.0, 5.0, 8.0)),
    "camera":  tuple(FigureKey("CBSD68", level) for level in (2.0, 5.0, 8.0)),
    "holes":   tuple(FigureKey("BSD100", kind) for kind in ("dots", "scratches", "text", "strokes", "blocks")),
})  # fmt: skip
"""The usual measurements of each degradation in publications, and of noise also as in a file."""

PSNR_TOLERANCE_DB = 0.01
SSIM_TOLERANCE = 0.0005
"""Tolerance of a repeated measurement; processors differ in the order of sums."""


@dataclass(frozen=True)
class Check:
    """A stated figure and its repeated measurement; `measured` is None if the set is missing."""

    stated: Figure
    measured: Figure | None

    @property
    def holds(self) -> bool:
        """Whether the repeated measurement agrees with the stated figure within the tolerances."""
        if (
            self.measured is None
            or self.measured.n != self.stated.n
            or self.measured.convention != self.stated.convention
        ):
            return False
        gap_db = _gap(self.measured.psnr_db, self.stated.psnr_db)
        return gap_db <= PSNR_TOLERANCE_DB and _gap(self.measured.ssim, self.stated.ssim) <= SSIM_TOLERANCE


def measure_figure(
    model: str,
    on: FigureKey,
    data_dir: Path,
    task: Task,
    catalog: Catalog,
    settings: Settings,
    *,
    runtime: str = "torch",
) -> Figure:
    """The figure of `model` on a set in `data_dir`, as a card states it: PSNR to 1e-4 dB, SSIM to 1e-6.

    Raises:
        As `evaluate`.
    """
    found = evaluate(
        model,
        data_dir / on.set,
        task,
        catalog,
        settings,
        strength=on.strength,
        runtime=runtime,
        convention=on.noise,
    )
    return Figure(
        set=on.set,
        n=found.n,
        psnr_db=round(found.psnr_db, 4),
        ssim=round(found.ssim, 6),
        worst_psnr_db=round(found.worst_psnr_db, 4),
        worst_picture=found.worst_picture,
        convention=found.convention,
        strength_name=task.strength.name if task.strength else None,
        strength=on.strength,
        noise=on.noise,
    )


def measure_card(
    card: Card,
    data_dir: Path,
    catalog: Catalog,
    settings: Settings,
    *,
    on_figure: Callable[[Figure], None] = lambda figure: None,
) -> tuple[Card, tuple[str, ...]]:
    """`card` with the standard figures of its task measured again, and the names of the sets that are not in
    `data_dir`.

    Figures of other sets stay in the card as they are. Nothing is written.

    Raises:
        SettingsError: none of the standard sets is there, or the task has no original.
    """
    task = find_task(card.task)
    task.require_truth()
    wanted = STANDARD_SETS[task.degradation]
    here = [on for on in wanted if (data_dir / on.set).is_dir()]
    if not here:
        names = " and ".join(dict.fromkeys(on.set for on in wanted))
        raise SettingsError(
            f"The figures of {card.name} are taken on {names}, and {data_dir} holds none of them; "
            "give the folder that does."
        )
    measured = []
    for on in here:
        figure = measure_figure(card.name, on, data_dir, task, catalog, settings)
        measured.append(figure)
        on_figure(figure)
    kept = [figure for figure in card.figures if figure.key not in here]
    missing = tuple(dict.fromkeys(on.set for on in wanted if on not in here))
    return replace(card, figures=(*measured, *kept)), missing


def verify_card(
    card: Card,
    data_dir: Path,
    catalog: Catalog,
    settings: Settings,
    *,
    runtime: str = "torch",
    on_check: Callable[[Check], None] = lambda check: None,
) -> tuple[Check, ...]:
    """Every figure of `card`, measured again on `data_dir`; `on_check` is called with each.

    Raises:
        SettingsError: the card has no figures, or its task no original.
    """
    find_task(card.task).require_truth()
    if not card.figures:
        raise SettingsError(
            f"The card of {card.name} states no figures yet; measure them first with `kdsr card measure {card.name}`."
        )
    checks = []
    for stated in card.figures:
        measured = None
        if (data_dir / stated.set).is_dir():
            measured = measure_figure(
                card.name,
                stated.key,
                data_dir,
                find_task(card.task),
                catalog,
                settings,
                runtime=runtime,
            )
        checks.append(Check(stated, measured))
        on_check(checks[-1])
    return tuple(checks)


def _gap(measured: float, stated: float) -> float:
    """Distance of two figures as they are written, to 9 digits, so that a gap of exactly the tolerance still holds;
    equal infinities have none.
    """
    return 0.0 if measured == stated else round(abs(measured - stated), 9)
