"""Three buttons to take along what *Restore* shows: a picture, a link, and the slider as it moves.

The first two are done in the browser (`static/report/share.js`). Not here: the file of the third (`ui.report.share`).
"""

import json
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from kdsr.ui import texts
from kdsr.ui.html import importing, joined

SCRIPTS = Path(__file__).parent.parent / "static" / "report"
_STARTS = '.then(({ start }) => start(() => trigger("select", {})))'


def add_share() -> dict[str, Any]:
    """The buttons, whose event `select` asks for the moving slider, and the one by which that is downloaded."""
    gr.set_static_paths([SCRIPTS])
    buttons = joined(
        Markup('<button type="button" data-does="{}" title="{}">{}</button>').format(*button) for button in texts.SHARE
    )
    bar = Markup('<div role="group" aria-label="{}" data-words="{}">{}</div><p role="status"></p>')
    drawn = bar.format(texts.SHARE_TITLE, json.dumps(texts.SHARE_WORDS), buttons)
    share = gr.HTML(drawn, elem_id="share", js_on_load=importing(SCRIPTS / "share.js", _STARTS))
    return {"share": share, "moving_file": gr.DownloadButton(visible="hidden", elem_id="moving-file")}
