"""A run of several stages: each is a recipe of its own that may start from, or learn from, the network before it.

So a teacher is pruned step by step down to its student (ASSL), and an assistant of middle size stands between a large
teacher and a tiny student (TAKD, arXiv:1902.03393).
"""

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kdsr.errors import SettingsError
from kdsr.files import replaced
from kdsr.settings import Settings
from kdsr.train.loop import Event, Log, events_in
from kdsr.train.recipe import Recipe, recipe_from_mapping, recipe_to_json
from kdsr.train.recipe_keys import flat_keys
from kdsr.train.stage import RunResult, train_stage
from kdsr.zoo import read_card, write_card

PREVIOUS = "previous"
"""In a stage's `warm_start`, `teacher` or `soup_with`: the network of the stage before it."""

_LOOK_BACK = ("teacher", "warm_start", "soup_with")


def stages_of(recipe: Recipe, out_dir: Path) -> list[tuple[Recipe, Path]]:
    """The recipes of the stages in order, each with its folder under `out_dir`; the last one bears the name of the
    whole.

    A stage holds the keys that differ from the recipe around it; if it names neither, it starts from the network before
    it.

    Raises:
        SettingsError, UnknownNameError: a stage that is no recipe, or that looks back where nothing is.
    """
    around = {key: value for key, value in flat_keys(dataclasses.asdict(recipe)).items() if key != "stages"}
    found: list[tuple[Recipe, Path]] = []
    for number, changes in enumerate(map(flat_keys, recipe.stages), start=1):
        name = recipe.name if number == len(recipe.stages) else f"{recipe.name}-stage{number}"
        keys: dict[str, Any] = {**around, "name": name, **changes}
        if found and PREVIOUS not in [keys[key] for key in _LOOK_BACK] and "warm_start" not in changes:
            keys["warm_start"] = PREVIOUS
        for key in _LOOK_BACK:
            if keys[key] == PREVIOUS:
                if not found:
                    raise SettingsError(f"The first stage has no stage before it to take as its {key}; name a network.")
                keys[key] = str(_weights(*found[-1]))
        found.append((recipe_from_mapping(keys), out_dir / f"stage{number}"))
    return found


def train_recipe(
    recipe: Recipe,
    out_dir: Path,
    *,
    settings: Settings,
    resume: bool = False,
    time_limit_s: float | None = None,
    on_event: Callable[[Event], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> RunResult:
    """Train the stages of `recipe` one after the other, or its single run; arguments, result and errors as in
    `train_stage`.

    Each stage has a folder of its own. The last one's weights and card come to `out_dir`; the card there holds the
    whole recipe, all steps and the packs of all stages, and the log tells all stages.
    """
    if not recipe.stages:
        return train_stage(
            recipe,
            out_dir,
            settings=settings,
            resume=resume,
            time_limit_s=time_limit_s,
            on_event=on_event,
            should_stop=should_stop,
        )
    started, stages = time.monotonic(), stages_of(recipe, out_dir)
    if out_dir.is_dir() and any(out_dir.glob("stage*")) and not resume:
        raise SettingsError(f"{out_dir} holds a run already; resume it, or choose another folder.")
    out_dir.mkdir(parents=True, exist_ok=True)
    with replaced(out_dir / "recipe.json") as part:
        part.write_text(recipe_to_json(recipe), encoding="utf-8")
    log = Log(out_dir / "events.jsonl", on_event)
    for number, (stage, folder) in enumerate(stages, start=1):
        if any(event["event"] == "finished" for event in events_in(folder / "events.jsonl")):
            continue
        log.write({"event": "stage", "stage": number, "stages": len(stages)})
        left_s = None if time_limit_s is None else time_limit_s - (time.monotonic() - started)
        inner = _inner(log, is_last=number == len(stages))
        result = train_stage(
            stage,
            folder,
            settings=settings,
            resume=resume,
            time_limit_s=left_s,
            on_event=inner,
            should_stop=should_stop,
        )
        if not result.finished:
            return RunResult(False, result.step, out_dir)
    weights = _weights(*stages[-1])
    with replaced(out_dir / weights.name) as part:
        shutil.copy2(weights, part)
    card = read_card(weights.with_suffix(".json"))
    whole = dataclasses.replace(
        card, recipe=json.loads(recipe_to_json(recipe)), steps=recipe.all_steps, data=_packs_of(stages)
    )
    write_card(whole, out_dir / f"{recipe.name}.json")
    return RunResult(True, recipe.all_steps, out_dir)


def _inner(log: Log, *, is_last: bool) -> Callable[[Event], None]:
    """Passes a stage's events on; the run is finished with its last stage only."""
    return lambda event: None if event["event"] == "finished" and not is_last else log.write(event)


def _packs_of(stages: list[tuple[Recipe, Path]]) -> tuple[dict[str, Any], ...]:
    """The packs that any stage learnt from, as the stage says that took the most pictures of it."""
    packs: dict[str, dict[str, Any]] = {}
    for stage in stages:
        for entry in read_card(_weights(*stage).with_suffix(".json")).data:
            if entry["pictures"] >= packs.get(entry["pack"], entry)["pictures"]:
                packs[entry["pack"]] = entry
    return tuple(packs.values())


def _weights(recipe: Recipe, folder: Path) -> Path:
    return folder / f"{recipe.name}.safetensors"
