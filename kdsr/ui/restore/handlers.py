"""The handlers of the tab *Restore*: from a visitor's actions to the page's outputs. They run without a browser.

A handler converts, calls the package and converts back. Not here: layout and wiring (`restore.tab`), the run itself
(`restore.run`).
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from kdsr.errors import InputError, KdsrError, Stopped
from kdsr.image import read_picture
from kdsr.jobs import Jobs
from kdsr.settings import Settings
from kdsr.tasks import TASKS, find_task
from kdsr.ui import texts
from kdsr.ui.clips.limits import is_clip
from kdsr.ui.examples import available_examples, example_of, name_of
from kdsr.ui.html import status_line
from kdsr.ui.networks import find_network, own_networks
from kdsr.ui.records import recorded
from kdsr.ui.refusals import log_refusal, refused
from kdsr.ui.restore import figures
from kdsr.ui.restore.choice import (
    Choice,
    Comparison,
    Folded,
    levels_of,
    levels_set_to,
    menu_of,
    order_of,
    second_of,
    style_in,
)
from kdsr.ui.restore.files import sweep
from kdsr.ui.restore.open_page import OpenPage
from kdsr.ui.restore.painting import Marks
from kdsr.ui.restore.place import Scene
from kdsr.ui.restore.request import Mode, Order, what_is_lacking
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.run import restore_steps
from kdsr.ui.restore.uploads import Uploads
from kdsr.ui.restore.view import View, ended_view, final_view, stopped_view, views_of
from kdsr.ui.sessions import Orders, session_of
from kdsr.zoo import of_style, open_catalog, styles_of

_MOST_OPENINGS = 16
"""Results kept for the next visitor who opens the page on the same."""


class RestoreHandlers:
    """The handlers, with what they share: settings, the folder for pictures, the orders, what each open page shows and
    each visitor uploaded, what the page opened on.
    """

    def __init__(self, settings: Settings, folder: Path, jobs: Jobs | None = None) -> None:
        self.settings = settings
        self.jobs = jobs
        self.folder = folder
        self.orders = Orders()
        self.pages: dict[str, OpenPage] = {}
        self.uploads = Uploads()
        self.openings: dict[Order, RestoreResult] = {}

    # What is there

    def tasks(self) -> list[tuple[str, str]]:
        """(title, name) of the tasks that have a network; of all tasks where there is none."""
        cards = open_catalog(self.settings).cards
        able = {card.task for card in cards} or set(TASKS)
        return [(task.title, name) for name, task in TASKS.items() if name in able]

    def default_task(self) -> str:
        """x4 super-resolution if there are networks for it, else the first task that has some."""
        names = [name for _, name in self.tasks()]
        return "sr_x4" if "sr_x4" in names else names[0]

    def styles(self, task: str) -> list[str]:
        """The styles of the networks for `task`; none but for style transfer."""
        return styles_of(open_catalog(self.settings).for_task(task))

    def networks(self, task: str, role: str, owner: str = "", style: str = "") -> list[tuple[str, str]]:
        """(title, name) of the networks for `task` (and `style`) in `role`, largest first, then those of `owner`."""
        cards = of_style(open_catalog(self.settings).for_task(task, role), style)
        own = own_networks(self.jobs, owner, task, style) if self.jobs and role == "student" else []
        return [(card.title, card.name) for card in cards] + own

    def _students(self, choice: Choice, owner: str) -> list[tuple[str, str]]:
        """`networks`, and the chosen one where it is none of them: a twin, or another's that an admin looks at."""
        chosen = choice.student
        names = self.networks(choice.task, "student", owner, style_in(choice, self.settings))
        if chosen and chosen not in [name for _, name in names]:
            with contextlib.suppress(KdsrError):  # its run may have been deleted
                names.append((find_network(chosen, self.settings)[0].title, chosen))
        return names

    def problems(self) -> tuple[str, ...]:
        """One sentence for each card that cannot be used."""
        return open_catalog(self.settings).problems

    # Small handlers

    def on_network(
        self, teacher: str | None, student: str | None, choice: Choice, request: gr.Request | None = None
    ) -> Choice:
        """Another network, for the next run."""
        return self.changed(request, choice, lambda newest: newest.with_networks(teacher, student, choice))

    def on_show(self, choice: Choice, owner: str, request: gr.Request | None = None) -> tuple[Any, ...]:
        """(choice, student): the tab is opened again, and a run may have ended or been deleted since."""
        if choice.teacher is None and choice.student is None:
            return gr.skip(), gr.skip()  # the page is still loading
        names = self._students(choice, owner)
        kept = (
            choice.student if choice.student in [name for _, name in names] else next((name for _, name in names), None)
        )
        made = self.changed(request, choice, lambda newest: newest.with_student(kept) if newest == choice else newest)
        if made.student != kept:
            return gr.skip(), gr.skip()  # another was chosen meanwhile
        return made, gr.update(choices=names, value=kept, interactive=bool(names))

    def on_task(
        self, task: str, choice: Choice, picture: str | None, request: gr.Request, owner: str = ""
    ) -> tuple[Any, ...]:
        """(choice, teacher, student, strength, kind, marks, picture, chosen, status, run, stop) for `task`. The example
        of the task before makes place for that of this one; any other picture stays.
        """
        before, now = (None if path is None else str(path) for path in (example_of(choice.task), example_of(task)))
        described, usual = self._described(now) if now else "", self.usual(task, owner)
        given = self.page(request).picture.change(picture, lambda newest: now if newest == before else newest)
        made = self.changed(request, choice, lambda newest: usual._replace(mode=newest.mode))
        shown = (given, described) if given == now != picture else (gr.skip(), gr.skip())
        return *self.controls(made, owner), *shown, *self.ordered(request)

    def on_mode(self, mode: Mode, choice: Choice, request: gr.Request) -> tuple[Any, ...]:
        """Strength or kind, marks and second upload, shown where `mode` has a use for them."""
        made = self.changed(request, choice, lambda newest: newest._replace(mode=mode))
        return made, *levels_of(made.task, mode), gr.update(visible=mode == "both"), *self.ordered(request)

    def on_strength(self, strength: float, choice: Choice, request: gr.Request) -> tuple[Any, ...]:
        """Another strength of the degradation."""
        made = self.changed(request, choice, lambda newest: newest.with_strength(strength, choice))
        return made, *self.ordered(request)

    def on_sharpness(self, sharpness: float, choice: Choice, request: gr.Request) -> tuple[Any, ...]:
        """Another sharpness of the student."""
        made = self.changed(request, choice, lambda newest: newest.with_sharpness(sharpness, choice))
        return made, *self.ordered(request)

    def on_kind(self, kind: str, choice: Choice, request: gr.Request) -> tuple[Any, ...]:
        """(choice, marks, status, run, stop): another kind of holes, without the visitor's own marks."""
        made = self.changed(request, choice, lambda newest: newest.with_strength(kind, choice))
        return made, None, *self.ordered(request)

    def on_press(self, request: gr.Request) -> tuple[Any, ...]:
        """The button Restore."""
        return self.ordered(request)

    def on_upload(self, path: str | None, choice: Choice, request: gr.Request) -> tuple[Any, ...]:
        """The visitor's picture, to be restored as it is; if it cannot be read, one sentence, and nothing changes. What
        was chosen while it was read counts; of two pictures, the one chosen last.
        """
        if is_clip(path):
            return (gr.skip(),) * 12  # it stays in its field for `restore.clips`
        page = self.page(request)
        page.picks = pick = page.picks + 1
        try:
            line = self._described(path)
        except KdsrError as error:
            return gr.skip(), gr.update(value=None), *(gr.skip(),) * 7, *refused(error)
        if page.picks != pick:
            return gr.skip(), gr.update(value=None), *(gr.skip(),) * 10
        page.picture.change(path, lambda _: path)
        made = self.changed(request, choice, lambda newest: newest.for_upload(choice))
        shown = (*levels_of(made.task, made.mode), second_of(made))
        return path, gr.update(value=None), line, made, made.mode, *shown, *self.ordered(request)

    def on_truth(self, path: str | None, request: gr.Request) -> tuple[Any, ...]:
        """The visitor's clean picture, if it can be read."""
        try:
            line = self._described(path)
        except KdsrError as error:
            return gr.skip(), gr.update(value=None), gr.skip(), *refused(error)
        return path, gr.update(value=None), line, *self.ordered(request)

    def on_example(self, choice: Choice, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
        """An example is a clean picture: it is degraded, restored and measured."""
        examples, index = available_examples(), (event._data or {}).get("index")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(examples):
            raise InputError("There is no such example: reload the page.")
        page, path = self.page(request), str(examples[index][1])
        page.picks += 1
        page.picture.change(path, lambda _: path)
        made = self.changed(request, choice, lambda newest: newest._replace(mode="clean"))
        return (
            path,
            made,
            "clean",
            *levels_of(made.task, "clean"),
            gr.update(visible=False),
            self._described(path),
            *self.ordered(request),
        )

    def on_stop(self, request: gr.Request) -> None:
        """Stop the visitor's run; the run itself says so on the page."""
        self.orders.stop(session_of(request))

    def on_close(self, request: gr.Request) -> None:
        """A closed tab ends its run."""
        self.orders.close(session_of(request))
        self.pages.pop(session_of(request), None)

    def page(self, request: gr.Request | None) -> OpenPage:
        """What the visitor's page shows."""
        return self.pages.setdefault(session_of(request), OpenPage())

    def changed(self, request: gr.Request | None, choice: Choice, changed: Callable[[Choice], Choice]) -> Choice:
        """The newest choice of the page after `changed`; `choice` was the newest when its handler began."""
        return self.page(request).choice.change(choice, changed)

    def compared(self, wanted: Comparison, choice: Choice, owner: str, request: gr.Request) -> tuple[Any, ...]:
        """(*what `placed` gives, status, run, stop) for a comparison, which is ordered."""
        mode: Mode = "clean" if wanted.picture is not None else choice.mode
        made = self.usual(wanted.task, owner)._replace(
            mode=mode, teacher=wanted.teacher, student=wanted.student, before=wanted.before
        )
        pair = ("before" if wanted.before else "teacher", "student")
        given = str(wanted.picture) if wanted.picture is not None else None
        return *self.placed(Scene(made, given, pair), owner, request), *self.ordered(request)

    def placed(self, place: Scene, owner: str, request: gr.Request | None) -> tuple[Any, ...]:
        """(task, choice, teacher, student, strength, kind, marks, mode, second, picture, chosen, pair): the controls as
        `place` has them from now on; without a picture, the visitor's stays.
        """
        choice, given, page = place.choice, place.picture, self.page(request)
        chosen = gr.skip() if given is None else self._described(given)
        if given is not None:
            page.picks += 1
            page.picture.change(given, lambda _: given)
        page.choice.change(choice, lambda _: choice)
        return (
            choice.task,
            *self.controls(choice, owner),
            choice.mode,
            second_of(choice),
            gr.skip() if given is None else given,
            chosen,
            place.pair,
        )

    def controls(self, choice: Choice, owner: str) -> tuple[Any, ...]:
        """(choice, teacher, student, strength, kind, marks) as `choice` has them."""
        teachers = self.networks(choice.task, "teacher", style=style_in(choice, self.settings))
        students = self._students(choice, owner)
        return (
            choice,
            menu_of("teacher", teachers, choice.teacher),
            menu_of("student", students, choice.student),
            *levels_set_to(choice),
        )

    # The run

    def on_restore(
        self,
        picture: str | None,
        truth: str | None,
        choice: Choice,
        runtime: str,
        tile_px: float | None,
        seed: float | None,
        teacher_plus: bool,
        marks: Marks | None,
        pair: tuple[str, str],
        request: gr.Request,
        strip: bool = False,
    ) -> Iterator[View]:
        """One run, from the order to the final figures; nothing where no order waits, or it lacks something."""
        page = self.page(request)
        picture, choice = page.picture.of(picture), page.choice.of(choice)
        order = order_of(picture, truth, choice, marks, Folded(runtime, tile_px, seed, teacher_plus))
        if needed := what_is_lacking(order, self.settings):  # its controls changed after they were checked
            yield ended_view(status_line(needed, kind="needed"))
            return
        yield from self.run(replace(order, strip=strip), pair, session_of(request))

    def run(self, order: Order, pair: tuple[str, str], session: str, *, keep: bool = False) -> Iterator[View]:
        """The views of a run. What goes wrong becomes a sentence on the page; what was there before stays.

        keep: the result is kept for the next who opens the page on it.
        """
        signal = self.orders.take(session)
        if signal is None:
            yield View()  # gradio empties the outputs of a generator that yields nothing
            return
        sweep(self.folder)
        page = self.pages.setdefault(session, OpenPage())
        page.pair, page.strip = pair, order.strip
        try:
            steps = restore_steps(order, self.settings, self.folder / uuid.uuid4().hex, signal)
            with recorded("restore"):
                result = yield from views_of(steps, page)
        except Stopped as stop:
            if self.orders.is_newest(session, signal):
                yield stopped_view(stop)
        except KdsrError as error:
            log_refusal(error)
            gr.Warning(str(error))
            yield ended_view(status_line(str(error), kind="error"))
        except Exception:
            yield ended_view(status_line(texts.UNEXPECTED, kind="error"))
            raise
        else:
            if keep:
                self.openings = dict([*self.openings.items(), (order, result)][-_MOST_OPENINGS:])
            yield final_view(result, *page.pair)

    def usual(self, task: str, owner: str = "", style: str = "") -> Choice:
        """The usual choice for `task`: its largest networks (of `style`, or the first), its usual strength, on a clean
        picture.
        """
        strength, style = find_task(task).strength, style or next(iter(self.styles(task)), "")
        teacher, student = (
            next((name for _, name in self.networks(task, role, owner, style)), None) for role in ("teacher", "student")
        )
        return Choice(task, "clean", teacher, student, strength.default if strength else 0.0)

    def ordered(self, request: gr.Request) -> tuple[Any, ...]:
        """(status, run, stop) after an order was given."""
        self.orders.give(session_of(request))
        return status_line(texts.WAITING, kind="busy"), gr.update(interactive=False), gr.update(visible=True)

    def _described(self, path: str | None) -> str:
        """The line that names a chosen picture, after it has been read in full.

        Raises:
            InputError: it cannot be read.
        """
        if path is None:
            raise InputError("No file arrived; choose a picture again.")
        picture = read_picture(Path(path), self.settings)
        return figures.chosen(name_of(Path(path), picture.name), picture.width, picture.height, picture.bits)
