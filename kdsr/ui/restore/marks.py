"""What an order may still lack: the marks of missing pixels, painted on the big picture, or the original to compare
with.

Not here: the mask that is made of the paint (`restore.painting`), the wiring (`restore.wiring`).
"""

from pathlib import Path
from typing import Any

import gradio as gr

from kdsr.errors import InputError, KdsrError
from kdsr.image import read_picture
from kdsr.restore import holes_in
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.html import status_line
from kdsr.ui.restore.choice import Choice, order_of
from kdsr.ui.restore.editor import Layers
from kdsr.ui.restore.handlers import RestoreHandlers, refused
from kdsr.ui.restore.painting import Marks, to_be_marked, write_marks
from kdsr.ui.restore.request import Order
from kdsr.ui.sessions import session_of


def closed_editor() -> tuple[Any, ...]:
    """(editor, open, use, cancel): the editor is away, and can be opened."""
    return gr.update(value=None, visible=False), gr.update(visible=True), gr.update(visible=False), gr.update(
        visible=False
    )  # fmt: skip


class MarksHandlers:
    """The handlers, with those of the tab."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore = restore

    def on_open(self, picture: str | None) -> tuple[Any, ...]:
        """(editor, open, use, cancel, status): the visitor's picture, to be painted over where something is missing."""
        if picture is None:
            return *(gr.skip(),) * 4, status_line(texts.NO_EXAMPLES)
        try:
            return *self._opened(picture), status_line(texts.MARK, kind="needed")
        except KdsrError as error:
            return *(gr.skip(),) * 4, refused(error)[0]

    def on_cancel(self) -> tuple[Any, ...]:
        """(editor, open, use, cancel, status): the picture is seen again."""
        return *closed_editor(), status_line("", kind="done")

    def on_use(self, painted: Layers, picture: str | None, request: gr.Request) -> tuple[Any, ...]:
        """(marks, kind, status, run, stop): what was painted is missing."""
        try:
            if picture is None:
                raise InputError(texts.NO_EXAMPLES)
            folder = self.restore.folder / "marks"
            mask = write_marks(painted, read_picture(Path(picture), self.restore.settings), folder)
        except KdsrError as error:
            return gr.skip(), gr.skip(), *refused(error)
        return Marks(picture, str(mask)), gr.update(value=None), *self.restore.ordered(request)

    def on_ordered(
        self, picture: str | None, truth: str | None, choice: Choice, marks: Marks | None, request: gr.Request
    ) -> tuple[Any, ...]:
        """(editor, open, use, cancel, status, run, stop), the updates for a new order.

        An order that lacks something waits for it, and the page says so; any other closes the editor and goes on.
        """
        session, order = session_of(request), order_of(picture, truth, choice, marks)
        needed = what_is_lacking(order, self.restore.settings) if self.restore.orders.is_waiting(session) else ""
        if not needed:
            is_refused = not self.restore.orders.is_waiting(session)
            return *((gr.skip(),) * 4 if is_refused else closed_editor()), *(gr.skip(),) * 3
        self.restore.orders.take(session)
        editor = self._opened(str(order.picture)) if needed == texts.MARK else closed_editor()
        begun = gr.update(interactive=True), gr.update(visible=False)
        return *editor, status_line(needed, kind="needed"), *begun

    def _opened(self, picture: str) -> tuple[Any, ...]:
        """(editor, open, use, cancel) with `picture` in the editor."""
        shown = to_be_marked(read_picture(Path(picture), self.restore.settings))
        return gr.update(value=shown, visible=True), gr.update(visible=False), *(gr.update(visible=True),) * 2


def what_is_lacking(order: Order, settings: Settings) -> str:
    """What the visitor has to add before `order` can run, in one sentence; empty where nothing lacks."""
    if order.picture is None:
        return ""
    if order.mode == "both" and order.truth is None:
        return texts.ADD_ORIGINAL
    if find_task(order.task).degradation != "holes" or order.mode == "clean" or order.mask is not None:
        return ""
    try:
        picture = read_picture(order.picture, settings)
    except KdsrError:
        return ""  # the run says what is wrong with it
    try:
        holes_in(picture)
    except InputError:
        return texts.MARK
    return ""
