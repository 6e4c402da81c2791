"""The trials of a run that searches for a recipe, computed from its events. Pure functions of plain data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kdsr.jobs import Run
from kdsr.train import Recipe, recipe_from_json, with_keys
from kdsr.tune.plan import MARGIN_DB
from kdsr.ui.distill import search_texts as said

Event = Mapping[str, Any]


@dataclass
class SearchTrial:
    """What is known of one trial."""

    number: int
    changes: str
    """What it changes in the preset, in words; empty for the preset itself, trial 0."""
    psnr_db: dict[int, float] = field(default_factory=dict)
    """On the held-out photographs, by the number of the comparison from 0."""
    is_running: bool = True
    kept: bool | None = None
    """Whether it came to the last comparison; None before it ended."""

    @property
    def title(self) -> str:
        """What it changes, in words."""
        return self.changes or said.PRESET_TRIAL


@dataclass
class Trials:
    """The trials of a search so far."""

    rungs: Sequence[int] = ()
    """Steps after which trials are compared."""
    trials: dict[int, SearchTrial] = field(default_factory=dict)
    best: int | None = None
    winner: int | None = None
    """The trial that is trained to its end."""
    found: Mapping[str, Any] | None = None
    """Its recipe."""
    last: Event = field(default_factory=dict)
    """The newest event of the search."""

    @property
    def chosen(self) -> SearchTrial | None:
        """The winner, or the best trial so far."""
        return None if self.best is None else self.trials.get(self.best)

    def lead_db(self, trial: SearchTrial, rung: int) -> float | None:
        """What `trial` is ahead of the preset at a comparison, in dB; None for the preset, or where one is missing."""
        own = self.trials[0].psnr_db.get(rung) if 0 in self.trials else None
        value = trial.psnr_db.get(rung)
        return None if trial.number == 0 or own is None or value is None else value - own


def trials_of(events: Sequence[Event]) -> Trials:
    """The trials that the search has told of in `events`; it may have told them in several parts."""
    found = Trials()
    for event in events:
        if not event.get("search"):
            continue
        found.last, number = event, event.get("trial") or 0
        match event["event"]:
            case "planned":
                found.rungs = event["rungs"]
                _pause(found)
            case "trial":
                trial = found.trials.setdefault(number, SearchTrial(number, event["changes"]))
                trial.is_running = True
            case "rung":
                found.trials[number].psnr_db[event["rung"]] = event["psnr_db"]
                found.best = event["best"]
            case "ended":
                trial = found.trials[number]
                trial.is_running, trial.kept = False, event["kept"]
            case "winner":
                found.winner, found.best, found.found = number, number, event["recipe"]
                _pause(found)
    return found


def _pause(found: Trials) -> None:
    for trial in found.trials.values():
        trial.is_running = False


def recipe_in(run: Run, trials: Trials) -> Recipe:
    """The recipe by which the student of `run` is trained: what the search found, else what it started from."""
    start = recipe_from_json(run.recipe)
    if trials.found is None:
        return start
    found = recipe_from_json(json.dumps(trials.found))
    return with_keys(found, {"twin": start.twin and found.teaching.needs_teacher})


def state_of(trial: SearchTrial, trials: Trials, *, is_over: bool) -> str:
    """What a trial is doing, in words."""
    if trial.number == trials.winner:
        return said.TRAINED if is_over else said.CHOSEN
    if trial.is_running:
        return said.RUNNING
    kept = {None: said.LEFT, True: said.KEPT, False: said.GIVEN_UP}[trial.kept]
    return said.BEST if trial.number == trials.best and trial.kept is not None else kept


def best_so_far(trials: Trials) -> str:
    """The sentence about the best trial of a search that goes on; empty before the first comparison."""
    best = trials.chosen
    if best is None or not best.psnr_db:
        return ""
    rung = max(best.psnr_db)
    step, lead = f"{trials.rungs[rung]:,}", trials.lead_db(best, rung)
    if lead is None:
        return said.SO_FAR_PRESET.format(value=f"{best.psnr_db[rung]:.2f}", step=step)
    return said.SO_FAR.format(number=best.number, changes=best.title, lead=f"{lead:.2f}", step=step)


def verdict(trials: Trials, *, is_alone: bool) -> str:
    """What the search gave over the preset, or that it gave nothing; empty before it is over.

    is_alone: a twin was asked for, and the recipe that was found is its own twin.
    """
    best = trials.chosen
    if trials.winner is None or best is None or not best.psnr_db:
        return ""
    if best.number == 0:
        compared = sum(bool(trial.psnr_db) for trial in trials.trials.values()) - 1
        won = said.PRESET_WON.format(margin=MARGIN_DB), said.COMPARED.format(count=compared)
        return " ".join(won) if compared else said.NONE_COMPARED
    rung = max(best.psnr_db)
    lead, own = trials.lead_db(best, rung), trials.trials[0].psnr_db.get(rung)
    if lead is None or own is None:
        return ""
    found = said.FOUND.format(
        changes=best.title, step=f"{trials.rungs[rung]:,}", lead=f"{lead:.2f}",
        value=f"{best.psnr_db[rung]:.2f}", own=f"{own:.2f}",
    )  # fmt: skip
    return " ".join(filter(None, (found, said.FOUND_BUT, said.WITHOUT_TEACHER if is_alone else "")))


def line_of(event: Event) -> str:
    """A line of the log for an event of the search; empty where it says nothing new."""
    whose = "plan      " if event.get("trial") is None else f"trial {event['trial']:>3}  "
    match event["event"]:
        case "reading":
            return f"{whose}reading {event['photographs']} photographs"
        case "labelling":
            return f"{whose}the teacher labels: {event['done']} of {event['total']}"
        case "planned":
            after = ", ".join(f"{step:,}" for step in event["rungs"])
            return f"{whose}a full run has {event['steps']:,} steps; trials are compared after {after}"
        case "trial":
            return f"{whose}{event['changes'] or 'the preset itself'}"
        case "rung":
            return f"{whose}{event['psnr_db']:.2f} dB at comparison {event['rung'] + 1}"
        case "ended":
            return f"{whose}{'compared to the end' if event['kept'] else 'given up'}"
        case "winner":
            return f"{whose}is trained to its end"
    return ""
