"""The one training loop: teachers, students and twins alike.

A run is decided by its recipe: batches and noise come from the seed and the step, so a run that was stopped and resumed
gives the curve of one that was not. Not here: what is learnt from (`distill`), where photographs and labels come from
(`photos`, `pairs`, `labels`), how often and where a run is started (`jobs`).
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from kdsr.distill import Objective, channels_at
from kdsr.errors import SettingsError
from kdsr.files import replaced
from kdsr.models import Network, build_model, count_parameters, folded, start
from kdsr.settings import Settings
from kdsr.train.checkpoint import Learner, load_checkpoint
from kdsr.train.data.sources import OutOfTime, Sources, open_sources
from kdsr.train.loop import Event, Log, Loop
from kdsr.train.machine import keep_freed_memory, smallest_as_zero
from kdsr.train.optimiser import new_optimiser
from kdsr.train.processes import Processes
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.train.release import Mixture, release
from kdsr.train.step import loss_of_step
from kdsr.train.teacher import Teacher, load_teacher, open_teacher
from kdsr.train.validation import validate, write_preview
from kdsr.zoo import Catalog
from kdsr.zoo.weights import load_weights


@dataclass(frozen=True)
class RunResult:
    """How a run ended: `finished` or not (time limit), the step reached, and the folder with weights and card."""

    finished: bool
    step: int
    folder: Path


@smallest_as_zero()
def train_stage(
    recipe: Recipe,
    out_dir: Path,
    *,
    settings: Settings,
    resume: bool = False,
    time_limit_s: float | None = None,
    on_event: Callable[[Event], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> RunResult:
    """Train the network of `recipe`; weights, card, checkpoint and `events.jsonl` lie in `out_dir` afterwards.

    Meanwhile numbers below 1e-38 count as zero (`smallest_as_zero`).

    Args:
        resume: go on from the checkpoint in `out_dir`; without it the folder must hold none.
        time_limit_s: stop in time, with a checkpoint that `resume` continues to the same curve.
        on_event: called with every event that is also written to the log.
        should_stop: asked at every step; when it says yes the run ends with a checkpoint.
    Raises:
        SettingsError: a checkpoint is there and `resume` is not asked for.
        TrainingError: a loss that is not finite or has left the rails, a checkpoint that cannot be written; the last
            good one is kept.
        Stopped: `should_stop` or Ctrl-C; a checkpoint is left.
    """
    started = time.monotonic()
    keep_freed_memory()
    out_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = out_dir / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise SettingsError(f"{out_dir} holds a run already; resume it, or choose another folder.")
    processes = Processes(settings.device)
    device = processes.device
    log = Log(out_dir / "events.jsonl", on_event, silent=not processes.is_first)
    if processes.is_first:
        with replaced(out_dir / "recipe.json") as part:
            part.write_text(recipe_to_json(recipe), encoding="utf-8")
    teacher = _teacher(recipe, settings, device)
    learner = _new_learner(recipe, settings, device, teacher)
    mixture = _mixture(recipe, settings, folded(learner.average))
    if checkpoint.exists():
        load_checkpoint(learner, recipe, checkpoint)
    if not processes.is_first:
        processes.wait()  # for the labels that the first one makes
    try:
        sources = open_sources(
            recipe,
            settings,
            device,
            log.write,
            lambda: time_limit_s is not None and time.monotonic() - started > time_limit_s,
        )
    except OutOfTime:
        log.write({"event": "paused", "step": learner.step, "minutes": round((time.monotonic() - started) / 60, 2)})
        return RunResult(False, learner.step, out_dir)
    if processes.is_first:
        processes.wait()
    if processes.is_first and learner.step == 0:
        _show_references(recipe, learner, sources, settings, out_dir / "preview", log)
    log.write(
        {
            "event": "started",
            "step": learner.step,
            "steps": recipe.schedule.steps,
            "device": str(device),
            "photographs": sources.photographs,
        }
    )
    losses = loss_of_step(recipe, learner, teacher if recipe.teacher_at_work else None, device)
    loop = Loop(
        recipe,
        learner,
        sources,
        losses,
        processes,
        checkpoint,
        log,
        started,
        time_limit_s,
        should_stop or (lambda: False),
    )
    try:
        finished = loop.run()
    finally:
        if learner.step and processes.is_first:
            minutes, network = log.minutes_before + (time.monotonic() - started) / 60, mixture.outcome(learner)
            release(
                recipe,
                network,
                out_dir,
                steps=learner.step,
                settings=settings,
                sources=sources,
                minutes=minutes,
                device=device,
            )
    if finished and mixture.changes:
        psnr_db, ssim = validate(mixture.outcome(learner), sources.validation, recipe.the_task)
        log.write({"event": "mixed", "step": learner.step, "psnr_db": round(psnr_db, 4), "ssim": round(ssim, 5)})
    log.write(
        {
            "event": "finished" if finished else "paused",
            "step": learner.step,
            "minutes": round((time.monotonic() - started) / 60, 2),
        }
    )
    return RunResult(finished, learner.step, out_dir)


def _show_references(
    recipe: Recipe, learner: Learner, sources: Sources, settings: Settings, folder: Path, log: Log
) -> None:
    """What the run's validations stand against: the student before it, and the teacher, as figures and as pictures."""
    networks = {"before": folded(learner.average)}
    if recipe.teaching.teacher is not None:
        networks["teacher"] = load_teacher(Catalog(settings.weights_dir), recipe.teaching.teacher).to(
            next(learner.average.parameters()).device
        )
    write_preview(folder, sources.validation[0], recipe.the_task, networks)
    figures = {
        f"{name}_psnr_db": round(validate(network, sources.validation, recipe.the_task)[0], 4)
        for name, network in networks.items()
    }
    log.write({"event": "references", **figures})


def _teacher(recipe: Recipe, settings: Settings, device: torch.device) -> Teacher | None:
    """The teacher of `recipe`, if it works at every step or its features are to be projected."""
    if recipe.teaching.teacher is None or not (recipe.teacher_at_work or recipe.teaching.teacher_taps):
        return None
    names = (recipe.teaching.teacher, *recipe.teaching.extra_teachers)
    catalog = Catalog(settings.weights_dir)
    return open_teacher(
        catalog,
        names,
        device,
        taps=recipe.teaching.teacher_taps,
        self_ensemble=recipe.teaching.self_ensemble,
        learns=recipe.teaching.online_teacher,
    )


def _new_learner(recipe: Recipe, settings: Settings, device: torch.device, teacher: Teacher | None) -> Learner:
    torch.manual_seed(recipe.seed)
    network = build_model(
        recipe.architecture,
        recipe.the_task.scale,
        recipe.arguments,
        planes=recipe.the_task.planes,
        rep=recipe.reparameterised,
    )
    if recipe.warm_start is not None:
        start(network, _network_at(recipe.warm_start, recipe, settings))
    network = network.to(device).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    objective = Objective(
        recipe.teaching.balance,
        recipe.teaching.terms,
        student_channels=lambda tap: channels_at(network, tap),
        teacher_channels=lambda tap: channels_at(teacher.networks[0].network, tap) if teacher else 0,
    ).to(device)
    learns_along = (
        nn.ModuleList(tapped.network for tapped in teacher.networks)
        if teacher and recipe.teaching.online_teacher
        else None
    )
    parameters = [*network.parameters(), *objective.parameters(), *(learns_along.parameters() if learns_along else ())]
    optimiser = new_optimiser(
        recipe.schedule.optimiser, parameters, recipe.schedule.learning_rate, recipe.schedule.weight_decay
    )
    return Learner(network, average, optimiser, objective, learns_along)


def _mixture(recipe: Recipe, settings: Settings, began: Network) -> Mixture:
    """What is mixed when `recipe` is released; what its network `began` with is one of it."""
    if recipe.soup_with is None or recipe.warm_start is None:
        return Mixture(began, recipe.wise_ft_share)
    other = _network_at(recipe.soup_with, recipe, settings).to(next(began.parameters()).device)
    if [value.shape for value in other.parameters()] != [value.shape for value in began.parameters()]:
        raise SettingsError(
            f"soup_with must be a network that learnt from {recipe.warm_start}, too; {recipe.soup_with} has another shape."
        )
    if count_parameters(began) > count_parameters(_network_at(recipe.warm_start, recipe, settings)):
        raise SettingsError(
            f"soup_with needs runs that begin alike, and what a network has beyond {recipe.warm_start} begins at random. "
            "Let a first run grow it, and start both from what that brings."
        )
    return Mixture(began, recipe.wise_ft_share, other)


def _network_at(place: str, recipe: Recipe, settings: Settings) -> Network:
    """The network at `place`: a file beside its card, a file that fits the recipe's own network, or a name of the
    catalog.
    """
    path = Path(place)
    if path.suffix != ".safetensors":
        return Catalog(settings.weights_dir).load(place)
    if path.with_suffix(".json").is_file():
        return Catalog(path.parent).load(path.stem)
    network = build_model(recipe.architecture, recipe.the_task.scale, recipe.arguments, planes=recipe.the_task.planes)
    load_weights(network, path)
    return network
