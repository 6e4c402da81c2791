"""The one training loop: teachers, students and twins alike.

A run is decided by its recipe: batches and noise come from the seed and the step, so a run that was stopped and resumed
gives the curve of one that was not. Not here: what is learnt from (`distill`), where photographs and labels come from
(`photos`, `pairs`, `labels`), how often and where a run is started (`jobs`).
"""

import copy
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kdsr.errors import SettingsError, Stopped, TrainingError
from kdsr.models import Network, absorb_folded, build_model, folded
from kdsr.settings import Settings
from kdsr.train.checkpoint import Learner, load_checkpoint, save_checkpoint
from kdsr.train.recipe import Recipe, recipe_to_json
from kdsr.train.release import release
from kdsr.train.sources import Sources, open_sources
from kdsr.train.validation import validate
from kdsr.zoo import Catalog
from kdsr.zoo.weights import load_weights

Event = dict[str, Any]
_CHECKPOINT_EVERY_S = 60.0
_LOG_EVERY = 100


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
        TrainingError: a loss that is not finite, a checkpoint that cannot be written; the last good one is kept.
        Stopped: `should_stop` or Ctrl-C; a checkpoint is left.
    """
    started = time.monotonic()
    out_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = out_dir / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise SettingsError(f"{out_dir} holds a run already; resume it, or choose another folder.")
    (out_dir / "recipe.json").write_text(recipe_to_json(recipe), encoding="utf-8")
    log = _Log(out_dir / "events.jsonl", on_event)
    device = choose_device(settings)
    learner = _new_learner(recipe, settings, device)
    if checkpoint.exists():
        load_checkpoint(learner, recipe, checkpoint)
    sources = open_sources(recipe, settings, device, log.write)
    log.write({"event": "started", "step": learner.step, "steps": recipe.steps, "device": str(device), "photographs": sources.photographs})
    loop = _Loop(recipe, learner, sources, device, checkpoint, log, started, time_limit_s, should_stop or (lambda: False))
    try:
        finished = loop.run()
    finally:
        if learner.step:
            release(recipe, learner, out_dir, settings=settings, sources=sources, minutes=log.minutes_before + (time.monotonic() - started) / 60, device=device)
    log.write({"event": "finished" if finished else "paused", "step": learner.step, "minutes": round((time.monotonic() - started) / 60, 2)})
    return RunResult(finished, learner.step, out_dir)


def choose_device(settings: Settings) -> torch.device:
    """The device to work on: the setting, or a GPU where there is one."""
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(settings.device)


def learning_rate(recipe: Recipe, step: int) -> float:
    """The learning rate of `step`: a straight warm-up, then half a cosine down to `final_learning_rate`."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    progress = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    half_cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return recipe.final_learning_rate + (recipe.learning_rate - recipe.final_learning_rate) * half_cosine


