"""The table of the zoo as HTML, one per task, and its conventions below. Pure functions of cards; every text of a card
is escaped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

from kdsr.metrics.looks import LOOKS, look_text
from kdsr.tasks import find_task
from kdsr.ui import style_texts, texts
from kdsr.ui.html import joined, region
from kdsr.ui.models.rows import (
    CardLatency,
    Conditions,
    condition_words,
    conditions_text,
    fastest,
    figures_of,
    measure_title,
    measures_of,
    usual_conditions,
    usual_figure,
    values_of,
)
from kdsr.zoo import Card, Figure, FigureKey

_MANY = 4
"""From this number of columns on, the role is shown under a network's name."""
_MOST = 5
"""The most columns of figures that fit on a page."""
_LOOKS = ("niqe", "lite2")
"""The figures for looks with a column: without and with the original."""
ROLES = {"teacher": "Teacher", "student": "Student", "twin": "Twin"}


def tables(groups: Sequence[tuple[str, Sequence[Card]]], chosen: str) -> Markup:
    """A table for each (task, its cards in order), with latencies under the conditions that most of its cards share."""
    where = {task: usual_conditions(cards) for task, cards in groups}
    looks = dict.fromkeys(name for task, cards in groups for name, _ in _looks_shown(cards, task))
    return joined((*(_table(task, cards, where[task], chosen) for task, cards in groups), _foot(where, groups, looks)))


def _table(task: str, cards: Sequence[Card], where: Conditions | None, chosen: str) -> Markup:
    found, measures, looks = find_task(task), _shown(cards, task), _looks_shown(cards, task)
    heads = joined(
        (
            _head("Network"),
            Markup('<th scope="col" class="role">Role</th>'),
            *(
                _head(
                    measure.set,
                    f"PSNR over {measure_title(measure, task)}, in dB; higher is better",
                    condition_words(measure, task),
                )
                for measure in measures
            ),
            *(_look_head(name, measure, task) for name, measure in looks),
            _head("Latency", texts.LATENCY_HOW),
            _head("Parameters", "Trained weights of the network"),
            _head("MACs", "Multiply-accumulates per megapixel of the result"),
            _head("File", "Size of the weights"),
        )
    )
    rows = joined(_row(card, measures, looks, where, is_chosen=card.name == chosen) for card in cards)
    table = Markup('<table class="zoo{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>').format(
        " many" if len(measures) + len(looks) >= _MANY else "", heads, rows
    )
    said = f"PSNR in dB on {found.convention}" if found.has_truth else style_texts.NO_PSNR
    heading = Markup("<h2>{}<small>{}</small></h2>").format(found.title, said)
    return heading + region(f"Networks for {found.title}", table)


def _shown(cards: Sequence[Card], task: str) -> list[FigureKey]:
    """What has a column: everything that was measured, or a part where that is too much for a page.

    The part is the figures on the set that the plot begins with; for noise, those as in a file.
    """
    measures, usual = measures_of(cards), usual_figure(cards, task)
    if usual is None or len(measures) <= _MOST:
        return measures
    return [measure for measure in measures if measure.set == usual.set and measure.noise in (None, "file")]


def _looks_shown(cards: Sequence[Card], task: str) -> list[tuple[str, FigureKey]]:
    """The figures for looks that have a column, and what they are taken on: what networks are compared by."""
    usual = usual_figure(cards, task)
    return [(name, usual) for name in _LOOKS if usual and any(usual in values_of(card, name) for card in cards)]


def _look_head(name: str, measure: FigureKey, task: str) -> Markup:
    look = LOOKS[name]
    tip = f"{look.title} over {measure_title(measure, task)}; {look.direction}. {look.limits}"
    return _head(
        f"{look.title.split()[0]} {'↑' if look.higher_is_better else '↓'}", tip, condition_words(measure, task)
    )


def _head(title: str, tip: str = "", under: str = "") -> Markup:
    return Markup('<th scope="col"{}>{}{}</th>').format(
        Markup(' title="{}"').format(tip) if tip else "",
        title,
        Markup("<small>{}</small>").format(under) if under else "",
    )


def _row(
    card: Card,
    measures: Sequence[FigureKey],
    looks: Sequence[tuple[str, FigureKey]],
    where: Conditions | None,
    *,
    is_chosen: bool,
) -> Markup:
    """One network; its name is a button, and a click anywhere in the row does the same."""
    figures, role = figures_of(card), Markup('<i class="dot {}"></i>{}').format(card.role, ROLES[card.role])
    return Markup(
        '<tr data-network="{name}"{}><th scope="row"><button type="button">{}</button><small>{name}</small>'
        '<small class="role">{role}</small></th><td class="words role">{role}</td>{}</tr>'
    ).format(
        Markup(' aria-current="true"') if is_chosen else "",
        str(card.title),
        joined((
            *(_quality(figures.get(measure)) for measure in measures),
            *(_look(card, name, measure) for name, measure in looks),
            _latency(fastest(card, where)),
            _cell(texts.counted(card.parameters), f"{card.parameters:,}"),
            _cell(texts.counted(card.macs_per_output_megapixel)),
            _cell(texts.file_size(card.file_bytes), f"{card.file_bytes:,} bytes"),
        )),
        name=card.name,
        role=role,
    )  # fmt: skip


def _cell(text: str, tip: str = "") -> Markup:
    return Markup("<td{}>{}</td>").format(Markup(' title="{}"').format(tip) if tip else "", text)


def _quality(figure: Figure | None) -> Markup:
    return _cell(f"{figure.psnr_db:.2f}", str(figure.convention)) if figure else _none()


def _look(card: Card, name: str, measure: FigureKey) -> Markup:
    value = values_of(card, name).get(measure)
    return _none() if value is None else _cell(look_text(name, value), LOOKS[name].convention)


def _latency(timing: CardLatency | None) -> Markup:
    if timing is None:
        return _none()
    return _cell(texts.milliseconds(timing.end_to_end_ms / 1000), f"{timing.runtime}, {timing.precision}")


def _none() -> Markup:
    return Markup('<td class="none">{}</td>').format(texts.NONE)


def _foot(
    where: Mapping[str, Conditions | None], groups: Sequence[tuple[str, Sequence[Card]]], looks: Iterable[str]
) -> Markup:
    """What the columns mean, `looks` among them. Latencies were taken under the conditions of most tasks, and those of
    some tasks under others.
    """
    known = {task: conditions for task, conditions in where.items() if conditions}
    latency = Markup("")
    if known:
        usual = Counter(known.values()).most_common(1)[0][0]
        others = (
            f"; {find_task(task).title}: {conditions_text(conditions)}"
            for task, conditions in known.items()
            if conditions != usual
        )
        said = f"{texts.LATENCY_HOW}, {conditions_text(usual)}{''.join(others)}."
        if any(card.precision == "int8" for _, cards in groups for card in cards):
            said += f" {texts.EIGHT_BITS_NEED}"
        latency = Markup(" <b>Latency</b>: {}").format(said)
    said = joined(Markup("<b>{}</b>: {}. ").format(LOOKS[name].title, LOOKS[name].direction) for name in looks)
    return Markup('<p class="foot">{}<b>Twin</b>: {} <b>MACs</b>: per megapixel of the result.{}</p>').format(
        said, texts.TWIN_MEANS, latency
    )
