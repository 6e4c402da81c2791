"""The form of the tab *Distill*: its choices, and the recipe for its values. Not here: components."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from kdsr.errors import InputError, SettingsError, find
from kdsr.jobs import SearchPlan
from kdsr.settings import Settings
from kdsr.tasks import TASKS, find_task
from kdsr.train import Recipe, distillation
from kdsr.train.presets import preset
from kdsr.ui.distill import search_texts
from kdsr.zoo import Card, Catalog, alike, open_catalog

FRESH: Mapping[str, dict[str, int]] = MappingProxyType(
    {"fresh 32x7": {"width": 32, "depth": 7}, "fresh 16x7": {"width": 16, "depth": 7}}
)
"""Students that start from nothing; the rest of their shape is the preset's."""
SEARCH = "search"
PRESETS = (("Quick", "quick"), ("Standard", "standard"), ("Custom", "custom"), (search_texts.PRESET, SEARCH))
SEARCH_MINUTES = 20.0
OF_ORIGINALS = ("truth_share", "truth_share_end")
_SHORT_STEPS = 3000
"""A custom run below this takes the preset `quick` for whatever the form does not ask."""


@dataclass(frozen=True)
class Field:
    """A number of a custom run."""

    title: str
    help: str
    low: float
    high: float
    usual: float
    step: float = 1


FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "steps": Field("Steps", "600 is quick, 10,000 thorough.", 10, 200_000, 2000),
        "batch_size": Field("Batch size", "Crops in each step.", 1, 32, 8),
        "patch_px": Field("Patch in pixels", "Side of a crop.", 16, 96, 48),
        "learning_rate": Field(
            "Learning rate", "0.001 for a fresh student, 0.0002 for a trained one.", 1e-5, 5e-3, 1e-3, 1e-5
        ),
        "truth_share": Field("Weight of the originals, start", "0: only the teacher.", 0, 1, 0.0, 0.05),
        "truth_share_end": Field("Weight of the originals, end", "1: only the originals.", 0, 1, 1.0, 0.05),
    }
)


class FormValues(NamedTuple):
    """The values of the form, without the photographs."""

    task: str
    teacher: str | None
    student: str
    """A key of `FRESH`, or the name of a released network."""
    preset: str
    name: str
    custom: Mapping[str, float]
    """By the keys of `FIELDS`; used with the preset `custom` only."""
    prove: bool = False
    """Train the twin as well: the same network without a teacher."""
    minutes: float | None = SEARCH_MINUTES
    """Of the preset `search`."""
    other_teachers: bool = False
    """Whether it tries the other teachers of the task, too."""


def form_values(
    task: str, teacher: str | None, student: str, preset: str, name: str, prove: bool,
    minutes: float | None, other_teachers: bool, *numbers: float | None,
) -> FormValues:  # fmt: skip
    """The values of the form; an empty number is the default."""
    given = {key: value for key, value in zip(FIELDS, numbers, strict=True) if value is not None}
    return FormValues(task, teacher, student, preset, name or "", given, prove, minutes, other_teachers)


def able_tasks(catalog: Catalog) -> list[tuple[str, str]]:
    """(title, name) of the tasks that have a teacher."""
    able = {card.task for card in catalog.cards if card.role == "teacher"}
    return [(task.title, name) for name, task in TASKS.items() if name in able]


def teachers(catalog: Catalog, task: str) -> list[tuple[str, str]]:
    """(title, name) of the teachers for `task`, the largest first."""
    return [(card.title, card.name) for card in catalog.for_task(task, "teacher")]


def students(catalog: Catalog, task: str, teacher: str | None) -> list[tuple[str, str]]:
    """(title, value) of the possible starts of a run for `task`; of a style, those that draw in the teacher's."""
    fresh = [(f"New, {shape['width']} channels, {shape['depth']} layers", value) for value, shape in FRESH.items()]
    return fresh + [
        (f"Fine-tune {card.title}", card.name)
        for card in _pupils(catalog, task, teacher)
        if card.precision == "float32"
    ]


def _pupils(catalog: Catalog, task: str, teacher: str | None) -> Sequence[Card]:
    found = catalog.for_task(task, "student")
    return found if teacher is None else alike(found, catalog.find(teacher))


