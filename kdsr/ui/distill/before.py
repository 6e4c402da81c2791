"""What the tab *Distill* shows before a run: its three steps, and what a teacher gave the students that are here."""

from collections.abc import Sequence

from markupsafe import Markup

from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.html import joined, region
from kdsr.ui.models.rows import figures_of, measure_title, tasks_of, twin_gains, usual_figure
from kdsr.zoo import Card

_HEADS = ("Task", "Test set", "Without a teacher", "With one", "Gain")


def before_a_run(cards: Sequence[Card]) -> Markup:
    """The steps, and under them the figures of `cards`; only the steps where no card has a twin."""
    steps = joined(Markup("<li><b>{}</b> {}</li>").format(title, text) for title, text in texts.DISTILL_STEPS)
    return Markup('<div class="empty"><h2>{}</h2><ol>{}</ol>{}</div>').format(texts.DISTILL_ABOUT, steps, _gains(cards))


def _gains(cards: Sequence[Card]) -> Markup:
    """A row for each task with a student that was also trained without its teacher."""
    rows = [row for task in tasks_of(cards) if (row := _row(cards, task))]
    if not rows:
        return Markup("")
    heads = joined(Markup('<th scope="col">{}</th>').format(name) for name in _HEADS)
    table = Markup('<div class="gains-of"><h3>{}</h3>{}<p class="foot">{}</p></div>')
    body = Markup('<table class="gains"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(
        heads, joined(rows)
    )
    return table.format(texts.GAINS, region(texts.GAINS, body), texts.GAINS_MEAN)


def _row(cards: Sequence[Card], task: str) -> Markup:
    """The largest student for `task` beside its twin; empty where there is none, or they share no figure."""
    able = [card for card in cards if card.task == task and card.twin and not card.compressed_from]
    for card in sorted((card for card in able if not card.is_for_looks), key=lambda card: -card.parameters):
        gains, figures = twin_gains(card, cards), figures_of(card)
        usual = usual_figure([card for card in cards if card.task == task], task)
        key = usual if usual in gains else next(iter(gains), None)
        if key is not None:
            row = Markup('<tr><th scope="row">{}</th><td>{}</td><td>{:.2f}</td><td>{:.2f}</td><td>{:+.2f} dB</td></tr>')
            with_one = figures[key].psnr_db
            words = find_task(task).title, measure_title(key, task)
            return row.format(*words, with_one - gains[key], with_one, gains[key])
    return Markup("")
