"""The handlers of the tab *Distill*: from a visitor's actions to the page's outputs. They run without a browser.

Not here: layout and wiring (`distill.tab`), the endpoints for scripts (`distill.endpoints`), the runs themselves
(`kdsr.jobs`).
"""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from kdsr.errors import JobError, KdsrError, UnreachableError
from kdsr.jobs import Jobs, Run
from kdsr.jobs.hub_jobs import signed_in
from kdsr.train import recipe_from_json
from kdsr.train.data.photos import find_photos, held_out
from kdsr.ui import texts
from kdsr.ui.distill import view
from kdsr.ui.distill.estimate import MEASURE_S, Paces, run_seconds
from kdsr.ui.distill.form import (
    SEARCH,
    FormValues,
    form_values,
    has_others,
    recipe_of,
    search_of,
)
from kdsr.ui.distill.networks import NetworkChoices
from kdsr.ui.distill.page import RunEvents, RunPage, ViewedRun, changed, empty_page, news_of, page_of_run
from kdsr.ui.distill.photos import copied, described, megapixels, photos_of, skipped_note, stage
from kdsr.ui.distill.trials_view import search_estimate
from kdsr.ui.html import error_line, note_line
from kdsr.ui.networks import name_of_run
from kdsr.ui.records import recorded
from kdsr.ui.refusals import log_refusal
from kdsr.ui.restore.choice import NOTHING_COMPARED, Choice, Comparison
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.sessions import Orders, session_of
from kdsr.ui.visitor import client_of, token_of
from kdsr.ui.waiting import address_of
from kdsr.zoo import open_catalog

WRONG_TOKEN_S = 1.0
"""How long a wrong admin token is answered; one after another, so that a minute has 60 guesses."""


