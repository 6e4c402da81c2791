"""A training run as data: one frozen recipe, JSON in and JSON out, unknown keys refused."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from kdsr.distill import Term
from kdsr.errors import SettingsError, find
from kdsr.models import MODELS
from kdsr.tasks import Task, find_task
from kdsr.train.recipe_groups import GROUPS, Schedule, Teaching, TrainingData
from kdsr.train.recipe_keys import flat_keys, grouped_keys
from kdsr.zoo.card import ROLES

_LARGEST, _LARGEST_INTEGER = 1e300, 2**63
_SHOWN = 100
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result of a run, apart from the device."""

    name: str
    """Name of the trained network; its files are NAME.safetensors and NAME.json."""
    task: str
    role: str = "student"
    title: str = ""
    architecture: str = "plain"
    arguments: dict[str, int] = field(default_factory=dict)
    """Of the architecture, such as width and depth."""
    reparameterised: bool = True
    """Train over-parameterised kernels, folded into plain ones when the weights are written."""
    warm_start: str | None = None
    """Name or safetensors file of a network of the same architecture to start from; a larger one is pruned."""
    wise_ft_share: float = 0.0
    """Weight of the `warm_start` in the released weights, in [0, 1) (WiSE-FT, arXiv:2109.01903)."""
    soup_with: str | None = None
    """Name or safetensors file of a network that another run trained from the same `warm_start`; the mean of both is
    released (model soups, arXiv:2203.05482).
    """
    seed: int = 0
    teaching: Teaching = field(default_factory=Teaching)
    data: TrainingData = field(default_factory=TrainingData)
    schedule: Schedule = field(default_factory=Schedule)
    stages: tuple[Mapping[str, Any], ...] = ()
    """Runs in sequence, each the keys that differ from this recipe; see `train.stages_of`."""
    twin: bool = False
    """Train the twin as well, after the student: the same network without a teacher; see `train.twin`."""
    licence: str = "Apache-2.0"
    notes: str = ""

    def __post_init__(self) -> None:
        find_task(self.task)
        find("architecture", self.architecture, MODELS)
        if self.role not in ROLES:
            raise SettingsError(f"role must be one of {', '.join(ROLES)}, got '{self.role}'.")
        if not self.name or Path(self.name).name != self.name or self.name.startswith("."):
            raise SettingsError(f"name must be a plain file name without folders, got '{self.name}'.")
        for name in ("chroma_444_share", "double_jpeg_share"):
            if getattr(self.data, name) and self.the_task.degradation != "jpeg":
                raise SettingsError(f"{name} is a share of JPEG files, and {self.task} makes none; leave it out.")
        if self.data.input_noise and (self.the_task.has_truth or self.teacher_at_work):
            raise SettingsError(
                "input_noise is for style, with cached labels or without a teacher; set it to 0 or change those."
            )
        if self.data.clipped_noise_share and self.the_task.degradation != "noise":
            raise SettingsError(
                f"clipped_noise_share is a share of noisy pictures, and {self.task} has no noise; leave it out."
            )
        needs_start = self.warm_start is None and not self.stages
        if not 0 <= self.wise_ft_share < 1 or (self.wise_ft_share and needs_start):
            raise SettingsError(
                "wise_ft_share must lie in [0, 1) and needs a warm_start, "
                f"got {self.wise_ft_share:g} and {self.warm_start or 'none'}."
            )
        if self.soup_with is not None and needs_start:
            raise SettingsError(
                f"soup_with needs a warm_start, the common start of both runs, got '{self.soup_with}' and none."
            )
        if self.twin:
            self._check_twin()
        if not self.stages:  # a stage is checked when it becomes a recipe
            self._check_teaching()

    def _check_twin(self) -> None:
        """Refuse a twin that has no teacher to do without, or could not learn from the same crops without labels."""
        if self.role != "student" or self.stages or not self.teaching.needs_teacher:
            raise SettingsError(
                "twin trains a student again without its teacher; it needs one stage, the role student and a teacher "
                "that is used. Leave twin out otherwise."
            )
        if not self.the_task.has_truth:
            raise SettingsError(
                f"A twin learns from the original, and {self.task} has none; "
                "train it by its own recipe with the loss style_NAME, and leave twin out."
            )
        if self.data.hard_mining or self.data.zoom_inputs != "none" or self.soup_with is not None:
            raise SettingsError(
                "A twin learns from no label, and hard_mining, zoom_inputs and soup_with would show it some; "
                "leave them or twin out."
            )

    def _check_teaching(self) -> None:
        """Refuse combinations of teacher, labels and crops that cannot work."""
        teaching, data = self.teaching, self.data
        if teaching.needs_teacher and not teaching.teacher:
            raise SettingsError(
                "A truth_share below 1 and losses to a teacher need one; "
                "name a teacher, or set truth_share to 1 and leave the terms out."
            )
        if data.crop_px and (self.the_task.degradation != "photo" or teaching.teacher_taps):
            raise SettingsError("crop_px is for photo_x2 and photo_x4 and caches no features; leave it out.")
        has_fixed_inputs = self.fixed_pairs or bool(data.crop_px)
        if teaching.needs_teacher and not has_fixed_inputs and not self.teacher_at_work:
            raise SettingsError(
                "A teacher's labels need degrade_once, so that a label belongs to its degraded picture; "
                "or set cache_labels to false."
            )
        if data.fixed_crops and (data.fixed_crops < self.schedule.batch_size or not has_fixed_inputs):
            raise SettingsError("fixed_crops needs degrade_once or crop_px and at least as many crops as batch_size.")
        are_labelled = data.fixed_crops and teaching.cache_labels and teaching.balance.needs_teacher
        if (data.zoom_inputs != "none" or data.hard_mining) and not are_labelled:
            raise SettingsError("zoom_inputs and hard_mining need fixed_crops, cache_labels and a truth_share below 1.")
        if self.schedule.patience and not self.the_task.has_truth and not teaching.teacher:
            raise SettingsError(
                f"patience waits for a better validation, and {self.task} has none without a teacher; set it to 0."
            )
        if teaching.online_teacher and not teaching.balance.needs_teacher:
            raise SettingsError("online_teacher needs a truth_share below 1.")

    @property
    def teacher_at_work(self) -> bool:
        """Whether the teacher runs at every step: it is trained, labels are not cached, or features are used of crops
        that are not fixed.
        """
        teaching = self.teaching
        has_free_taps = bool(teaching.teacher_taps and not self.data.fixed_crops)
        return teaching.needs_teacher and (teaching.online_teacher or not teaching.cache_labels or has_free_taps)

    @property
    def networks(self) -> tuple[str, ...]:
        """Names or files of the networks that the run reads: teachers, warm start and partner of the soup."""
        others = (place for place in (self.warm_start, self.soup_with) if place is not None)
        return (*self.teaching.teachers, *others)

    @property
    def all_steps(self) -> int:
        """Steps of all stages, or of the student and its twin, together."""
        steps = self.schedule.steps
        if self.stages:
            return sum(flat_keys(stage).get("steps", steps) for stage in self.stages)
        return 2 * steps if self.twin else steps

    @property
    def the_task(self) -> Task:
        """The task that the network is trained for."""
        return find_task(self.task)

    @property
    def fixed_pairs(self) -> bool:
        """Whether every photograph is degraded once, before the first step."""
        return self.data.degrade_once or self.the_task.strength is None


