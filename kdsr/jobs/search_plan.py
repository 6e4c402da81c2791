"""What a run that searches for a recipe is asked for, and its limits. Pure. Not here: the search (`search`)."""

import json
import math
from dataclasses import asdict, dataclass

from kdsr.errors import LimitError, SettingsError
from kdsr.settings import Settings
from kdsr.train.recipe import Recipe, with_keys
from kdsr.tune.space import checked

LEAST_MINUTES = 0.1
_SPARE = 1.1
"""Of the time that a run may take: a search ends up to a tenth later where the machine became slower."""


@dataclass(frozen=True)
class SearchPlan:
    """The time of a search and of the training of its best recipe together, and what it may try.

    Raises:
        SettingsError: no time.
    """

    minutes: float
    other_teachers: bool = False
    """Try the other teachers of the task as well."""

    def __post_init__(self) -> None:
        if isinstance(self.minutes, bool) or not isinstance(self.minutes, int | float):
            raise SettingsError(f"The minutes of a search must be a number, got {self.minutes!r}.")
        if not LEAST_MINUTES <= self.minutes < math.inf:
            raise SettingsError(f"A search takes {LEAST_MINUTES:g} minutes or more, got {self.minutes:g}.")

    def seconds(self, recipe: Recipe) -> int:
        """Of the search, and once more for a twin."""
        return round(60 * self.minutes) * (2 if recipe.twin else 1)


def plan_to_json(plan: SearchPlan) -> str:
    """`plan` as JSON."""
    return json.dumps(asdict(plan))


def plan_from_json(text: str) -> SearchPlan:
    """The plan that `plan_to_json` wrote."""
    return SearchPlan(**json.loads(text))


def check_search(plan: SearchPlan, recipe: Recipe, settings: Settings | None) -> None:
    """Check that `plan` may be searched from `recipe`; `settings` None: without a limit of time.

    Raises:
        SettingsError: a recipe that no search can start from.
        LimitError: too many minutes.
    """
    checked(with_keys(recipe, {"twin": False}))
    if settings is None:
        return
    most = most_minutes(settings) / (2 if recipe.twin else 1)
    if plan.minutes > most:
        proof = " with its proof" if recipe.twin else ""
        raise LimitError(
            f"A search may take at most {most:g} minutes{proof} here, got {plan.minutes:g}: ask for fewer."
        )


def most_minutes(settings: Settings) -> float:
    """The longest search of a visitor, in minutes, whole ones from 1 on."""
    most = settings.max_run_minutes / _SPARE
    return math.floor(most) if most >= 1 else most
