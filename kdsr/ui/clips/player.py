"""The two players in step: the element <kdsr-clip> of `static/clip`, and its data."""

import json
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from kdsr.ui.clips.run import ClipShown
from kdsr.ui.html import file_address, importing

SCRIPTS = Path(__file__).parent.parent / "static" / "clip"


def add_player() -> gr.HTML:
    """The element; returns the component for its data, which `player_data` makes."""
    gr.set_static_paths([SCRIPTS])
    gr.HTML(Markup("<kdsr-clip></kdsr-clip>"), elem_id="clip-player", js_on_load=importing(SCRIPTS / "clip.js"))
    return gr.HTML(elem_id="clip-data", elem_classes="compare-data")


def player_data(shown: ClipShown, address: Callable[[Path], str] = file_address) -> Markup:
    """The data of `shown`; a file that is not there yet is left out."""
    data = {
        "name": shown.name,
        "size": shown.size,
        "rate": shown.rate,
        "before": address(shown.before),
        "student": f"{address(shown.student)}?v={_version(shown.student)}" if shown.student else "",
        "by": shown.by,
    }
    return Markup('<div data-clip="{}"></div>').format(json.dumps(data))


def _version(path: Path) -> int:
    """Another number where the file was written again, so that no browser shows the one before."""
    return path.stat().st_mtime_ns if path.is_file() else 0
