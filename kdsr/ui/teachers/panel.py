"""The button "Get this teacher": its place in a tab, its handlers, and the event after which the teacher is there.

A tab shows what may be downloaded for the task at hand, and refreshes its own choices when a teacher has arrived. Not
here: the downloads (`downloads`).
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from kdsr.errors import KdsrError, SettingsError
from kdsr.jobs import Jobs
from kdsr.ui import texts
from kdsr.ui.events import LATEST, QUICK
from kdsr.ui.html import error_line, note_line, status_line
from kdsr.ui.sessions import session_of
from kdsr.ui.teachers.downloads import TeacherDownload, TeacherDownloads
from kdsr.zoo.published import PUBLISHED, Published, find_published
from kdsr.zoo.teachers import added, to_add

_TELL_S = 0.3
"""How often the progress is looked at."""
_numbers = count(1)


class Arrived(NamedTuple):
    """A teacher that was added: its name, its task, and the tab in which it was asked for."""

    name: str = ""
    task: str = ""
    place: str = ""
    number: int = 0
    """New at each arrival, so that the page notices the second one, too."""


class Got(NamedTuple):
    """The outputs of `Teachers.on_get`; those not given stay unchanged."""

    status: Any = gr.skip()
    get: Any = gr.skip()
    stop: Any = gr.skip()
    arrived: Any = gr.skip()


class Teachers:
    """The handlers, with what they share: the downloads, and who may start one."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.settings = jobs.settings
        self.downloads = TeacherDownloads(jobs.settings)

    def may_add(self, who: str) -> bool:
        """Whether `who` may fill this machine's disk: everybody where the setting says so, and always the admin."""
        return self.settings.teacher_downloads == "on" or self.jobs.is_admin(who)

    def on_task(self, task: str | None, who: str, request: gr.Request) -> tuple[Any, ...]:
        """(box, choice, note, get) for `task`: what is not here yet; hidden where there is none, or it is not allowed.

        While the visitor waits for a download the box stays: its Stop is needed.
        """
        box, *rest = self.offered(task, who)
        return gr.update(visible=box["visible"] or self.downloads.is_waiting(session_of(request))), *rest

    def offered(self, task: str | None, who: str) -> tuple[Any, ...]:
        """(box, choice, note, get) as `on_task`, for who waits for no download."""
        found = to_add(task, self.settings) if task and self.may_add(who) else ()
        names = [(one.title, one.name) for one in found]
        first = found[0].name if found else None
        return gr.update(visible=bool(found)), gr.update(choices=names, value=first), *self.on_choice(first)

    def on_other_task(self, task: str | None, who: str, request: gr.Request) -> tuple[Any, ...]:
        """(box, choice, note, get, status) for another task: what was said of the one before is gone."""
        return *self.on_task(task, who, request), self._no_status(request)

    def on_choice(self, name: str | None) -> tuple[Any, ...]:
        """(note, get) for the teacher `name`."""
        one = PUBLISHED.get(name or "")
        return ("", gr.skip()) if one is None else (about(one), gr.update(value=texts.get_teacher(one)))

    def on_network(self, name: str, who: str, request: gr.Request) -> tuple[Any, ...]:
        """(box, note, get, status) where any network may be shown: of a teacher that is not here the button, or why
        there is none.
        """
        one, waits = PUBLISHED.get(name), self.downloads.is_waiting(session_of(request))
        if one is None or added(name, self.settings) is not None:
            return gr.update(visible=waits), "", gr.update(visible=False), self._no_status(request)
        may = self.may_add(who)
        note = note_line("" if may else texts.NO_DOWNLOADS.format(name=name))
        get = gr.update(value=texts.get_teacher(one), visible=may and not waits)
        return gr.update(visible=True), note, get, self._no_status(request)

    def on_get(self, name: str | None, who: str, place: str, request: gr.Request) -> Iterator[Got]:
        """The progress of the download until the teacher is here, or the sentence that says why it is not."""
        button = gr.update(visible=True)
        try:
            if not self.may_add(who):
                raise SettingsError(texts.NO_DOWNLOADS.format(name=name))
            one = find_published(name or "")
            yield Got(status_line(texts.GETTING.format(title=one.title), kind="busy"), gr.update(visible=False), button)
            session = session_of(request)
            download = self.downloads.join(one.name, session)
            yield from _progress(one, download, session)
            if session not in download.waiting:
                yield Got(status_line(texts.TEACHER_STOPPED, kind="stopped"), button, gr.update(visible=False))
                return
            if download.error is not None:
                raise download.error
        except KdsrError as error:
            yield Got(error_line(str(error)), button, gr.update(visible=False))
        except Exception:
            yield Got(error_line(texts.UNEXPECTED), button, gr.update(visible=False))
            raise
        else:
            arrived = Arrived(one.name, one.task, place, next(_numbers))
            here = status_line(texts.TEACHER_HERE.format(title=one.title), kind="arrived")
            yield Got(here, button, gr.update(visible=False), arrived)

    def on_stop(self, request: gr.Request) -> None:
        """The visitor waits no more; what nobody waits for is stopped."""
        self.downloads.leave(session_of(request))

    def _no_status(self, request: gr.Request) -> Any:
        """An empty status, unless it tells of a running download."""
        return gr.skip() if self.downloads.is_waiting(session_of(request)) else ""


