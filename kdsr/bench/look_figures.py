"""The figures for looks in a card: measured on one set, and measured again.

Not here: PSNR and SSIM of a card (`verify`), which are measured apart from these.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from kdsr.bench.evaluate import evaluate
from kdsr.bench.looks import LookSummary
from kdsr.errors import SettingsError
from kdsr.metrics.looks import LOOKS, find_look, looks_for
from kdsr.settings import Settings
from kdsr.tasks import Task, find_task
from kdsr.zoo import Card, Catalog, FigureKey, LookFigure

LOOK_SETS: Mapping[str, tuple[tuple[str, float | str | None], ...]] = MappingProxyType({
    "bicubic": (("BSD100", None),),
    "noise":   (("CBSD68", 25.0), ("CBSD68", 50.0)),
    "jpeg":    (("BSD100", 10.0), ("BSD100", 40.0)),
    "photo":   (("BSD100", 2.0), ("BSD100", 5.0), ("BSD100", 8.0)),
    "camera":  (("CBSD68", 2.0), ("CBSD68", 5.0), ("CBSD68", 8.0)),
    "holes":   (("BSD100", "strokes"), ("BSD100", "text")),
})  # fmt: skip
"""Where a card's figures for looks are taken, by degradation: pairs of (set, strength); noise is that of a file."""

LOOK_ENDS: Mapping[tuple[str, FigureKey, str], Mapping[str, float]] = MappingProxyType({
    ("photo_x4", FigureKey("BSD100", 2.0), "niqe"):           {"bicubic": 7.6476, "original": 3.2198},
    ("photo_x4", FigureKey("BSD100", 2.0), "haarpsi"):        {"bicubic": 0.659859},
    ("photo_x4", FigureKey("BSD100", 2.0), "lite2"):          {"bicubic": 0.73151},
    ("photo_x4", FigureKey("BSD100", 2.0), "consistency"):    {"bicubic": 38.1945, "original": 35.7013},
    ("photo_x4", FigureKey("BSD100", 5.0), "niqe"):           {"bicubic": 8.0616, "original": 3.2198},
    ("photo_x4", FigureKey("BSD100", 5.0), "haarpsi"):        {"bicubic": 0.628610},
    ("photo_x4", FigureKey("BSD100", 5.0), "lite2"):          {"bicubic": 0.79744},
    ("photo_x4", FigureKey("BSD100", 5.0), "consistency"):    {"bicubic": 40.0079, "original": 33.1526},
    ("photo_x4", FigureKey("BSD100", 8.0), "niqe"):           {"bicubic": 8.5786, "original": 3.2198},
    ("photo_x4", FigureKey("BSD100", 8.0), "haarpsi"):        {"bicubic": 0.591310},
    ("photo_x4", FigureKey("BSD100", 8.0), "lite2"):          {"bicubic": 0.87706},
    ("photo_x4", FigureKey("BSD100", 8.0), "consistency"):    {"bicubic": 41.8463, "original": 30.5573},
})  # fmt: skip
"""What bicubic enlargement and the originals themselves have, by task, what it is taken on, and figure for looks.

Measured by `kdsr evaluate --looks` with `--model bicubic` and `--model truth`.
"""

_EXTRA_DIGITS = 2
"""A card keeps this many digits more than tables show."""


@dataclass(frozen=True)
class LookCheck:
    """One figure for looks of a card beside the same figure measured again."""

    stated: LookFigure
    measured: LookFigure | None
    """None where it could not be measured again."""
    missing: str | None = None
    """Why it could not be measured again; None where it was."""

    @property
    def holds(self) -> bool:
        """Whether the figure was measured again and is the stated one within the tolerance of its kind."""
        stated, found = self.stated, self.measured
        if found is None or (found.n, found.convention) != (stated.n, stated.convention):
            return False
        tolerance = find_look(stated.look).tolerance
        return found.mean == stated.mean or round(abs(found.mean - stated.mean), 9) <= tolerance