def recipe_from_json(text: str) -> Recipe:
    """The recipe in `text`, grouped or flat, with names of now or earlier ones.

    Raises:
        SettingsError: not JSON, an unknown or missing key, a value out of range.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The recipe is not valid JSON: {error}.") from error
    return recipe_from_mapping(given)


def recipe_from_mapping(given: Mapping[str, Any]) -> Recipe:
    """The recipe with the keys of `given`, grouped or flat; errors as `recipe_from_json`."""
    if not isinstance(given, Mapping):
        raise SettingsError(f"A recipe is one JSON object, got {type(given).__name__}.")
    values = flat_keys(given)
    _check_keys(values)
    missing = [name for name in ("name", "task") if name not in values]
    if missing:
        raise SettingsError(f"The recipe lacks {' and '.join(missing)}.")
    for name in ("photos", "extra_teachers", "photo_scales"):
        if name in values:
            values[name] = tuple(values[name])
    if "stages" in values:
        values["stages"] = tuple(_stage(stage) for stage in values["stages"])
    if "terms" in values:
        values["terms"] = tuple(_term(term) for term in values["terms"])
    keys = grouped_keys(values)
    return Recipe(**keys | {group: kind(**keys.get(group, {})) for group, kind in GROUPS.items()})


def with_keys(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """`recipe` with the keys of `changes`, grouped or flat, replacing its own."""
    return recipe_from_mapping(flat_keys(dataclasses.asdict(recipe)) | flat_keys(changes))


def recipe_to_json(recipe: Recipe) -> str:
    """`recipe` as JSON, grouped, every key written out."""
    return json.dumps(dataclasses.asdict(recipe), indent=2, ensure_ascii=False) + "\n"


def _check_keys(flat: Mapping[str, Any]) -> None:
    """Refuse unknown keys and values of another kind than the key's default."""
    fields = (item for kind in (Recipe, *GROUPS.values()) for item in dataclasses.fields(kind))
    known = {item.name: item for item in fields if item.name not in GROUPS}
    for name, value in flat.items():
        kind = find("key of a recipe", name, known).type
        if not _is_kind(value, kind):
            raise SettingsError(f"{name} must be of kind {_kind_name(kind)}, got {_shown(value)}.")


