"""Whether the result on the page is that of the controls. Not here: how a stale one looks (`styles/restore.css`)."""

from typing import Any

import gradio as gr
from markupsafe import Markup

from kdsr.ui import style_texts
from kdsr.ui.html import status_line
from kdsr.ui.restore.choice import Choice, Folded, order_of
from kdsr.ui.restore.painting import Marks
from kdsr.ui.restore.result import RestoreResult

CURRENT = Markup("")


def on_changed(
    status: str | None,
    result: RestoreResult | None,
    picture: str | None,
    truth: str | None,
    choice: Choice,
    runtime: str,
    tile_px: float | None,
    seed: float | None,
    teacher_plus: bool,
    marks: Marks | None,
) -> tuple[Any, Any]:
    """(stale, status): a line where the shown result is not what Restore would make now, which dims it.

    An error is the newest word on the controls until one of them changes.
    """
    order = order_of(picture, truth, choice, marks, Folded(runtime, tile_px, seed, teacher_plus))
    is_stale = result is not None and result.order != order
    line = (
        Markup('<div class="line stale" role="status">{}</div>').format(style_texts.changed(choice.task))
        if is_stale
        else CURRENT
    )
    return line, status_line("", kind="done") if "line error" in (status or "") else gr.skip()
