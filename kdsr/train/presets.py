"""Ready recipes: `quick` (about a minute on two cores), `standard` and `best`; one JSON file each per task."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kdsr.errors import find
from kdsr.tasks import find_task
from kdsr.train.recipe import Recipe, recipe_from_mapping
from kdsr.train.recipe_keys import flat_keys
from kdsr.zoo import Card

PRESETS = ("quick", "standard", "best")
_FOLDER = Path(__file__).parent / "presets"
_FINE_TUNE = 0.2
"""Learning rate of fine-tuning a trained student, as a share of a fresh student's."""


def preset(name: str, task: str) -> dict[str, Any]:
    """The keys that the preset `name` sets for `task`, flat and by their names now.

    Raises:
        UnknownNameError: no such preset, or none for the task.
    """
    find_task(task)
    paths = {known: _FOLDER / f"{task}-{known}.json" for known in PRESETS}
    path = find(f"preset for {task}", name, {known: path for known, path in paths.items() if path.is_file()})
    return flat_keys(json.loads(path.read_text(encoding="utf-8")))


def distillation(
    preset_name: str,
    task: str,
    *,
    name: str,
    teacher: str,
    photos: Sequence[str],
    student: Card | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
) -> Recipe:
    """The recipe of a preset that distils `teacher` into a student.

    Args:
        name: of the trained network.
        photos: folders of photographs.
        student: the network to fine-tune, at a lower learning rate; None starts a fresh one.
        changes: keys of a recipe, grouped or flat, that override the preset's.
    """
    keys = preset(preset_name, task)
    if student is not None:
        keys |= {"architecture": student.architecture, "arguments": dict(student.arguments), "warm_start": student.name}
        keys["learning_rate"] = keys["learning_rate"] * _FINE_TUNE
    keys |= {"name": name, "teacher": teacher, "photos": list(photos)}
    return recipe_from_mapping(keys | flat_keys(changes))