class _Log:
    """Events as JSON lines, appended to one file and handed to a listener."""

    def __init__(self, path: Path, listener: Callable[[Event], None] | None) -> None:
        self.path = path
        self.listener = listener
        before = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        self.minutes_before = sum(event.get("minutes", 0.0) for event in before)

    def write(self, event: Event) -> None:
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
    device: torch.device
    checkpoint: Path
    log: _Log
    started: float
    time_limit_s: float | None
    should_stop: Callable[[], bool]

    def run(self) -> bool:
        """Learn to the end or the time limit; whether the end was reached."""
        recipe, learner = self.recipe, self.learner
        losses = _loss_function(recipe, learner.network, self.device)
        saved = logged = time.monotonic()
        sums: dict[str, Tensor] = {}
        counted = 0
        try:
            while learner.step < recipe.steps:
                parts = self._learn(losses)
                sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
                counted += 1
                now = time.monotonic()
                due = learner.step == recipe.steps or self._out_of_time(now) or self.should_stop()
                if learner.step % _LOG_EVERY == 0 or due or now - saved > _CHECKPOINT_EVERY_S:
                    self._report(sums, counted, (now - logged) / counted)
                    sums, counted, logged = {}, 0, time.monotonic()
                if learner.step % recipe.validate_every == 0 or learner.step == recipe.steps:
                    self._validate()
                if due or now - saved > _CHECKPOINT_EVERY_S:
                    save_checkpoint(learner, recipe, self.checkpoint)
                    saved = logged = time.monotonic()
                if due:
                    break
        except KeyboardInterrupt:
            save_checkpoint(learner, recipe, self.checkpoint)
            raise Stopped(f"Stopped at step {learner.step} of {recipe.steps}; the checkpoint is kept and can be resumed.") from None
        if learner.step < recipe.steps and not self._out_of_time(time.monotonic()):
            raise Stopped(f"Stopped at step {learner.step} of {recipe.steps}; the checkpoint is kept and can be resumed.")
        return learner.step == recipe.steps

    def _learn(self, losses: Callable[..., tuple[Tensor, dict[str, Tensor]]]) -> dict[str, Tensor]:
        recipe, learner = self.recipe, self.learner
        batch = self.sources.pairs.batch(learner.step, recipe.batch_size, recipe.patch_px, with_label=recipe.objective.needs_label)
        for group in learner.optimiser.param_groups:
            group["lr"] = learning_rate(recipe, learner.step)
        share = torch.tensor(recipe.objective.share(learner.step / recipe.steps), device=self.device)
        total, parts = losses(batch.degraded, batch.truth, batch.label, share)
        learner.optimiser.zero_grad(set_to_none=True)
        total.backward()
        if recipe.gradient_clip > 0:
            nn.utils.clip_grad_norm_(learner.network.parameters(), recipe.gradient_clip)
        learner.optimiser.step()
        learner.step += 1
        learner.update_average(recipe.ema_decay)
        return {"loss": total.detach(), **{name: value.detach() for name, value in parts.items()}}

    def _report(self, sums: dict[str, Tensor], counted: int, step_s: float) -> None:
        means = {name: float(value) / counted for name, value in sums.items()}
        if not math.isfinite(means["loss"]):
            raise TrainingError(
                f"The loss is no longer a finite number at step {self.learner.step}; the checkpoint before it is kept. "
                "Lower the learning rate or set gradient_clip, and start again from there."
            )
        left = self.recipe.steps - self.learner.step
        event = {"event": "step", "step": self.learner.step, "steps_per_s": round(1 / step_s, 2), "eta_s": round(left * step_s)}
        self.log.write(event | {name: round(value, 6) for name, value in means.items()})

    def _validate(self) -> None:
        psnr_db, ssim = validate(folded(self.learner.average), self.sources.validation, self.recipe.the_task)
        self.log.write({"event": "validation", "step": self.learner.step, "psnr_db": round(psnr_db, 4), "ssim": round(ssim, 5)})

    def _out_of_time(self, now: float) -> bool:
        return self.time_limit_s is not None and now - self.started >= self.time_limit_s


def _new_learner(recipe: Recipe, settings: Settings, device: torch.device) -> Learner:
    torch.manual_seed(recipe.seed)
    network = build_model(recipe.architecture, recipe.the_task.scale, recipe.arguments, rep=recipe.rep)
    if recipe.warm_start is not None:
        absorb_folded(network, _start_network(recipe, settings))
    network = network.to(device).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    return Learner(network, average, optimiser)


def _start_network(recipe: Recipe, settings: Settings) -> Network:
    assert recipe.warm_start is not None
    path = Path(recipe.warm_start)
    if path.suffix == ".safetensors":
        network = build_model(recipe.architecture, recipe.the_task.scale, recipe.arguments)
        load_weights(network, path)
        return network
    return Catalog(settings.weights_dir).load(recipe.warm_start)


def _loss_function(recipe: Recipe, network: Network, device: torch.device) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
    objective, mixed = recipe.objective, recipe.precision == "bf16"

    def losses(degraded: Tensor, truth: Tensor, label: Tensor | None, share: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            restored = network(degraded)
        return objective(restored.float(), truth, label, share)

    has_compiler = device.type == "cuda" or any(shutil.which(name) for name in ("g++", "clang++"))
    return torch.compile(losses) if recipe.compile and has_compiler else losses
