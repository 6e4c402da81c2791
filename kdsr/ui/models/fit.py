"""Which student keeps a frame rate, and which teacher is for it: times and figures of networks as an answer in words.

Times measured on this machine and times of cards are never in one answer; the answer says which they are. Pure
functions of cards and kept times. Not here: measuring (`kdsr.bench.frames`), the plot (`models.chart`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from kdsr.bench.frames import (
    BUSY_SHARE,
    Contender,
    Frame,
    FrameTime,
    FrameTimes,
    best_within,
    front,
    scaled_ms,
)
from kdsr.metrics.looks import LOOKS
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.html import joined
from kdsr.ui.models import fit_texts
from kdsr.ui.models.rows import (
    PSNR,
    Conditions,
    conditions_text,
    fastest,
    measure_title,
    quality_text,
    quality_title,
    timings_of,
    twin_gains,
    usual_conditions,
    values_of,
)
from kdsr.zoo import Card, FigureKey

HERE, CARDS = "here", "cards"
FRAMES = (Frame(320, 180), Frame(640, 360), Frame(1280, 720), Frame(1920, 1080))
MOST_RATE = 120
"""The largest frame rate of the slider."""


class RateWanted(NamedTuple):
    """What a visitor asks for."""

    rate: float = 30.0
    """Frames per second."""
    frame: Frame = Frame(640, 360)
    basis: str = HERE
    """`HERE` where networks were measured on this machine, else `CARDS`."""

    @property
    def budget_ms(self) -> float:
        return 1000 / self.rate


class Timing(NamedTuple):
    """The times of the networks of one task for one frame, all taken in one way."""

    basis: str
    ms: dict[str, float]
    """By the network's name."""
    taken: tuple[FrameTime, ...] = ()
    """If measured here."""
    where: Conditions | None = None
    """If of cards."""
    is_this_processor: bool = False
    """Whether `where` names the processor of this machine."""


def shown_frame(frame: Frame) -> str:
    """`640 × 360`."""
    return f"{frame.width} × {frame.height}"


def judged(cards: Iterable[Card]) -> list[Card]:
    """Those that an answer may name: a twin is there for comparison only."""
    return [card for card in cards if card.role != "twin"]


def measured_here(cards: Sequence[Card], frame: Frame, times: FrameTimes) -> Timing:
    """What was measured on this machine, of `cards`."""
    found = {card.name: taken for card in judged(cards) if (taken := times.find(card, frame)) is not None}
    return Timing(HERE, {name: taken.ms for name, taken in found.items()}, tuple(found.values()))


def of_cards(cards: Sequence[Card], frame: Frame, machine: str) -> Timing:
    """What the cards say, scaled to `frame`: of this processor where two cards have it, else of the usual one."""
    able = judged(cards)
    mine = [[one for one in timings_of(card) if one.conditions.machine == machine] for card in able]
    is_mine = sum(map(bool, mine)) > 1
    where = _usual(one.conditions for each in mine for one in each) if is_mine else usual_conditions(able)
    ms = {
        card.name: scaled_ms(timing.end_to_end_ms, where.width_px, where.height_px, frame)
        for card in able
        if where is not None and (timing := fastest(card, where)) is not None
    }
    return Timing(CARDS, ms, where=where, is_this_processor=is_mine)


def _usual(found: Iterable[Conditions]) -> Conditions:
    counted = list(found)
    return max(counted, key=lambda where: (counted.count(where), where))


def timing_of(cards: Sequence[Card], wanted: RateWanted, times: FrameTimes | None, machine: str) -> Timing:
    """The times that `wanted` asks for; those of the cards where none was measured here."""
    here = measured_here(cards, wanted.frame, times) if times is not None else Timing(HERE, {})
    return here if wanted.basis == HERE and here.ms else of_cards(cards, wanted.frame, machine)


def contenders(cards: Sequence[Card], timing: Timing, measure: FigureKey, quality: str) -> list[Contender]:
    """Those of `cards` with a time and a figure."""
    return [
        Contender(card.name, timing.ms[card.name], value)
        for card in judged(cards)
        if card.name in timing.ms and (value := values_of(card, quality).get(measure)) is not None
    ]


def front_of(cards: Sequence[Card], timing: Timing, measure: FigureKey, quality: str) -> list[str]:
    """The names of the networks on the Pareto front, quickest first."""
    able = contenders(cards, timing, measure, quality)
    return [one.name for one in front(able, higher_is_better=_higher(quality))]


def _higher(quality: str) -> bool:
    return quality == PSNR or LOOKS[quality].higher_is_better


def answer(cards: Sequence[Card], wanted: RateWanted, timing: Timing, measure: FigureKey, quality: str) -> Markup:
    """The sentences on the student, on its teacher, and on how the times were taken.

    Args:
        cards: of one task.
        measure, quality: what quality is judged by.
    """
    by_name = {card.name: card for card in cards}
    students = [one for one in contenders(cards, timing, measure, quality) if by_name[one.name].role == "student"]
    if not students:
        said = fit_texts.UNKNOWN.format(measure=measure_title(measure, cards[0].task)) if cards else ""
        return Markup('<p class="fit-answer">{}</p>').format(said)
    best = best_within(students, wanted.budget_ms, higher_is_better=_higher(quality))
    chosen = best or min(students, key=lambda one: one.ms)
    card = by_name[chosen.name]
    lines = (
        _student(card, chosen, wanted, students, by_name, measure, quality, is_kept=best is not None),
        _teacher(card, cards, measure, quality),
    )
    said = joined(Markup('<p class="fit-answer">{}</p>').format(line) for line in lines if line)
    return said + Markup('<p class="foot">{}</p>').format(how(wanted, timing, cards))


