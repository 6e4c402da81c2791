"""One run of one recipe without stages: teachers, students and twins alike.

The recipe decides the result. Batches and noise come from the seed and the step number, so a resumed run has the curve
of an uninterrupted one. Not here: losses (`distill`), photographs and labels (`data`), when and where runs are started
(`jobs`).
"""

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from kdsr.errors import SettingsError, Stopped
from kdsr.files import replaced
from kdsr.models import Network, folded
from kdsr.settings import Settings
from kdsr.train.checkpoint import CHECKPOINT_FILE, load_checkpoint
from kdsr.train.control import RunControl
from kdsr.train.data.sources import OutOfTime, Sources, open_sources
from kdsr.train.events import EVENTS_FILE, EventLog
from kdsr.train.learner import Learner, new_learner
from kdsr.train.loop import TrainingLoop
from kdsr.train.machine import denormals_as_zero, keep_freed_memory
from kdsr.train.processes import Processes
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.train.release import device_text, new_card, release, released_mix
from kdsr.train.step import loss_of_step
from kdsr.train.teacher import Teacher, load_teacher, open_teacher
from kdsr.train.validation import can_validate, labelled, validate, validate_baseline, write_preview
from kdsr.zoo import open_catalog


@dataclass(frozen=True)
class RunResult:
    """How a run ended: `finished` or not (time limit), the step reached, and the folder with weights and card."""

    finished: bool
    step: int
    folder: Path


@denormals_as_zero()
def train_stage(recipe: Recipe, out_dir: Path, control: RunControl) -> RunResult:
    """Train the network of `recipe`; `out_dir` then has weights, card, checkpoint, previews and `events.jsonl`.

    Numbers below 1e-38 count as zero meanwhile (`denormals_as_zero`). Errors are those of `train_recipe`.
    """
    started, settings = time.monotonic(), control.settings
    processes, log = _begin(recipe, out_dir, control)
    teacher = _open_teacher(recipe, settings, processes.device)
    learner = new_learner(recipe, settings, processes.device, teacher)
    mix = released_mix(recipe, settings, folded(learner.average))
    if (out_dir / CHECKPOINT_FILE).exists():
        load_checkpoint(learner, recipe, out_dir / CHECKPOINT_FILE)

    def minutes() -> float:
        return (time.monotonic() - started) / 60

    try:
        sources = _open_sources(recipe, control, processes, log)
        if processes.is_first and learner.step == 0:
            _show_references(recipe, learner, sources, settings, out_dir / "preview", log)
        _log_start(recipe, learner, sources, processes, log)
        losses = loss_of_step(recipe, learner, teacher if recipe.teacher_at_work else None, processes.device)
        try:
            finished = TrainingLoop(recipe, learner, sources, losses, processes, out_dir, log, control).run()
        finally:
            if learner.step and processes.is_first:
                trained_on = device_text(recipe, processes.device, log.minutes_before + minutes())
                card = new_card(recipe, settings, steps=learner.step, trained_on=trained_on, data=sources.data)
                release(card, mix.outcome(learner), out_dir)
    except OutOfTime:
        finished = False
    except Stopped:
        log.note({"event": "stopped", "step": learner.step, "minutes": round(minutes(), 2)})
        raise
    if finished and mix.changes:
        _log_mixed(recipe, mix.outcome(learner), learner.step, sources, log)
    log.write({"event": "finished" if finished else "paused", "step": learner.step, "minutes": round(minutes(), 2)})
    return RunResult(finished, learner.step, out_dir)


def _begin(recipe: Recipe, out_dir: Path, control: RunControl) -> tuple[Processes, EventLog]:
    """The processes and the log of a run whose folder is free or may be resumed; writes its recipe there."""
    keep_freed_memory()
    if (out_dir / CHECKPOINT_FILE).exists() and not control.resume:
        raise SettingsError(f"{out_dir} holds a run already; resume it, or choose another folder.")
    out_dir.mkdir(parents=True, exist_ok=True)
    processes = Processes(control.settings.device)
    if processes.is_first:
        write_recipe(recipe, out_dir)
    return processes, EventLog(out_dir / EVENTS_FILE, control.on_event, silent=not processes.is_first)


def write_recipe(recipe: Recipe, folder: Path) -> None:
    """Write `recipe` as `recipe.json` into `folder`, replaced in one step."""
    with replaced(folder / "recipe.json") as part:
        part.write_text(recipe_to_json(recipe), encoding="utf-8")


def _open_sources(recipe: Recipe, control: RunControl, processes: Processes, log: EventLog) -> Sources:
    """The photographs and labels; the first process makes the labels, the others wait and read them."""
    if not processes.is_first:
        processes.wait()
    sources = open_sources(recipe, control.settings, processes.device, log.write, control.is_out_of_time)
    if processes.is_first:
        processes.wait()
    if recipe.the_task.has_truth or recipe.teaching.teacher is None:
        return sources
    teacher = load_teacher(open_catalog(control.settings), recipe.teaching.teacher, recipe.the_task.scale)
    return dataclasses.replace(
        sources, validation=labelled(sources.validation, recipe.the_task, teacher.to(processes.device))
    )


def _log_start(recipe: Recipe, learner: Learner, sources: Sources, processes: Processes, log: EventLog) -> None:
    event = {"event": "started", "step": learner.step, "steps": recipe.schedule.steps}
    log.write(event | {"device": str(processes.device), "photographs": sources.photographs})


def _log_mixed(recipe: Recipe, network: Network, step: int, sources: Sources, log: EventLog) -> None:
    psnr_db, ssim = validate(network, sources.validation, recipe.the_task)
    log.write({"event": "mixed", "step": step, "psnr_db": round(psnr_db, 4), "ssim": round(ssim, 5)})


def _show_references(
    recipe: Recipe, learner: Learner, sources: Sources, settings: Settings, folder: Path, log: EventLog
) -> None:
    """What validations are compared with, as PSNR and as previews: the network before the run, and the teacher."""
    networks, task, teacher = {"before": folded(learner.average)}, recipe.the_task, recipe.teaching.teacher
    if teacher is not None:
        device = next(learner.average.parameters()).device
        networks["teacher"] = load_teacher(open_catalog(settings), teacher, task.scale).to(device)
    write_preview(folder, sources.validation[0], task, networks)
    if not can_validate(sources.validation, task):
        return
    if not task.has_truth:  # the teacher's own pictures are what the others are compared with
        networks.pop("teacher", None)
    scores = {name: validate(network, sources.validation, task)[0] for name, network in networks.items()}
    if task.planes == 3:  # what is missing in a hole has no PSNR
        baseline_db = validate_baseline(sources.validation, task, next(learner.average.parameters()).device)
        scores |= {"baseline": baseline_db} if math.isfinite(baseline_db) else {}
    log.write({"event": "references", **{f"{name}_psnr_db": round(psnr_db, 4) for name, psnr_db in scores.items()}})


def _open_teacher(recipe: Recipe, settings: Settings, device: torch.device) -> Teacher | None:
    """The teacher of `recipe`, if it runs at every step or its features are projected."""
    teaching = recipe.teaching
    if teaching.teacher is None or not (recipe.teacher_at_work or teaching.teacher_taps):
        return None
    return open_teacher(
        open_catalog(settings),
        teaching.teachers,
        device,
        scale=recipe.the_task.scale,
        taps=teaching.teacher_taps,
        self_ensemble=teaching.self_ensemble,
        learns=teaching.online_teacher,
    )
