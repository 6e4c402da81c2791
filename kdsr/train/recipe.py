"""A training run as data: one frozen recipe, JSON in and JSON out, unknown keys refused."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdsr.distill import Balance, Term
from kdsr.errors import SettingsError, UnknownNameError
from kdsr.models import MODELS
from kdsr.tasks import Task, find_task
from kdsr.train.optimiser import OPTIMISERS
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
    terms: tuple[Term, ...] = ()
    """Further losses beside the balance of truth and teacher."""
    more_teachers: tuple[str, ...] = ()
    """Networks whose outputs are averaged with the teacher's."""
    self_ensemble: bool = False
    """The label is the mean of the teacher's outputs over the 8 symmetries of the square."""
    online: bool = False
    """The teacher learns from the truth beside its student, in a copy of its own."""
    cache_labels: bool = True
    """Keep the teacher's labels on disk; without, the teacher works at every step."""
    crop_choices: int = 1
    """Of so many random crops the one with the most detail is learnt from; 1 spreads the crops evenly."""
    grey_share: float = 0.0
    """Share of the crops (or cells, or photographs, where they are degraded once) that are made grey first."""
    whole_colour_share: float = 0.0
    """JPEG clean-up: share of the files whose colour is not halved (4:4:4); half of them hold grain, so that there is
    fine colour to keep.
    """
    saved_before_share: float = 0.0
    """JPEG clean-up: share of the pictures that were a JPEG file once before, with its blocks elsewhere; kept labels
    are of that first file.
    """
    planned_crops: int = 0
    """Learn from so many crops, fixed by the seed, each labelled by itself; 0 draws crops without end from labelled
    photographs.
    """
    new_inputs: str = "none"
    """Inputs without a truth that the teacher labels: `in` takes the photographs themselves, `out` halves the degraded
    ones. Needs a plan.
    """
    new_input_share: float = 0.25
    """Share of the plan's crops that come from new inputs."""
    prefer_hard: bool = False
    """Draw the plan's crops by how far the teacher's label lies from the plain input. Needs a plan."""
    warm_start: str | None = None
    """Name or safetensors file of a network of the same architecture to start from; a wider or deeper one is pruned."""
    start_share: float = 0.0
    """Share of the `warm_start`'s weights in what is released; the rest are the run's own (WiSE-FT, arXiv:2109.01903)."""
    mixed_with: str | None = None
    """Name or safetensors file of a network that another run made of the same `warm_start`: the run's own are then the
    mean of both (arXiv:2203.05482).
    """
    photos: tuple[str, ...] = ("photos_a",)
    """Folders of photographs, each a path or a folder under the data folder."""
    photo_scales: tuple[float, ...] = (1.0,)
    """Each photograph is learnt from at all of these scales of its size; a smaller one holds more of its scene, and
    finer, in a crop.
    """
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
    optimiser: str = "adamw"
    """Or `muon`, which learns plain stacks sooner and makes over-parameterised kernels needless; see `train.optimiser`."""
    learning_rate: float = 1e-3
    final_learning_rate: float = 1e-6
    warmup_steps: int = 200
    weight_decay: float = 0.0
    gradient_clip: float = 0.0
    """Largest norm of the gradient; 0 leaves it alone."""
    ema_decay: float = 0.999
    seed: int = 0
    precision: str = "bf16"
    """`bf16` computes in bfloat16 on devices that multiply in it, and in float32 on the others; `fp32` everywhere in
    float32.
    """
    compile: bool = True
    """Compile the step where a compiler is at hand; the first step then takes 10 to 30 s."""
    validate_every: int = 1_000
    patience: int = 0
    """Stop after so many validations without a gain, and keep the best; 0 never stops early."""
    dropout: float = 0.0
    """Chance that a channel before the last convolution is dropped in a step (Reflash Dropout, arXiv:2112.12089)."""
    stages: tuple[Mapping[str, Any], ...] = ()
    """Runs in sequence, each the keys in which it differs from this recipe; see `train.stages`."""
    licence: str = "Apache-2.0"
    notes: str = ""

    def __post_init__(self) -> None:
        find_task(self.task)
        if self.architecture not in MODELS:
            raise UnknownNameError.among("architecture", self.architecture, MODELS)
        if self.role not in ROLES:
            raise SettingsError(f"role must be one of {', '.join(ROLES)}, got '{self.role}'.")
        if self.optimiser not in OPTIMISERS:
            raise SettingsError(str(UnknownNameError.among("optimiser", self.optimiser, OPTIMISERS)))
        if self.precision not in ("bf16", "fp32"):
            raise SettingsError(f"precision must be bf16 or fp32, got '{self.precision}'.")
        for name in (
            "steps",
            "batch_size",
            "patch_px",
            "cell_px",
            "crop_choices",
            "validate_every",
            "validation_photos",
        ):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not self.learning_rate > 0 or not 0 <= self.final_learning_rate <= self.learning_rate:
            raise SettingsError(
                f"learning_rate must be above 0 and at least final_learning_rate, got {self.learning_rate:g} and {self.final_learning_rate:g}."
            )
        for name in ("grey_share", "whole_colour_share", "saved_before_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} must lie in [0, 1], got {getattr(self, name):g}.")
        if not self.photo_scales or not all(0 < scale <= 1 for scale in self.photo_scales):
            raise SettingsError(
                f"photo_scales must be scales above 0 and at most 1, such as [1, 0.5], got {list(self.photo_scales)}."
            )
        for name in ("whole_colour_share", "saved_before_share"):
            if getattr(self, name) and self.the_task.degradation != "jpeg":
                raise SettingsError(f"{name} is a share of JPEG files, and {self.task} makes none; leave it out.")
        if not 0 <= self.start_share < 1 or (self.start_share and self.warm_start is None and not self.stages):
            raise SettingsError(
                f"start_share must lie in [0, 1) and needs a warm_start, got {self.start_share:g} and {self.warm_start or 'none'}."
            )
        if self.mixed_with is not None and self.warm_start is None and not self.stages:
            raise SettingsError(
                f"mixed_with needs a warm_start, from which both runs learn on, got '{self.mixed_with}' and none."
            )
        if not 0 <= self.dropout < 1:
            raise SettingsError(f"dropout must lie in [0, 1), got {self.dropout:g}.")
        if not 0 <= self.ema_decay < 1:
            raise SettingsError(f"ema_decay must lie in [0, 1), got {self.ema_decay:g}.")
        if not self.name or Path(self.name).name != self.name or self.name.startswith("."):
            raise SettingsError(f"name must be a plain file name without folders, got '{self.name}'.")
        if not self.stages:  # each of them is checked by itself
            self._check_teaching()

    def _check_teaching(self) -> None:
        """Refuse what does not go together in labels, plans and teachers."""
        balance = self.balance
        if self.needs_teacher and not self.teacher:
            raise SettingsError(
                "A truth_share below 1 and losses to a teacher need one; name a teacher, or set truth_share to 1 and leave the terms out."
            )
        if self.needs_teacher and not self.fixed_pairs and not self.teacher_at_work:
            raise SettingsError(
                "A teacher's labels need degrade_once, so that a label belongs to its degraded picture; or set cache_labels to false."
            )
        if self.planned_crops and (self.planned_crops < self.batch_size or not self.fixed_pairs):
            raise SettingsError("planned_crops needs degrade_once and at least as many crops as batch_size.")
        if self.new_inputs not in ("none", "in", "out"):
            raise SettingsError(f"new_inputs must be none, in or out, got '{self.new_inputs}'.")
        labelled_plan = self.planned_crops and self.cache_labels and balance.needs_teacher
        if (self.new_inputs != "none" or self.prefer_hard) and not labelled_plan:
            raise SettingsError(
                "new_inputs and prefer_hard need planned_crops, cached labels and a truth_share below 1."
            )
        if not 0 < self.new_input_share < 1:
            raise SettingsError(f"new_input_share must lie between 0 and 1, got {self.new_input_share:g}.")
        if self.online and not balance.needs_teacher:
            raise SettingsError("A teacher that learns online needs a truth_share below 1.")

    @property
    def balance(self) -> Balance:
        """The balance of truth and teacher."""
        end = self.truth_share if self.truth_share_end is None else self.truth_share_end
        return Balance(self.loss, self.truth_share, end)

    @property
    def needs_teacher(self) -> bool:
        """Whether a teacher's output or feature is used at any step."""
        return self.balance.needs_teacher or any(term.needs_teacher for term in self.terms)

    @property
    def teacher_taps(self) -> tuple[str, ...]:
        """Modules of the teacher whose features are used."""
        return tuple(dict.fromkeys(term.teacher_tap for term in self.terms if term.reads == "features"))

    @property
    def teacher_at_work(self) -> bool:
        """Whether the teacher works at every step: it learns, nothing is kept, or features are used of crops that no
        plan fixes.
        """
        return self.needs_teacher and (
            self.online or not self.cache_labels or bool(self.teacher_taps and not self.planned_crops)
        )

    @property
    def networks(self) -> tuple[str, ...]:
        """Names or files of the networks that must be there before the run: its teachers, its start and what it is
        mixed with.
        """
        return tuple(
            place
            for place in (self.teacher, *self.more_teachers, self.warm_start, self.mixed_with)
            if place is not None
        )

    @property
    def all_steps(self) -> int:
        """Steps of all stages together."""
        return sum(stage.get("steps", self.steps) for stage in self.stages) if self.stages else self.steps

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
    if "photo_scales" in values and not (
        isinstance(values["photo_scales"], (list, tuple))
        and all(_is_kind(scale, float) for scale in values["photo_scales"])
    ):
        raise SettingsError(f"photo_scales must be a list of numbers such as [1, 0.5], got {values['photo_scales']!r}.")
    for name in ("photos", "more_teachers", "photo_scales"):
        if name in values:
            values[name] = tuple(values[name])
    if "stages" in values:
        values["stages"] = tuple(_stage(stage) for stage in values["stages"])
    if "terms" in values:
        values["terms"] = tuple(_term(term) for term in values["terms"])
    return Recipe(**values)


def _stage(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, dict) or {"stages", "name", "task"} & given.keys():
        raise SettingsError(
            f"A stage is an object with keys of a recipe apart from name, task and stages; got {given!r}."
        )
    return given


def _term(given: Any) -> Term:
    if isinstance(given, Term):
        return given
    keys = [item.name for item in dataclasses.fields(Term)]
    if not isinstance(given, dict) or "loss" not in given or not set(given) <= set(keys):
        raise SettingsError(f"A term is an object with loss and any of {', '.join(keys[1:])}; got {given!r}.")
    return Term(**given)


def recipe_to_json(recipe: Recipe) -> str:
    """`recipe` as JSON, every key written out."""
    return json.dumps(dataclasses.asdict(recipe), indent=2, ensure_ascii=False) + "\n"


def _is_kind(value: object, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is kind
