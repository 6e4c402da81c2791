"""The table of a network's compression: its teacher, itself, and what was pruned or rounded from it. Pure functions of
cards; every text is escaped.
"""

from collections.abc import Sequence

from markupsafe import Markup

from kdsr.ui import texts
from kdsr.ui.models.rows import (
    CardLatency,
    fastest,
    figures_of,
    is_number,
    measure_title,
    usual_conditions,
    usual_figure,
)
from kdsr.zoo import Card, FigureKey

Row = tuple[Card, str]
"""A network and its relation to the others."""


def relatives(card: Card, cards: Sequence[Card]) -> list[Row]:
    """The teacher, the network that `card` belongs to, and all that was compressed from that, large to small; empty
    where nothing was.
    """
    named = {each.name: each for each in cards if each.task == card.task}
    source = named.get(card.compressed_from or card.name)
    compressed = [each for each in named.values() if source and each.compressed_from == source.name]
    if source is None or not compressed:
        return []
    teacher = named.get(source.teacher or "")
    above = [(teacher, "Teacher")] if teacher else []
    smaller = sorted(compressed, key=lambda each: (-each.parameters, -each.file_bytes, each.name))
    return [*above, (source, source.role.capitalize()), *((each, _how(each, source)) for each in smaller)]


def _how(card: Card, source: Card) -> str:
    """How `card` was compressed, in words."""
    words = [word for word in ("pruned", "int8") if word in card.name.removeprefix(source.name).split("-")]
    return " + ".join(words) or str(card.title)


def compression_rows(card: Card, cards: Sequence[Card]) -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
    """(heads, rows of cells, the sentence below) of the table; no rows where there is nothing to compare."""
    found = relatives(card, cards)
    measure = usual_figure([each for each, _ in found], card.task)
    if not found or measure is None:
        return (), [], ""
    where = usual_conditions(each for each in cards if each.task == card.task)
    is_timed = any(fastest(each, where) for each, _ in found)
    rows = [
        _row(each, how, measure, fastest(each, where), is_self=each.name == card.name, is_timed=is_timed)
        for each, how in found
    ]
    return ("Network", "PSNR", "File", *(["Latency"] if is_timed else [])), rows, _footnote(card, measure)


def _row(
    card: Card, how: str, measure: FigureKey, timing: CardLatency | None, *, is_self: bool, is_timed: bool
) -> tuple[str, ...]:
    figure = figures_of(card).get(measure)
    button = Markup('<button type="button" class="link" data-network="{}">{}</button>')
    name = Markup("<b>{}</b>").format(how) if is_self else button.format(card.name, how)
    latency = texts.milliseconds(timing.end_to_end_ms / 1000) if timing else texts.NONE
    return (
        name,
        f"{figure.psnr_db:.2f}" if figure else texts.NONE,
        texts.file_size(card.file_bytes),
        *([latency] if is_timed else []),
    )


def _footnote(card: Card, measure: FigureKey) -> str:
    """The unit of the figures, and what each step of this network's compression cost on held-out photographs."""
    steps = [step for step in card.compression if is_number(step.get("psnr_db"))]
    said = f"PSNR on {measure_title(measure, card.task)}, in dB."
    if len(steps) > 1:
        losses = ", ".join(
            f"{step.get('step', 'unnamed')} {step['psnr_db'] - steps[0]['psnr_db']:+.3f} dB" for step in steps[1:]
        )
        said += f" On held-out photographs: {losses}."
    return said
