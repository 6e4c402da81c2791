"""What the plot of the tab *Models* shows of one task: our networks, the field's, and the words around them. Every text
of a card is escaped.
"""

from collections.abc import Sequence
from html import escape

from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.charts.curves import Level
from kdsr.ui.charts.scatter import Mark, Quantity, drawn_levels, scatter
from kdsr.ui.models.published import REFERENCES, Key, Reference
from kdsr.ui.models.rows import Conditions, figures_of, measure_title, quickest, short_name
from kdsr.zoo import Card

BY_PARAMETERS, BY_LATENCY = "parameters", "latency"
_KINDS = (
    ("teacher", "Teacher"),
    ("student", "Student"),
    ("twin", "Student without a teacher"),
    ("published", "Published"),
)


def chart_of(cards: Sequence[Card], task: str, measure: Key, by: str, where: Conditions | None, chosen: str) -> str:
    """The plot of `measure` for the `cards` of `task`; a sentence where none can be drawn.

    Args:
        by: what stands below, `BY_PARAMETERS` or `BY_LATENCY`; that under the conditions `where`.
        chosen: the network that is ringed.
    """
    ours = our_marks(cards, measure, by, where)
    if not ours:
        return f'<p class="about">{texts.NO_POINTS}</p>'
    field = [each for each in REFERENCES.get(task, ()) if measure in each.psnr_db] if by == BY_PARAMETERS else []
    marks = ours + [_published(each, each.parameters, measure) for each in field if each.parameters]
    levels = [Level(each.title, "published", each.psnr_db[measure]) for each in field if not each.parameters]
    title = f"PSNR on {measure_title(measure, task)} against {by}"
    drawing = scatter(
        f"{find_task(task).title}: {title}",
        marks,
        levels,
        _x(by),
        Quantity("PSNR, dB", lambda value: f"{round(value, 2):g}"),
        chosen=chosen,
    )
    below = [level for level in levels if level not in drawn_levels(marks, levels)]
    foot = " ".join(filter(None, [_convention(task, by, where, len(cards) - len(ours)), _told(field, below)]))
    return (
        f'<figure class="zoo-plot"><figcaption><b>{escape(title)}</b><span>{escape(find_task(task).title)}</span>{_key(marks)}</figcaption>'
        f'{drawing}<p class="foot">{foot}</p></figure>'
    )


def our_marks(cards: Sequence[Card], measure: Key, by: str, where: Conditions | None) -> list[Mark]:
    """A mark for each of `cards` that has the figure, and what stands below."""
    marks = []
    for card in cards:
        figure, timing = figures_of(card).get(measure), quickest(card, where)
        x = card.parameters if by == BY_PARAMETERS else timing.end_to_end_ms if timing else 0.0
        if figure and x > 0:
            how = f"{texts.counted(x)} parameters" if by == BY_PARAMETERS else texts.milliseconds(x / 1000)
            marks.append(
                Mark(
                    short_name(card),
                    card.role,
                    x,
                    figure.psnr_db,
                    f"{card.title}: {figure.psnr_db:.2f} dB, {how}",
                    card.name,
                )
            )
    return marks


def has_latency(cards: Sequence[Card], measure: Key, where: Conditions | None) -> bool:
    """Whether at least two of `cards` can be drawn over their latency."""
    return len(our_marks(cards, measure, BY_LATENCY, where)) > 1


def _published(each: Reference, parameters: int, measure: Key) -> Mark:
    about, sign = ("about ", "~") if each.is_approximate else ("", "")
    psnr_db = each.psnr_db[measure]
    return Mark(
        sign + each.title,
        "published",
        parameters,
        psnr_db,
        f"{each.title}: {about}{psnr_db:.2f} dB, {texts.counted(parameters)} parameters, published",
    )


def _x(by: str) -> Quantity:
    if by == BY_LATENCY:
        return Quantity("Latency, ms (logarithmic)", lambda value: f"{value:g}")
    return Quantity(
        "Parameters (logarithmic)", lambda value: f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} K"
    )


def _key(marks: Sequence[Mark]) -> str:
    """What the shapes stand for, as far as they are there."""
    there = {mark.kind for mark in marks}
    return (
        '<span class="keys">'
        + "".join(
            f'<span class="key"><i class="shape {kind}"></i>{title}</span>' for kind, title in _KINDS if kind in there
        )
        + "</span>"
    )


def _convention(task: str, by: str, where: Conditions | None, left_out: int) -> str:
    """What the axes mean, and how many networks cannot be drawn."""
    said = f"PSNR on {find_task(task).convention}."
    if by == BY_LATENCY and where:
        said += f" Latency: {texts.LATENCY_HOW}, {conditions_text(where)}. {texts.NO_PUBLISHED_LATENCY if task in REFERENCES else ''}"
    if left_out:
        said += f" {left_out} network{'s' if left_out > 1 else ''} without that figure {'are' if left_out > 1 else 'is'} left out."
    return escape(said)


def _told(field: Sequence[Reference], below: Sequence[Level]) -> str:
    """What the field's marks are, and what lies too far below to be drawn."""
    if not field:
        return ""
    said = texts.PUBLISHED + (f" {texts.APPROXIMATE}" if any(each.is_approximate for each in field) else "")
    return said + "".join(
        f" {escape(level.title)}, at {level.value:.2f} dB, lies below the drawing." for level in below
    )


def conditions_text(where: Conditions) -> str:
    """Where a latency was taken, in words."""
    device = {"cpu": "processor"}.get(where.device, where.device)
    threads = f", {where.threads} thread{'s' if where.threads != 1 else ''}" if where.device == "cpu" else ""
    return f"{where.width_px} × {where.height_px} in, {device}{threads}, {where.machine}"


def published_table(task: str) -> str:
    """The field's points of `task` as a table that unfolds, with their sources; empty where there are none."""
    field = REFERENCES.get(task, ())
    if not field:
        return ""
    measures = list(field[0].psnr_db)
    heads = "".join(f'<th scope="col">{escape(measure_title(measure, task))}</th>' for measure in measures)
    rows = "".join(
        f'<tr><th scope="row">{escape(each.title)}</th><td>{texts.counted(each.parameters) if each.parameters else texts.NONE}</td>'
        + "".join(f"<td>{'~' if each.is_approximate else ''}{each.psnr_db[measure]:.2f}</td>" for measure in measures)
        + f'<td class="words">{escape(each.learnt_from) or texts.NONE}</td><td class="words">{escape(each.source)}</td></tr>'
        for each in field
    )
    return (
        f'<details class="fold"><summary>The published figures and their sources</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="Published figures"><table class="zoo"><thead><tr><th scope="col">Method</th><th scope="col">Parameters</th>{heads}'
        f'<th scope="col" class="words">Learnt from</th><th scope="col" class="words">Source</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )
