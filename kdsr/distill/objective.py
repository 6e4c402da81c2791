"""The objective of a student: a balance of ground truth and teacher, plus further losses with their weights.

    total = share * L(restored, truth) + (1 - share) * L(restored, label) + sum of weight_i * loss_i

The share may change linearly over the run, from the teacher's smoother picture to the ground truth (ECO,
arXiv:2404.13518). The teacher itself is not here: its labels and features are inputs, so that no gradient reaches it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from kdsr.distill.registry import LOSSES, find_loss
from kdsr.errors import SettingsError, ShapeError


@dataclass(frozen=True)
class Term:
    """One further loss of an objective.

    Args:
        loss: name in `LOSSES`.
        weight: its factor in the total, above 0; with `gradient_share` the largest that it may become.
        gradient_share: where above 0, the factor is set at each step, so that the term's gradient at the network's
            last weights has this share of the rest's 2-norm. Source: VQGAN, arXiv:2012.09841, equation 7. For
            adversarial losses: the gradient of a pixel loss shrinks over a run, theirs does not.
        target: `teacher` or `truth`: what a loss between pictures compares with.
        student_tap: name of the student's module whose output a loss between features reads.
        teacher_tap: likewise of the teacher.
    """

    loss: str
    weight: float = 1.0
    target: str = "teacher"
    student_tap: str = ""
    teacher_tap: str = ""
    gradient_share: float = 0.0

    def __post_init__(self) -> None:
        reads = find_loss(self.loss).reads
        if self.gradient_share < 0:
            raise SettingsError(
                f"The gradient_share of '{self.loss}' must be at least 0, got {self.gradient_share:g}; "
                "0 leaves its weight fixed."
            )
        if not self.weight > 0:
            raise SettingsError(f"The weight of '{self.loss}' must be above 0, got {self.weight:g}.")
        if self.target not in ("teacher", "truth"):
            raise SettingsError(f"The target of '{self.loss}' must be teacher or truth, got '{self.target}'.")
        if reads == "scores":
            raise SettingsError(
                f"'{self.loss}' compares class scores, and a restoration network has none; "
                "choose a loss between pictures or features."
            )
        if (reads == "features") != bool(self.student_tap and self.teacher_tap):
            wanted = "needs student_tap and teacher_tap" if reads == "features" else "reads pictures and takes no taps"
            raise SettingsError(f"The loss '{self.loss}' {wanted}, got '{self.student_tap}' and '{self.teacher_tap}'.")

    @property
    def reads(self) -> str:
        """What the loss compares; see `Loss.reads`."""
        return LOSSES[self.loss].reads

    @property
    def needs_teacher(self) -> bool:
        """Whether the teacher's picture or feature is used."""
        return self.reads == "features" or (self.target == "teacher" and self.reads != "input")


@dataclass(frozen=True)
class Balance:
    """Weights of ground truth and teacher over the run, and the loss that compares with both.

    Args:
        loss: name in `LOSSES` of a loss between pictures without parameters.
        truth_share: weight of the ground truth at the first step, in [0, 1]; 1 is training without a teacher.
        truth_share_end: weight of the ground truth at the last step; linear in between.
    """

    loss: str = "l1"
    truth_share: float = 1.0
    truth_share_end: float = 1.0

    def __post_init__(self) -> None:
        if find_loss(self.loss).reads != "pictures" or find_loss(self.loss).learns:
            raise SettingsError(
                f"The balance needs a plain loss between pictures, and '{self.loss}' is none; name it among the terms."
            )
        for share in (self.truth_share, self.truth_share_end):
            if not 0.0 <= share <= 1.0:
                raise SettingsError(f"The share of the truth must lie between 0 and 1, got {share:g}.")

    @property
    def needs_teacher(self) -> bool:
        """Whether the teacher's output is used at any step."""
        return min(self.truth_share, self.truth_share_end) < 1.0

    def share(self, progress: float) -> float:
        """Weight of the ground truth at `progress` (0 to 1) of the run."""
        return self.truth_share + (self.truth_share_end - self.truth_share) * progress


