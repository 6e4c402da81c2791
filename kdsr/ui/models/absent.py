"""The published teachers that are not on this machine, as a table of the tab *Models*. Pure functions of cards."""

from collections.abc import Sequence

from markupsafe import Markup

from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.html import joined, region
from kdsr.ui.models.rows import figures_of, measure_title
from kdsr.zoo import Card
from kdsr.zoo.published import PUBLISHED

_HEADS = ("Network", "Task", "PSNR", "Parameters", "Download", "Licence")


def absent_table(cards: Sequence[Card], chosen: str) -> Markup:
    """A row for each of `cards`, of which the one named `chosen` is marked; empty without cards."""
    if not cards:
        return Markup("")
    heads = joined(Markup('<th scope="col"{}>{}</th>').format(_kind(name), name) for name in _HEADS)
    rows = joined(_row(card, is_chosen=card.name == chosen) for card in cards)
    table = Markup('<table class="zoo absent"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(heads, rows)
    heading = Markup("<h2>Published teachers to download<small>{}</small></h2>").format(texts.ABSENT)
    return heading + region("Published teachers to download", table)


def _row(card: Card, *, is_chosen: bool) -> Markup:
    """One teacher; its name is a button, and a click anywhere in the row does the same."""
    one = PUBLISHED[card.name]
    return Markup(
        '<tr data-network="{name}"{}><th scope="row"><button type="button">{}</button><small>{name}</small></th>'
        '<td class="words">{}</td><td>{}</td><td>{}</td><td>{} MB</td><td class="words">{}</td></tr>'
    ).format(
        Markup(' aria-current="true"') if is_chosen else "",
        card.title,
        find_task(card.task).title,
        _psnr(card),
        texts.counted(card.parameters),
        one.megabytes,
        card.licence,
        name=card.name,
    )


def _psnr(card: Card) -> Markup:
    """The first figure, and what it was measured on."""
    first = next(iter(figures_of(card).items()), None)
    if first is None:
        return Markup(texts.NONE)
    key, figure = first
    return Markup("{:.2f} <small>{}</small>").format(figure.psnr_db, measure_title(key, card.task))


def _kind(head: str) -> Markup:
    return Markup(' class="words"') if head in ("Task", "Licence") else Markup("")
