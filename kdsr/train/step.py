"""The loss of one step: student, teacher and objective as one function, compiled where that is faster."""

import shutil
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.distill import Objective, ObjectiveInputs, Tapped
from kdsr.models import Network
from kdsr.models.blocks import RepConv2d
from kdsr.train.data.pairs import Batch
from kdsr.train.learner import Learner
from kdsr.train.machine import has_bfloat16
from kdsr.train.recipe import Recipe
from kdsr.train.teacher import Teacher, rounded

Losses = Callable[[Batch, Tensor], tuple[Tensor, dict[str, Tensor]]]


def loss_of_step(recipe: Recipe, learner: Learner, teacher: Teacher | None, device: torch.device) -> Losses:
    """The function from a batch and the weight of the ground truth to the total loss and its named parts.

    `teacher`: runs at every step, and is trained too if it is online; None if labels are cached or not needed.
    """
    if recipe.schedule.dropout:
        _drop_channels(learner.network, recipe.schedule.dropout)
    losses = _student_loss(recipe, learner, device)
    shares_gradients = learner.objective.shares_gradients
    # a compiled step keeps no graph to take gradients from
    can_compile = recipe.schedule.compile and has_compiler(device) and not shares_gradients
    step = torch.compile(losses) if can_compile else losses

    def with_gradients(batch: Batch, share: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        total, parts = with_teacher(batch, share)
        return learner.objective.with_shared_gradients(total, parts, _last_weights(learner.network)), parts

    def with_teacher(batch: Batch, share: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        if recipe.schedule.dropout:
            torch.manual_seed(recipe.seed * 1_000_003 + learner.step)
        if teacher is None:
            return step(batch.degraded, batch.truth, batch.label, batch.features, share)
        if recipe.teaching.online_teacher:
            return _online(step, teacher, batch, share, learner.objective)
        with torch.no_grad():
            label, features = teacher(batch.degraded)
        features = {tap: feature.half().float() for tap, feature in features.items()}
        return step(batch.degraded, batch.truth, rounded(label), features, share)

    return with_gradients if shares_gradients else with_teacher


def _student_loss(
    recipe: Recipe, learner: Learner, device: torch.device
) -> Callable[..., tuple[Tensor, dict[str, Tensor]]]:
    """The part of the step that is compiled: student, negatives and objective."""
    taps = [term.student_tap for term in recipe.teaching.terms if term.reads == "features"]
    student, objective = Tapped(learner.network, taps), learner.objective
    negatives = objective.negatives
    # asked here, since the compiler cannot trace it
    mixed = recipe.schedule.precision == "bf16" and has_bfloat16(device)

    def losses(
        degraded: Tensor, truth: Tensor, label: Tensor | None, features: dict[str, Tensor], share: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            restored, seen = student(degraded)
        negative = None
        if negatives == "input":
            negative = (
                F.interpolate(degraded, scale_factor=float(learner.network.scale), mode="bicubic")
                if learner.network.scale > 1
                else degraded[:, :3]
            )
        elif negatives == "average":
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                negative = learner.average(degraded).float()
        shown = ObjectiveInputs(restored.float(), truth, label, negative, degraded, seen, features)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):  # convolutions of losses that are trained
            result: tuple[Tensor, dict[str, Tensor]] = objective(shown, share)
        return result

    return losses


def _drop_channels(network: Network, chance: float) -> None:
    """Drop input channels of the last convolution of `network`; its average is another module without dropout."""
    last = [module for module in network.modules() if isinstance(module, (nn.Conv2d, RepConv2d))][-1]
    last.register_forward_pre_hook(lambda _, given: (F.dropout2d(given[0], chance), *given[1:]))


def _last_weights(network: Network) -> Tensor:
    """The kernel of the last convolution of `network`."""
    return [weights for weights in network.parameters() if weights.ndim == 4][-1]


def has_compiler(device: torch.device) -> bool:
    """Whether torch can compile for `device` on this machine."""
    return device.type == "cuda" or any(shutil.which(name) for name in ("g++", "clang++"))


def _online(
    step: Callable[..., tuple[Tensor, dict[str, Tensor]]],
    teacher: Teacher,
    batch: Batch,
    share: Tensor,
    objective: Objective,
) -> tuple[Tensor, dict[str, Tensor]]:
    """A step with the teacher's own loss to the ground truth added; the student's loss does not reach the teacher."""
    label, features = teacher(batch.degraded)
    total, parts = step(
        batch.degraded,
        batch.truth,
        label.detach(),
        {tap: feature.detach().float() for tap, feature in features.items()},
        share,
    )
    parts["teacher_truth"] = objective.compare(label, batch.truth)
    return total + parts["teacher_truth"], parts
