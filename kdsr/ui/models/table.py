"""The table of the zoo as HTML, one per task, and its conventions below. Pure functions of cards; every text of a card
is escaped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.models.chart import conditions_text
from kdsr.ui.models.published import Key
from kdsr.ui.models.rows import (
    CardLatency,
    Conditions,
    figures_of,
    measure_title,
    measures_of,
    quickest,
    strength_words,
    usual_conditions,
    usual_figure,
)
from kdsr.zoo import Card, Figure

_MANY = 4
"""With so many columns of figures the role stands under a network's name."""
_MOST = 5
"""Columns of figures that a page has room for."""
ROLES = {"teacher": "Teacher", "student": "Student", "twin": "Twin"}


def tables(groups: Sequence[tuple[str, Sequence[Card]]], chosen: str) -> str:
    """A table for each (task, its cards in order); latencies under the conditions that most of the task's cards share."""
    where = {task: usual_conditions(cards) for task, cards in groups}
    return "".join(_table(task, cards, where[task], chosen) for task, cards in groups) + _foot(where, groups)


def _table(task: str, cards: Sequence[Card], where: Conditions | None, chosen: str) -> str:
    found, measures = find_task(task), _shown(cards, task)
    heads = _head("Network") + '<th scope="col" class="role">Role</th>'
    heads += "".join(
        _head(measure[0], f"PSNR over {measure_title(measure, task)}, in dB; higher is better", _under(measure, task))
        for measure in measures
    )
    heads += _head("Latency", texts.LATENCY_HOW) + _head("Parameters", "Learnt numbers of the network")
    heads += _head("MACs", "Multiply-accumulates per megapixel of the result") + _head("File", "Size of the weights")
    rows = "".join(_row(card, measures, where, is_chosen=card.name == chosen) for card in cards)
    title = escape(found.title, quote=True)
    return (
        f"<h3>{title}<small>PSNR in dB on {escape(found.convention)}</small></h3>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Networks for {title}">'
        f'<table class="zoo{" many" if len(measures) >= _MANY else ""}"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _shown(cards: Sequence[Card], task: str) -> list[Key]:
    """What has a column: everything that was measured, or where that is too much for a page, the figures on the set
    that the plot begins with.
    """
    measures, usual = measures_of(cards), usual_figure(cards, task)
    return (
        measures
        if usual is None or len(measures) <= _MOST
        else [measure for measure in measures if measure[0] == usual[0]]
    )


def _head(title: str, tip: str = "", under: str = "") -> str:
    small = f"<small>{escape(under)}</small>" if under else ""
    said = f' title="{escape(tip, quote=True)}"' if tip else ""
    return f'<th scope="col"{said}>{escape(title)}{small}</th>'


def _under(measure: Key, task: str) -> str:
    """The strength of a figure, which stands under the name of its set."""
    strength = find_task(task).strength
    return "" if strength is None or measure[1] is None else strength_words(measure[1], strength.name)


def _row(card: Card, measures: Sequence[Key], where: Conditions | None, *, is_chosen: bool) -> str:
    """One network; its name is a button, and a click anywhere in the row does the same."""
    name, figures, timing = escape(card.name, quote=True), figures_of(card), quickest(card, where)
    quality = "".join(_quality(figures.get(measure)) for measure in measures)
    role = f'<i class="dot {card.role}"></i>{ROLES[card.role]}'
    return (
        f'<tr data-network="{name}"{" aria-current=true" if is_chosen else ""}><th scope="row"><button type="button">{escape(str(card.title))}</button>'
        f'<small>{escape(card.name)}</small><small class="role">{role}</small></th><td class="words role">{role}</td>{quality}{_latency(timing)}'
        f'<td title="{card.parameters:,}">{texts.counted(card.parameters)}</td><td>{texts.counted(card.macs_per_output_megapixel)}</td>'
        f'<td title="{card.file_bytes:,} bytes">{texts.file_size(card.file_bytes)}</td></tr>'
    )


def _quality(figure: Figure | None) -> str:
    return f'<td title="{escape(str(figure.convention), quote=True)}">{figure.psnr_db:.2f}</td>' if figure else _none()


def _latency(timing: CardLatency | None) -> str:
    if timing is None:
        return _none()
    how = escape(f"{timing.runtime}, {timing.precision}", quote=True)
    return f'<td title="{how}">{texts.milliseconds(timing.end_to_end_ms / 1000)}</td>'


def _none() -> str:
    return f'<td class="none">{texts.NONE}</td>'


def _foot(where: Mapping[str, Conditions | None], groups: Sequence[tuple[str, Sequence[Card]]]) -> str:
    """What the columns mean; latencies were taken under the conditions of most tasks, and those of some tasks under
    others.
    """
    known = {task: conditions for task, conditions in where.items() if conditions}
    latency = ""
    if known:
        usual = Counter(known.values()).most_common(1)[0][0]
        others = (
            f"; {find_task(task).title}: {conditions_text(conditions)}"
            for task, conditions in known.items()
            if conditions != usual
        )
        latency = f" <b>Latency</b>: {texts.LATENCY_HOW}, {escape(conditions_text(usual) + ''.join(others))}."
        if any(card.precision == "int8" for _, cards in groups for card in cards):
            latency += f" {texts.EIGHT_BITS_NEED}"
    return f'<p class="foot"><b>Twin</b>: {texts.TWIN_MEANS} <b>MACs</b>: per megapixel of the result.{latency}</p>'
