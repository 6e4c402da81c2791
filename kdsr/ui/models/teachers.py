"""The button "Get this teacher" in the tab *Models*: it belongs to the card of a published teacher that is not here."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from kdsr.ui.events import LATEST_TOLD, QUICK
from kdsr.ui.models.handlers import ModelsHandlers, ModelsPage
from kdsr.ui.models.selection import Selection
from kdsr.ui.teachers.panel import Arrived, Got, Teachers, TeachersEvents, add_buttons, add_status

PLACE = "models"


class ModelsTeachers:
    """The handlers, with those of the tab and those of the downloads."""

    def __init__(self, models: ModelsHandlers, teachers: Teachers) -> None:
        self.models = models
        self.teachers = teachers

    def on_selection(self, selection: Selection, who: str, request: gr.Request) -> tuple[Any, ...]:
        """(box, note, get, status) for another network."""
        return self.teachers.on_network(selection.network, who, request)

    def on_get(self, selection: Selection, who: str, request: gr.Request) -> Iterator[Got]:
        """As `Teachers.on_get`, for the selected network."""
        yield from self.teachers.on_get(selection.network, who, PLACE, request)

    def on_arrived(self, arrived: Arrived, selection: Selection) -> tuple[Any, ...]:
        """(box, *page) after a teacher was added: it has its card and its place in the tables."""
        if not selection.network:  # the tab was never open
            return gr.skip(), *ModelsPage()
        is_shown = arrived.name == selection.network
        return gr.update(visible=False) if is_shown else gr.skip(), *self.models.page(selection)


def add_get() -> dict[str, Any]:
    """The components, hidden until such a network is selected."""
    with gr.Column(visible=False, elem_id="models-get", elem_classes="get-teacher") as box:
        note = gr.HTML()
        buttons = add_buttons(PLACE)
    return {"box": box, "note": note, "status": add_status(PLACE), **buttons}


def wire_get_here(
    models: ModelsHandlers, teachers: TeachersEvents, panel: dict[str, Any], selection: gr.State, page: list[Any]
) -> None:
    """The events of the buttons. `selection` says which network is shown, `page` are the tab's outputs."""
    handlers = ModelsTeachers(models, teachers.handlers)
    shown = [panel[name] for name in ("box", "note", "get", "status")]
    for changed in (selection.change, teachers.who.change):
        changed(handlers.on_selection, [selection, teachers.who], shown, **QUICK)
    got = [*(panel[name] for name in ("status", "get", "stop")), teachers.arrived]
    panel["get"].click(handlers.on_get, [selection, teachers.who], got, **QUICK)
    panel["stop"].click(teachers.handlers.on_stop, None, None, **QUICK)
    teachers.arrived.change(handlers.on_arrived, [teachers.arrived, selection], [panel["box"], *page], **LATEST_TOLD)
