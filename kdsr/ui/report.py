"""A report: what *Restore* has made, as one HTML file that opens from disk without a network.

Its figures are those of the results; nothing is measured here. Not here: the comparison (`compare`), sentence and table
(`restore.figures`), the plot (`models`).
"""

import base64
import io
import math
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import gradio as gr
import numpy as np
import torch
from markupsafe import Markup
from PIL import Image

from kdsr import __version__
from kdsr.files import replaced
from kdsr.image import read_picture
from kdsr.restore.processor import processor_kind
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.compare import SCRIPTS, Shown, comparison
from kdsr.ui.disk import writing
from kdsr.ui.events import READING
from kdsr.ui.html import joined
from kdsr.ui.models.selection import plot_of
from kdsr.ui.restore import figures
from kdsr.ui.restore.files import on_disk
from kdsr.ui.restore.result import Column, RestoreResult
from kdsr.ui.restore.wiring import RestoreTab
from kdsr.zoo import Card

PICTURES_BYTES = 5_500_000
"""Of all pictures of a report; in base64 they take a third more, and the whole file stays below 8 MB."""
_SHOWN = ("input", "bicubic", "navier_stokes", "student", "teacher", "truth")
_SIDES = ("input", "student")
_STATIC = Path(__file__).parent / "static" / "report"
_STYLES = Path(__file__).parent / "styles"
_MODULES = ("template", "loupe", "marks", "pointers", "spots", "viewport", "compare")
"""Of the comparison, each after those that it imports."""
_ATTEMPTS: tuple[tuple[int | None, int], ...] = ((None, 1), (92, 1), (85, 1), (85, 2), (85, 3), (80, 6))
"""Qualities of WebP (None is lossless), and how many times smaller a picture is; the first that fits is taken."""
_DOWNLOAD = "() => setTimeout(() => document.querySelector('#report-file')?.click(), 150)"
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="KDSR {version}"><link rel="icon" href="data:,"><title>{title}</title>
<style>{style}</style></head>
<body><main><h1>{title}</h1><p class="about">{made}</p>{sections}{plot}{conditions}</main>
<script type="module">{script}</script></body></html>
""")
_SECTION = Markup("""
<section><h2>{name}</h2>{summary}<kdsr-compare source="{key}" style="--ratio: {ratio:.4f}"></kdsr-compare>
<div id="{key}" hidden>{data}</div><h2>{spots}</h2><kdsr-compare class="crops" source="{key}" bare></kdsr-compare>
{table}</section>
""")


def report_html(results: Sequence[RestoreResult], settings: Settings, made: datetime) -> str:
    """The report of `results`, at least one, each of which has its pictures on disk. `made` is in UTC."""
    embedded = _Embedded([column.shown for result in results for column in _columns(result)])
    title = f"{texts.REPORT_TITLE}: {', '.join(dict.fromkeys(result.name for result in results))}"
    sections = joined(_section(f"pictures-{number}", result, embedded) for number, result in enumerate(results))
    used = [column.card.name for key in ("student", "teacher") if (column := results[0].column(key)) and column.card]
    plot = plot_of(used[0], settings) if used else ""
    drawn = Markup("<section><h2>{}</h2>{}</section>").format(texts.REPORT_PLOT, Markup(plot)) if plot else ""
    return _PAGE.format(
        version=__version__, title=title, style=Markup(_style()), script=Markup(_script()), sections=sections,
        plot=drawn, made=f"KDSR {__version__}, {made:%Y-%m-%d %H:%M} UTC",
        conditions=_conditions(results, embedded.told),
    )  # fmt: skip


def _columns(result: RestoreResult) -> list[Column]:
    return [column for column in result.columns if column.key in _SHOWN]


def _section(key: str, result: RestoreResult, embedded: "_Embedded") -> Markup:
    """One picture: sentence, comparison, crops, table."""
    shown = [Shown(each.key, *figures.caption(each, result), each.shown) for each in _columns(result)]
    keys = [each.key for each in shown]
    left, right = (side if side in keys else keys[0] for side in _SIDES)
    data = comparison(result.name, result.shown_size, shown, left, right, address=embedded.address)
    return _SECTION.format(
        key=key, name=f"{result.name}: {find_task(result.task).title}", summary=figures.summary(result),
        ratio=result.shown_size[0] / result.shown_size[1], data=data, spots=texts.REPORT_SPOTS,
        table=figures.table(result),
    )  # fmt: skip


class _Embedded:
    """The pictures of a report as addresses that hold them, as good as `PICTURES_BYTES` allows."""

    def __init__(self, files: Sequence[Path]) -> None:
        pixels = {file: _eight_bits(file) for file in dict.fromkeys(files)}
        for quality, shrink in _ATTEMPTS:
            self._files = {file: _encoded(picture, quality, shrink) for file, picture in pixels.items()}
            if sum(map(len, self._files.values())) <= PICTURES_BYTES:
                break
        smaller = f", 1/{shrink} of their width" if shrink > 1 else ""
        lossy = texts.REPORT_LOSSY.format(quality=quality, smaller=smaller)
        self.told = texts.REPORT_LOSSLESS if quality is None else lossy

    def address(self, file: Path) -> str:
        return f"data:image/webp;base64,{base64.b64encode(self._files[file]).decode()}"


def _eight_bits(file: Path) -> Image.Image:
    """The picture `file` of the page as RGB or RGBA with 8 bits."""
    picture = read_picture(file, Settings(max_input_megapixels=1e6, max_side_px=1_000_000))
    planes = np.repeat(picture.pixels, 3 // picture.pixels.shape[2], axis=2)
    if picture.alpha is not None:
        planes = np.concatenate([planes, picture.alpha[..., None]], axis=2)
    return Image.fromarray(planes if planes.dtype == np.uint8 else (planes / 257).round().astype(np.uint8))


def _encoded(picture: Image.Image, quality: int | None, shrink: int) -> bytes:
    if shrink > 1:
        size = (math.ceil(picture.width / shrink), math.ceil(picture.height / shrink))
        picture = picture.resize(size, Image.Resampling.BOX)
    file = io.BytesIO()
    if quality is None:
        picture.save(file, "WEBP", lossless=True, method=3)
    else:
        picture.save(file, "WEBP", quality=quality, method=3)
    return file.getvalue()


def _style() -> str:
    """The style sheets of pictures, table and plot, without what could end the element that holds them."""
    sheets = [_STYLES / "restore.css", _STYLES / "models.css", _STATIC / "report.css"]
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets).replace("</", "<\\/")


def _script() -> str:
    """The comparison as one module: its modules one after the other, without their imports and exports."""
    texts_of = [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    joined_up = "\n".join([*texts_of, (_STATIC / "report.js").read_text(encoding="utf-8")])
    without = re.sub(r"^import .*?;\n", "", joined_up, flags=re.MULTILINE)
    return re.sub(r"^export ", "", without, flags=re.MULTILINE).replace("</script", "<\\/script")


def _conditions(results: Sequence[RestoreResult], told: str) -> Markup:
    """What was used, where and how, and whose it is."""
    orders = [result.order for result in results if result.order]
    cards = {column.card.name: column.card for result in results for column in result.columns if column.card}
    rows = [
        ("Processor", processor_kind()),
        ("Software", f"KDSR {__version__}, torch {torch.__version__}, Python {platform.python_version()}"),
        ("Seed", ", ".join(dict.fromkeys(str(order.seed) for order in orders))),
        ("Runtime", ", ".join(dict.fromkeys(order.runtime for order in orders))),
        ("Pictures", told),
        *((card.name, _licence(card)) for card in cards.values()),
    ]
    listed = joined(Markup("<dt>{}</dt><dd>{}</dd>").format(*row) for row in rows if row[1])
    return Markup("<section><h2>{}</h2><dl>{}</dl></section>").format(texts.REPORT_CONDITIONS, listed)


def _licence(card: Card) -> str:
    return f"{card.title}, {texts.counted(card.parameters)} parameters, {card.licence}, SHA-256 {card.sha256}"


def write_report(result: RestoreResult, settings: Settings) -> Path:
    """The report of `result`, beside its pictures.

    Raises:
        InputError: the disk is full.
    """
    target = result.columns[0].file.parent / f"{result.columns[0].file.stem.rsplit('-', 1)[0]}-report.html"
    with writing("The report"), replaced(target) as part:
        part.write_text(report_html([result], settings, datetime.now(UTC)), encoding="utf-8")
    return target


def add_report(restore: RestoreTab) -> None:
    """The button in *Restore* makes the report of what is shown, and downloads it."""

    def on_report(result: RestoreResult | None) -> object:
        if result is None or not result.columns or not on_disk(result):
            gr.Warning(texts.REPORT_FIRST)
            return gr.skip()
        return gr.update(value=str(write_report(result, restore.handlers.settings)))

    button, file = restore.report["report"], restore.report["report_file"]
    button.click(on_report, restore.result, file, **READING).success(None, js=_DOWNLOAD)
