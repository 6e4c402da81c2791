"""Training by a recipe: one run, a student and its twin, or stages that start from, or are taught by, the one before.

Stages can prune a teacher step by step down to its student (ASSL). They can also train an assistant of middle size
that then teaches a small student (TAKD, arXiv:1902.03393).
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
from kdsr.train.control import RunControl
from kdsr.train.events import EVENTS_FILE, Event, EventLog, events_in
from kdsr.train.processes import Processes
from kdsr.train.recipe import Recipe, recipe_from_mapping, recipe_to_json
from kdsr.train.recipe_keys import flat_keys
from kdsr.train.stage import RunResult, train_stage, write_recipe
from kdsr.train.twin import TWIN_FOLDER, marked_as_twin, released_psnr_db, twin_name, twin_of
from kdsr.zoo import read_card, write_card

PREVIOUS = "previous"
"""In a stage's `warm_start`, `teacher` or `soup_with`: the network of the stage before it."""

_LOOK_BACK = ("teacher", "warm_start", "soup_with")


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
    """Train the network of `recipe`; `out_dir` then has its weights, card, checkpoint and `events.jsonl`.

    Stages are trained in order, each in a separate folder. `out_dir` then has the weights of the last one, and its card
    with the full recipe, the steps and the packs of all stages. The log has the events of all stages.

    With `twin` the student is trained first, then its twin in the folder `twin`. `on_event` gets the twin's events with
    `twin` set, and an event `twin` at the end with both figures.

    Args:
        resume: continue from the checkpoint in `out_dir`; without it the folder must hold none.
        time_limit_s: end after this time with a checkpoint, from which `resume` continues to the same curve.
        on_event: called with every event that is written to the log.
        should_stop: asked at every step; True ends the run with a checkpoint.
    Raises:
        SettingsError: there is a checkpoint, and `resume` is not set.
        TrainingError: a loss that is not finite or diverged, or a checkpoint that cannot be written; the one before it
            is kept.
        Stopped: `should_stop` or Ctrl-C; a checkpoint is left.
    """
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    control = RunControl(settings, resume, deadline, on_event, should_stop or (lambda: False))
    if recipe.twin:
        return _train_with_twin(recipe, out_dir, control)
    return _train_stages(recipe, out_dir, control) if recipe.stages else train_stage(recipe, out_dir, control)


def _train_with_twin(recipe: Recipe, out_dir: Path, control: RunControl) -> RunResult:
    twin, folder, steps = twin_of(recipe), out_dir / TWIN_FOLDER, recipe.schedule.steps
    has_student, has_twin = (control.resume and _is_finished(place) for place in (out_dir, folder))
    if not has_student:
        result = train_stage(recipe, out_dir, control)
        if not result.finished or control.is_out_of_time():  # the twin begins in the next part
            return RunResult(False, result.step, out_dir)
    if not has_twin:
        marked = dataclasses.replace(control, on_event=marked_as_twin(control.on_event, recipe))
        result = train_stage(twin, folder, marked)
        if not result.finished:
            return RunResult(False, steps + result.step, out_dir)
    if Processes(control.settings.device).is_first:
        _finish_twin(recipe, out_dir, control)
    return RunResult(True, recipe.all_steps, out_dir)


def _finish_twin(recipe: Recipe, out_dir: Path, control: RunControl) -> None:
    """Name the twin in the student's card, and log both figures."""
    path = out_dir / f"{recipe.name}.json"
    write_card(dataclasses.replace(read_card(path), twin=twin_name(recipe)), path)
    places = {"student": out_dir, "twin": out_dir / TWIN_FOLDER}
    figures = {
        f"{name}_psnr_db": released_psnr_db(events_in(place / EVENTS_FILE), recipe) for name, place in places.items()
    }
    EventLog(out_dir / EVENTS_FILE, control.on_event).write({"event": "twin", **figures})


def _is_finished(folder: Path) -> bool:
    return any(event["event"] == "finished" for event in events_in(folder / EVENTS_FILE))


def _train_stages(recipe: Recipe, out_dir: Path, control: RunControl) -> RunResult:
    stages = stages_of(recipe, out_dir)
    if out_dir.is_dir() and any(out_dir.glob("stage*")) and not control.resume:
        raise SettingsError(f"{out_dir} holds a run already; resume it, or choose another folder.")
    out_dir.mkdir(parents=True, exist_ok=True)
    write_recipe(recipe, out_dir)
    log = EventLog(out_dir / EVENTS_FILE, control.on_event)
    for number, (stage, folder) in enumerate(stages, start=1):
        if _is_finished(folder):
            continue
        log.write({"event": "stage", "stage": number, "stages": len(stages)})
        listener = _listener(log, is_last=number == len(stages))
        result = train_stage(stage, folder, dataclasses.replace(control, on_event=listener))
        if not result.finished:
            return RunResult(False, result.step, out_dir)
    _release(recipe, stages, out_dir)
    return RunResult(True, recipe.all_steps, out_dir)


def stages_of(recipe: Recipe, out_dir: Path) -> list[tuple[Recipe, Path]]:
    """The recipes of the stages in order, each with its folder under `out_dir`; the last one has the recipe's name.

    A stage that names no network of the stage before and no `warm_start` starts from the network before it.

    Raises:
        SettingsError, UnknownNameError: a stage that is no recipe, or a first stage that names a stage before it.
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


def _listener(log: EventLog, *, is_last: bool) -> Callable[[Event], None]:
    """Passes a stage's events to the log of the run, which finishes only with its last stage."""
    return lambda event: None if event["event"] == "finished" and not is_last else log.write(event)


def _release(recipe: Recipe, stages: list[tuple[Recipe, Path]], out_dir: Path) -> None:
    """Copy the weights of the last stage to `out_dir`, and write their card for all stages."""
    weights = _weights(*stages[-1])
    with replaced(out_dir / weights.name) as part:
        shutil.copy2(weights, part)
    card = dataclasses.replace(
        read_card(weights.with_suffix(".json")),
        recipe=json.loads(recipe_to_json(recipe)),
        steps=recipe.all_steps,
        data=_packs_of(stages),
    )
    write_card(card, out_dir / f"{recipe.name}.json")


def _packs_of(stages: list[tuple[Recipe, Path]]) -> tuple[dict[str, Any], ...]:
    """The packs of photographs of all stages, each as in the stage that used the most pictures of it."""
    packs: dict[str, dict[str, Any]] = {}
    for stage in stages:
        for entry in read_card(_weights(*stage).with_suffix(".json")).data:
            if entry["pictures"] >= packs.get(entry["pack"], entry)["pictures"]:
                packs[entry["pack"]] = entry
    return tuple(packs.values())


def _weights(recipe: Recipe, folder: Path) -> Path:
    return folder / f"{recipe.name}.safetensors"
