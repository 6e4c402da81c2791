"""The report in the tab *Restore*: which events read and update which components. The layout is `restore.tab`'s."""

import gradio as gr

from kdsr.ui.events import LATEST, QUEUED, QUICK
from kdsr.ui.report.handlers import Kind, ReportHandlers
from kdsr.ui.restore.wiring import RestoreTab
from kdsr.ui.sessions import stopping_line

_DOWNLOAD = "() => setTimeout(() => document.querySelector('#report-file')?.click(), 150)"
_KINDS: dict[str, Kind] = {"report": "html", "report_pdf": "pdf"}


def add_report(restore: RestoreTab, blocks: gr.Blocks) -> None:
    """The buttons in *Restore* make the report of what is chosen, and download it."""
    handlers, parts = ReportHandlers(restore.handlers), restore.report
    offered, kept = gr.State(()), gr.State({})
    chosen = [parts["report_networks"], parts["report_pictures"], offered]
    parts["shown"].change(handlers.on_result, [restore.result, offered], chosen, **LATEST)
    status, stop, file = (parts[name] for name in ("report_status", "report_stop", "report_file"))
    for button, kind in _KINDS.items():
        pressed = parts[button].click(handlers.on_press, None, [status, stop], **QUICK)
        given = [restore.result, parts["pair"], *chosen, kept]
        made = pressed.then(handlers.of_kind(kind), given, [status, stop, file, kept], **QUEUED)
        made.success(None, js=_DOWNLOAD)
    stop.click(stopping_line, None, status, **QUICK).then(handlers.on_stop, None, None, **QUICK)
    blocks.unload(handlers.on_close)
