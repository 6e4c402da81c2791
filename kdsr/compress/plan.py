"""A compression as data: everything that decides its result, apart from the device. Cards hold it as their `recipe`."""

from dataclasses import dataclass

from kdsr.errors import SettingsError

WIDTH_STEP = 16
"""Pruned widths are multiples of it: other widths cost as much as the next multiple."""


@dataclass(frozen=True)
class Compression:
    """The steps that compress the network `source`, and their data."""

    source: str
    prune: float = 0.0
    """Share of the inner channels to remove; the remaining width is rounded to a multiple of 16."""
    int8: bool = False
    photos: tuple[str, ...] = ()
    """Folders of photographs; none: those of the network's own training."""
    photographs: int = 200
    """Largest number of photographs, evenly chosen, for calibration and quantisation-aware training. The fine-tune
    after pruning uses all.
    """
    validation_photos: int = 16
    """Held-out photographs on which each step is measured."""
    crops: int = 256
    """Number of crops for the ranges of the tensors."""
    patch_px: int = 48
    """Side of a crop of the degraded picture."""
    batch_size: int = 8
    prune_steps: int = 6_000
    """Steps of the fine-tune after pruning, with Muon and the task's loss; the unpruned network is the teacher."""
    prune_learning_rate: float = 1e-3
    int8_steps: int = 400
    """Steps of quantisation-aware training, where calibration loses more than `int8_loss_db`; 0: never."""
    int8_learning_rate: float = 3e-4
    int8_loss_db: float = 0.05
    truth_share: float = 0.5
    """Weight of the truth in both fine-tunes, in [0, 1]; the rest is the uncompressed network's output."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.prune or self.int8):
            raise SettingsError("Nothing to do: ask for pruning (--prune 0.5), for 8 bits (--int8), or for both.")
        for name in ("prune", "truth_share"):
            if not 0 <= getattr(self, name) <= 1 or self.prune == 1:
                raise SettingsError(
                    f"{name} is a share from 0 to 1, got {getattr(self, name):g}; take for example 0.5."
                )
        for name in ("photographs", "validation_photos", "crops", "patch_px", "batch_size", "prune_steps"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.int8_steps < 0 or not self.prune_learning_rate > 0 or not self.int8_learning_rate > 0:
            raise SettingsError("int8_steps must be 0 or more, and both learning rates above 0.")

    def pruned_width(self, width: int) -> int:
        """The width after pruning: the multiple of 16 nearest to its share of `width`.

        Raises:
            SettingsError: nothing would go.
        """
        kept = max(WIDTH_STEP, round(width * (1 - self.prune) / WIDTH_STEP) * WIDTH_STEP)
        if kept >= width:
            raise SettingsError(
                f"Pruning {self.prune:g} of {width} channels leaves {kept} of them, "
                f"rounded to a multiple of {WIDTH_STEP}: ask for more."
            )
        return kept