@dataclass(frozen=True)
class ObjectiveInputs:
    """Inputs of the objective in one step: pictures (N, 3, H, W) in [0, 1], features (N, C, H, W) by tap."""

    restored: Tensor
    truth: Tensor
    label: Tensor | None = None
    """The teacher's output."""
    negative: Tensor | None = None
    """A worse picture, for contrastive losses."""
    degraded: Tensor | None = None
    """The input of the network, (N, planes, h, w)."""
    student_features: dict[str, Tensor] = field(default_factory=dict)
    teacher_features: dict[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module):
    """A balance and its terms. Parameters are those of losses that are trained; no student's file has them.

    Args:
        student_channels: channels of the student's feature at a tap; for losses that project it.
        teacher_channels: likewise of the teacher.
    """

    def __init__(
        self,
        balance: Balance,
        terms: Sequence[Term] = (),
        *,
        student_channels: Callable[[str], int] | None = None,
        teacher_channels: Callable[[str], int] | None = None,
    ) -> None:
        super().__init__()
        self.balance = balance
        self.terms = tuple(terms)
        self.learnt = nn.ModuleDict()  # the name is in checkpoints of earlier versions
        for index, term in enumerate(self.terms):
            if LOSSES[term.loss].learns:
                both = (student_channels, teacher_channels) if term.reads == "features" else ()
                taps = (term.student_tap, term.teacher_tap)
                self.learnt[str(index)] = LOSSES[term.loss].function(
                    *(channels(tap) for channels, tap in zip(both, taps, strict=False) if channels)
                )

    def forward(self, seen: ObjectiveInputs, share: Tensor | float) -> tuple[Tensor, dict[str, Tensor]]:
        """The total and its named parts (before their weights), each a scalar. `share` is the weight of the truth.

        Terms with a `gradient_share` are among the parts and not yet in the total; see `with_shared_gradients`.

        Raises:
            ShapeError: pictures of different shapes.
        """
        for other in (seen.truth, seen.label):
            if other is not None and seen.restored.shape != other.shape:
                raise ShapeError(
                    "The objective needs pictures of one shape, "
                    f"got {tuple(seen.restored.shape)} and {tuple(other.shape)}."
                )
        total, parts = self._balanced(seen, share)
        for index, term in enumerate(self.terms):
            name = self._name(index)
            if term.gradient_share:
                parts[name] = self._value_by_pixels(index, term, seen)
            else:
                parts[name] = self._value(index, term, seen)
                total = total + term.weight * parts[name]
        return total, parts

    def with_shared_gradients(self, total: Tensor, parts: dict[str, Tensor], weights: Tensor) -> Tensor:
        """`total` plus every term with a `gradient_share`, whose factor is set by the gradients at `weights`.

        Args:
            total, parts: what `forward` returned, with their graphs.
            weights: the parameter of the network that the norms are compared at, its last.
        """
        for index, term in enumerate(self.terms):
            if term.gradient_share:
                part = parts[self._name(index)]
                wanted, own = (
                    torch.autograd.grad(loss, weights, retain_graph=True)[0].norm() for loss in (total, part)
                )
                total = total + (term.gradient_share * wanted / own.clamp(min=1e-12)).clamp(max=term.weight) * part
        return total

    @property
    def shares_gradients(self) -> bool:
        """Whether any term has a `gradient_share`."""
        return any(term.gradient_share for term in self.terms)

    def _name(self, index: int) -> str:
        """The name of a term's part: its loss, with its number where an earlier part has that name."""
        loss = self.terms[index].loss
        return (
            loss if loss not in {"truth", "teacher", *(term.loss for term in self.terms[:index])} else f"{loss}_{index}"
        )

    def compare(self, restored: Tensor, truth: Tensor) -> Tensor:
        """The balance's loss between two pictures."""
        value: Tensor = LOSSES[self.balance.loss].function(restored, truth)
        return value

    def _balanced(self, seen: ObjectiveInputs, share: Tensor | float) -> tuple[Tensor, dict[str, Tensor]]:
        parts = {"truth": self.compare(seen.restored, seen.truth)}
        if seen.label is None or not self.balance.needs_teacher:
            return parts["truth"], parts
        parts["teacher"] = self.compare(seen.restored, seen.label)
        return share * parts["truth"] + (1.0 - share) * parts["teacher"], parts

    def _value_by_pixels(self, index: int, term: Term, seen: ObjectiveInputs) -> Tensor:
        """`_value`, with its gradient at the restored picture already taken.

        The gradient is needed twice, for the term's factor and for the step, and its way through a network is long.
        """
        if term.reads == "features" or not seen.restored.requires_grad:
            return self._value(index, term, seen)
        restored = seen.restored.detach().requires_grad_()
        value = self._value(index, term, replace(seen, restored=restored))
        (gradient,) = torch.autograd.grad(value, restored, retain_graph=LOSSES[term.loss].learns)
        linear = (gradient * seen.restored).sum()
        return (value if LOSSES[term.loss].learns else value.detach()) + (linear - linear.detach())

    def _value(self, index: int, term: Term, seen: ObjectiveInputs) -> Tensor:
        function = self.learnt[str(index)] if str(index) in self.learnt else LOSSES[term.loss].function
        target = seen.truth if term.target == "truth" else seen.label
        if term.reads == "features":
            value: Tensor = function(seen.student_features[term.student_tap], seen.teacher_features[term.teacher_tap])
        elif term.reads == "input":
            value = function(seen.restored, seen.degraded)
        elif term.reads == "both":
            value = function(seen.restored, target, seen.degraded)
        elif term.reads == "pictures":
            value = function(seen.restored, target)
        else:
            value = function(seen.restored, target, [seen.negative])
        return value

    @property
    def negatives(self) -> str | None:
        """Source of the negatives of a contrastive term; None without such a term.

        `input` is the degraded picture, enlarged; `average` is the output of the student's moving average.
        """
        kinds = {term.reads.removeprefix("negatives_") for term in self.terms if term.reads.startswith("negatives_")}
        if len(kinds) > 1:
            raise SettingsError(
                "Only one kind of negatives can be used in a run; choose contrastive or contrastive_dynamic."
            )
        return kinds.pop() if kinds else None
