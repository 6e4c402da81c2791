"""A report as PDF/UA by Typst, which is the optional extra `report`. The same input gives the same bytes.

What it says is the HTML's own (`blocks`); how it looks is in `static/report/report.typ`. Typst's own fonts are used,
and those of the system only for letters that these lack.
"""

import html
import importlib
import importlib.util
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kdsr import __version__
from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.report.as_html import STATIC
from kdsr.ui.report.blocks import blocks_of
from kdsr.ui.report.content import Chapter, chapters_of, conditions_of, plot_for, spot_title, title_of, worth_for
from kdsr.ui.report.pictures import Opened, paper_crop, paper_picture
from kdsr.ui.restore import figures
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.result import Column, RestoreResult

_FOREIGN = re.compile(r"[^\x00-\u04ff\u2000-\u206f\u20a0-\u20bf\u2100-\u22ff]")
"""Letters that Typst's own fonts may lack: beyond Latin, Greek and Cyrillic, punctuation and signs."""
_PLOT_STYLE = """text { fill: #24211e; font: 12px "Libertinus Serif"; } .rule { stroke: #e4dfd8; }
.tick, .leader, .level { stroke: #6b645c; } .leader { stroke-width: .8; } .level { stroke-dasharray: 5 5; }
text.name { font-weight: 600; } text.teacher { fill: #a3541a; } text.student, text.twin { fill: #0f766e; }
.teacher rect { fill: #a3541a; } .student circle { fill: #0f766e; } .twin path { fill: #0f766e; opacity: .55; }
.published circle { fill: #fff; stroke: #6b645c; stroke-width: 1.5; }
circle.ring { fill: none; stroke: #24211e; stroke-width: 1.5; }"""


def is_installed() -> bool:
    """Whether Typst is here."""
    return importlib.util.find_spec("typst") is not None


def need_typst() -> Any:
    """The module `typst`.

    Raises:
        SettingsError: it is not installed.
    """
    if not is_installed():
        raise SettingsError(texts.PDF_NEEDS)
    return importlib.import_module("typst")


def report_pdf(
    results: Sequence[RestoreResult], settings: Settings, made: datetime, *, pair: tuple[str, str] = USUAL_PAIR,
    spots: Sequence[tuple[float, float] | None] = (),
) -> bytes:  # fmt: skip
    """The report of `results` as PDF/UA-1; arguments as of `report_html`.

    Raises:
        SettingsError: Typst is not installed.
    """
    typst = need_typst()
    data, files = _content(results, settings, made, pair, spots)

    def compiled(data: dict[str, Any], *, own_fonts: bool) -> bytes:
        with tempfile.TemporaryDirectory(prefix="kdsr-report-") as folder:  # in memory Typst takes no pictures
            given = files | {"report.json": json.dumps(data, ensure_ascii=False).encode()}
            for name, content in {"report.typ": (STATIC / "report.typ").read_bytes(), **given}.items():
                (Path(folder) / name).write_bytes(content)
            pdf = typst.compile(
                str(Path(folder) / "report.typ"), root=folder, timestamp=made.replace(microsecond=0),
                pdf_standards=["ua-1"], ignore_system_fonts=own_fonts,
            )  # fmt: skip
        assert isinstance(pdf, bytes)
        return pdf

    return _spelled(data, compiled, typst.TypstError)


def _content(
    results: Sequence[RestoreResult], settings: Settings, made: datetime, pair: tuple[str, str],
    spots: Sequence[tuple[float, float] | None],
) -> tuple[dict[str, Any], dict[str, bytes]]:  # fmt: skip
    """What the report says, and its pictures by the names that it gives them."""
    opened = Opened()
    files: dict[str, bytes] = {}
    chapters = [
        _chapter(str(number), chapter, opened, files)
        for number, chapter in enumerate(chapters_of(results, opened, pair=pair, spots=spots))
    ]
    plot = plot_for(results, settings)
    if drawing := _drawing(plot):
        files["plot.svg"] = drawing.encode()
    return {
        "title": title_of(results), "author": "KDSR", "made": f"KDSR {__version__}, {made:%Y-%m-%d %H:%M} UTC",
        "date": [made.year, made.month, made.day, made.hour, made.minute, made.second], "chapters": chapters,
        "plot": {"title": texts.REPORT_PLOT, "blocks": blocks_of(plot), "alt": _description(plot)} if plot else None,
        "worth": {"title": texts.REPORT_WORTH, "blocks": blocks_of(worth_for(results, settings))},
        "conditions": {"title": texts.REPORT_CONDITIONS, "rows": conditions_of(results, texts.PDF_PICTURES)},
    }, files  # fmt: skip


def _spelled(data: dict[str, Any], compiled: Callable[..., bytes], failed: type[Exception]) -> bytes:
    """`data` by the fonts that have its letters; letters that no font here has become `?`, and it says so."""
    if not _FOREIGN.search(json.dumps(data, ensure_ascii=False)):
        return compiled(data, own_fonts=True)
    try:
        return compiled(data, own_fonts=False)
    except failed:
        plain: dict[str, Any] = json.loads(_FOREIGN.sub("?", json.dumps(data, ensure_ascii=False)))
        plain["conditions"]["rows"]["Letters"] = texts.PDF_LETTERS
        return compiled(plain, own_fonts=True)


def _chapter(key: str, chapter: Chapter, opened: Opened, files: dict[str, bytes]) -> dict[str, Any]:
    """One picture: its words, and its pictures, which are put into `files`."""
    result, (left, top, side) = chapter.result, chapter.square
    width, height = result.shown_size

    def whole(column: Column) -> dict[str, Any]:
        encoded, ending = paper_picture(opened[column.shown])
        name = f"{key}-{column.key}.{ending}"
        files[name] = encoded
        return _captioned(column, result) | {"file": name, "ratio": width / height}

    def crop(column: Column) -> dict[str, Any]:
        name = f"{key}-{column.key}-crop.png"
        files[name] = paper_crop(opened[column.shown], chapter.square)
        return _captioned(column, result) | {"file": name}

    return {
        "name": f"{result.name}: {find_task(result.task).title}",
        "summary": blocks_of(figures.summary(result)),
        "pair": [whole(column) for column in chapter.pair],
        "spot": spot_title(chapter),
        "whole": whole(chapter.whole)
        | {"figure": texts.REPORT_BOX, "box": [left / width, top / height, side / width, side / height]},
        "crops": [crop(column) for column in chapter.cropped],
        "table": blocks_of(figures.table(result)),
    }


def _captioned(column: Column, result: RestoreResult) -> dict[str, Any]:
    title, figure = figures.caption(column, result)
    return {"title": title, "figure": figure, "alt": f"{title}: {result.name}"}


def _drawing(plot: str) -> str:
    """The wide drawing of `plot` by itself, with its style inside; empty where nothing was drawn."""
    found = re.search(r'<svg class="wide" (.*?)</svg>', plot, flags=re.DOTALL)
    if found is None:
        return ""
    start, _, inside = found[1].partition(">")
    return f'<svg xmlns="http://www.w3.org/2000/svg" {start}><style>{_PLOT_STYLE}</style>{inside}</svg>'


def _description(plot: str) -> str:
    """What the drawing says to who does not see it; empty where nothing was drawn."""
    found = re.search(r"<title[^>]*>(.*?)</title><desc[^>]*>(.*?)</desc>", plot, flags=re.DOTALL)
    return html.unescape(f"{found[1]}: {found[2]}") if found else ""
