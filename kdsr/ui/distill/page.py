"""The values of the page's components for a run; unchanged ones are not sent again. No event and no state here."""

import contextlib
import json
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from kdsr.errors import KdsrError, UnreachableError
from kdsr.jobs import WAITING, Jobs, Run, State
from kdsr.train import Recipe, recipe_from_json
from kdsr.ui import texts
from kdsr.ui.distill import view
from kdsr.ui.distill.before import before_a_run
from kdsr.ui.distill.downloads import downloads_of, trials_of_run
from kdsr.ui.distill.photos import FEWEST
from kdsr.ui.distill.progress import RunProgress, progress_of
from kdsr.ui.distill.trials import Trials, recipe_in, trials_of
from kdsr.ui.distill.trials_view import trials_box
from kdsr.ui.html import error_line
from kdsr.ui.networks import card_of_run
from kdsr.zoo import Card, open_catalog
from kdsr.zoo.card import trains_for_looks

TICK_S = 2.0
"""How often a page asks what is new of a run that waits or trains."""
_SLOW_TICK_S = 10.0
"""The same for a run that was stopped: somebody may let it go on in another page."""
_RESUMABLE = (State.STOPPED, State.FAILED, State.INTERRUPTED)
_MOST_CACHED = 64
_BATCH = 1000
_DOWNLOADS = ("weights", "onnx", "card", "recipe", "twin")


class ViewedRun(NamedTuple):
    """The run that a visitor sees, and hashes of the values that were sent for it."""

    run_id: str | None = None
    sent: tuple[int, ...] = ()


class RunPage(NamedTuple):
    """The outputs of a run's page, in their order."""

    shown: Any
    timer: Any
    head: Any
    progress: Any
    status: Any
    stop: Any
    resume: Any
    ask: Any
    compare: Any
    confirm: Any
    search: Any
    trials: Any
    curves: Any
    previews: Any
    take: Any
    weights: Any
    onnx: Any
    card: Any
    recipe: Any
    twin: Any
    log_box: Any
    log: Any
    runs_box: Any
    runs: Any


class RunEvents:
    """The events of the viewed runs, each read from the store once for all viewers."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._events: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()
        self._lock = Lock()

    def of(self, run_id: str) -> RunProgress:
        """All that the run has reported so far."""
        with self._lock:
            events = self._events.setdefault(run_id, [])
            self._events.move_to_end(run_id)
            while len(self._events) > _MOST_CACHED:
                self._events.popitem(last=False)
            while new := self.jobs.events(run_id, after=events[-1]["number"] if events else 0, most=_BATCH):
                events += new
            return progress_of(list(events))

    def newest(self, run_id: str) -> int:
        """The number of the last event; 0 if there is none."""
        events = self.of(run_id).events
        return events[-1]["number"] if events else 0

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run."""
        with self._lock:
            self._events.pop(run_id, None)


def page_of_run(run: Run, who: str, jobs: Jobs, run_events: RunEvents, folder: Path) -> RunPage:
    """Everything that shows `run` to `who`; downloads are under `folder`."""
    is_mine, run_progress = jobs.may_change(run.id, who), run_events.of(run.id)
    trials = trials_of(run_progress.events) if run.search else None
    recipe = recipe_from_json(run.recipe) if trials is None else recipe_in(run, trials)
    cards = {card.name: card for card in open_catalog(jobs.settings).cards}
    home, is_waiting = jobs.folder(run.id), run.state in WAITING
    has_network = is_mine and card_of_run(run, jobs.settings) is not None
    files, refusal = _files(run, jobs, folder) if has_network else ({name: gr.skip() for name in _DOWNLOADS}, "")
    note = Markup("") if is_mine else Markup('<p class="watching">{}</p>').format(texts.WATCHING)
    return RunPage(
        shown=ViewedRun(run.id),
        timer=gr.update(active=run.state is not State.DONE, value=TICK_S if is_waiting else _SLOW_TICK_S),
        head=view.heading(run, recipe, {name: card.title for name, card in cards.items()}),
        progress=note + _progress(run, recipe, run_progress, trials, jobs),
        status=error_line(refusal),
        stop=gr.update(visible=is_mine and run.state in (State.QUEUED, State.RUNNING)),
        resume=gr.update(visible=is_mine and run.state in _RESUMABLE),
        ask=gr.update(visible=is_mine and not is_waiting),
        compare=gr.update(
            visible=has_network and not refusal,
            value=texts.COMPARE_BEFORE if recipe.warm_start else texts.COMPARE_TEACHER,
        ),
        confirm=gr.update(visible=False),
        search="" if trials is None else _trials_box(run, run_progress, recipe, trials),
        trials=_trials_file(run, home, folder, is_shown=is_mine and trials is not None),
        curves=view.curves(run, run_progress, recipe),
        previews=view.previews(home, recipe.the_task),
        take=gr.update(visible=has_network and not refusal),
        log_box=gr.update(visible=True),
        log=view.log(run_progress, recipe, jobs.log(run.id, who) if is_mine else ""),
        **_list(jobs, who, run.id),
        **files,
    )


