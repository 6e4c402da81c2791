"""What an order may still lack: the marks of missing pixels, painted on the big picture, or the original to compare
with.

Not here: the mask that is made of the paint (`restore.painting`), the wiring (`restore.wiring`).
"""

import uuid
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from kdsr.errors import InputError, KdsrError
from kdsr.image import read_picture, write_picture
from kdsr.ui import texts
from kdsr.ui.compare import Shown, comparison
from kdsr.ui.examples import name_of
from kdsr.ui.html import status_line
from kdsr.ui.refusals import refused
from kdsr.ui.restore.choice import Choice, order_of
from kdsr.ui.restore.files import on_disk
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.painting import Marks, to_be_marked, write_marks
from kdsr.ui.restore.request import what_is_lacking
from kdsr.ui.restore.result import COLUMNS, RestoreResult
from kdsr.ui.restore.view import pair_view
from kdsr.ui.sessions import session_of

_CLOSED = (gr.update(visible=True), gr.update(visible=False))
"""(open, cancel) while nothing is painted."""
_OPEN = (gr.update(visible=False), gr.update(visible=True))


class MarksHandlers:
    """The handlers, with those of the tab."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore = restore

    def on_open(self, picture: str | None) -> tuple[Any, ...]:
        """(pictures, open, cancel, status): the visitor's picture, to be painted over where something is missing."""
        if picture is None:
            return *(gr.skip(),) * 3, status_line(texts.NO_EXAMPLES)
        try:
            return self._to_paint(picture), *_OPEN, status_line(texts.MARK, kind="needed")
        except KdsrError as error:
            return *(gr.skip(),) * 3, refused(error)[0]

    def on_cancel(self, result: RestoreResult | None, pair: tuple[str, str]) -> tuple[Any, ...]:
        """(pictures, open, cancel, status): the result is seen again."""
        shown = pair_view(result, *pair).pictures if result is not None and on_disk(result) else gr.skip()
        return shown, *_CLOSED, status_line("", kind="done")

    def on_mask(self, path: str | None, picture: str | None, request: gr.Request) -> tuple[Any, ...]:
        """(marks, field, kind, status, run, stop): what was painted, or is white in the visitor's file, is missing."""
        try:
            if picture is None or path is None:
                raise InputError(texts.NO_EXAMPLES)
            settings, folder = self.restore.settings, self.restore.folder / "marks"
            mask = write_marks(read_picture(Path(path), settings), read_picture(Path(picture), settings), folder)
        except KdsrError as error:
            return gr.skip(), gr.update(value=None), gr.skip(), *refused(error)
        return Marks(picture, str(mask)), gr.update(value=None), gr.update(value=None), *self.restore.ordered(request)

    def on_ordered(
        self, picture: str | None, truth: str | None, choice: Choice, marks: Marks | None, request: gr.Request
    ) -> tuple[Any, ...]:
        """(pictures, open, cancel, status, run, stop), the updates for a new order.

        An order that lacks something waits for it, and the page says so once; any other goes on.
        """
        page = self.restore.page(request)
        order = order_of(page.picture.of(picture), truth, page.choice.of(choice), marks)
        signal = self.restore.orders.waiting(session_of(request))
        needed = what_is_lacking(order, self.restore.settings) if signal is not None else ""
        if not needed:
            return gr.skip(), *(_CLOSED if signal is not None else (gr.skip(),) * 2), *(gr.skip(),) * 3
        if page.asked == (signal, order):
            return (gr.skip(),) * 6
        page.asked = (signal, order)
        begun = gr.update(interactive=True), gr.update(visible=False)
        shown = (self._to_paint(str(order.picture)), *_OPEN) if needed == texts.MARK else (gr.skip(), *_CLOSED)
        return *shown, status_line(needed, kind="needed"), *begun

    def _to_paint(self, path: str) -> Markup:
        """The comparison with the picture at `path` alone, to be painted on."""
        picture = to_be_marked(read_picture(Path(path), self.restore.settings))
        name = name_of(Path(path), picture.name)
        folder = self.restore.folder / "marks" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        shown = Shown("input", COLUMNS["input"], "", write_picture(picture, folder / "picture.png"))
        return comparison(name, (picture.width, picture.height), [shown], "input", "input", is_painted=True)
