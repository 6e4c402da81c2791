"""The events of the tab *Restore*: which handler reads and updates which components. Not here: the layout
(`restore.tab`) and what the handlers do (`restore.handlers`).

Quick handlers answer at once and say whether to run; runs wait in one queue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from kdsr.ui.events import LATEST, LATEST_READING, QUEUED, QUICK, READING, TOLD, to_chosen
from kdsr.ui.restore.clips import wire_clips
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.marks import MarksHandlers
from kdsr.ui.restore.opening import OpeningHandlers
from kdsr.ui.restore.shown import ShownHandlers
from kdsr.ui.restore.stale import on_changed
from kdsr.ui.restore.styles import StyleHandlers
from kdsr.ui.sessions import stopping_line
from kdsr.ui.visitor import Visitor

_TO_MARKS = """() => setTimeout(() => {
  document.querySelector('#hero')?.scrollIntoView({behavior: 'smooth', block: 'nearest'});
}, 300)"""
_VIEW = (
    *("pictures", "summary", "status", "table", "left", "right", "explained"),
    *("student_file", "teacher_file", "format", "files"),
)
"""The components of a result, in the order of `restore.view.View`."""
_REPORT = (
    *("report", "report_pdf", "report_file", "report_networks", "report_pictures", "report_status", "report_stop"),
    *("share", "moving_file"),
)


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
        return [self.options[key] for key in ("status", "run", "stop")]

    @property
    def editing(self) -> list[Any]:
        """The big picture, which is painted on, and the buttons for that."""
        return [self.result["pictures"], self.options["open_marks"], self.options["cancel_marks"]]

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
    def uploaded(self) -> list[Any]:
        """The outputs of `RestoreHandlers.on_upload`."""
        picture, levels = [self.states["picture"], self.pick["upload"], self.pick["chosen"]], self.levels
        return [*picture, self.states["choice"], self.options["mode"], *levels, self.options["second"], *self.begun]

    @property
    def order(self) -> list[Any]:
        """The inputs of `RestoreHandlers.on_restore`."""
        states, settings = self.states, ("runtime", "tile", "seed", "teacher_plus")
        first = [states["picture"], states["truth"], states["choice"]]
        chosen = [states["marks"], states["pair"], self.result["strip"]]
        return [*first, *(self.options[key] for key in settings), *chosen]

    @property
    def view(self) -> list[Any]:
        """The outputs of `RestoreHandlers.on_restore`."""
        shown = [(self.result | self.options)[key] for key in _VIEW]
        return [self.states["result"], *shown, self.options["run"], self.options["stop"]]

    @property
    def placed(self) -> list[Any]:
        """The outputs of `RestoreHandlers.placed`."""
        options, states, pick = self.options, self.states, self.pick
        other = [options["mode"], options["second"], states["picture"], pick["chosen"], states["pair"]]
        return [pick["task"], *self.for_task, *other]

    @property
    def compared(self) -> list[Any]:
        """The outputs of `RestoreHandlers.compared`."""
        return [*self.placed, *self.begun]


@dataclass(frozen=True)
class RestoreTab:
    """The tab, and what another one needs to have something compared in it."""

    handlers: RestoreHandlers
    choice: gr.State
    compared: list[Any]
    """The outputs of `RestoreHandlers.compared`."""
    run_after: Callable[[Any], None]
    """Wires the run that was ordered by an event, after that event."""
    result: gr.State
    """The `RestoreResult` that is shown, or None."""
    report: dict[str, Any]
    """The buttons that ask for a report, what goes in, and the pair on the divider."""


def wire(
    handlers: RestoreHandlers, parts: RestoreParts, blocks: gr.Blocks, visitor: Visitor, tab: gr.Tab, address: gr.HTML
) -> RestoreTab:
    """The tab whose components call `handlers`; it follows `address`."""
    marks, states = MarksHandlers(handlers), parts.states
    ordered = [states[name] for name in ("picture", "truth", "choice", "marks")]

    def run_after(event: Any) -> None:
        held = event.then(marks.on_ordered, ordered, [*parts.editing, *parts.begun], **LATEST_READING)
        held.then(handlers.on_restore, parts.order, parts.view, **QUEUED)

    follow = _wire_opening(OpeningHandlers(handlers), parts, visitor, address)
    for start in [*_starts(handlers, marks, parts, visitor), follow]:
        run_after(start)
    wire_clips(
        handlers, parts.result["clips"], upload=parts.pick["upload"], gallery=parts.pick["gallery"],
        choice=states["choice"], runtime=parts.options["runtime"], status=parts.options["status"],
        uploaded=parts.uploaded, run_after=run_after, blocks=blocks,
    )  # fmt: skip
    _wire_choices(handlers, parts)
    _wire_marks(marks, parts)
    _wire_stale(parts)
    _wire_result(handlers, ShownHandlers(handlers), parts)
    choice, student = parts.states["choice"], parts.options["student"]
    tab.select(handlers.on_show, [choice, visitor.who], [choice, student], **LATEST)
    parts.pick["task"].change(None, js=to_chosen("task"))
    blocks.unload(handlers.on_close)
    report = {name: parts.result[name] for name in _REPORT} | {
        "pair": states["pair"],
        "shown": parts.result["pictures"],
    }
    return RestoreTab(handlers, choice, parts.compared, run_after, parts.states["result"], report)


def _wire_opening(opening: OpeningHandlers, parts: RestoreParts, visitor: Visitor, address: gr.HTML) -> Any:
    """The tab opens by the address, says its own part of it, and follows it; returns the event of the last."""
    states, options, place, who = parts.states, parts.options, parts.pick["place"], visitor.who
    chosen = [states[name] for name in ("choice", "picture", "pair")]
    loaded = [place, *parts.placed, options["problems"], options["problem_lines"], states["resumed"]]
    opened = visitor.opened.then(opening.on_load, who, loaded, **READING)
    opened.then(opening.on_open, chosen, parts.view, **QUEUED)
    opened.then(None, js=to_chosen("task"))
    changed = [state.change for state in chosen]
    gr.on(changed, opening.on_placed, [*chosen, who, place], place, **LATEST)
    asked = [*chosen[:2], states["result"], who]
    shown = [parts.result[name] for name in ("pictures", "explained", "left", "right")]
    return address.select(opening.on_follow, asked, [place, *shown, *parts.compared], **LATEST_READING)


def _starts(handlers: RestoreHandlers, marks: MarksHandlers, parts: RestoreParts, visitor: Visitor) -> list[Any]:
    """The events that order a run: all that stands open on the page. What is folded away waits for the button."""
    pick, options, states, begun = parts.pick, parts.options, parts.states, parts.begun
    choice = states["choice"]
    levels = [choice, options["mode"], *parts.levels, options["second"]]
    example = [states["picture"], *levels, pick["chosen"], *begun]
    marked = [states["marks"], options["mask"], options["kind"], *begun]
    mode = [choice, *parts.levels, options["second"], *begun]
    truth = [states["truth"], options["truth"], options["truth_line"], *begun]
    task = [pick["task"], choice, states["picture"], visitor.who]
    kind, strength = [choice, states["marks"], *begun], [options["strength"], choice]
    style = [options["style"], choice, visitor.who]
    return [
        options["run"].click(handlers.on_press, None, begun, **QUICK),
        states["resumed"].change(handlers.on_press, None, begun, **LATEST),
        pick["task"].input(
            handlers.on_task, task, [*parts.for_task, states["picture"], pick["chosen"], *begun], **LATEST_READING
        ),
        options["strength"].release(handlers.on_strength, strength, [choice, *begun], **LATEST),
        options["sharpness"].release(handlers.on_sharpness, [options["sharpness"], choice], [choice, *begun], **LATEST),
        options["kind"].input(handlers.on_kind, [options["kind"], choice], kind, **LATEST),
        options["style"].input(
            StyleHandlers(handlers).on_style, style, [choice, *parts.networks, *begun], **LATEST_READING
        ),
        options["mode"].input(handlers.on_mode, [options["mode"], choice], mode, **LATEST),
        options["mask"].upload(marks.on_mask, [options["mask"], states["picture"]], marked, **LATEST_READING),
        options["truth"].upload(handlers.on_truth, options["truth"], truth, **LATEST_READING),
        pick["upload"].upload(handlers.on_upload, [pick["upload"], choice], parts.uploaded, **LATEST_READING),
        pick["gallery"].select(handlers.on_example, choice, example, **TOLD),
    ]


def _wire_choices(handlers: RestoreHandlers, parts: RestoreParts) -> None:
    """Networks, and the controls that the chosen ones have a use for."""
    options, choice = parts.options, parts.states["choice"]
    for network in parts.networks:
        network.input(handlers.on_network, [*parts.networks, choice], choice, **LATEST)
    shown = [options[name] for name in ("sharpness", "style", "mode", "second", "run")]
    choice.change(StyleHandlers(handlers).shown, choice, shown, **QUICK)


def _wire_marks(marks: MarksHandlers, parts: RestoreParts) -> None:
    """Painting begins on request, and can be given up."""
    options, outputs = parts.options, [*parts.editing, parts.options["status"]]
    opened = options["open_marks"].click(marks.on_open, parts.states["picture"], outputs, **READING)
    opened.success(None, js=_TO_MARKS)
    shown = [parts.states["result"], parts.states["pair"]]
    options["cancel_marks"].click(marks.on_cancel, shown, outputs, **QUICK)


def _wire_stale(parts: RestoreParts) -> None:
    """Whatever changes, or is shown, the result is compared with the controls."""
    *order, _, _ = parts.order  # the pair is no part of an order, and what downloads leave out changes no picture
    changed = [part.change for part in [*order, parts.result["pictures"]]]
    read, said = (
        [parts.options["status"], parts.states["result"], *order],
        [parts.options["stale"], parts.options["status"]],
    )
    gr.on(changed, on_changed, read, said, trigger_mode="always_last", **QUICK)


def _wire_result(handlers: RestoreHandlers, shown: ShownHandlers, parts: RestoreParts) -> None:
    """Stop, the pair, and the files: their format, and what they leave out."""
    result, states = parts.result, parts.states
    stopping = parts.options["stop"].click(stopping_line, None, parts.options["status"], **QUICK)
    stopping.then(handlers.on_stop, None, None, **QUICK)
    pair = [states["pair"], result["pictures"], result["explained"], parts.options["status"]]
    for side in ("left", "right"):
        result[side].input(shown.on_pair, [states["result"], result["left"], result["right"]], pair, **LATEST)
    given, files = [states["result"], result["strip"], result["format"]], ("student_file", "teacher_file", "files")
    written = [states["result"], *(result[key] for key in files)]
    gr.on([result["format"].input, result["strip"].input], shown.on_files, given, written, **LATEST_READING)
