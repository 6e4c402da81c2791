"""The networks that a visitor may choose: the released ones, and those of the visitor's own runs.

A run's network is named `run:` and the run's id. It is kept in the run's folder until the run is deleted.
"""

import contextlib
from collections.abc import Iterable

from kdsr.errors import JobError, UnknownNameError, UnreachableError
from kdsr.jobs import WAITING, Jobs, Run
from kdsr.jobs.artifacts import Artifacts
from kdsr.jobs.folders import run_dir
from kdsr.jobs.store import store_of
from kdsr.settings import Settings
from kdsr.zoo import Card, Catalog, open_catalog, style_of

_OF_RUN = "run:"


def name_of_run(run: Run) -> str:
    """The name under which the network of `run` is chosen."""
    return f"{_OF_RUN}{run.id}"


def is_of_run(name: str | None) -> bool:
    """Whether `name` is that of a run's network."""
    return (name or "").startswith(_OF_RUN)


def find_network(name: str, settings: Settings) -> tuple[Card, Catalog]:
    """The network `name`, and the catalog that holds it.

    Raises:
        UnknownNameError: there is none.
        JobError: the name of a run that cannot be one.
    """
    if not is_of_run(name):
        catalog = open_catalog(settings)
        return catalog.find(name), catalog
    run_id = name.removeprefix(_OF_RUN)
    catalog = Catalog(run_dir(settings, run_id))
    if not catalog.cards and settings.artifacts_url:  # trained by another machine, and not listed here so far
        Artifacts(settings).fetch(store_of(settings).get(run_id))
        catalog = Catalog(run_dir(settings, run_id))
    if not catalog.cards:
        raise UnknownNameError("This run has no network: the run was deleted, or has not ended. Choose another one.")
    return catalog.cards[0], catalog


def card_of_run(run: Run, settings: Settings) -> Card | None:
    """The card of the network of `run`; None while it trains, or if it made none."""
    if run.state in WAITING:
        return None
    with contextlib.suppress(JobError):  # where the files are kept does not answer: the network is not offered now
        Artifacts(settings).fetch(run)
    return next(iter(Catalog(run_dir(settings, run.id)).cards), None)


def own_networks(jobs: Jobs, owner: str, task: str, style: str = "") -> list[tuple[str, str]]:
    """(title, name) of the networks for `task`, of `style` where one is given, of the runs of `owner`, newest first;
    none while the database of runs does not answer.
    """
    runs: list[Run] = []
    with contextlib.suppress(UnreachableError):
        runs = jobs.runs(owner) if owner else []
    return [
        (f"{card.title} (yours)", name_of_run(run))
        for run, card in _cards(runs, jobs.settings)
        if card.task == task and style in ("", style_of(card))
    ]


def _cards(runs: Iterable[Run], settings: Settings) -> Iterable[tuple[Run, Card]]:
    for run in runs:
        card = card_of_run(run, settings)
        if card is not None:
            yield run, card
