"""The events of the tab *Restore*: which handler reads and updates which components. Not here: the layout
(`restore.tab`) and what the handlers do (`restore.handlers`).

Quick handlers answer at once and say whether to run; runs wait in one queue.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from kdsr.ui.events import QUEUED, QUICK, to_chosen
from kdsr.ui.restore.choice import dial_of
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.visitor import Visitor

_TO_MARKS = """() => setTimeout(() => {
  document.querySelector('#marks-editor')?.scrollIntoView({behavior: 'smooth', block: 'center'});
}, 300)"""
_VIEW = (
    *("pictures", "summary", "status", "table", "left", "right", "explained"),
    *("student_file", "teacher_file", "format", "files"),
)
"""The components of a result, in the order of `restore.view.View`."""


@dataclass
class RestoreParts:
    """The components that the wiring needs, by their place."""

    result: dict[str, Any]
    pick: dict[str, Any]
    options: dict[str, Any]
    states: dict[str, gr.State]

    @property
    def begun(self) -> list[Any]:
        """What changes as soon as a run was ordered."""
        return [self.result["status"], self.options["run"], self.options["stop"]]

    @property
    def networks(self) -> list[Any]:
        return [self.options["teacher"], self.options["student"]]

    @property
    def levels(self) -> list[Any]:
        """Strength, kind and marks."""
        return [self.options["strength"], self.options["kind"], self.options["marking"]]

    @property
    def for_task(self) -> list[Any]:
        """What another task changes."""
        return [self.states["choice"], *self.networks, *self.levels]

    @property
    def order(self) -> list[Any]:
        """The inputs of `RestoreHandlers.on_restore`."""
        states, settings = self.states, ("runtime", "tile", "seed", "teacher_plus")
        first = [states["picture"], states["truth"], states["choice"]]
        return [*first, *(self.options[key] for key in settings), states["marks"], states["pair"]]

    @property
    def view(self) -> list[Any]:
        """The outputs of `RestoreHandlers.on_restore`."""
        shown = [self.result[key] for key in _VIEW]
        return [self.states["result"], *shown, self.options["run"], self.options["stop"]]

    @property
    def compared(self) -> list[Any]:
        """The outputs of `RestoreHandlers.compared`."""
        options, states, pick = self.options, self.states, self.pick
        other = [options["mode"], options["second"], states["picture"], pick["chosen"], states["pair"]]
        return [pick["task"], *self.for_task, *other, *self.begun]


@dataclass(frozen=True)
class RestoreTab:
    """The tab, and what another one needs to have something compared in it."""

    handlers: RestoreHandlers
    choice: gr.State
    compared: list[Any]
    """The outputs of `RestoreHandlers.compared`."""
    order: list[Any]
    view: list[Any]
    """Inputs and outputs of `RestoreHandlers.on_restore`."""


def wire(
    handlers: RestoreHandlers, parts: RestoreParts, blocks: gr.Blocks, visitor: Visitor, tab: gr.Tab
) -> RestoreTab:
    """The tab whose components call `handlers`."""
    for start in _starts(handlers, parts, visitor):
        start.then(handlers.on_restore, parts.order, parts.view, **QUEUED)
    _wire_choices(handlers, parts)
    _wire_marks(handlers, parts)
    _wire_result(handlers, parts)
    choice, options, task = parts.states["choice"], parts.options, parts.pick["task"]
    tab.select(handlers.on_show, [choice, visitor.who], [choice, options["student"]], **QUICK)
    loaded = [task, *parts.for_task, options["problems"], options["problem_lines"]]
    opened = visitor.opened.then(handlers.on_load, visitor.who, loaded, **QUICK)
    opened.then(handlers.on_open, choice, parts.view, **QUEUED)
    task.change(None, js=to_chosen("task"))
    opened.then(None, js=to_chosen("task"))
    blocks.unload(handlers.on_close)
    return RestoreTab(handlers, choice, parts.compared, parts.order, parts.view)


def _starts(handlers: RestoreHandlers, parts: RestoreParts, visitor: Visitor) -> list[Any]:
    """The events that may order a run."""
    pick, options, states, begun = parts.pick, parts.options, parts.states, parts.begun
    choice = states["choice"]
    levels = [choice, options["mode"], *parts.levels, options["second"]]
    uploaded = [states["picture"], pick["upload"], pick["chosen"], *levels, *begun]
    example = [states["picture"], *levels, pick["chosen"], *begun]
    painted, marked = [options["editor"], states["picture"]], [states["marks"], options["kind"], *begun]
    kind, strength = [choice, states["marks"], *begun], [options["strength"], choice]
    return [
        options["run"].click(handlers.on_press, None, begun, **QUICK),
        pick["task"].input(handlers.on_task, [pick["task"], choice, visitor.who], [*parts.for_task, *begun], **QUICK),
        options["strength"].release(handlers.on_strength, strength, [choice, *begun], **QUICK),
        options["sharpness"].release(handlers.on_sharpness, [options["sharpness"], choice], [choice, *begun], **QUICK),
        options["kind"].input(handlers.on_kind, [options["kind"], choice], kind, **QUICK),
        options["use_marks"].click(handlers.on_use_marks, painted, marked, **QUICK),
        pick["upload"].upload(handlers.on_upload, [pick["upload"], choice], uploaded, **QUICK),
        pick["gallery"].select(handlers.on_example, choice, example, **QUICK),
    ]


def _wire_choices(handlers: RestoreHandlers, parts: RestoreParts) -> None:
    """What is chosen for the next run."""
    options, choice = parts.options, parts.states["choice"]
    truth = [parts.states["truth"], options["truth"], options["truth_line"], parts.result["status"]]
    options["truth"].upload(handlers.on_truth, options["truth"], truth, **QUICK)
    mode = [choice, *parts.levels, options["second"]]
    options["mode"].input(handlers.on_mode, [options["mode"], choice], mode, **QUICK)
    for network in parts.networks:
        network.input(handlers.on_network, [*parts.networks, choice], choice, **QUICK)
    choice.change(lambda made: dial_of(made, handlers.settings), choice, options["sharpness"], **QUICK)


def _wire_marks(handlers: RestoreHandlers, parts: RestoreParts) -> None:
    """The editor opens on request, and closes when another picture is chosen."""
    options, picture = parts.options, parts.states["picture"]
    editing = [options["editor"], options["use_marks"]]
    opened = options["open_marks"].click(handlers.on_open_marks, picture, [*editing, parts.result["status"]], **QUICK)
    opened.success(None, js=_TO_MARKS)
    picture.change(lambda: (gr.update(value=None, visible=False), gr.update(visible=False)), None, editing, **QUICK)


def _wire_result(handlers: RestoreHandlers, parts: RestoreParts) -> None:
    """Stop, the pair, and the format of the files."""
    result, states = parts.result, parts.states
    parts.options["stop"].click(handlers.on_stop, None, result["status"], **QUICK)
    pair = [states["pair"], result["pictures"], result["explained"], result["status"]]
    for side in ("left", "right"):
        result[side].input(handlers.on_pair, [states["result"], result["left"], result["right"]], pair, **QUICK)
    result["format"].input(handlers.on_format, [states["result"], result["format"]], result["files"], **QUICK)
