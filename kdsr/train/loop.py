"""The training loop: steps, reports, validations, checkpoints, and the ways to stop. Not here: how a run is set up
(`stage`).
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn

from kdsr.errors import Stopped, TrainingError
from kdsr.models import folded
from kdsr.train.checkpoint import CHECKPOINT_FILE, save_checkpoint
from kdsr.train.control import RunControl
from kdsr.train.data.sources import Sources
from kdsr.train.events import EventLog
from kdsr.train.learner import Learner
from kdsr.train.machine import signals_deferred
from kdsr.train.processes import Processes
from kdsr.train.recipe import Recipe
from kdsr.train.recipe_groups import Schedule
from kdsr.train.step import Losses
from kdsr.train.validation import can_validate, validate, write_preview

_CHECKPOINT_EVERY_S = 60.0
_LOG_EVERY = 100
_DIVERGED = 50.0
"""A mean loss above this multiple of the lowest one has diverged; no run was seen to recover."""


def learning_rate(schedule: Schedule, step: int) -> float:
    """The learning rate of `step`, from 0: a linear warm-up, then half a cosine down to `final_learning_rate`."""
    if step < schedule.warmup_steps:
        return schedule.learning_rate * (step + 1) / schedule.warmup_steps
    progress = (step - schedule.warmup_steps) / max(1, schedule.steps - schedule.warmup_steps)
    half_cosine = 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
    return schedule.final_learning_rate + (schedule.learning_rate - schedule.final_learning_rate) * half_cosine


@dataclass
class TrainingLoop:
    """Steps until the end, the deadline or a request to stop."""

    recipe: Recipe
    learner: Learner
    sources: Sources
    losses: Losses
    processes: Processes
    folder: Path
    log: EventLog
    control: RunControl
    lowest: float = math.inf
    """The lowest mean loss so far."""

    def run(self) -> bool:
        """Train to the end or the deadline; whether the end was reached.

        Raises:
            Stopped: `should_stop` or Ctrl-C; a checkpoint is written.
            TrainingError: the loss diverged, or a checkpoint cannot be written.
        """
        try:
            self._take_steps()
        except KeyboardInterrupt:
            self._save()
            raise self._stopped() from None
        if not self._is_done() and not self.control.is_out_of_time():
            raise self._stopped()
        if self._is_done() and self.learner.best is not None:
            self.learner.average.load_state_dict(self.learner.best)
        return self._is_done()

    def _stopped(self) -> Stopped:
        done, steps = self.learner.step, self.recipe.schedule.steps
        whose = " of the twin" if self.recipe.role == "twin" else ""
        return Stopped(f"Stopped at step {done} of {steps}{whose}; the checkpoint is kept and can be resumed.")

    def _take_steps(self) -> None:
        """Take steps until the end, the deadline or a request to stop, and write the checkpoint there."""
        schedule, learner = self.recipe.schedule, self.learner
        saved = logged = time.monotonic()
        sums: dict[str, Tensor] = {}
        counted, is_due = 0, False
        if schedule.patience and learner.step == 0:
            self._validate()
        while not is_due and not self._is_done():
            parts = self._step()
            sums = {name: sums.get(name, 0.0) + value for name, value in parts.items()}
            counted += 1
            now = time.monotonic()
            is_due = self.processes.any(self._is_done() or self.control.is_out_of_time() or self.control.should_stop())
            if learner.step % _LOG_EVERY == 0 or is_due or now - saved > _CHECKPOINT_EVERY_S:
                self._report(sums, counted, (now - logged) / counted)
                sums, counted, logged = {}, 0, time.monotonic()
            if learner.step % schedule.validate_every == 0 or learner.step == schedule.steps:
                self._validate()
            if is_due or now - saved > _CHECKPOINT_EVERY_S:
                self._save()
                saved = logged = time.monotonic()

    def _save(self) -> None:
        if self.processes.is_first:
            save_checkpoint(self.learner, self.recipe, self.folder / CHECKPOINT_FILE)

    def _is_done(self) -> bool:
        """Whether the last step is reached, or `patience` validations brought no gain."""
        schedule = self.recipe.schedule
        return self.learner.step >= schedule.steps or 0 < schedule.patience <= self.learner.stale

    def _step(self) -> dict[str, Tensor]:
        """Take one step; the total loss and its parts, detached."""
        recipe, schedule, learner = self.recipe, self.recipe.schedule, self.learner
        batch = self.sources.pairs.batch(
            learner.step, schedule.batch_size, recipe.data.patch_px, with_label=recipe.teaching.needs_teacher
        )
        batch = self.processes.share_of(batch)
        for group in learner.optimiser.param_groups:
            group["lr"] = learning_rate(schedule, learner.step)
        share = recipe.teaching.balance.share(learner.step / schedule.steps)
        total, parts = self.losses(batch, torch.tensor(share, device=self.processes.device))
        learner.optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.processes.average_gradients(learner.parameters)
        if schedule.gradient_clip > 0:  # of the network only, not of losses and teachers that are trained as well
            nn.utils.clip_grad_norm_(learner.network.parameters(), schedule.gradient_clip)
        with signals_deferred():
            learner.optimiser.step()
            learner.step += 1
            learner.update_average(schedule.ema_decay)
        return {"loss": total.detach(), **{name: value.detach() for name, value in parts.items()}}

    def _report(self, sums: dict[str, Tensor], counted: int, step_s: float) -> None:
        """Log the mean losses of `counted` steps and the pace; raise if the loss diverged."""
        means = {name: float(value) / counted for name, value in sums.items()}
        self.lowest = min(self.lowest, means["loss"])
        step = self.learner.step
        if not means["loss"] <= _DIVERGED * self.lowest:
            raise TrainingError(
                f"The loss is {means['loss']:.3g} at step {step}, far above what it was; "
                "the checkpoint before it is kept. "
                "Lower the learning rate or set gradient_clip, and start again from there."
            )
        pace = {"steps_per_s": round(1 / step_s, 2), "eta_s": round((self.recipe.schedule.steps - step) * step_s)}
        event = {"event": "step", "step": step, **pace, "memory_mb": _memory_mb(self.processes.device)}
        self.log.write(event | {name: round(value, 6) for name, value in means.items()})

    def _validate(self) -> None:
        """Log the validation of the average, keep it if it is the best, and update the preview."""
        network = folded(self.learner.average)
        if can_validate(self.sources.validation, self.recipe.the_task):
            psnr_db, ssim = validate(network, self.sources.validation, self.recipe.the_task)
            if self.recipe.schedule.patience:
                self.learner.judge(psnr_db)
            event = {"event": "validation", "step": self.learner.step}
            self.log.write(event | {"psnr_db": round(psnr_db, 4), "ssim": round(ssim, 5)})
        if self.processes.is_first:
            folder, photo = self.folder / "preview", self.sources.validation[0]
            write_preview(folder, photo, self.recipe.the_task, {"now": network})


def _memory_mb(device: torch.device) -> int:
    """Memory that this process holds in MB: the GPU's on a GPU, else the machine's."""
    held = torch.cuda.memory_reserved(device) if device.type == "cuda" else psutil.Process().memory_info().rss
    return round(held / 1e6)