def _stage(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or {"stages", "twin", "name", "task"} & given.keys():
        raise SettingsError(
            f"A stage is an object with keys of a recipe apart from name, task, stages and twin; got {_shown(given)}."
        )
    flat = flat_keys(given)
    _check_keys(flat)
    return grouped_keys(flat)


def _term(given: Any) -> Term:
    if isinstance(given, Term):
        return given
    kinds = {item.name: item.type for item in dataclasses.fields(Term)}
    if not isinstance(given, dict) or "loss" not in given or not given.keys() <= kinds.keys():
        raise SettingsError(f"A term is an object with loss and any of {', '.join([*kinds][1:])}; got {_shown(given)}.")
    for name, value in given.items():
        if not _is_kind(value, kinds[name]):
            raise SettingsError(f"{name} of a term must be of kind {_kind_name(kinds[name])}, got {_shown(value)}.")
    return Term(**given)


def _is_kind(value: object, kind: Any) -> bool:
    """Whether `value`, from JSON or from a recipe, fits the annotation `kind`; `_stage` and `_term` check theirs."""
    inner = get_args(kind)
    if isinstance(kind, UnionType):
        return any(_is_kind(value, one) for one in inner)
    if get_origin(kind) is tuple:
        return isinstance(value, list | tuple) and all(_is_kind(item, inner[0]) for item in value)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(_is_kind(item, inner[1]) for item in value.values())
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST  # NaN is not
    if kind is int:
        return type(value) is int and abs(value) < _LARGEST_INTEGER
    return kind not in (int, bool, str, NoneType) or type(value) is kind


def _kind_name(kind: Any) -> str:
    """The annotation `kind` in the words of JSON."""
    inner = get_args(kind)
    if isinstance(kind, UnionType):
        return " or ".join("null" if one is NoneType else _kind_name(one) for one in inner)
    if get_origin(kind) is tuple:
        return f"list of {_kind_name(inner[0])}" if inner[0] in (str, float) else "list of objects"
    return "object of integers" if get_origin(kind) is dict else str(kind.__name__)


def _shown(value: object) -> str:
    """`value` for a sentence, cut short; a number of thousands of digits is not written out."""
    if type(value) is int and abs(value) >= _LARGEST_INTEGER:
        return "a number too large"
    written = repr(value)
    return written if len(written) <= _SHOWN else f"{written[: _SHOWN - 3]}..."
