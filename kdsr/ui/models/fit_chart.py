"""The plot of quality against the time for a frame: the budget as a line, and the networks that are worth their time.
Every text of a card is escaped.
"""

from collections.abc import Sequence

from markupsafe import Markup

from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.charts.scatter import Budget, Quantity, scatter
from kdsr.ui.models import fit_texts
from kdsr.ui.models.chart import key_of, marks_of, up_axis
from kdsr.ui.models.fit import HERE, RateWanted, Timing, front_of, judged, shown_frame
from kdsr.ui.models.rows import measure_title, quality_title
from kdsr.zoo import Card, FigureKey


def frame_chart(
    cards: Sequence[Card], wanted: RateWanted, timing: Timing, measure: FigureKey, chosen: str, quality: str
) -> Markup:
    """The plot for the `cards` of one task; a sentence where none can be drawn.

    Args:
        timing: when and how the times were taken; the plot says it.
        chosen: the network that is ringed.
    """
    able = judged(cards)
    marks = marks_of(
        able, measure, quality, lambda card: timing.ms.get(card.name, 0.0), lambda ms: texts.milliseconds(ms / 1000)
    )
    if not marks:
        return Markup('<p class="about">{}</p>').format(texts.NO_POINTS)
    task, frame = find_task(cards[0].task), shown_frame(wanted.frame)
    names = front_of(able, timing, measure, quality)
    worth = sorted((mark for mark in marks if mark.network in names), key=lambda mark: mark.x)
    limit = Budget(wanted.budget_ms, fit_texts.LIMIT.format(rate=f"{wanted.rate:g}"), worth)
    title = f"{quality_title(quality)} on {measure_title(measure, task.name)} against the time for a frame of {frame}"
    across = Quantity("Time for a frame, ms (logarithmic)", lambda value: f"{value:g}")
    drawing = scatter(f"{task.title}: {title}", marks, (), across, up_axis(quality), chosen=chosen, budget=limit)
    key = Markup('<span class="key"><i class="stroke"></i>{}</span>').format(fit_texts.FRONT)
    said = fit_texts.PLOT_HERE if timing.basis == HERE else fit_texts.PLOT_CARDS
    caption = Markup("<figcaption><b>{}</b><span>{}</span>{}{}</figcaption>").format(
        title, task.title, key_of(marks), key
    )
    return Markup('<figure class="zoo-plot">{}{}<p class="foot">{}</p></figure>').format(caption, drawing, said)