def measure_look_figures(
    model: str,
    set_name: str,
    strength: float | str | None,
    data_dir: Path,
    task: Task,
    catalog: Catalog,
    settings: Settings,
    *,
    names: Sequence[str],
    runtime: str = "torch",
) -> tuple[LookFigure, ...]:
    """The figures `names` of `model` on `data_dir/set_name`, as a card states them.

    A figure that no picture of the set has is left out.

    Raises:
        As `evaluate`.
    """
    found = evaluate(
        model, data_dir / set_name, task, catalog, settings, strength=strength, runtime=runtime, looks=names
    )
    return tuple(_as_figure(one, set_name, strength, task) for one in found.looks)


def _as_figure(found: LookSummary, set_name: str, strength: float | str | None, task: Task) -> LookFigure:
    digits = find_look(found.look).decimals + _EXTRA_DIGITS
    return LookFigure(
        set=set_name,
        n=found.n,
        look=found.look,
        mean=round(found.mean, digits),
        worst=round(found.worst, digits),
        worst_picture=found.worst_picture,
        convention=found.convention,
        strength_name=task.strength.name if task.strength else None,
        strength=strength,
    )


def measure_card_looks(
    card: Card,
    data_dir: Path,
    catalog: Catalog,
    settings: Settings,
    *,
    on_figure: Callable[[LookFigure], None] = lambda figure: None,
) -> tuple[Card, tuple[str, ...]]:
    """`card` with its figures for looks measured anew, and the names of what could not be: sets and figures.

    Figures of other sets, and those that need a package which is missing, stay in the card as they are. Nothing is
    written.

    Raises:
        SettingsError: none of the sets is there, or the task has no original.
    """
    task = find_task(card.task)
    task.require_truth()
    wanted = LOOK_SETS[task.degradation]
    here = [(name, strength) for name, strength in wanted if (data_dir / name).is_dir()]
    if not here:
        sets = " and ".join(dict.fromkeys(name for name, _ in wanted))
        raise SettingsError(
            f"The figures for looks of {card.name} are taken on {sets}, and {data_dir} holds none of them; "
            "give the folder that does."
        )
    names = looks_for(task, has_truth=True)
    measured: list[LookFigure] = []
    for name, strength in here:
        found = measure_look_figures(card.name, name, strength, data_dir, task, catalog, settings, names=names)
        for figure in found:
            measured.append(figure)
            on_figure(figure)
    kept = [figure for figure in card.looks if (figure.set, figure.strength) not in here or figure.look not in names]
    missing = [name for name, strength in wanted if (name, strength) not in here]
    missing += [] if "lite2" in names else [LOOKS["lite2"].title]
    return replace(card, looks=(*measured, *kept)), tuple(dict.fromkeys(missing))


def verify_card_looks(
    card: Card,
    data_dir: Path,
    catalog: Catalog,
    settings: Settings,
    *,
    runtime: str = "torch",
    on_check: Callable[[LookCheck], None] = lambda check: None,
) -> tuple[LookCheck, ...]:
    """Every figure for looks of `card`, measured again on `data_dir`; none if the card states none.

    Each set is restored once. `on_check` hears of each figure as it comes.

    Raises:
        UnknownNameError: the card names a figure that there is not.
    """
    task = find_task(card.task)
    available = looks_for(task, has_truth=True)
    checks: list[LookCheck] = []
    for set_name, strength in dict.fromkeys((figure.set, figure.strength) for figure in card.looks):
        stated = [figure for figure in card.looks if (figure.set, figure.strength) == (set_name, strength)]
        names = [figure.look for figure in stated if find_look(figure.look) and figure.look in available]
        measured: dict[str, LookFigure] = {}
        if names and (data_dir / set_name).is_dir():
            found = measure_look_figures(
                card.name, set_name, strength, data_dir, task, catalog, settings, names=names, runtime=runtime
            )
            measured = {figure.look: figure for figure in found}
        for figure in stated:
            found_again = measured.get(figure.look)
            missing = None if found_again else _why_missing(figure, data_dir, available)
            checks.append(LookCheck(figure, found_again, missing))
            on_check(checks[-1])
    return tuple(checks)


def _why_missing(figure: LookFigure, data_dir: Path, available: Sequence[str]) -> str:
    """Why `figure` was not measured again, in words that follow "not measured: "."""
    folder = data_dir / figure.set
    if not folder.is_dir():
        return f"{folder} is missing"
    if figure.look in available:
        return f"no picture of {folder} has it"
    return "it needs kdsr[looks]" if figure.look == "lite2" else "the task does not enlarge"
