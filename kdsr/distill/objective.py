"""The objective of output distillation: a loss to the truth and the same loss to the teacher's output, in balance.

The balance may slide from the start of the run to its end, from the teacher's smoother picture to the truth
(as ECO does, arXiv:2404.13518). The teacher itself is not here: its outputs come as labels, so it cannot be trained by mistake.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from kdsr.distill import pixel
from kdsr.errors import SettingsError, ShapeError, UnknownNameError


@dataclass(frozen=True)
class Loss:
    """A loss, what it reads and where it comes from."""

    function: Callable[[Tensor, Tensor], Tensor]
    reads: str
    source: str


LOSSES: Mapping[str, Loss] = MappingProxyType({
    "l1": Loss(pixel.l1, reads="image", source="definition"),
})  # fmt: skip


def find_loss(name: str) -> Loss:
    """The loss named `name`.

    Raises:
        UnknownNameError: no such loss; the text names the nearest one.
    """
    if name not in LOSSES:
        raise UnknownNameError.among("loss", name, LOSSES)
    return LOSSES[name]


@dataclass(frozen=True)
class OutputObjective:
    """`share * loss(restored, truth) + (1 - share) * loss(restored, label)`.

    Args:
        loss: name in `LOSSES`.
        truth_share: weight of the truth at the first step, in [0, 1]; 1 is training without a teacher.
        truth_share_end: weight of the truth at the last step; between them it slides in a straight line.
    """

    loss: str = "l1"
    truth_share: float = 1.0
    truth_share_end: float = 1.0

    def __post_init__(self) -> None:
        find_loss(self.loss)
        for share in (self.truth_share, self.truth_share_end):
            if not 0.0 <= share <= 1.0:
                raise SettingsError(f"The share of the truth must lie between 0 and 1, got {share:g}.")

    @property
    def needs_label(self) -> bool:
        """Whether the teacher's output is used at any step."""
        return min(self.truth_share, self.truth_share_end) < 1.0

    def share(self, progress: float) -> float:
        """Weight of the truth when `progress` (0 to 1) of the run is done."""
        return self.truth_share + (self.truth_share_end - self.truth_share) * progress

    def __call__(self, restored: Tensor, truth: Tensor, label: Tensor | None, share: Tensor | float) -> tuple[Tensor, dict[str, Tensor]]:
        """The total and its named parts, each a scalar. `label` (the teacher's output) may be None if none is needed.

        Raises:
            ShapeError: pictures of different shapes.
        """
        if restored.shape != truth.shape or (label is not None and label.shape != truth.shape):
            raise ShapeError(f"The objective needs equal shapes, got {tuple(restored.shape)} and {tuple(truth.shape)}.")
        function = LOSSES[self.loss].function
        parts = {"truth": function(restored, truth)}
        if label is None:
            return parts["truth"], parts
        parts["teacher"] = function(restored, label)
        return share * parts["truth"] + (1.0 - share) * parts["teacher"], parts
