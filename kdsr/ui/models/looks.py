"""The figures for looks of a card: their table, and a sentence on a network that was trained for looks.

Such a network has less PSNR on purpose: the sentence states its gain in looks, and its loss in PSNR. Pure functions
of cards; what a card says is escaped where it is shown. Not here: how the figures are measured (`kdsr.bench`).
"""

from collections.abc import Sequence

from markupsafe import Markup

from kdsr.metrics.looks import LOOKS, look_text
from kdsr.ui import texts
from kdsr.ui.models.rows import PSNR, condition_words, measure_title, twin_gains, usual_figure, values_of
from kdsr.zoo import Card, FigureKey

_COMPARED = ("niqe", "lite2")


def look_table(card: Card) -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
    """(heads, rows of cells, the sentence below): a row for each figure, a column for each set and strength.

    No rows where the card has no figure for looks.
    """
    found = {name: values for name in LOOKS if (values := values_of(card, name))}
    keys = list(dict.fromkeys(key for values in found.values() for key in values))
    sets = list(dict.fromkeys(key.set for key in keys))
    heads = ("Figure", *(_head(key, card.task, is_only=len(sets) == 1) for key in keys))
    rows = [
        (
            Markup("{}<small>{}</small>").format(_with_unit(name), LOOKS[name].direction),
            *(f"{values[key]:.{LOOKS[name].decimals}f}" if key in values else texts.NONE for key in keys),
        )
        for name, values in found.items()
    ]
    limits = " ".join(f"{LOOKS[name].title}: {LOOKS[name].limits}" for name in found)
    return heads, rows, f"Means over {', '.join(sets)}. {limits}" if rows else ""


def _with_unit(name: str) -> str:
    """`NIQE`, `Consistency, dB`."""
    return ", ".join(filter(None, (LOOKS[name].title, LOOKS[name].unit)))


def _head(key: FigureKey, task: str, *, is_only: bool) -> str:
    """What a column is taken on; without the set where there is only one."""
    return condition_words(key, task) if is_only and key.strength is not None else measure_title(key, task)


def looks_comparison(card: Card, cards: Sequence[Card]) -> str:
    """What a network for looks gives beside the largest faithful one of its task, and its PSNR as the trade; empty for
    other networks.

    cards: those of the zoo.
    """
    if not card.is_for_looks:
        return ""
    faithful = [
        other
        for other in cards
        if (other.task, other.role) == (card.task, card.role) and not other.is_for_looks and not other.compressed_from
    ]
    beside = max(faithful, key=lambda other: (not other.published, other.parameters), default=None)
    usual = usual_figure([each for each in (card, beside) if each], card.task)
    if beside is None or usual is None:
        return texts.FOR_LOOKS
    parts = [
        f"{LOOKS[name].title} {look_text(name, mine)} instead of {look_text(name, its)} ({LOOKS[name].direction})"
        for name in _COMPARED
        if (mine := values_of(card, name).get(usual)) is not None
        and (its := values_of(beside, name).get(usual)) is not None
    ]
    trade = _trade(values_of(card, PSNR).get(usual), values_of(beside, PSNR).get(usual))
    said = ", ".join(filter(None, (*parts, trade)))
    place = f"Beside {beside.name} on {measure_title(usual, card.task)}"
    return f"{texts.FOR_LOOKS} {place}: {said}." if said else texts.FOR_LOOKS


def _trade(mine_db: float | None, its_db: float | None) -> str:
    """`0.56 dB less PSNR`."""
    if mine_db is None or its_db is None:
        return ""
    gap = mine_db - its_db
    return f"{-gap:.2f} dB less PSNR" if gap < 0 else f"{gap:.2f} dB more PSNR"


def gain_in_looks(card: Card, cards: Sequence[Card]) -> str:
    """What the teacher gave a network for looks, over its twin, by figures for looks; empty where none is known."""
    said = [
        f"{LOOKS[name].title} {gain:+.{LOOKS[name].decimals}f} on {measure_title(measure, card.task)} "
        f"({LOOKS[name].direction})"
        for name in _COMPARED
        for measure, gain in twin_gains(card, cards, name).items()
    ]
    return f"Gain from the teacher, over the twin: {', '.join(said)}." if said else ""
