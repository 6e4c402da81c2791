"""The tab *Live*: a student that runs in the visitor's own browser. Page and scripts are in `static/live`.

Not here: the server's answers (`live.handlers`).
"""

from typing import Any

import gradio as gr

from kdsr.settings import Settings
from kdsr.ui.html import importing
from kdsr.ui.live.files import SCRIPTS, serve_live_files
from kdsr.ui.live.handlers import LiveHandlers

_STARTS = ".then(({ start }) => start(element, server, served))"
"""gradio runs this when the tab is first shown."""


def add_live_tab(settings: Settings) -> LiveHandlers:
    """The contents of the tab; nothing is fetched before it is opened."""
    serve_live_files(settings)
    handlers = LiveHandlers(settings)

    # plain functions: gradio marks what a browser may call, and a method cannot be marked
    def offer(given: Any) -> Any:
        return handlers.offer(given)

    def thumbnails(given: Any) -> Any:
        return handlers.thumbnails(given)

    def binary(given: Any) -> Any:
        return handlers.binary(given)

    def graph(given: Any) -> Any:
        return handlers.graph(given)

    def compare(given: Any) -> Any:
        return handlers.compare(given)

    page = (SCRIPTS / "page.html").read_text(encoding="utf-8")
    gr.HTML(
        page,
        elem_id="live",
        js_on_load=importing(SCRIPTS / "start.js", _STARTS),
        server_functions=[offer, thumbnails, binary, graph, compare],
    )
    return handlers
