"""The one training loop: teachers, students and twins alike.

A run is decided by its recipe: batches and noise come from the seed and the step, so a run that was stopped and resumed
gives the curve of one that was not. Not here: what is learnt from (`distill`), where photographs and labels come from
(`photos`, `pairs`, `labels`), how often and where a run is started (`jobs`).
"""

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdsr.distill import Objective, channels_at
from kdsr.errors import SettingsError, Stopped, TrainingError
from kdsr.models import Network, build_model, folded, start
from kdsr.settings import Settings
from kdsr.train.checkpoint import Learner, load_checkpoint, save_checkpoint
from kdsr.train.processes import Processes
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.train.release import release
from kdsr.train.sources import Sources, open_sources
from kdsr.train.step import Losses, loss_of_step
from kdsr.train.teacher import Teacher, load_teacher, open_teacher
from kdsr.train.validation import validate, write_preview
from kdsr.zoo import Catalog
from kdsr.zoo.weights import load_weights

Event = dict[str, Any]
_CHECKPOINT_EVERY_S = 60.0
_LOG_EVERY = 100
_DIVERGED = 50.0
"""A mean loss so many times the lowest one has left the rails; none has been seen to come back."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended: `finished` or not (time limit), the step reached, and the folder with weights and card."""

    finished: bool
    step: int
    folder: Path


