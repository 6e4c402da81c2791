"""What a search may change in a recipe, and what it tries first.

Each knob is a parameter of Optuna; its value becomes keys of the recipe. Pure functions. Not here: which values are
tried after the first ones (`study`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Protocol

from kdsr.errors import InputError, SettingsError
from kdsr.train.recipe import Recipe, with_keys
from kdsr.zoo import Catalog

FEWEST_PHOTOGRAPHS = 4
"""With fewer, none is held out of training, and nothing could be compared."""
OWN = "own"
"""A share that stays as the recipe has it."""
SHARES = MappingProxyType({
    OWN: None,
    "teacher": (0.0, 0.0),
    "teacher to truth": (0.0, 1.0),
    "half": (0.5, 0.5),
    "half to truth": (0.5, 1.0),
    "truth": (1.0, 1.0),
})  # fmt: skip
"""The weight of the ground truth at the first and the last step."""
TERMS = MappingProxyType({"none": 0.0, "contrastive": 0.01, "fft": 0.3})
"""Further losses with their usual weight (docs/ablation.md); they need no layer of their own."""
CROPS = (1, 2, 4, 8)
RATES, WEIGHTS = (0.4, 4.0), (0.25, 4.0)
"""Factors of the recipe's learning rate, and of the weights of its terms."""
FIRST: tuple[Mapping[str, Any], ...] = (
    {},
    {"rate": 2.0},
    {"crops": 4},
    {"term": "contrastive"},
    {"share": "teacher to truth"},
    {"rate": 1.4},
)
"""What is tried first, each beside the best so far: the recipe itself, then what our ablations gained by."""


class Suggests(Protocol):
    """The part of Optuna's trial that is used here."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A value in [low, high]."""

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """One of `choices`."""


def teachers_for(recipe: Recipe, catalog: Catalog) -> tuple[str, ...]:
    """The recipe's teacher, then the others of its task that were trained for PSNR; empty without a teacher."""
    own = recipe.teaching.teacher
    if own is None or not recipe.teaching.needs_teacher:
        return ()
    others = [card.name for card in catalog.for_task(recipe.task, "teacher") if not card.is_for_looks]
    return tuple(dict.fromkeys([own, *others]))


def checked(recipe: Recipe) -> Recipe:
    """`recipe`, if it can be tuned.

    Raises:
        SettingsError: it has stages, a twin or an adversarial term, or a task without originals to compare with.
    """
    recipe.the_task.require_truth()
    if recipe.stages or recipe.twin:
        raise SettingsError("kdsr tune takes a recipe of one stage without a twin; leave stages and twin out.")
    if any(term.loss in ("adversarial", "critic") for term in recipe.teaching.terms):
        raise SettingsError(
            "kdsr tune judges by PSNR on held-out photographs, which adversarial losses lower on purpose; leave them "
            "out, or set their weights by hand."
        )
    return recipe


def check_photographs(count: int) -> None:
    """Check that a search can compare recipes on `count` photographs.

    Raises:
        InputError: it cannot.
    """
    if count < FEWEST_PHOTOGRAPHS:
        raise InputError(
            f"A search compares recipes on photographs that are held out of training, so it needs at least "
            f"{FEWEST_PHOTOGRAPHS}, got {count}: add some."
        )


def unchanged(recipe: Recipe, teachers: Sequence[str]) -> dict[str, Any]:
    """The values of the knobs that leave `recipe` as it is."""
    values: dict[str, Any] = {"rate": 1.0, "crops": _nearest_crops(recipe), "weight": 1.0}
    return values | ({"term": "none", "share": OWN, "teacher": teachers[0]} if teachers else {})


def first_changes(recipe: Recipe, teachers: Sequence[str]) -> list[Mapping[str, Any]]:
    """What is tried first, those of `FIRST` that change `recipe`; trial 0 changes nothing."""
    own = unchanged(recipe, teachers)
    changes = [each for each in FIRST if each.keys() <= own.keys() and each.items() - own.items()]
    return [{}, *changes]


def suggested(trial: Suggests, recipe: Recipe, teachers: Sequence[str]) -> dict[str, Any]:
    """The values of the knobs for `trial`."""
    values = {
        "rate": trial.suggest_float("rate", *RATES, log=True),
        "crops": trial.suggest_categorical("crops", CROPS),
    }
    if teachers:
        values["term"] = trial.suggest_categorical("term", list(TERMS))
    values["weight"] = trial.suggest_float("weight", *WEIGHTS, log=True)
    if teachers:
        values["share"] = trial.suggest_categorical("share", list(SHARES))
        values["teacher"] = trial.suggest_categorical("teacher", list(teachers))
    return values


def tuned(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """`recipe` with the knobs at `values`; a value that leaves it as it is changes nothing."""
    changes: dict[str, Any] = {"learning_rate": recipe.schedule.learning_rate * values["rate"]}
    changes["final_learning_rate"] = min(recipe.schedule.final_learning_rate, changes["learning_rate"])
    if values["crops"] != _nearest_crops(recipe):
        changes["crop_candidates"] = values["crops"]
    share = SHARES[values.get("share", OWN)]
    if share is not None:
        changes |= {"truth_share": share[0], "truth_share_end": share[1]}
    if "teacher" in values:
        changes["teacher"] = values["teacher"]
    terms = [asdict(term) | {"weight": term.weight * values["weight"]} for term in recipe.teaching.terms]
    if TERMS[values.get("term", "none")]:
        terms.append({"loss": values["term"], "weight": TERMS[values["term"]] * values["weight"]})
    return with_keys(recipe, changes | {"terms": terms})


def in_words(values: Mapping[str, Any], recipe: Recipe | None = None) -> str:
    """`rate x2, best of 4 crops`; only what the search knows as a change from the usual, or from `recipe`."""
    said = [f"rate x{values['rate']:.2g}"] if values.get("rate", 1.0) != 1.0 else []
    usual = 1 if recipe is None else _nearest_crops(recipe)
    said += [f"best of {values['crops']} crops"] if values.get("crops", usual) != usual else []
    said += [f"truth share: {values['share']}"] if values.get("share", OWN) != OWN else []
    if values.get("term", "none") != "none":
        said.append(f"{values['term']} {TERMS[values['term']] * values['weight']:.2g}")
    if recipe is not None and values.get("teacher") not in (None, recipe.teaching.teacher):
        said.append(f"teacher {values['teacher']}")
    if recipe is not None and recipe.teaching.terms and values.get("weight", 1.0) != 1.0:
        said.append(f"weights x{values['weight']:.2g}")
    return ", ".join(said) or "the recipe itself"


def _nearest_crops(recipe: Recipe) -> int:
    return min(CROPS, key=lambda count: abs(count - recipe.data.crop_candidates))
