"""The keys of a recipe as a flat mapping: groups opened, names of earlier versions replaced.

Recipes of earlier versions had no groups and other names. Cards, run folders and the jobs database still contain them,
so every reader of a recipe's keys uses `flat_keys`.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kdsr.errors import SettingsError, find
from kdsr.train.recipe_groups import GROUPS

RENAMED: Mapping[str, str] = MappingProxyType({
    "rep":                "reparameterised",
    "start_share":        "wise_ft_share",
    "mixed_with":         "soup_with",
    "more_teachers":      "extra_teachers",
    "online":             "online_teacher",
    "crop_choices":       "crop_candidates",
    "planned_crops":      "fixed_crops",
    "prefer_hard":        "hard_mining",
    "new_inputs":         "zoom_inputs",
    "new_input_share":    "zoom_input_share",
    "whole_colour_share": "chroma_444_share",
    "saved_before_share": "double_jpeg_share",
})  # fmt: skip
"""Earlier name of a key to its current name. Entries are only added here, never removed."""

_EARLIER: Mapping[str, str] = MappingProxyType({now: earlier for earlier, now in RENAMED.items()})
_KEYS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {group: tuple(item.name for item in dataclasses.fields(kind)) for group, kind in GROUPS.items()}
)


def flat_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of `given` by their names now, those of groups beside the others; unknown top-level keys are kept.

    Raises:
        SettingsError: a key that is given twice, or unknown or misplaced in a group; a group that is no object.
    """
    flat: dict[str, Any] = {}
    for group, key, name, value in _items(given):
        if group is None and key in GROUPS:
            raise SettingsError(f"{key} must be an object with keys of a recipe, got {value!r}.")
        if group is not None and name not in _KEYS_OF[group]:
            home = next((other for other, names in _KEYS_OF.items() if name in names), None)
            if home is None:
                find(f"key of {group}", key, dict.fromkeys(_KEYS_OF[group]))
            raise SettingsError(f"{key} is a key of {home}, not of {group}; move it there.")
        if name in flat:
            raise SettingsError(f"The recipe sets {name} twice; leave one of them out.")
        flat[name] = value
    return flat


def grouped_keys(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `flat_keys`, with the names of now; groups without a key are left out."""
    groups = {group: {name: flat[name] for name in names if name in flat} for group, names in _KEYS_OF.items()}
    inside = {name for keys in groups.values() for name in keys}
    others = {name: value for name, value in flat.items() if name not in inside}
    return others | {group: keys for group, keys in groups.items() if keys}


def earliest_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """The flat keys of `given`, each by the first name that it had: the form that fingerprints are made of."""
    return {_EARLIER.get(name, name): value for name, value in flat_keys(given).items()}


def last_stage(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The flat keys of `recipe`, as in any card, overridden by those of its last stage; nothing is checked."""
    flat = {name: value for _, _, name, value in _items(recipe)}
    stages = flat.get("stages")
    last = stages[-1] if isinstance(stages, Sequence) and stages else {}
    return flat | ({name: value for _, _, name, value in _items(last)} if isinstance(last, Mapping) else {})


def _items(given: Mapping[str, Any]) -> Iterator[tuple[str | None, str, str, Any]]:
    """Every key of `given` as (its group, its name there, its name now, its value)."""
    for key, value in given.items():
        if key in GROUPS and isinstance(value, Mapping):
            yield from ((key, inner, RENAMED.get(inner, inner), own) for inner, own in value.items())
        else:
            yield None, key, RENAMED.get(key, key), value
