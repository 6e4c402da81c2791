"""An ablation as data: one student, several methods (rows) and seeds, and the result of each trial.

A trial is one row with one seed. It has its own folder; `result.json` in it marks the trial as finished. Not
here: training (`runner`).
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdsr.errors import InputError, KdsrError, SettingsError, find
from kdsr.files import replaced
from kdsr.tasks import Task
from kdsr.train.recipe import Recipe, recipe_from_json, recipe_from_mapping
from kdsr.train.recipe_keys import flat_keys

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.+-]+")
_GIVEN_BY_THE_RUN = ("name", "seed", "title")
RESULT = "result.json"


@dataclass(frozen=True)
class Row:
    """One method: its title in the report, and the keys of the recipe that it sets beside the plan's base."""

    title: str
    recipe: dict[str, Any]
    baseline: str = ""
    """The row that this one is compared with; empty: the plan's."""


@dataclass(frozen=True)
class Trial:
    """One row with one seed."""

    row: str
    seed: int

    @property
    def name(self) -> str:
        """Name of the trained network and of its folder."""
        return f"{self.row}-seed{self.seed}"


@dataclass(frozen=True)
class AblationPlan:
    """What is compared: rows in the order of the report, each trained with every seed, measured on every set and
    strength.
    """

    name: str
    base: dict[str, Any]
    baseline: str
    """The row that those without a baseline of their own are compared with."""
    seeds: tuple[int, ...]
    sets: tuple[str, ...]
    rows: dict[str, Row]
    title: str = ""
    strengths: tuple[float, ...] = ()
    """Noise levels or JPEG qualities; none for super-resolution."""

    def __post_init__(self) -> None:
        for name in (self.name, *self.rows):
            if not _PLAIN_NAME.fullmatch(name) or name.startswith("."):
                raise SettingsError(
                    f"A plan and its rows are named with letters, digits and _ . + - only, got '{name}'."
                )
        for name in (self.baseline, *(row.baseline for row in self.rows.values() if row.baseline)):
            find("row", name, self.rows)
        for name in ("seeds", "sets"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values):
                raise SettingsError(f"{name} must hold at least one value, and each once, got {list(values)}.")
        if any(type(seed) is not int for seed in self.seeds):
            raise SettingsError(f"seeds must be whole numbers, got {list(self.seeds)}.")
        tasks = {self._checked_task(name) for name in self.rows}
        if len(tasks) > 1:
            raise SettingsError(
                f"All rows of a plan are for one task, got {' and '.join(sorted(task.name for task in tasks))}; "
                "write a plan for each."
            )
        strength = self.task.strength
        if strength is None and self.strengths:
            raise SettingsError(
                f"{self.task.title} has no strengths to measure at, got {list(self.strengths)}; leave them out."
            )
        for value in self.strengths:
            assert strength is not None
            strength.check(value)

    @property
    def task(self) -> Task:
        """The task that all rows are for."""
        return self.recipe(self.trials[0]).the_task

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial; all rows of the first seed come first, so that early results cover every row."""
        return tuple(Trial(row, seed) for seed in self.seeds for row in self.rows)

    @property
    def measurements(self) -> tuple[tuple[str, float | None], ...]:
        """Pairs of set and strength that every trial is measured on."""
        return tuple((name, strength) for name in self.sets for strength in self.strengths or (None,))

    def recipe(self, trial: Trial) -> Recipe:
        """The recipe of `trial`: the base with the row's keys over it."""
        kept = {name: value for name, value in flat_keys(self.base).items() if name not in _GIVEN_BY_THE_RUN}
        return recipe_from_mapping(
            kept | flat_keys(self.rows[trial.row].recipe) | {"name": trial.name, "seed": trial.seed}
        )

    def baseline_of(self, row: str) -> str | None:
        """The row that `row` is compared with; None if others are compared with it."""
        baselines = {self.baseline, *(each.baseline for each in self.rows.values())}
        return None if row in baselines else self.rows[row].baseline or self.baseline

    def find_trial(self, text: str) -> Trial:
        """The trial that `text` names as ROW:SEED.

        Raises:
            SettingsError: no such row or seed in the plan.
        """
        for trial in self.trials:
            if text in (f"{trial.row}:{trial.seed}", trial.name):
                return trial
        raise SettingsError(
            f"A run is named ROW:SEED, with a row and a seed of the plan '{self.name}', got '{text}'; "
            f"for example {self.baseline}:{self.seeds[0]}."
        )

    def _checked_task(self, row: str) -> Task:
        taken = [name for name in _GIVEN_BY_THE_RUN if name in self.rows[row].recipe]
        if taken:
            raise SettingsError(
                f"Row '{row}' sets {' and '.join(taken)}, which the plan gives to each run; leave that out."
            )
        try:
            return self.recipe(Trial(row, self.seeds[0])).the_task
        except KdsrError as error:
            raise SettingsError(f"Row '{row}' cannot be run: {error}") from error


def read_plan(path: Path) -> AblationPlan:
    """The plan in the file `path`; a base given as a path is relative to its folder."""
    return plan_from_json(_read_text(path, "plan"), path.parent)


