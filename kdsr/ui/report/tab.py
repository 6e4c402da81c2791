"""The report in the tab *Restore*: its buttons, and the files that they download."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import gradio as gr

from kdsr.errors import KdsrError
from kdsr.files import replaced
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.disk import writing
from kdsr.ui.events import READING
from kdsr.ui.refusals import log_refusal
from kdsr.ui.report.as_html import report_html
from kdsr.ui.report.as_pdf import report_pdf
from kdsr.ui.restore.files import on_disk
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.wiring import RestoreTab

Kind = Literal["html", "pdf"]
_DOWNLOAD = "() => setTimeout(() => document.querySelector('#report-file')?.click(), 150)"


def write_report(
    result: RestoreResult,
    settings: Settings,
    kind: Kind = "html",
    *,
    pair: tuple[str, str] = USUAL_PAIR,
    spot: tuple[float, float] | None = None,
) -> Path:
    """The report of `result`, beside its pictures.

    Raises:
        InputError: the disk is full. SettingsError: a PDF, and Typst is not installed.
    """
    made = datetime.now(UTC)
    if kind == "pdf":
        written = report_pdf([result], settings, made, pair=pair, spot=spot)
    else:
        written = report_html([result], settings, made, pair=pair, spot=spot).encode()
    target = result.columns[0].file.parent / f"{result.columns[0].file.stem.rsplit('-', 1)[0]}-report.{kind}"
    with writing("The report"), replaced(target) as part:
        part.write_bytes(written)
    return target


def spot_of(query: Mapping[str, str]) -> tuple[float, float] | None:
    """The spot (fractions) that the address shows enlarged; None where it shows the whole picture."""
    try:
        x, y, _zoom = map(float, query.get("spot", "").split(","))
    except ValueError:
        return None
    return (x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None


def add_report(restore: RestoreTab) -> None:
    """The buttons in *Restore* make the report of what is shown, and download it."""
    settings, report = restore.handlers.settings, restore.report

    def handler(kind: Kind) -> Callable[..., object]:
        def on_report(result: RestoreResult | None, pair: tuple[str, str], request: gr.Request) -> object:
            if result is None or not result.columns or not on_disk(result):
                gr.Warning(texts.REPORT_FIRST)
                return gr.update(value=None)
            try:
                spot = spot_of(request.query_params)
                return gr.update(value=str(write_report(result, settings, kind, pair=pair, spot=spot)))
            except KdsrError as error:
                log_refusal(error)
                gr.Warning(str(error))
                return gr.update(value=None)

        return on_report

    kinds: dict[str, Kind] = {"report": "html", "report_pdf": "pdf"}
    for button, kind in kinds.items():
        made = report[button].click(handler(kind), [restore.result, report["pair"]], report["report_file"], **READING)
        made.success(None, js=_DOWNLOAD)
