"""The networks of the zoo in the order and in the figures in which the tab *Models* shows them. Pure functions of
cards.

Cards may come from anyone: a figure that is missing or not a number counts as unknown.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kdsr.metrics.looks import LOOKS, look_text
from kdsr.tasks import TASKS, Kinds, find_task
from kdsr.zoo import Card, Figure, FigureKey, LookFigure
from kdsr.zoo.card import ROLES

PSNR = "psnr"
"""What networks are compared by; a figure for looks by its name in `kdsr.metrics.looks` is the other choice."""
_SETS = ("Set5", "Set14", "BSD100", "CBSD68")
"""In the order of the field's tables; others follow by name."""
_NOISES = (None, "laboratory", "file")
"""Published figures are of laboratory noise, so that it comes first and is what networks are compared by."""
_KINDS = next(task.strength.names for task in TASKS.values() if isinstance(task.strength, Kinds))


class Conditions(NamedTuple):
    """Where a latency was taken; figures under other conditions are not compared."""

    device: str
    machine: str
    threads: int
    width_px: int
    height_px: int


class CardLatency(NamedTuple):
    """One latency of a card, in ms."""

    runtime: str
    precision: str
    network_ms: float
    end_to_end_ms: float
    repeats: int
    conditions: Conditions


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def tasks_of(cards: Iterable[Card]) -> list[str]:
    """The names of the tasks that have a network, in the order of the tasks."""
    able = {card.task for card in cards}
    return [name for name in TASKS if name in able]


def sorted_cards(cards: Iterable[Card], task: str) -> list[Card]:
    """The cards for `task`: teachers, students, twins, each from best to worst figure; those without one last."""
    found = [card for card in cards if card.task == task]
    measure = usual_figure(found, task)

    def place(card: Card) -> tuple[int, float, str]:
        figure = figures_of(card).get(measure) if measure else None
        return ROLES.index(card.role), -figure.psnr_db if figure else math.inf, card.name

    return sorted(found, key=place)


def figures_of(card: Card) -> dict[FigureKey, Figure]:
    """The figures of `card` by set, strength and convention of noise, in order."""
    found = {figure.key: figure for figure in card.figures if _is_sound(figure)}
    return {key: found[key] for key in sorted(found, key=_place)}


def _is_sound(figure: Figure) -> bool:
    return is_number(figure.psnr_db) and (figure.noise is None or isinstance(figure.noise, str)) and _has_place(figure)


def _has_place(figure: Figure | LookFigure) -> bool:
    """Whether set and strength are of their kinds."""
    strength = figure.strength
    return isinstance(figure.set, str) and (strength is None or isinstance(strength, str) or is_number(strength))


def values_of(card: Card, quality: str) -> dict[FigureKey, float]:
    """PSNR in dB, or the means of a figure for looks in its present convention, by what they are taken on, in order."""
    if quality == PSNR:
        return {key: figure.psnr_db for key, figure in figures_of(card).items()}
    found = {
        FigureKey(figure.set, figure.strength): figure.mean
        for figure in card.looks
        if (figure.look, figure.convention) == (quality, LOOKS[quality].convention)
        and is_number(figure.mean)
        and _has_place(figure)
    }
    return {key: found[key] for key in sorted(found, key=_place)}


def qualities_of(cards: Sequence[Card]) -> list[str]:
    """PSNR, and the figures for looks that at least two of `cards` have."""
    return [PSNR, *(name for name in LOOKS if sum(bool(values_of(card, name)) for card in cards) > 1)]


def quality_title(quality: str) -> str:
    """`PSNR`, `NIQE`."""
    return "PSNR" if quality == PSNR else LOOKS[quality].title


def quality_text(quality: str, value: float) -> str:
    """`26.10 dB`, `5.90`."""
    return f"{value:.2f} dB" if quality == PSNR else look_text(quality, value)


def _place(key: FigureKey) -> tuple[int, str, int, str, float, str]:
    name, strength, noise = key
    number, kind = (
        (_KINDS.index(strength) if strength in _KINDS else len(_KINDS), strength)
        if isinstance(strength, str)
        else (strength or 0.0, "")
    )
    set_place = _SETS.index(name) if name in _SETS else len(_SETS)
    noise_place = _NOISES.index(noise) if noise in _NOISES else len(_NOISES)
    return set_place, name, noise_place, noise or "", number, kind