def _progress(one: Published, download: TeacherDownload, session: str) -> Iterator[Got]:
    """The status line at each percent, while `session` waits."""
    shown = -1
    while session in download.waiting and not download.ended.wait(_TELL_S):
        percent = round(100 * download.share)
        if percent != shown:
            shown = percent
            line = status_line(texts.GETTING.format(title=one.title), kind="busy", fraction=download.share)
            yield Got(line, gr.update(visible=False), gr.update(visible=True))  # all: a browser may skip earlier ones


def about(one: Published) -> Markup:
    """What a published teacher is and who made it, in two sentences."""
    first, *others = one.authors.split(", ")
    by = f"{first} and {len(others)} others" if len(others) > 1 else one.authors
    what = one.notes.partition(". ")[0].rstrip(".")
    return Markup('<p class="about">{} parameters, by {}. {}.</p>').format(texts.counted(one.parameters), by, what)


class TeachersEvents(NamedTuple):
    """The handlers, and the state that changes when a teacher has arrived."""

    handlers: Teachers
    arrived: gr.State
    who: gr.State


def add_teachers(jobs: Jobs, blocks: gr.Blocks, who: gr.State) -> TeachersEvents:
    """What the tabs of `blocks` share; `who` is the visitor's secret."""
    handlers = Teachers(jobs)
    blocks.unload(handlers.on_stop)
    return TeachersEvents(handlers, gr.State(Arrived()), who)


def add_panel(place: str, handlers: Teachers, task: str | None) -> dict[str, Any]:
    """The components of the tab `place`, as any visitor finds them for `task`, so that none appears late and pushes the
    rest down; what is said of a download stays in sight.
    """
    is_shown, names, about_it, label = handlers.offered(task, "")
    with gr.Column(visible=is_shown["visible"], elem_id=f"{place}-get", elem_classes="get-teacher") as box:
        choice = gr.Dropdown(
            names["choices"], value=names["value"], label=texts.MORE_TEACHERS, elem_id=f"{place}-get-choice"
        )
        note = gr.HTML(about_it)
        buttons = add_buttons(place, label.get("value", texts.GET))
    return {"box": box, "choice": choice, "note": note, "status": add_status(place), **buttons}


def add_buttons(place: str, label: str = texts.GET) -> dict[str, Any]:
    """Get and Stop."""
    with gr.Row(elem_classes="get-buttons"):
        get = gr.Button(label, elem_id=f"{place}-get-teacher")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id=f"{place}-get-stop")
    return {"get": get, "stop": stop}


def add_status(place: str) -> gr.HTML:
    """The line that tells how far it is; below the box, so that it stays when there is nothing more to get."""
    return gr.HTML(elem_id=f"{place}-get-status", elem_classes="get-status")


def wire_panel(teachers: TeachersEvents, panel: dict[str, Any], place: str, task: Any, shown: list[Any]) -> None:
    """The panel's events. `task` is the component with the task; `shown` are further events that refresh the panel."""
    handlers, outputs = teachers.handlers, [panel[name] for name in ("box", "choice", "note", "get")]
    asked = [task, teachers.who]
    for refresh in (teachers.who.change, teachers.arrived.change, *shown):
        refresh(handlers.on_task, asked, outputs, **LATEST)
    task.change(handlers.on_other_task, asked, [*outputs, panel["status"]], **QUICK)
    panel["choice"].input(handlers.on_choice, panel["choice"], [panel["note"], panel["get"]], **LATEST)
    got = [*(panel[part] for part in ("status", "get", "stop")), teachers.arrived]
    panel["get"].click(handlers.on_get, [panel["choice"], teachers.who, gr.State(place)], got, **QUICK)
    panel["stop"].click(handlers.on_stop, None, None, **QUICK)
