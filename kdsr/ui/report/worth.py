"""What a teacher is worth: a student against the same network trained without one, by the figures on their cards."""

from collections.abc import Sequence

from markupsafe import Markup

from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.html import joined, region
from kdsr.ui.models.looks import gain_in_looks
from kdsr.ui.models.rows import figures_of, measure_title, twin_gains, usual_figure
from kdsr.zoo import Card, FigureKey

_EQUAL_DB = 0.005
"""A smaller distance is written 0.00."""
_HEADS = ("Set", "Pictures", "Student", "Twin", "Gain")


def worth_of(students: Sequence[Card], zoo: Sequence[Card]) -> Markup:
    """A sentence, and where it is known a table, for each of `students`; `zoo` is where twins are looked for."""
    return joined(_worth(card, zoo) for card in students)


def _worth(card: Card, zoo: Sequence[Card]) -> Markup:
    gains = twin_gains(card, zoo)
    said = Markup("<p>{}</p>")
    if card.is_for_looks:
        return said.format(gain_in_looks(card, zoo) or texts.WORTH_UNKNOWN.format(title=card.title))
    if not gains:
        return said.format(texts.WORTH_UNKNOWN.format(title=card.title))
    twin = next(other for other in zoo if other.name == card.twin and other.task == card.task)
    usual = usual_figure([card, twin], card.task)
    key = usual if usual in gains else next(iter(gains))
    return said.format(_sentence(card, key, gains[key])) + _table(card, twin, gains)


def _sentence(card: Card, key: FigureKey, gain_db: float) -> str:
    how = texts.WORTH_GAIN if gain_db > 0 else texts.WORTH_LOSS
    if abs(gain_db) < _EQUAL_DB:
        how = texts.WORTH_NOTHING
    return how.format(set=measure_title(key, card.task), title=card.title, gap=f"{abs(gain_db):.2f} dB")


def _table(card: Card, twin: Card, gains: dict[FigureKey, float]) -> Markup:
    mine, its = figures_of(card), figures_of(twin)
    heads = joined(Markup('<th scope="col">{}</th>').format(head) for head in _HEADS)
    row = Markup('<tr><th scope="row">{}</th><td>{}</td><td>{:.2f} dB</td><td>{:.2f} dB</td><td>{:+.2f} dB</td></tr>')
    rows = joined(
        row.format(measure_title(key, card.task), mine[key].n, mine[key].psnr_db, its[key].psnr_db, gain_db)
        for key, gain_db in gains.items()
    )
    drawn = Markup('<table class="figures worth"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>')
    foot = Markup('<p class="foot">{} <b>{}</b>: {} PSNR on {}.</p>').format(
        texts.WORTH_CARDS, "Twin", texts.TWIN_MEANS, find_task(card.task).convention
    )
    return region(f"{texts.REPORT_WORTH}: {card.name}", drawn.format(heads, rows)) + foot