class DistillHandlers:
    """The handlers, with what they share: the runs, their events, the measured paces, the folder for files.

    `who` is the secret of the visitor's browser, or the admin token; it is never shown.
    """

    def __init__(self, jobs: Jobs, folder: Path, restore: RestoreHandlers) -> None:
        self.jobs = jobs
        self.settings = jobs.settings
        self.folder = folder
        self.restore = restore
        self.run_events = RunEvents(jobs)
        self.paces = Paces(jobs.settings)
        self.estimates = Orders()
        self.networks = NetworkChoices(jobs.settings)
        self.chosen: dict[str, str | None] = {}
        """The run that each open page shows by its visitor's last choice."""

    # What is there

    def refusal(self) -> str:
        """Why nothing can be started here; empty if it can."""
        return self.jobs.launcher.refusal or ("" if self.networks.tasks() else texts.NO_TEACHERS)

    # The page opens

    def on_load(self, who: str, request: gr.Request) -> tuple[Any, ...]:
        """(task, teacher, student, start, form status, *page): the run of the address, else the visitor's newest."""
        try:
            asked = request.query_params.get("run") or next((run.id for run in self.jobs.runs(who)), None)
        except UnreachableError as error:  # the rest of the page opens without the database
            page = changed(empty_page(self.jobs, who, error_line(str(error))), ViewedRun())
        else:
            page = self._page(asked, who, request)
        networks = self.networks.on_open()
        with signed_in(token_of(request)):
            refusal = self.refusal()
        return *networks, gr.update(interactive=not refusal), error_line(refusal), *page

    def on_follow(self, shown: ViewedRun, who: str, request: gr.Request) -> RunPage:
        """The run of the address, after going back or forward to it; unchanged after going elsewhere."""
        asked = request.query_params.get("run", shown.run_id)
        if asked == shown.run_id:
            return RunPage(*(gr.skip(),) * len(RunPage._fields))
        return self._page(asked, who, request)

    def on_admin(self, token: str, who: str, request: gr.Request | None = None) -> tuple[Any, ...]:
        """(who, token, status, *page): the admin of this installation sees and changes every run."""
        is_admin = self.jobs.is_admin(token)
        if not is_admin:
            log_refusal("a wrong admin token")
            time.sleep(WRONG_TOKEN_S)
        who = token if is_admin else who
        newest = next(iter(self.jobs.runs(who)), None)
        page = self._page(newest.id if newest else None, who, request)
        return who, "", texts.IS_ADMIN if is_admin else texts.NO_ADMIN, *page

    # The form

    def on_preset(self, preset: str, task: str | None) -> tuple[Any, ...]:
        """(custom, search, others): the numbers of a custom run, or of a search, where they are asked for."""
        others = preset == SEARCH and has_others(open_catalog(self.settings), task)
        return gr.update(visible=preset == "custom"), gr.update(visible=preset == SEARCH), gr.update(visible=others)

    def on_source(self, source: str, staged: Sequence[str]) -> tuple[Any, ...]:
        """(upload, clear, line) for the visitor's own photographs, or the built-in set."""
        own = source == "own"
        return gr.update(visible=own), gr.update(visible=own and bool(staged)), self._photos_line(source, staged)

    def on_upload(self, files: Sequence[str] | None, staged: tuple[str, ...]) -> tuple[Any, ...]:
        """(staged, upload, clear, line): more photographs, and what was skipped; if there is no photograph, one
        sentence, and all stays as it was.
        """
        try:
            added, skipped = stage(files or [], self.folder / "staged", self.settings)
        except KdsrError as error:
            log_refusal(error)
            return staged, None, gr.skip(), error_line(str(error))
        staged = (*staged, added)
        line = note_line(" ".join([described(photos_of("own", staged)), skipped_note(skipped)]).strip())
        return staged, None, gr.update(visible=True), line

    def on_clear(self, staged: Sequence[str]) -> tuple[Any, ...]:
        """(staged, clear, line): no photographs."""
        for folder in staged:
            shutil.rmtree(folder, ignore_errors=True)
        return (), gr.update(visible=False), ""

    def on_estimate(self, request: gr.Request, source: str, staged: Sequence[str], *form: Any) -> Iterator[Any]:
        """How long the run of the form takes on this device, measured; of several questions of one visitor the last is
        answered.
        """
        visitor = session_of(request)
        newest = self.estimates.give(visitor)
        for line in self._estimated(source, staged, *form):
            yield line if self.estimates.is_newest(visitor, newest) else gr.skip()

    def _estimated(self, source: str, staged: Sequence[str], *form: Any) -> Iterator[str]:
        if self.refusal():
            yield ""
            return
        if self.jobs.launcher.name != "local":
            yield note_line(texts.ESTIMATE_LATER)
            return
        yield note_line(texts.MEASURING)
        try:
            values = form_values(*form)
            recipe, search = recipe_of(values, self.settings), search_of(values)
            pace = self.paces.pace(recipe, timeout_s=3 * MEASURE_S)
        except KdsrError as error:
            yield error_line(str(error))
            return
        if pace is None:
            yield note_line(texts.ESTIMATE_SLOW)
            return
        try:
            size, rest = megapixels(photos_of(source, staged)), ""
        except KdsrError:
            size, rest = 0.0, texts.ESTIMATE_WITHOUT_PHOTOS
        if search is not None:
            yield search_estimate(recipe, pace, search.minutes, size, rest)
        else:
            yield view.estimate(recipe, pace, run_seconds(recipe, pace, size), rest)

    def on_close(self, request: gr.Request) -> None:
        """A closed page asks for no estimate any more, and shows no run."""
        self.estimates.close(session_of(request))
        self.chosen.pop(session_of(request), None)

    def on_start(
        self, request: gr.Request, source: str, staged: Sequence[str], who: str, *form: Any
    ) -> tuple[Any, ...]:
        """(form status, *page): the new run, or the sentence that says why there is none."""
        try:
            with signed_in(token_of(request)):
                run = self.start(who, form_values(*form), photos_of(source, staged), address_of(request))
        except KdsrError as error:
            log_refusal(error, address_of(request))
            return error_line(str(error)), *(gr.skip(),) * len(RunPage._fields)
        return "", *self._page(run.id, who, request)

    def start(self, who: str, values: FormValues, photos: Sequence[Path], address: str = "") -> Run:
        """Submit the run of `values`, asked for from the network `address`.

        Raises:
            KdsrError: it cannot be run, or one more is not allowed.
        """
        client = client_of(self.settings, address)
        with recorded("train"):
            recipe, search = recipe_of(values, self.settings), search_of(values)
            return self.jobs.submit(recipe, who, photos, client=client, search=search)

    # A run

    def on_tick(self, shown: ViewedRun, who: str) -> Any:
        """A value that changes with the viewed run or with the visitor's list.

        Every open page asks for it, so it is cheap and has one output: gradio rebuilds each component of an event's
        outputs.
        """
        try:
            return () if shown.run_id is None else news_of(self.jobs.get(shown.run_id), who, self.jobs, self.run_events)
        except KdsrError as error:
            return str(error)

    def on_news(self, shown: ViewedRun, who: str, request: gr.Request | None = None) -> RunPage:
        """The changed parts of the page of the viewed run; none where the visitor chose another run meanwhile."""
        unchanged = RunPage(*(gr.skip(),) * len(RunPage._fields))
        try:
            page = self._page_of(shown.run_id, who, shown)
        except KdsrError as error:  # it was deleted elsewhere, or the database is busy: what is shown stays
            page = unchanged._replace(status=error_line(str(error)))
        return page if self.chosen.get(session_of(request), shown.run_id) == shown.run_id else unchanged

    def on_pick(self, run_id: str | None, who: str, request: gr.Request | None = None) -> RunPage:
        """Another run of the list."""
        return self._page(run_id, who, request)

    def on_stop(self, shown: ViewedRun, who: str, request: gr.Request | None = None) -> RunPage:
        """Stop the run; its worker leaves a checkpoint."""
        return self._done(shown, who, self.jobs.stop, request)

    def on_resume(self, shown: ViewedRun, who: str, request: gr.Request | None = None) -> RunPage:
        """Resume the run from its checkpoint."""
        return self._done(shown, who, self.jobs.resume, request)

    def on_delete(self, shown: ViewedRun, who: str, request: gr.Request | None = None) -> RunPage:
        """Delete the run with all that belongs to it, and show the next one."""
        try:
            self._delete(shown.run_id or "", who)
        except KdsrError as error:
            return self._page(shown.run_id, who, request)._replace(status=error_line(str(error)))
        return self._page(next((run.id for run in self.jobs.runs(who)), None), who, request)

    def on_ask(self) -> Any:
        """Ask whether the run is to be deleted."""
        return gr.update(visible=True)

    def on_keep(self) -> Any:
        """Close the question without deleting."""
        return gr.update(visible=False)

    def on_compare(self, shown: ViewedRun, who: str, choice: Choice, request: gr.Request) -> tuple[Any, ...]:
        """(tabs, status, *what `RestoreHandlers.compared` gives): the new network in *Restore*, on a held-out
        photograph.
        """
        try:
            wanted = self.comparison(self.jobs.get(shown.run_id or ""), who)
            return gr.update(selected="restore"), "", *self.restore.compared(wanted, choice, who, request)
        except KdsrError as error:
            return gr.skip(), error_line(str(error)), *NOTHING_COMPARED

    def comparison(self, run: Run, who: str) -> Comparison:
        """What is compared: the network of `run` with the student before it, or with its teacher if it started fresh.

        Raises:
            JobError: the run is somebody else's.
        """
        if not self.jobs.may_change(run.id, who):
            raise JobError(texts.WATCHING)
        recipe, known = recipe_from_json(run.recipe), {card.name for card in open_catalog(self.settings).cards}
        before = recipe.warm_start if recipe.warm_start in known else None
        return Comparison(
            recipe.task,
            name_of_run(run),
            before,
            recipe.teaching.teacher if recipe.teaching.teacher in known else None,
            self._held_out(run),
        )

    def _held_out(self, run: Run) -> Path | None:
        """A copy, under the name that it came with, of a photograph that the run did not learn from; None if none can
        be shown.
        """
        if not run.is_uploaded:
            return None
        recipe = recipe_from_json(run.recipe)
        _, out = held_out(
            find_photos([str(self.jobs.folder(run.id) / "photos")], self.settings.data_dir),
            recipe.data.validation_photos,
        )
        shown = next((path for path in out if megapixels([path]) <= self.settings.max_output_megapixels), None)
        return None if shown is None else copied(shown, self.folder / "taken" / run.id / "photo")

    def _page(self, run_id: str | None, who: str, request: gr.Request | None) -> RunPage:
        """The page of the run `run_id`, which the visitor chose; empty if there is none, with a sentence if one was
        named.
        """
        try:
            page = self._page_of(run_id, who, ViewedRun())
        except KdsrError as error:
            page = changed(empty_page(self.jobs, who, error_line(str(error))), ViewedRun())
        self.chosen[session_of(request)] = page.shown.run_id
        return page

    def _page_of(self, run_id: str | None, who: str, before: ViewedRun) -> RunPage:
        if run_id is None:
            return changed(empty_page(self.jobs, who), before)
        return changed(
            page_of_run(self.jobs.get(run_id), who, self.jobs, self.run_events, self.folder / "taken"), before
        )

    def _done(self, shown: ViewedRun, who: str, act: Callable[[str, str], Any], request: gr.Request | None) -> RunPage:
        """The page after `act` on the run, with a sentence if it failed."""
        try:
            with signed_in(token_of(request)):
                act(shown.run_id or "", who)
        except KdsrError as error:
            return self._page(shown.run_id, who, request)._replace(status=error_line(str(error)))
        return self._page(shown.run_id, who, request)

    def _delete(self, run_id: str, who: str) -> None:
        self.jobs.delete(run_id, who)
        self.run_events.forget(run_id)
        shutil.rmtree(self.folder / "taken" / run_id, ignore_errors=True)

    def _photos_line(self, source: str, staged: Sequence[str]) -> str:
        try:
            return note_line(described(photos_of(source, staged)))
        except KdsrError:
            return ""
