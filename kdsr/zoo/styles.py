"""The styles of the networks for style transfer: which networks belong together, and what a style is called.

The style is the word NAME in the name `style_NAME-...` of a network; a student of another name has its teacher's.
"""

from collections.abc import Iterable

from kdsr.tasks import find_task
from kdsr.zoo.card import Card

_BEFORE = "style_"


def style_of(card: Card) -> str:
    """The style of `card`, such as `mosaic`; empty for a task with originals, whose networks all do the same."""
    if find_task(card.task).has_truth:
        return ""
    named = [name for name in (card.name, card.teacher or "") if name.startswith(_BEFORE)]
    return named[0].removeprefix(_BEFORE).split("-")[0] if named else card.name


def style_title(style: str) -> str:
    """`great_wave` as a visitor reads it: `Great wave`."""
    words = style.replace("_", " ")
    return words[:1].upper() + words[1:]


def styles_of(cards: Iterable[Card]) -> list[str]:
    """The styles of `cards`, each once, by the alphabet; empty where they have none."""
    return sorted(set(filter(None, map(style_of, cards))))


def of_style(cards: Iterable[Card], style: str) -> list[Card]:
    """Those of `cards` of that style; all of them where `style` is empty."""
    return [card for card in cards if not style or style_of(card) == style]


def alike(cards: Iterable[Card], card: Card) -> list[Card]:
    """Those of `cards` that do the same as `card`: of its task and its style."""
    return [other for other in cards if other.task == card.task and style_of(other) == style_of(card)]