def recipe_of(values: FormValues, settings: Settings) -> Recipe:
    """The recipe for `values`.

    Raises:
        InputError: no teacher.
        SettingsError: a number out of its bounds.
        UnknownNameError: an unknown network or preset.
    """
    if not values.teacher:
        raise InputError("There is no teacher for this task: add one to the weights folder, or choose another task.")
    teacher, start = _pair(values.teacher, values, open_catalog(settings))
    # a stop is heard between steps, and a compiler's first step takes half a minute of every part
    changes: dict[str, Any] = {"compile": False, "twin": values.prove}
    chosen = find("preset", values.preset, {name: name for _, name in PRESETS})
    if chosen == SEARCH:
        _check_search(teacher)
        chosen = "quick"
    if chosen == "custom":
        changes |= _custom(values.custom)
        chosen = "quick" if changes["steps"] < _SHORT_STEPS else "standard"
    if not find_task(values.task).has_truth:  # the only target is the teacher's picture
        changes = {key: value for key, value in changes.items() if key not in OF_ORIGINALS}
    if start is None:
        changes["arguments"] = preset(chosen, values.task)["arguments"] | FRESH[values.student]
    usual = usual_name(values.task, values.student)
    title = " ".join(values.name.split()) or usual
    return distillation(
        chosen,
        values.task,
        name=file_name(title) or usual,
        teacher=teacher.name,
        photos=("photos",),
        student=start,
        changes={"title": title, **changes},
    )


def _pair(teacher_name: str, values: FormValues, catalog: Catalog) -> tuple[Card, Card | None]:
    """The teacher, and the network that the student starts from; None for a fresh one.

    Raises:
        SettingsError: they are not for the task, or not of one style. UnknownNameError: an unknown network.
    """
    teacher = catalog.find(teacher_name)
    if teacher.task != values.task:
        raise SettingsError(
            f"The teacher must be for {values.task}, but {teacher.name} is for {teacher.task}: choose another one."
        )
    start = None if values.student in FRESH else catalog.find(values.student)
    if start is not None and start.task != values.task:
        raise SettingsError(
            f"The student must be for {values.task}, but {start.name} is for {start.task}: choose another one."
        )
    if start is not None and not alike([start], teacher):
        raise SettingsError(
            f"The student must draw in the teacher's style, but {start.title} draws in another than {teacher.title}: "
            "choose another one."
        )
    return teacher, start


def _check_search(teacher: Card) -> None:
    """Refuse a search where PSNR on originals does not say which student is better.

    Raises:
        SettingsError: a teacher for looks, or of a style.
    """
    if teacher.is_for_looks:
        raise SettingsError(
            f"The search judges by PSNR, which {teacher.title} lowers on purpose: choose another teacher, or "
            "another length."
        )
    if not find_task(teacher.task).has_truth:
        raise SettingsError("The search judges by originals, and a style has none: choose another length.")


def search_of(values: FormValues) -> SearchPlan | None:
    """The search that `values` ask for; None for the other presets.

    Raises:
        SettingsError: no number of minutes.
    """
    if values.preset != SEARCH:
        return None
    return SearchPlan(SEARCH_MINUTES if values.minutes is None else values.minutes, values.other_teachers)


def has_others(catalog: Catalog, task: str | None) -> bool:
    """Whether a search could try another teacher for `task` than the chosen one."""
    return task is not None and sum(not card.is_for_looks for card in catalog.for_task(task, "teacher")) > 1


def file_name(title: str) -> str:
    """The letters of `title` as files may have them: ASCII, accents left out, dashes for spaces; empty where none is.

    An ASCII title stays as it is, so that what may not be a name is refused by name.
    """
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = "-".join(ascii_only.split())
    return name if title.isascii() else name.strip("-._")


def usual_name(task: str, student: str) -> str:
    """The default name of a network."""
    return f"{task}-my-{student.removeprefix('fresh ')}" if student in FRESH else f"{task}-my-student"


def _custom(given: Mapping[str, float]) -> dict[str, Any]:
    """The recipe's keys that the numbers of a custom run set."""
    keys: dict[str, Any] = {name: _bounded(name, given.get(name, field.usual)) for name, field in FIELDS.items()}
    for name in ("steps", "batch_size", "patch_px"):
        keys[name] = round(keys[name])
    return keys | {
        "warmup_steps": min(50, keys["steps"] // 10),
        "validate_every": max(5, min(500, keys["steps"] // 10)),
    }


def _bounded(name: str, value: Any) -> float:
    field = FIELDS[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not field.low <= value <= field.high:
        raise SettingsError(f"{field.title} must be between {field.low:,g} and {field.high:,g}, got {value!r}.")
    return float(value)