def plan_from_json(text: str, folder: Path = Path()) -> AblationPlan:
    """The plan in `text`; `folder` is where a base given as a path is looked for.

    Raises:
        SettingsError: not JSON, an unknown or missing key, a row that cannot be run.
        InputError: a base that cannot be read.
    """
    given = _parsed(text, "plan")
    _check_keys("plan", given, AblationPlan)
    rows = given["rows"]
    if not isinstance(rows, dict) or not rows:
        raise SettingsError(
            'rows must be one JSON object, {"NAME": {"title": "...", "recipe": {...}}}, with at least one row.'
        )
    for name, row in rows.items():
        _check_keys(f"row '{name}'", row, Row)
        if not isinstance(row["recipe"], dict):
            raise SettingsError(f"The recipe of row '{name}' is one JSON object, got {row['recipe']!r}.")
    base = given["base"]
    if isinstance(base, str):
        base = _parsed(_read_text(folder / base, "recipe"), "recipe")
    if not isinstance(base, dict):
        raise SettingsError(f"base is a recipe (one JSON object) or the path of one, got {base!r}.")
    lists = {name: _a_list(name, given.get(name, [])) for name in ("seeds", "sets", "strengths")}
    return AblationPlan(**{**given, **lists, "base": base, "rows": {name: Row(**row) for name, row in rows.items()}})


def plan_to_json(plan: AblationPlan) -> str:
    """`plan` as JSON, with its base inside."""
    return json.dumps(dataclasses.asdict(plan), indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class SetFigure:
    """Quality of one trial on one set at one strength."""

    set: str
    strength: float | None
    psnr_db: float
    ssim: float
    worst_psnr_db: float
    worst_picture: str
    per_picture_psnr_db: dict[str, float]


@dataclass(frozen=True)
class TrialResult:
    """Result of one trial. A failed trial has a sentence in `failed` and no figures."""

    row: str
    seed: int
    failed: str | None
    figures: tuple[SetFigure, ...]
    validation_psnr_db: float | None
    """On held-out training photographs, at the end."""
    steps: int
    step_s: float
    """Median time of a step."""
    training_s: float
    reading_s: float
    """Reading, degrading and labelling the photographs, before the first step."""
    measuring_s: float
    machine: str

    @property
    def total_s(self) -> float:
        """Seconds of training, reading and measuring."""
        return self.training_s + self.reading_s + self.measuring_s

    def psnr_db(self, measurement: tuple[str, float | None]) -> float | None:
        """The mean PSNR of `measurement`, a pair of set and strength; None if the trial failed."""
        return next((figure.psnr_db for figure in self.figures if (figure.set, figure.strength) == measurement), None)


def trial_folder(out_dir: Path, trial: Trial) -> Path:
    """The folder of `trial`."""
    return out_dir / "runs" / trial.name


def read_results(plan: AblationPlan, out_dir: Path) -> dict[Trial, TrialResult]:
    """The results of the finished trials of `plan`, in the plan's order.

    Raises:
        SettingsError: a trial in `out_dir` has another recipe than the plan's.
    """
    found = {trial: read_result(plan, out_dir, trial) for trial in plan.trials}
    return {trial: result for trial, result in found.items() if result is not None}


def read_result(plan: AblationPlan, out_dir: Path, trial: Trial) -> TrialResult | None:
    """The result of `trial`; None if it is unfinished or lacks a measurement of the plan."""
    folder = trial_folder(out_dir, trial)
    recipe = folder / "recipe.json"
    if recipe.is_file() and recipe_from_json(_read_text(recipe, "recipe")) != plan.recipe(trial):
        raise SettingsError(
            f"{folder} holds a run of another recipe than the plan's; remove that folder, "
            "or choose another one for the plan."
        )
    if not (folder / RESULT).is_file():
        return None
    given = _parsed(_read_text(folder / RESULT, "result"), "result")
    result = TrialResult(**{**given, "figures": tuple(SetFigure(**figure) for figure in given["figures"])})
    is_whole = result.failed or all(result.psnr_db(measurement) is not None for measurement in plan.measurements)
    return result if is_whole else None


def write_in_one_step(text: str, path: Path) -> None:
    """Replace `path` by `text` in one step, so that no reader sees a partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        part.write_text(text, encoding="utf-8")


def _check_keys(kind: str, given: object, wanted: type) -> None:
    if not isinstance(given, dict):
        raise SettingsError(f"A {kind} is one JSON object, got {type(given).__name__}.")
    known: Mapping[str, Any] = {item.name: item for item in dataclasses.fields(wanted)}
    for name in given:
        find(f"key of a {kind}", name, known)
    missing = [name for name, item in known.items() if item.default is dataclasses.MISSING and name not in given]
    if missing:
        raise SettingsError(f"The {kind} lacks {' and '.join(missing)}.")


def _a_list(name: str, given: object) -> tuple[Any, ...]:
    if not isinstance(given, list):
        raise SettingsError(f"{name} is a JSON list, got {given!r}.")
    return tuple(given)


def _parsed(text: str, kind: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"The {kind} is not valid JSON: {error}.") from error
    if not isinstance(given, dict):
        raise SettingsError(f"A {kind} is one JSON object, got {type(given).__name__}.")
    return given


def _read_text(path: Path, kind: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"A {kind} (a JSON file) was wanted, and {path} cannot be read as one: {error}.") from error