def measures_of(cards: Iterable[Card], quality: str = PSNR) -> list[FigureKey]:
    """Everything that one of `cards` has a figure for, in order."""
    return sorted({key for card in cards for key in values_of(card, quality)}, key=_place)


def usual_figure(cards: Sequence[Card], task: str) -> FigureKey | None:
    """What networks for `task` are compared by: of the figures that most of `cards` have the largest set, at the task's
    usual strength.
    """
    strength = find_task(task).strength
    usual = strength.default if strength else None
    held = Counter(key for card in cards for key in figures_of(card))
    pictures = {key: figure.n for card in cards for key, figure in figures_of(card).items() if is_number(figure.n)}

    def distance(value: float | str | None) -> float:
        if isinstance(value, str) or isinstance(usual, str):
            return float(value != usual)
        return abs((value or 0.0) - (usual or 0.0))

    return max(held, key=lambda key: (held[key], pictures.get(key, 0), -distance(key.strength)), default=None)


def measure_title(key: FigureKey, task: str) -> str:
    """`Set5`, or `CBSD68, sigma 25, file`."""
    words = [key.set, condition_words(key, task)]
    return ", ".join(word for word in words if word)


def condition_words(key: FigureKey, task: str) -> str:
    """`sigma 25, file` or only the kind; empty for a task without a strength."""
    wanted = find_task(task).strength
    if key.strength is None or wanted is None:
        return ""
    words = strength_words(key.strength, wanted.name)
    return f"{words}, {key.noise}" if key.noise else words


def strength_words(strength: float | str, name: str) -> str:
    """`sigma 25`, or only the kind."""
    return strength if isinstance(strength, str) else f"{name} {strength:g}"


def timings_of(card: Card) -> list[CardLatency]:
    """The latencies of `card` whose conditions are known."""
    return [timing for row in card.latency if (timing := _timing(row)) is not None]


def _timing(row: Any) -> CardLatency | None:
    counts = ("threads", "input_width_px", "input_height_px", "network_ms", "end_to_end_ms")
    if not isinstance(row, Mapping) or not all(is_number(row.get(name)) and row[name] > 0 for name in counts):
        return None
    words = {name: str(row.get(name, "")) for name in ("runtime", "precision", "device", "machine")}
    where = Conditions(words["device"], words["machine"], row["threads"], row["input_width_px"], row["input_height_px"])
    repeats = row["repeats"] if is_number(row.get("repeats")) else 0
    return CardLatency(words["runtime"], words["precision"], row["network_ms"], row["end_to_end_ms"], repeats, where)


def usual_conditions(cards: Iterable[Card]) -> Conditions | None:
    """The conditions under which most of `cards` were timed; None if none was."""
    counted = Counter(where for card in cards for where in {timing.conditions for timing in timings_of(card)})
    return max(counted, key=lambda where: (counted[where], where), default=None)


def conditions_text(where: Conditions) -> str:
    """Where a latency was taken, in words."""
    device = {"cpu": "CPU"}.get(where.device, where.device)
    threads = f", {where.threads} thread{'s' if where.threads != 1 else ''}" if where.device == "cpu" else ""
    return f"{where.width_px} × {where.height_px} input, {device}{threads}, {where.machine}"


def fastest(card: Card, where: Conditions | None) -> CardLatency | None:
    """The latency of `card` in its fastest runtime under the conditions `where`, array to array."""
    return min(
        (timing for timing in timings_of(card) if timing.conditions == where),
        key=lambda timing: timing.end_to_end_ms,
        default=None,
    )


def twin_gains(card: Card, cards: Iterable[Card], quality: str = PSNR) -> dict[FigureKey, float]:
    """The figure of `card` minus that of the twin it names (of PSNR in dB), per figure that both have.

    Empty where the twin is not there.
    """
    twin = next((other for other in cards if other.name == card.twin and other.task == card.task), None)
    if twin is None:
        return {}
    mine, others = values_of(card, quality), values_of(twin, quality)
    return {key: value - others[key] for key, value in mine.items() if key in others}


def short_name(card: Card) -> str:
    """The name without that of its task, for places where the task is known."""
    return card.name.removeprefix(f"{card.task}-").removeprefix(f"{card.task}_") or card.name
