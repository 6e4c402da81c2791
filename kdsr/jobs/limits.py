"""Limits of one run, of one owner and of all runs; each error is one sentence. Pure functions."""

import re
from dataclasses import dataclass
from pathlib import Path

from kdsr.errors import LimitError, SettingsError
from kdsr.settings import Settings
from kdsr.train.recipe import Recipe
from kdsr.train.teacher import is_path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OWNERS_PER_CLIENT = 5
"""Persons behind one network address, as far as it counts."""
_TAKEN_NAMES = ("checkpoint", "recipe")
"""Files that every run's folder holds beside the network's."""


@dataclass(frozen=True)
class Counts:
    """Numbers of waiting or running runs, of those of the owner, and of all runs that the owner keeps; then the same of
    the client (a network address), since anybody may invent owners.
    """

    waiting: int
    waiting_of_owner: int
    kept_of_owner: int
    waiting_of_client: int = 0
    kept_of_client: int = 0


def check_counts(counts: Counts, settings: Settings, *, is_new: bool) -> None:
    """Check that one more run may wait.

    is_new: the run is also one more to keep.
    Raises:
        LimitError: the queue is full, or the owner has enough.
    """
    if counts.waiting >= settings.max_runs_waiting:
        raise LimitError(
            f"{counts.waiting} runs are waiting or running, and at most {settings.max_runs_waiting} may: "
            "try again when some have ended."
        )
    most = settings.max_runs_waiting_per_owner
    if counts.waiting_of_owner >= most:
        raise LimitError(
            f"{counts.waiting_of_owner} of your runs are waiting or running, and at most {most} may: stop one first."
        )
    if is_new and counts.kept_of_owner >= settings.max_runs_per_owner:
        raise LimitError(
            f"You have {counts.kept_of_owner} runs, and at most {settings.max_runs_per_owner} are kept for one "
            "person: delete one first."
        )
    _check_client(counts, settings, is_new=is_new)


def _check_client(counts: Counts, settings: Settings, *, is_new: bool) -> None:
    """As `check_counts`, for all owners at one network address."""
    most = max(settings.max_runs_waiting_per_owner, settings.max_runs_waiting // 2)
    if counts.waiting_of_client >= most:
        raise LimitError(
            f"{counts.waiting_of_client} runs from your network address are waiting or running, and at most {most} "
            "may: try again when some have ended."
        )
    most = _OWNERS_PER_CLIENT * settings.max_runs_per_owner
    if is_new and counts.kept_of_client >= most:
        raise LimitError(
            f"{counts.kept_of_client} runs from your network address are kept, and at most {most} may: "
            "delete one first."
        )


def check_recipe(recipe: Recipe, settings: Settings, runs_dir: Path) -> None:
    """Check that a visitor may run `recipe`.

    Raises:
        LimitError: too many steps.
        SettingsError: a name or a path that a visitor may not give.
    """
    if recipe.all_steps > settings.max_run_steps:
        raise LimitError(
            f"A run may take {settings.max_run_steps:,} steps here, got {recipe.all_steps:,}: ask for fewer."
        )
    for place in recipe.networks:
        if is_path(place) and not Path(place).resolve().is_relative_to(runs_dir.resolve()):
            raise SettingsError(
                f"A run may take a network that is here by name or another run's, got the file '{Path(place).name}'."
            )


def check_name(name: str) -> None:
    """Check that a run's network may be named `name`.

    Raises:
        SettingsError: it may not.
    """
    if not _NAME.fullmatch(name) or name in _TAKEN_NAMES:
        raise SettingsError(
            "A name has up to 64 letters, digits, dots, dashes and underscores, "
            f"and is not {' or '.join(_TAKEN_NAMES)}, got '{name[:80]}'."
        )


def time_left_s(trained_s: float, settings: Settings) -> float:
    """Remaining training time of a run in seconds, above 0.

    Raises:
        LimitError: none are left.
    """
    left = settings.max_run_minutes * 60 - trained_s
    if left <= 0:
        raise LimitError(
            f"The run has had its {settings.max_run_minutes:g} minutes: take the network as it is, "
            "or start a shorter run."
        )
    return left
