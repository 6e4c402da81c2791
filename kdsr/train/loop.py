"""The loop of a run: learn, report, validate, keep checkpoints, stop in time. Not here: how a run is put together
(`trainer`).
"""

import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from kdsr.errors import Stopped, TrainingError
from kdsr.models import folded
from kdsr.train.checkpoint import Learner, save_checkpoint
from kdsr.train.data.sources import Sources
from kdsr.train.machine import undisturbed
from kdsr.train.processes import Processes
from kdsr.train.recipe import Recipe
from kdsr.train.step import Losses
from kdsr.train.validation import validate, write_preview

Event = dict[str, Any]
_CHECKPOINT_EVERY_S = 60.0
_LOG_EVERY = 100
_DIVERGED = 50.0
"""A mean loss so many times the lowest one has left the rails; none has been seen to come back."""


def learning_rate(recipe: Recipe, step: int) -> float:
    """The learning rate of `step`: a straight warm-up, then half a cosine down to `final_learning_rate`."""
    if step < recipe.schedule.warmup_steps:
        return recipe.schedule.learning_rate * (step + 1) / recipe.schedule.warmup_steps
    progress = (step - recipe.schedule.warmup_steps) / max(1, recipe.schedule.steps - recipe.schedule.warmup_steps)
    half_cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return (
        recipe.schedule.final_learning_rate
        + (recipe.schedule.learning_rate - recipe.schedule.final_learning_rate) * half_cosine
    )


def _memory_mb(device: torch.device) -> int:
    """What this process holds: of the GPU's memory, or of the machine's."""
    held = torch.cuda.memory_reserved(device) if device.type == "cuda" else psutil.Process().memory_info().rss
    return round(held / 1e6)


def events_in(path: Path) -> list[Event]:
    """The events of a log; none where there is no file. A line that a killed run left half-written is skipped."""
    found = []
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


class Log:
    """Events as JSON lines, appended to one file and handed to a listener."""

    def __init__(self, path: Path, listener: Callable[[Event], None] | None, *, silent: bool = False) -> None:
        self.path = path
        self.listener = listener
        self.silent = silent
        self.minutes_before = sum(event.get("minutes", 0.0) for event in events_in(path))

    def write(self, event: Event) -> None:
        if self.silent:
            return
        event = {"time": round(time.time(), 1), **event}
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")
        if self.listener is not None:
            self.listener(event)


@dataclass
class Loop:
    """Steps until the end, a time limit or a wish to stop."""

    recipe: Recipe
    learner: Learner
    sources: Sources
    losses: Losses
    processes: Processes
    checkpoint: Path
    log: Log
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
            if recipe.schedule.patience and learner.step == 0:
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
                if learner.step % recipe.schedule.validate_every == 0 or learner.step == recipe.schedule.steps:
                    self._validate()
                if due or now - saved > _CHECKPOINT_EVERY_S:
                    self._save()
                    saved = logged = time.monotonic()
                if due:
                    break
        except KeyboardInterrupt:
            self._save()
            raise Stopped(
                f"Stopped at step {learner.step} of {recipe.schedule.steps}; the checkpoint is kept and can be resumed."
            ) from None
        if not self._done() and not self._out_of_time(time.monotonic()):
            raise Stopped(
                f"Stopped at step {learner.step} of {recipe.schedule.steps}; the checkpoint is kept and can be resumed."
            )
        if self._done() and learner.best is not None:
            learner.average.load_state_dict(learner.best)
        return self._done()

    def _save(self) -> None:
        if self.processes.is_first:
            save_checkpoint(self.learner, self.recipe, self.checkpoint)

    def _done(self) -> bool:
        """The last step is reached, or too many validations brought no gain."""
        return (
            self.learner.step >= self.recipe.schedule.steps or 0 < self.recipe.schedule.patience <= self.learner.stale
        )

    def _learn(self) -> dict[str, Tensor]:
        recipe, learner = self.recipe, self.learner
        batch = self.sources.pairs.batch(
            learner.step, recipe.schedule.batch_size, recipe.data.patch_px, with_label=recipe.teaching.needs_teacher
        )
        batch = self.processes.share_of(batch)
        for group in learner.optimiser.param_groups:
            group["lr"] = learning_rate(recipe, learner.step)
        share = torch.tensor(
            recipe.teaching.balance.share(learner.step / recipe.schedule.steps), device=self.processes.device
        )
        total, parts = self.losses(batch, share)
        learner.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.processes.average_gradients(learner.parameters)
        if recipe.schedule.gradient_clip > 0:
            nn.utils.clip_grad_norm_(
                learner.network.parameters(), recipe.schedule.gradient_clip
            )  # what losses and teachers learn is left alone
        with undisturbed():
            learner.optimiser.step()
            learner.step += 1
            learner.update_average(recipe.schedule.ema_decay)
        return {"loss": total.detach(), **{name: value.detach() for name, value in parts.items()}}

    def _report(self, sums: dict[str, Tensor], counted: int, step_s: float) -> None:
        means = {name: float(value) / counted for name, value in sums.items()}
        self.lowest = min(self.lowest, means["loss"])
        if not means["loss"] <= _DIVERGED * self.lowest:
            raise TrainingError(
                f"The loss is {means['loss']:.3g} at step {self.learner.step}, far above what it was; the checkpoint before it is kept. "
                "Lower the learning rate or set gradient_clip, and start again from there."
            )
        left = self.recipe.schedule.steps - self.learner.step
        event = {
            "event": "step",
            "step": self.learner.step,
            "steps_per_s": round(1 / step_s, 2),
            "eta_s": round(left * step_s),
        }
        event |= {"memory_mb": _memory_mb(self.processes.device)}
        self.log.write(event | {name: round(value, 6) for name, value in means.items()})

    def _validate(self) -> None:
        psnr_db, ssim = validate(folded(self.learner.average), self.sources.validation, self.recipe.the_task)
        if self.recipe.schedule.patience:
            self.learner.judge(psnr_db)
        self.log.write(
            {"event": "validation", "step": self.learner.step, "psnr_db": round(psnr_db, 4), "ssim": round(ssim, 5)}
        )
        if self.processes.is_first:
            write_preview(
                self.checkpoint.parent / "preview",
                self.sources.validation[0],
                self.recipe.the_task,
                {"now": folded(self.learner.average)},
            )

    def _out_of_time(self, now: float) -> bool:
        return self.time_limit_s is not None and now - self.started >= self.time_limit_s
