"""A report as one HTML file that opens from disk without a network.

Not here: the comparison (`ui.compare`), sentence and table (`restore.figures`), the plot (`models`).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from kdsr import __version__
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.compare import SCRIPTS, Shown, comparison
from kdsr.ui.html import joined
from kdsr.ui.languages.speech import script_words
from kdsr.ui.report.content import Chapter, chapters_of, conditions_of, plot_for, spot_title, title_of, worth_for
from kdsr.ui.report.pictures import Embedded, Opened
from kdsr.ui.restore import figures
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.result import Column, RestoreResult

STATIC = Path(__file__).parent.parent / "static" / "report"
_STYLES = Path(__file__).parent.parent / "styles"
_MODULES = ("words", "template", "loupe", "marks", "paper", "pointers", "sources", "spots", "viewport", "compare")
"""Of the comparison, each after those that it imports."""
_PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="KDSR {version}"><link rel="icon" href="data:,"><title>{title}</title>
<style>{style}</style></head>
<body><main><h1>{title}</h1><p class="about">{made}</p>{sections}{ends}</main>
{words}<script type="module">{script}</script></body></html>
""")
_SECTION = Markup("""
<section><h2>{name}</h2>{summary}<kdsr-compare source="{key}" style="--ratio: {ratio:.4f}"></kdsr-compare>
<div id="{key}" hidden>{data}</div><h3>{spots}</h3><div class="spot" data-source="{key}">{whole}
<div class="crops">{crops}</div></div>{table}</section>
""")
_WHOLE = Markup("""<figure><div class="boxed"><img alt="{title}: {name}" data-of="{key}">
<i style="left: {left:.3%}; top: {top:.3%}; width: {width:.3%}; height: {height:.3%}"></i></div>
<figcaption><b>{title}</b> {told}</figcaption></figure>""")
_CANVAS = Markup(
    '<canvas role="img" aria-label="{}" width="{side}" height="{side}" data-of="{}" data-at="{left},{top}"></canvas>'
)


def report_html(
    results: Sequence[RestoreResult], settings: Settings, made: datetime, *, pair: tuple[str, str] = USUAL_PAIR,
    spots: Sequence[tuple[float, float] | None] = (),
) -> str:  # fmt: skip
    """The report of `results`, at least one, each of which has its pictures on disk. `made` is in UTC.

    pair: on the divider. spots: of each result the centre of the crops, fractions; where there is none, or None, it is
        where the pair differs most.
    """
    opened = Opened()
    chapters = chapters_of(results, opened, pair=pair, spots=spots)
    embedded = Embedded([column.shown for chapter in chapters for column in chapter.compared], opened)
    sections = joined(_section(f"pictures-{number}", each, embedded) for number, each in enumerate(chapters))
    listed = joined(
        Markup("<dt>{}</dt><dd>{}</dd>").format(*row) for row in conditions_of(results, embedded.told).items()
    )
    ends = (
        (texts.REPORT_PLOT, Markup(plot_for(results, settings))),
        (texts.REPORT_WORTH, worth_for(results, settings)),
        (texts.REPORT_CONDITIONS, Markup("<dl>{}</dl>").format(listed)),
    )
    return _PAGE.format(
        version=__version__, title=title_of(results), style=Markup(_style()), script=Markup(_script()),
        words=script_words(), sections=sections, made=f"KDSR {__version__}, {made:%Y-%m-%d %H:%M} UTC",
        ends=joined(Markup("<section><h2>{}</h2>{}</section>").format(*end) for end in ends if end[1]),
    )  # fmt: skip


def _section(key: str, chapter: Chapter, embedded: Embedded) -> Markup:
    """One picture: sentence, comparison, crops, table."""
    result, (left, right) = chapter.result, chapter.pair
    shown = [Shown(each.key, *figures.caption(each, result), each.shown) for each in chapter.compared]
    data = comparison(result.name, result.shown_size, shown, left.key, right.key, address=embedded.address)
    table = figures.table(result).replace('aria-label="Figures', f'aria-label="{key}: figures')
    return _SECTION.format(
        key=key, name=f"{result.name}: {find_task(result.task).title}", summary=figures.summary(result),
        ratio=result.shown_size[0] / result.shown_size[1], data=data, spots=spot_title(chapter),
        whole=_whole(chapter), crops=joined(_crop(each, chapter, embedded) for each in chapter.cropped), table=table,
    )  # fmt: skip


def _whole(chapter: Chapter) -> Markup:
    """The whole picture with a box around what is enlarged; the script gives it its pixels."""
    (left, top, side), (width, height) = chapter.square, chapter.result.shown_size
    return _WHOLE.format(
        title=chapter.whole.title, name=chapter.result.name, key=chapter.whole.key, told=texts.REPORT_BOX,
        left=left / width, top=top / height, width=side / width, height=side / height,
    )  # fmt: skip


def _crop(column: Column, chapter: Chapter, embedded: Embedded) -> Markup:
    """The square of `column`, pixel for pixel: drawn from the whole picture where the file has it exactly."""
    title, figure = figures.caption(column, chapter.result)
    named = f"{title}: {chapter.result.name}, {texts.within(spot_title(chapter))}"
    if embedded.has_exact(column.shown) and column in chapter.compared:
        left, top, side = chapter.square
        drawn = _CANVAS.format(named, column.key, side=side, left=left, top=top)
    else:
        drawn = Markup('<img alt="{}" src="{}">').format(named, embedded.crop(column.shown, chapter.square))
    return Markup("<figure>{}<figcaption><b>{}</b> {}</figcaption></figure>").format(drawn, title, figure)


def _style() -> str:
    """The style sheets of pictures, table and plot, without what could end the element that holds them."""
    sheets = [_STYLES / "restore.css", _STYLES / "models.css", STATIC / "report.css"]
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets).replace("</", "<\\/")


def _script() -> str:
    """The comparison as one module: its modules one after the other, without their imports and exports."""
    texts_of = [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in _MODULES]
    joined_up = "\n".join([*texts_of, (STATIC / "report.js").read_text(encoding="utf-8")])
    without = re.sub(r"^import .*?;\n", "", joined_up, flags=re.MULTILINE)
    return re.sub(r"^export ", "", without, flags=re.MULTILINE).replace("</script", "<\\/script")