def _progress(run: Run, recipe: Recipe, run_progress: RunProgress, trials: Trials | None, jobs: Jobs) -> Markup:
    """What the run does, or how it ended."""
    cards = {card.name: card for card in open_catalog(jobs.settings).cards}
    return view.progress(
        run,
        recipe,
        run_progress,
        jobs.place_in_queue(run.id),
        is_held_out=not run.is_uploaded or len(list((jobs.folder(run.id) / "photos").glob("*"))) >= FEWEST,
        is_for_looks=_is_for_looks(run, cards),
        now=time.time(),
        trials=trials,
    )


def _trials_box(run: Run, run_progress: RunProgress, recipe: Recipe, trials: Trials) -> Markup:
    """The trials of a search; `recipe` is what it found, if it has ended."""
    is_alone = trials.found is not None and recipe_from_json(run.recipe).twin and not recipe.twin
    return trials_box(trials, is_over=bool(run_progress.finished), is_alone=is_alone)


def _trials_file(run: Run, home: Path, folder: Path, *, is_shown: bool) -> Any:
    """The download of the trials as tables and plot."""
    packed = trials_of_run(run, home, folder) if is_shown and run.state not in WAITING else None
    return gr.update(value=packed, visible=packed is not None)


def _is_for_looks(run: Run, cards: Mapping[str, Card]) -> bool:
    """Whether the run, or the teacher it learns from, is for looks."""
    recipe = recipe_from_json(run.recipe)
    teacher = cards.get(recipe.teaching.teacher or "")
    return trains_for_looks(json.loads(run.recipe)) or (teacher is not None and teacher.is_for_looks)


def news_of(run: Run, who: str, jobs: Jobs, run_events: RunEvents) -> tuple[Any, ...]:
    """The data that the page of `run` shows, without the clock; if it changes, the page is sent again."""
    mine = tuple((each.id, each.state) for each in jobs.runs(who)) if who else ()
    return run.id, run.state, run.step, run.message, run_events.newest(run.id), jobs.place_in_queue(run.id), mine


def empty_page(jobs: Jobs, who: str, status: str = "") -> RunPage:
    """No run is shown."""
    hidden = gr.update(visible=False)
    buttons = ("stop", "resume", "ask", "compare", "confirm", "take", "trials", "log_box")
    unnamed = dict.fromkeys(buttons, hidden) | dict.fromkeys(_DOWNLOADS, gr.skip())
    return RunPage(
        shown=ViewedRun(),
        timer=gr.update(active=False),
        head=before_a_run(open_catalog(jobs.settings).cards),
        progress="",
        status=status,
        search="",
        curves="",
        previews="",
        log="",
        **unnamed,
        **_list(jobs, who, None),
    )


def changed(page: RunPage, before: ViewedRun) -> RunPage:
    """`page` without what was sent already, and with the marks of what it sends."""
    marks = tuple(hash(repr(value)) for value in page[1:])
    known = before.sent if before.run_id == page.shown.run_id and before.sent else (None,) * len(marks)
    values = (gr.skip() if mark == old else value for value, mark, old in zip(page[1:], marks, known, strict=True))
    return RunPage(page.shown._replace(sent=marks), *values)


def _files(run: Run, jobs: Jobs, folder: Path) -> tuple[dict[str, Any], str]:
    """The downloads, or the sentence that says why there are none."""
    try:
        files = downloads_of(run, jobs.settings, folder)
    except KdsrError as error:
        return {name: gr.skip() for name in _DOWNLOADS}, str(error)
    shown: dict[str, Any] = {name: str(getattr(files, name)) for name in _DOWNLOADS}
    return shown | {"twin": gr.update(value=files.twin and str(files.twin), visible=files.twin is not None)}, ""


def _list(jobs: Jobs, who: str, chosen: str | None) -> dict[str, Any]:
    """The runs of `who`, newest first; none while the database does not answer."""
    runs: list[Run] = []
    with contextlib.suppress(UnreachableError):
        runs = jobs.runs(who) if who else []
    choices = [(view.run_title(run), run.id) for run in runs]
    value = chosen if chosen in [run_id for _, run_id in choices] else None
    return {"runs_box": gr.update(visible=bool(choices)), "runs": gr.update(choices=choices, value=value)}