def _student(
    card: Card, chosen: Contender, wanted: RateWanted, students: Sequence[Contender], by_name: dict[str, Card],
    measure: FigureKey, quality: str, *, is_kept: bool,
) -> Markup:  # fmt: skip
    """The best student that keeps the rate and what the next better one costs; or the fastest, which does not."""
    rate = f"{wanted.rate:g}"
    if not is_kept:
        fps = f"{1000 / chosen.ms:.3g}"
        return Markup(fit_texts.NONE).format(rate=rate, name=_link(card), time=_ms(chosen.ms), fps=fps)
    said = Markup(fit_texts.STUDENT).format(
        rate=rate, name=_link(card), time=_ms(chosen.ms), value=_value(quality, chosen.quality),
        measure=measure_title(measure, card.task),
    )  # fmt: skip
    better = [one for one in front(students, higher_is_better=_higher(quality)) if one.ms > chosen.ms]
    if not better:
        return said
    following = by_name[better[0].name]
    cost = {"value": _value(quality, better[0].quality), "time": _ms(better[0].ms)}
    return said + " " + Markup(fit_texts.NEXT).format(name=_link(following), **cost)


def _teacher(card: Card, cards: Sequence[Card], measure: FigureKey, quality: str) -> Markup:
    """What is measured of the teacher of the student `card`, and the best one by its figure if that is another."""
    mine = values_of(card, quality)[measure]
    teachers = [
        Contender(one.name, 0.0, value)
        for one in cards
        if one.role == "teacher" and (value := values_of(one, quality).get(measure)) is not None
    ]
    best = best_within(teachers, 0.0, higher_is_better=_higher(quality))
    by_name = {one.name: one for one in cards}
    its = next((one for one in teachers if one.name == card.teacher), None)
    parts = []
    if its is not None:
        values = {"value": _value(quality, its.quality), "mine": _value(quality, mine)}
        parts.append(Markup(fit_texts.TEACHER).format(name=_link(by_name[its.name]), **values))
        parts.append(Markup("{}").format(_gain(card, by_name, measure, quality)))
    if best is not None and best.name != card.teacher and _is_better(quality, best.quality, mine):
        said = _value(quality, best.quality)
        parts.append(Markup(fit_texts.OTHER).format(name=_link(by_name[best.name]), value=said))
    return Markup(" ").join(parts) if parts else Markup(fit_texts.NO_TEACHER)


def _is_better(quality: str, one: float, other: float) -> bool:
    return one > other if _higher(quality) else one < other


def _gain(card: Card, by_name: Mapping[str, Card], measure: FigureKey, quality: str) -> str:
    """What `card`, or the network that it was compressed from, has more than its twin."""
    source, said = card, fit_texts.GAIN
    while source.twin is None and source.compressed_from in by_name:
        source, said = by_name[str(source.compressed_from)], fit_texts.GAIN_BEFORE
    gain = twin_gains(source, by_name.values(), quality).get(measure)
    if gain is None:
        return fit_texts.NO_TWIN
    return said.format(gain=f"{'+' if gain >= 0 else '-'}{quality_text(quality, abs(gain))}")


def how(wanted: RateWanted, timing: Timing, cards: Sequence[Card]) -> str:
    """How the times were taken, and who is left out."""
    scale = find_task(cards[0].task).scale
    made = Frame(wanted.frame.width * scale, wanted.frame.height * scale)
    parts = [fit_texts.FRAMES.format(frame=shown_frame(wanted.frame), made=shown_frame(made))]
    if timing.basis == HERE:
        day, threads = max(taken.day for taken in timing.taken), max(taken.threads for taken in timing.taken)
        counted = "1 thread" if threads == 1 else f"{threads} threads"
        parts.append(fit_texts.HERE.format(day=day, threads=counted))
        busy = max(taken.busy_share for taken in timing.taken)
        parts += [fit_texts.BUSY.format(percent=round(100 * busy))] if busy > BUSY_SHARE else []
    elif timing.where is not None:
        said = fit_texts.SAME if timing.is_this_processor else fit_texts.OTHER_MACHINE
        parts += [said.format(where=conditions_text(timing.where)), fit_texts.SCALED]
    left_out = sum(card.name not in timing.ms for card in judged(cards))
    if left_out:
        parts.append(fit_texts.LEFT_OUT.format(n=left_out))
    return " ".join(parts)


def _ms(ms: float) -> str:
    return texts.milliseconds(ms / 1000)


def _value(quality: str, value: float) -> str:
    said = quality_text(quality, value)
    return said if quality == PSNR else f"{quality_title(quality)} {said}"


def _link(card: Card) -> Markup:
    """The title of `card`, a button that shows it."""
    button = Markup('<button type="button" class="link" data-network="{}">{}</button>')
    return button.format(card.name, str(card.title))
