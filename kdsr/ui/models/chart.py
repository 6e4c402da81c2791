"""What the plot of the tab *Models* shows of one task: our networks, published ones, and the text around the plot.
Every text of a card is escaped.
"""

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from kdsr.bench.look_figures import LOOK_ENDS
from kdsr.metrics.looks import LOOKS
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.charts.curves import Level
from kdsr.ui.charts.scatter import Mark, Quantity, drawn_levels, scatter
from kdsr.ui.html import joined, region
from kdsr.ui.models.published import REFERENCES, Reference
from kdsr.ui.models.rows import (
    PSNR,
    Conditions,
    conditions_text,
    fastest,
    measure_title,
    quality_text,
    quality_title,
    short_name,
    values_of,
)
from kdsr.zoo import Card, FigureKey

BY_PARAMETERS, BY_LATENCY, BY_FRAME = "parameters", "latency", "frame"
AXES = (("Parameters", BY_PARAMETERS), ("Latency", BY_LATENCY), ("Frame rate", BY_FRAME))
"""What quality is plotted against, by its title."""
_KINDS = (
    ("teacher", "Teacher"),
    ("student", "Student"),
    ("twin", "Student without a teacher"),
    ("published", "Published"),
)


def chart_of(
    cards: Sequence[Card],
    task: str,
    measure: FigureKey,
    by: str,
    where: Conditions | None,
    chosen: str,
    quality: str = PSNR,
) -> Markup:
    """The plot of `measure` for the `cards` of `task`; a sentence where none can be drawn.

    Args:
        by: the horizontal axis, `BY_PARAMETERS` or `BY_LATENCY` (measured under the conditions `where`).
        chosen: the network that is ringed.
        quality: the vertical axis, `PSNR` or a figure for looks.
    """
    ours = our_marks(cards, measure, by, where, quality)
    if not ours:
        return Markup('<p class="about">{}</p>').format(texts.NO_POINTS)
    is_compared = quality == PSNR and by == BY_PARAMETERS
    field = [each for each in REFERENCES.get(task, ()) if measure in each.psnr_db] if is_compared else []
    marks = ours + [_published(each, each.parameters, measure) for each in field if each.parameters]
    levels = [Level(each.title, "published", each.psnr_db[measure]) for each in field if not each.parameters]
    levels += [Level(name.capitalize(), "published", value) for name, value in _ends(task, measure, quality).items()]
    title = f"{quality_title(quality)} on {measure_title(measure, task)} against {by}"
    up = up_axis(quality)
    drawing = scatter(f"{find_task(task).title}: {title}", marks, levels, _x(by), up, chosen=chosen)
    hidden = [level for level in levels if level not in drawn_levels(marks, levels, up.far)]
    said = (
        _convention(task, by, where, len(cards) - len(ours), quality), _field_text(field),
        _beyond(hidden, marks, quality), texts.MEASURED_ENDS if _ends(task, measure, quality) else "",
    )  # fmt: skip
    return Markup(
        '<figure class="zoo-plot"><figcaption><b>{}</b><span>{}</span>{}</figcaption>{}<p class="foot">{}</p></figure>'
    ).format(title, find_task(task).title, key_of(marks), drawing, " ".join(filter(None, said)))


def our_marks(
    cards: Sequence[Card], measure: FigureKey, by: str, where: Conditions | None, quality: str = PSNR
) -> list[Mark]:
    """A mark for each of `cards` that has a value on both axes."""

    def latency(card: Card) -> float:
        timing = fastest(card, where)
        return timing.end_to_end_ms if timing else 0.0

    if by == BY_PARAMETERS:
        return marks_of(
            cards, measure, quality, lambda card: card.parameters, lambda x: f"{texts.counted(x)} parameters"
        )
    return marks_of(cards, measure, quality, latency, lambda ms: texts.milliseconds(ms / 1000))


def marks_of(
    cards: Sequence[Card],
    measure: FigureKey,
    quality: str,
    x_of: Callable[[Card], float],
    in_words: Callable[[float], str],
) -> list[Mark]:
    """A mark for each of `cards` that has a figure, at a place above 0 by `x_of`."""
    marks = []
    for card in cards:
        value, x = values_of(card, quality).get(measure), x_of(card)
        if value is not None and x > 0:
            tip = f"{card.title}: {_tip(quality, value)}, {in_words(x)}"
            marks.append(Mark(short_name(card), card.role, x, value, tip, card.name))
    return marks


