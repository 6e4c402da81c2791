"""A training run as data: one frozen recipe, JSON in and JSON out, unknown keys refused."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdsr.distill import OutputObjective
from kdsr.errors import SettingsError, UnknownNameError
from kdsr.models import MODELS
from kdsr.tasks import Task, find_task
from kdsr.zoo.card import ROLES


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a run gives, apart from the device."""

    name: str
    """Name of the network that comes out; its files are NAME.safetensors and NAME.json."""
    task: str
    role: str = "student"
    title: str = ""
    architecture: str = "plain"
    arguments: dict[str, int] = field(default_factory=dict)
    rep: bool = True
    """Learn with over-parameterised kernels; they are folded when the weights are written."""
    teacher: str | None = None
    """Name of the network whose outputs are the labels."""
    loss: str = "l1"
    truth_share: float = 1.0
    truth_share_end: float | None = None
    """Weight of the truth beside the teacher at the last step; as `truth_share` if left out."""
    warm_start: str | None = None
    """Name of a network, or path of a safetensors file of the same architecture, to start from."""
    photos: tuple[str, ...] = ("photos_a",)
    """Folders of photographs, each a path or a folder under the data folder."""
    degrade_once: bool = False
    """Degrade every photograph once, in cells, instead of every crop anew; needed for a teacher's labels."""
    cell_px: int = 256
    """Side of a cell; each has its own strength. Super-resolution has no strength and takes whole photographs."""
    validation_photos: int = 16
    """Photographs held out of training, by name, to follow the run on."""
    steps: int = 20_000
    batch_size: int = 16
    patch_px: int = 48
    """Side of a crop of the degraded picture."""
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-6
    warmup_steps: int = 200
    weight_decay: float = 0.0
    gradient_clip: float = 0.0
    """Largest norm of the gradient; 0 leaves it alone."""
    ema_decay: float = 0.999
    seed: int = 0
    precision: str = "bf16"
    compile: bool = True
    """Compile the step where a compiler is at hand; the first step then takes 10 to 30 s."""
    validate_every: int = 1_000
    licence: str = "Apache-2.0"
    notes: str = ""

    def __post_init__(self) -> None:
        find_task(self.task)
        if self.architecture not in MODELS:
            raise UnknownNameError.among("architecture", self.architecture, MODELS)
        if self.role not in ROLES:
            raise SettingsError(f"role must be one of {', '.join(ROLES)}, got '{self.role}'.")
        if self.precision not in ("bf16", "fp32"):
            raise SettingsError(f"precision must be bf16 or fp32, got '{self.precision}'.")
        for name in ("steps", "batch_size", "patch_px", "cell_px", "validate_every", "validation_photos"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not self.learning_rate > 0 or not 0 <= self.final_learning_rate <= self.learning_rate:
            raise SettingsError(f"learning_rate must be above 0 and at least final_learning_rate, got {self.learning_rate:g} and {self.final_learning_rate:g}.")
        if not 0 <= self.ema_decay < 1:
            raise SettingsError(f"ema_decay must lie in [0, 1), got {self.ema_decay:g}.")
        if not self.name or Path(self.name).name != self.name or self.name.startswith("."):
            raise SettingsError(f"name must be a plain file name without folders, got '{self.name}'.")
        if self.objective.needs_label and not self.teacher:
            raise SettingsError("A truth_share below 1 needs a teacher; name one, or set truth_share to 1.")
        if self.objective.needs_label and not self.fixed_pairs:
            raise SettingsError("A teacher's labels need degrade_once, so that a label belongs to its degraded picture.")

    @property
    def objective(self) -> OutputObjective:
        """The objective of the run."""
        end = self.truth_share if self.truth_share_end is None else self.truth_share_end
        return OutputObjective(self.loss, self.truth_share, end)

    @property
    def the_task(self) -> Task:
        """The task that is trained for."""
        return find_task(self.task)

    @property
    def fixed_pairs(self) -> bool:
        """Whether every photograph is degraded once and for all."""
        return self.degrade_once or self.the_task.strength is None


def recipe_from_json(text: str) -> Recipe:
    """The recipe in `text`.

    Raises:
        SettingsError: not JSON, an unknown or missing key, a value out of range.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"The recipe is not valid JSON: {error}.") from error
    return recipe_from_mapping(given)


def recipe_from_mapping(given: Mapping[str, Any]) -> Recipe:
    """The recipe with the keys of `given`; unknown ones are refused."""
    if not isinstance(given, dict):
        raise SettingsError(f"A recipe is one JSON object, got {type(given).__name__}.")
    known = {item.name: item for item in dataclasses.fields(Recipe)}
    for name, value in given.items():
        if name not in known:
            raise SettingsError(str(UnknownNameError.among("key of a recipe", name, known)))
        default = known[name].default
        if type(default) in (int, float, bool, str) and not _is_kind(value, type(default)):
            raise SettingsError(f"{name} must be of kind {type(default).__name__}, got {value!r}.")
    missing = [name for name in ("name", "task") if name not in given]
    if missing:
        raise SettingsError(f"The recipe lacks {' and '.join(missing)}.")
    values = dict(given)
    if "photos" in values:
        values["photos"] = tuple(values["photos"])
    return Recipe(**values)


def recipe_to_json(recipe: Recipe) -> str:
    """`recipe` as JSON, every key written out."""
    return json.dumps(dataclasses.asdict(recipe), indent=2, ensure_ascii=False) + "\n"


def _is_kind(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is kind
