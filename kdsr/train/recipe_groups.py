"""The three groups of a recipe's keys: teaching, data and schedule, each a frozen dataclass that checks itself.

Not here: what the groups need of each other (`recipe`), and how keys were named earlier (`recipe_keys`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kdsr.distill import Balance, Term
from kdsr.errors import SettingsError, find
from kdsr.train.optimiser import OPTIMISERS

ZOOMS = ("none", "in", "out")
PRECISIONS = ("bf16", "fp32")


@dataclass(frozen=True)
class Teaching:
    """What a student is trained against: losses to the ground truth and to the teacher."""

    teacher: str | None = None
    """Name or file of the network whose outputs are the labels."""
    extra_teachers: tuple[str, ...] = ()
    """Names or files of networks whose outputs are averaged with the teacher's."""
    loss: str = "l1"
    """Loss of the balance, a name in `distill.LOSSES`."""
    truth_share: float = 1.0
    """Weight of the ground truth at the first step, in [0, 1]; the teacher's labels have the rest."""
    truth_share_end: float | None = None
    """Weight of the ground truth at the last step, linear in between; None: `truth_share`."""
    terms: tuple[Term, ...] = ()
    """Further losses, added to the balance."""
    self_ensemble: bool = False
    """Average the teacher's outputs over the 8 symmetries of the square."""
    online_teacher: bool = False
    """Train a copy of the teacher against the ground truth beside its student (online distillation)."""
    cache_labels: bool = True
    """Compute the teacher's labels once and keep them on disk; otherwise the teacher runs at every step."""

    def __post_init__(self) -> None:
        _ = self.balance  # checks the loss and both shares

    @property
    def balance(self) -> Balance:
        """The balance of ground truth and teacher."""
        end = self.truth_share if self.truth_share_end is None else self.truth_share_end
        return Balance(self.loss, self.truth_share, end)

    @property
    def teachers(self) -> tuple[str, ...]:
        """Names or files of all teachers; the first one's features are used."""
        return (*((self.teacher,) if self.teacher is not None else ()), *self.extra_teachers)

    @property
    def needs_teacher(self) -> bool:
        """Whether a teacher's output or feature is used at any step."""
        return self.balance.needs_teacher or any(term.needs_teacher for term in self.terms)

    @property
    def teacher_taps(self) -> tuple[str, ...]:
        """Names of the teacher's modules whose features are used."""
        return tuple(dict.fromkeys(term.teacher_tap for term in self.terms if term.reads == "features"))


@dataclass(frozen=True)
class TrainingData:
    """Photographs, how they are degraded, and how crops are drawn from them."""

    photos: tuple[str, ...] = ("photos_a",)
    """Folders of photographs, each a path or a folder under the data folder."""
    photo_scales: tuple[float, ...] = (1.0,)
    """Every photograph is used at each of these scales, in (0, 1]; a smaller one shows more of its scene per crop."""
    validation_photos: int = 16
    """Photographs held out of training, chosen by name, for the validations of the run."""
    photo_limit: int = 0
    """Largest number of photographs trained on, drawn by the seed; 0 uses all."""
    patch_px: int = 48
    """Side of a crop of the degraded picture."""
    crop_candidates: int = 1
    """Random crops per drawn crop, of which the most detailed is used; 1 samples evenly."""
    fixed_crops: int = 0
    """Size of a fixed set of crops, drawn by the seed and labelled one by one; 0 draws new crops at every step."""
    crop_px: int = 0
    """Side of fixed crops that are degraded and labelled one by one, at least `patch_px` (real photographs only).
    Patches are drawn from them. 0: fixed crops have `patch_px` and come from photographs that are degraded once.
    """
    ringing_share: float = 0.0
    """Share of the crops with `crop_px` that also get the ringing of a sharpening or low-pass filter."""
    hard_mining: bool = False
    """Sample the fixed crops in proportion to the distance between the teacher's label and the input."""
    zoom_inputs: str = "none"
    """Extra inputs without a ground truth that the teacher labels (DUKD, arXiv:2312.14709). `in` uses the photographs
    as inputs, `out` the degraded pictures at half their size. Needs `fixed_crops`.
    """
    zoom_input_share: float = 0.25
    """Share of the fixed crops that come from zoomed inputs, in (0, 1)."""
    degrade_once: bool = False
    """Degrade every photograph once, in cells, instead of every crop at each step; cached labels need it."""
    cell_px: int = 256
    """Side of a cell; each has its own strength. Super-resolution has no strength and uses full photographs."""
    grey_share: float = 0.0
    """Share of the crops (of the cells with `degrade_once`) that are converted to grey first."""
    chroma_444_share: float = 0.0
    """JPEG: share of files with full-colour 4:4:4 sampling; half of them get noise, so that fine colour is there."""
    double_jpeg_share: float = 0.0
    """JPEG: share of pictures that were compressed once before, on another block grid; cached labels are of the
    first file.
    """
    clipped_noise_share: float = 0.0
    """Noise: share of the crops (of the cells with `degrade_once`) that are clipped to [0, 1] and rounded to 8 bits, as
    in a file.
    """
    input_noise: float = 0.0
    """Style: largest sigma, of 255, of the noise that each drawn crop gets. Its label is that of the clean crop,
    against flicker on a webcam.
    """

    def __post_init__(self) -> None:
        _at_least_1(self, "validation_photos", "patch_px", "crop_candidates", "cell_px")
        for name in ("grey_share", "chroma_444_share", "double_jpeg_share", "ringing_share", "clipped_noise_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} must lie in [0, 1], got {getattr(self, name):g}.")
        if not 0 <= self.input_noise <= 75:
            raise SettingsError(f"input_noise must be a sigma from 0 to 75 of 255, got {self.input_noise:g}.")
        if self.photo_limit < 0:
            raise SettingsError(f"photo_limit must be 0 (all) or more, got {self.photo_limit}.")
        if not self.photo_scales or not all(0 < scale <= 1 for scale in self.photo_scales):
            raise SettingsError(
                f"photo_scales must be scales above 0 and at most 1, such as [1, 0.5], got {list(self.photo_scales)}."
            )
        if self.crop_px and (self.crop_px < self.patch_px or not self.fixed_crops):
            raise SettingsError(
                f"crop_px needs fixed_crops and at least patch_px ({self.patch_px}), got {self.crop_px} px "
                f"and {self.fixed_crops} crops."
            )
        if self.crop_px and (self.degrade_once or self.hard_mining or self.zoom_inputs != "none"):
            raise SettingsError(
                "Crops with crop_px are degraded one by one; leave out degrade_once, hard_mining and zoom_inputs."
            )
        if self.ringing_share and not self.crop_px:
            raise SettingsError(f"ringing_share is a share of crops with crop_px, got {self.ringing_share:g} without.")
        if self.zoom_inputs not in ZOOMS:
            raise SettingsError(f"zoom_inputs must be none, in or out, got '{self.zoom_inputs}'.")
        if not 0 < self.zoom_input_share < 1:
            raise SettingsError(f"zoom_input_share must lie between 0 and 1, got {self.zoom_input_share:g}.")


@dataclass(frozen=True)
class Schedule:
    """Steps, optimiser, learning rate, regularisation and validation of a run."""

    steps: int = 20_000
    batch_size: int = 16
    optimiser: str = "adamw"
    """`adamw` or `muon`; see `train.optimiser`."""
    learning_rate: float = 1e-3
    """After the warm-up."""
    final_learning_rate: float = 1e-6
    """At the last step, after half a cosine."""
    warmup_steps: int = 200
    """Steps of the linear warm-up."""
    weight_decay: float = 0.0
    gradient_clip: float = 0.0
    """Largest 2-norm of the network's gradient; 0 does not clip."""
    dropout: float = 0.0
    """Probability that a channel before the last convolution is dropped (Reflash Dropout, arXiv:2112.12089)."""
    ema_decay: float = 0.999
    """Decay of the moving average of the weights, which is what is released."""
    precision: str = "bf16"
    """`bf16` uses bfloat16 on devices that multiply in it and float32 elsewhere; `fp32` always uses float32."""
    compile: bool = True
    """Compile the step where a compiler is installed; the first step then takes 10 to 30 s."""
    validate_every: int = 1_000
    """Steps between two validations."""
    patience: int = 0
    """Stop after this many validations without a gain and keep the best weights; 0 never stops early."""

    def __post_init__(self) -> None:
        _at_least_1(self, "steps", "batch_size", "validate_every")
        find("optimiser", self.optimiser, OPTIMISERS)
        if self.precision not in PRECISIONS:
            raise SettingsError(f"precision must be bf16 or fp32, got '{self.precision}'.")
        if not self.learning_rate > 0 or not 0 <= self.final_learning_rate <= self.learning_rate:
            raise SettingsError(
                "learning_rate must be above 0 and at least final_learning_rate, "
                f"got {self.learning_rate:g} and {self.final_learning_rate:g}."
            )
        for name in ("dropout", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"{name} must lie in [0, 1), got {getattr(self, name):g}.")


GROUPS: Mapping[str, type] = MappingProxyType({"teaching": Teaching, "data": TrainingData, "schedule": Schedule})
"""The groups of a recipe by their key."""


def _at_least_1(group: Any, *names: str) -> None:
    for name in names:
        if getattr(group, name) < 1:
            raise SettingsError(f"{name} must be at least 1, got {getattr(group, name)}.")
