"""The trials of a search in Optuna's journal, a file that several processes and later calls share.

A trial is compared after rung 1, 2, 4, ... by successive halving (ASHA, arXiv:1810.05934). The recipe itself is trial
0; it is never given up. Not here: training (`run`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from kdsr.errors import SettingsError
from kdsr.tune.plan import MARGIN_DB

JOURNAL = "journal.log"
_NAME = "kdsr tune"
_SESSION = "session "


class Standing(NamedTuple):
    """How far a trial has come."""

    number: int
    rung: int
    """Its last comparison, from 0."""
    psnr_db: float
    values: Mapping[str, Any]


def open_study(folder: Path, seed: int) -> optuna.Study:
    """The search in `folder`, new or as it was left.

    Raises:
        SettingsError: a journal that cannot be read.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return optuna.create_study(
            storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
            study_name=_NAME,
            sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=4, multivariate=True),
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
            direction="maximize",
            load_if_exists=True,
        )
    except (ValueError, KeyError, AssertionError) as error:
        raise SettingsError(f"{folder / JOURNAL} is not the journal of a search; choose an empty folder.") from error


def resource(rung: int) -> int:
    """The number under which a comparison is reported: 1, 2, 4, ..."""
    return 1 << rung


def report(trial: optuna.Trial, rung: int, psnr_db: float) -> bool:
    """Report a comparison; whether the trial is given up. One that was reported before a kill stands."""
    if resource(rung) not in trial.study.trials[trial.number].intermediate_values:
        trial.report(psnr_db, resource(rung))
    return trial.should_prune() and trial.number > 0


def standing_of(trial: FrozenTrial) -> Standing | None:
    """How far `trial` has come; None before its first comparison."""
    if not trial.intermediate_values or trial.state is TrialState.FAIL:
        return None
    last = max(trial.intermediate_values)
    return Standing(trial.number, last.bit_length() - 1, trial.intermediate_values[last], trial.params)


def best_of(study: optuna.Study) -> Standing | None:
    """The trial to train on: of those that came farthest the best, or the recipe itself if that is as good."""
    found = [standing for trial in study.trials if (standing := standing_of(trial)) is not None]
    if not found:
        return None
    farthest = max(standing.rung for standing in found)
    last = [standing for standing in found if standing.rung == farthest]
    best = max(last, key=lambda standing: standing.psnr_db)
    own = next((standing for standing in last if standing.number == 0), None)
    return own if own is not None and best.psnr_db < own.psnr_db + MARGIN_DB else best


def note_time(study: optuna.Study, session: str, began_s: float, now_s: float) -> None:
    """Keep that `session` worked from `began_s` to `now_s`."""
    study.set_user_attr(_SESSION + session, [began_s, now_s])


def spent_s(study: optuna.Study) -> float:
    """Seconds in which at least one process worked."""
    sessions = sorted(value for name, value in study.user_attrs.items() if name.startswith(_SESSION))
    total, until = 0.0, float("-inf")
    for began, ended in sessions:
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total