def _tip(quality: str, value: float) -> str:
    """`26.10 dB`, `NIQE 5.90`."""
    said = quality_text(quality, value)
    return said if quality == PSNR else f"{quality_title(quality)} {said}"


def _ends(task: str, measure: FigureKey, quality: str) -> Mapping[str, float]:
    """What bicubic enlargement and the originals themselves have, where we measured it."""
    return LOOK_ENDS.get((task, measure, quality), {})


def has_latency(cards: Sequence[Card], measure: FigureKey, where: Conditions | None, quality: str = PSNR) -> bool:
    """Whether at least two of `cards` can be drawn over their latency."""
    return len(our_marks(cards, measure, BY_LATENCY, where, quality)) > 1


def _published(each: Reference, parameters: int, measure: FigureKey) -> Mark:
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


def up_axis(quality: str) -> Quantity:
    """The axis of `quality`: its title with the direction, and how its values are written."""
    if quality == PSNR:
        return Quantity("PSNR, dB (higher is better)", lambda value: f"{round(value, 2):g}")
    look = LOOKS[quality]
    unit = f", {look.unit}" if look.unit else ""
    return Quantity(
        f"{look.title}{unit} ({look.direction})",
        lambda value: f"{round(value, look.decimals):g}",
        least_room=0.5 * 10 ** (1 - look.decimals),
        far=1.0,
    )


def key_of(marks: Sequence[Mark]) -> Markup:
    """What the shapes of `marks` mean."""
    drawn = {mark.kind for mark in marks}
    key = Markup('<span class="key"><i class="shape {}"></i>{}</span>')
    keys = joined(key.format(kind, title) for kind, title in _KINDS if kind in drawn)
    return Markup('<span class="keys">{}</span>').format(keys)


def _convention(task: str, by: str, where: Conditions | None, left_out: int, quality: str) -> str:
    """What the axes mean, and how many networks cannot be drawn."""
    if quality == PSNR:
        said = f"PSNR on {find_task(task).convention}."
    else:
        look = LOOKS[quality]
        said = f"{look.title}: {look.convention}. {look.limits}"
    if by == BY_LATENCY and where:
        said += f" Latency: {texts.LATENCY_HOW}, {conditions_text(where)}."
        said += f" {texts.NO_PUBLISHED_LATENCY}" if task in REFERENCES else ""
    if left_out:
        networks = (
            "1 network without that figure is" if left_out == 1 else f"{left_out} networks without that figure are"
        )
        said += f" {networks} left out."
    return said


def _field_text(field: Sequence[Reference]) -> str:
    """What the published marks are."""
    if not field:
        return ""
    return texts.PUBLISHED + (f" {texts.APPROXIMATE}" if any(each.is_approximate for each in field) else "")


def _beyond(hidden: Sequence[Level], marks: Sequence[Mark], quality: str) -> str:
    """The levels too far below or above to be drawn."""
    middle = marks[0].y
    return " ".join(
        f"{level.title}, at {quality_text(quality, level.value)}, "
        f"is {'below' if level.value < middle else 'above'} the plot."
        for level in hidden
    )


def published_table(task: str) -> Markup:
    """The published figures of `task` as a table that unfolds, with their sources; empty where there are none."""
    field = REFERENCES.get(task, ())
    if not field:
        return Markup("")
    measures = list(field[0].psnr_db)
    heads = joined(Markup('<th scope="col">{}</th>').format(measure_title(measure, task)) for measure in measures)
    words = Markup('<th scope="col" class="words">{}</th>')
    table = Markup(
        '<table class="zoo"><thead><tr><th scope="col">Method</th><th scope="col">Parameters</th>{}</tr></thead>'
        "<tbody>{}</tbody></table>"
    ).format(
        joined((heads, words.format("Training data"), words.format("Source"))),
        joined(_published_row(each, measures) for each in field),
    )
    return Markup(
        '<details class="fold"><summary>The published figures and their sources</summary>{}</details>'
    ).format(region("Published figures", table))


def _published_row(each: Reference, measures: Sequence[FigureKey]) -> Markup:
    sign = "~" if each.is_approximate else ""
    return Markup(
        '<tr><th scope="row">{}</th><td>{}</td>{}<td class="words">{}</td><td class="words">{}</td></tr>'
    ).format(
        each.title,
        texts.counted(each.parameters) if each.parameters else texts.NONE,
        joined(Markup("<td>{}{:.2f}</td>").format(sign, each.psnr_db[measure]) for measure in measures),
        each.trained_on or texts.NONE,
        each.source,
    )