def train(
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

    Args:
        resume: go on from the checkpoint in `out_dir`; without it the folder must hold none.
        time_limit_s: stop in time, with a checkpoint that `resume` continues to the same curve.
        on_event: called with every event that is also written to the log.
        should_stop: asked at every step; when it says yes the run ends with a checkpoint.
    Raises:
        SettingsError: a checkpoint is there and `resume` is not asked for.
        TrainingError: a loss that is not finite or has left the rails, a checkpoint that cannot be written; the last good one is kept.
        Stopped: `should_stop` or Ctrl-C; a checkpoint is left.
    """
    started = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = out_dir / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise SettingsError(f"{out_dir} holds a run already; resume it, or choose another folder.")
    processes = Processes(settings.device)
    device = processes.device
    log = _Log(out_dir / "events.jsonl", on_event, silent=not processes.is_first)
    if processes.is_first:
        (out_dir / "recipe.json").write_text(recipe_to_json(recipe), encoding="utf-8")
    teacher = _teacher(recipe, settings, device)
    learner = _new_learner(recipe, settings, device, teacher)
    if checkpoint.exists():
        load_checkpoint(learner, recipe, checkpoint)
    if not processes.is_first:
        processes.wait()  # for the labels that the first one makes
    sources = open_sources(recipe, settings, device, log.write)
    if processes.is_first:
        processes.wait()
    if processes.is_first and learner.step == 0:
        _show_references(recipe, learner, sources, settings, out_dir / "preview", log)
    log.write({"event": "started", "step": learner.step, "steps": recipe.steps, "device": str(device), "photographs": sources.photographs})
    losses = loss_of_step(recipe, learner, teacher if recipe.teacher_at_work else None, device)
    loop = _Loop(recipe, learner, sources, losses, processes, checkpoint, log, started, time_limit_s, should_stop or (lambda: False))
    try:
        finished = loop.run()
    finally:
        if learner.step and processes.is_first:
            release(recipe, learner, out_dir, settings=settings, sources=sources, minutes=log.minutes_before + (time.monotonic() - started) / 60, device=device)
    log.write({"event": "finished" if finished else "paused", "step": learner.step, "minutes": round((time.monotonic() - started) / 60, 2)})
    return RunResult(finished, learner.step, out_dir)


def learning_rate(recipe: Recipe, step: int) -> float:
    """The learning rate of `step`: a straight warm-up, then half a cosine down to `final_learning_rate`."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    progress = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    half_cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return recipe.final_learning_rate + (recipe.learning_rate - recipe.final_learning_rate) * half_cosine


class _Log:
    """Events as JSON lines, appended to one file and handed to a listener."""

    def __init__(self, path: Path, listener: Callable[[Event], None] | None, *, silent: bool) -> None:
        self.path = path
        self.listener = listener
        self.silent = silent
        before = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        self.minutes_before = sum(event.get("minutes", 0.0) for event in before)

    def write(self, event: Event) -> None:
        if self.silent:
            return
        event = {"time": round(time.time(), 1), **event}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
        if self.listener is not None:
            self.listener(event)


@dataclass
class _Loop:
    recipe: Recipe
    learner: Learner
    sources: Sources
    losses: Losses
    processes: Processes
    checkpoint: Path
    log: _Log
    started: float
    time_limit_s: float | None
    should_stop: Callable[[], bool]
    lowest: float = math.inf

    def run(self) -> bool:
        """Learn to the end or the time limit; whether the end was reached."""
        recipe, learner = self.recipe, self.learner
        saved = logged = time.monotonic()
        sums: dict[str, Tensor] = {}
        counted = 0
        try:
            if recipe.patience and learner.step == 0:
                self._validate()
            while not self._done():
                parts = self._learn()
                sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
                counted += 1
                now = time.monotonic()
                due = self.processes.any(self._done() or self._out_of_time(now) or self.should_stop())
                if learner.step % _LOG_EVERY == 0 or due or now - saved > _CHECKPOINT_EVERY_S:
                    self._report(sums, counted, (now - logged) / counted)
                    sums, counted, logged = {}, 0, time.monotonic()
                if learner.step % recipe.validate_every == 0 or learner.step == recipe.steps:
                    self._validate()
                if due or now - saved > _CHECKPOINT_EVERY_S:
                    self._save()
                    saved = logged = time.monotonic()
                if due:
                    break
        except KeyboardInterrupt:
            self._save()
            raise Stopped(f"Stopped at step {learner.step} of {recipe.steps}; the checkpoint is kept and can be resumed.") from None
        if not self._done() and not self._out_of_time(time.monotonic()):
            raise Stopped(f"Stopped at step {learner.step} of {recipe.steps}; the checkpoint is kept and can be resumed.")
        if self._done() and learner.best is not None:
            learner.average.load_state_dict(learner.best)
        return self._done()

    def _save(self) -> None:
        if self.processes.is_first:
            save_checkpoint(self.learner, self.recipe, self.checkpoint)

    def _done(self) -> bool:
        """The last step is reached, or too many validations brought no gain."""
        return self.learner.step >= self.recipe.steps or 0 < self.recipe.patience <= self.learner.stale

    def _learn(self) -> dict[str, Tensor]:
        recipe, learner = self.recipe, self.learner
        batch = self.sources.pairs.batch(learner.step, recipe.batch_size, recipe.patch_px, with_label=recipe.needs_teacher)
        batch = self.processes.share_of(batch)
        for group in learner.optimiser.param_groups:
            group["lr"] = learning_rate(recipe, learner.step)
        share = torch.tensor(recipe.balance.share(learner.step / recipe.steps), device=self.processes.device)
        total, parts = self.losses(batch, share)
        learner.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.processes.average_gradients(learner.parameters)
        if recipe.gradient_clip > 0:
            nn.utils.clip_grad_norm_(learner.network.parameters(), recipe.gradient_clip)  # what losses and teachers learn is left alone
        learner.optimiser.step()
        learner.step += 1
        learner.update_average(recipe.ema_decay)
        return {"loss": total.detach(), **{name: value.detach() for name, value in parts.items()}}

    def _report(self, sums: dict[str, Tensor], counted: int, step_s: float) -> None:
        means = {name: float(value) / counted for name, value in sums.items()}
        self.lowest = min(self.lowest, means["loss"])
        if not means["loss"] <= _DIVERGED * self.lowest:
            raise TrainingError(
                f"The loss is {means['loss']:.3g} at step {self.learner.step}, far above what it was; the checkpoint before it is kept. "
                "Lower the learning rate or set gradient_clip, and start again from there."
            )
        left = self.recipe.steps - self.learner.step
        event = {"event": "step", "step": self.learner.step, "steps_per_s": round(1 / step_s, 2), "eta_s": round(left * step_s)}
        self.log.write(event | {name: round(value, 6) for name, value in means.items()})

    def _validate(self) -> None:
        psnr_db, ssim = validate(folded(self.learner.average), self.sources.validation, self.recipe.the_task)
        if self.recipe.patience:
            self.learner.judge(psnr_db)
        self.log.write({"event": "validation", "step": self.learner.step, "psnr_db": round(psnr_db, 4), "ssim": round(ssim, 5)})
        if self.processes.is_first:
            write_preview(self.checkpoint.parent / "preview", self.sources.validation[0], self.recipe.the_task, {"now": folded(self.learner.average)})

    def _out_of_time(self, now: float) -> bool:
        return self.time_limit_s is not None and now - self.started >= self.time_limit_s


def _show_references(recipe: Recipe, learner: Learner, sources: Sources, settings: Settings, folder: Path, log: _Log) -> None:
    """What the run's validations stand against: the student before it, and the teacher, as figures and as pictures."""
    networks = {"before": folded(learner.average)}
    if recipe.teacher is not None:
        networks["teacher"] = load_teacher(Catalog(settings.weights_dir), recipe.teacher).to(next(learner.average.parameters()).device)
    write_preview(folder, sources.validation[0], recipe.the_task, networks)
    figures = {f"{name}_psnr_db": round(validate(network, sources.validation, recipe.the_task)[0], 4) for name, network in networks.items()}
    log.write({"event": "references", **figures})


def _teacher(recipe: Recipe, settings: Settings, device: torch.device) -> Teacher | None:
    """The teacher of `recipe`, if it works at every step or its features are to be projected."""
    if recipe.teacher is None or not (recipe.teacher_at_work or recipe.teacher_taps):
        return None
    names = (recipe.teacher, *recipe.more_teachers)
    catalog = Catalog(settings.weights_dir)
    return open_teacher(catalog, names, device, taps=recipe.teacher_taps, self_ensemble=recipe.self_ensemble, learns=recipe.online)


def _new_learner(recipe: Recipe, settings: Settings, device: torch.device, teacher: Teacher | None) -> Learner:
    torch.manual_seed(recipe.seed)
    network = build_model(recipe.architecture, recipe.the_task.scale, recipe.arguments, rep=recipe.rep)
    if recipe.warm_start is not None:
        start(network, _start_network(recipe, settings))
    network = network.to(device).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    objective = Objective(
        recipe.balance,
        recipe.terms,
        student_channels=lambda tap: channels_at(network, tap),
        teacher_channels=lambda tap: channels_at(teacher.networks[0].network, tap) if teacher else 0,
    ).to(device)
    learns_along = nn.ModuleList(tapped.network for tapped in teacher.networks) if teacher and recipe.online else None
    parameters = [*network.parameters(), *objective.parameters(), *(learns_along.parameters() if learns_along else ())]
    optimiser = torch.optim.AdamW(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    return Learner(network, average, optimiser, objective, learns_along)


def _start_network(recipe: Recipe, settings: Settings) -> Network:
    """The network to start from: a file beside its card, a file that fits the recipe's own network, or a name of the catalog."""
    assert recipe.warm_start is not None
    path = Path(recipe.warm_start)
    if path.suffix != ".safetensors":
        return Catalog(settings.weights_dir).load(recipe.warm_start)
    if path.with_suffix(".json").is_file():
        return Catalog(path.parent).load(path.stem)
    network = build_model(recipe.architecture, recipe.the_task.scale, recipe.arguments)
    load_weights(network, path)
    return network
