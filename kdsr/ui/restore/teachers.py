"""Published teachers in the tab *Restore*: one that has arrived can be chosen, and is, where it was asked for here."""

from typing import Any

import gradio as gr

from kdsr.ui.events import LATEST, QUICK
from kdsr.ui.restore.choice import Choice, style_in
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.wiring import RestoreParts
from kdsr.ui.teachers.panel import Arrived, TeachersEvents, wire_panel

PLACE = "restore"


class RestoreTeachers:
    """The handlers, with those of the tab."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore = restore

    def on_arrived(self, arrived: Arrived, choice: Choice, request: gr.Request | None = None) -> tuple[Any, ...]:
        """(choice, teacher) after a teacher was added."""
        newest = self.restore.page(request).choice
        choice = newest.of(choice)
        if arrived.task != choice.task:
            return gr.skip(), gr.skip()
        kept = choice.teacher if choice.teacher and arrived.place != PLACE else arrived.name
        names = self.restore.networks(choice.task, "teacher", style=style_in(choice, self.restore.settings))
        made = newest.change(choice, lambda each: each._replace(teacher=kept) if each.task == choice.task else each)
        return made, gr.update(choices=names, value=kept, interactive=True, info=None)

    def on_show(self, choice: Choice) -> Any:
        """The teachers that are here now: other visitors may have added some."""
        names = self.restore.networks(choice.task, "teacher", style=style_in(choice, self.restore.settings))
        return gr.update(choices=names, value=choice.teacher) if names and choice.teacher else gr.skip()


def wire_teachers(
    restore: RestoreHandlers, parts: RestoreParts, panel: dict[str, Any], teachers: TeachersEvents, tab: gr.Tab
) -> None:
    """The panel of the tab, and its choice of a teacher when one has arrived."""
    handlers, choice, teacher = RestoreTeachers(restore), parts.states["choice"], parts.options["teacher"]
    wire_panel(teachers, panel, PLACE, parts.pick["task"], [tab.select])
    teachers.arrived.change(handlers.on_arrived, [teachers.arrived, choice], [choice, teacher], **QUICK)
    tab.select(handlers.on_show, choice, teacher, **LATEST)
