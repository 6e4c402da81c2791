"""`kdsr fit`: the student of a task that keeps a frame rate on this machine, and the teacher for it."""

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from kdsr.cli.options import note, open_catalog
from kdsr.errors import SettingsError, Stopped
from kdsr.tasks import find_task

if TYPE_CHECKING:
    from kdsr.ui.models.fit import Timing
    from kdsr.zoo import Card, FigureKey


def fit(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="The task, such as sr_x4.")],
    budget: Annotated[str, typer.Option(help="Frames per second, or time for a frame: 30fps, 33ms.")] = "30fps",
    frame: Annotated[str, typer.Option(help="What a network is given, in pixels: WIDTHxHEIGHT.")] = "640x360",
    cards: Annotated[
        bool, typer.Option("--cards", help="Measure nothing: times of the cards, scaled to the frame.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure also what was measured here before.")] = False,
) -> None:
    """Measure the networks of a task on a frame, and name the student that keeps the budget. Ctrl-C keeps the times."""
    from kdsr.bench.frames import STOPPED, FrameTimes, budget_ms, frame_of, measure_frames
    from kdsr.ui.models.fit import CARDS, HERE, RateWanted, answer, judged, timing_of
    from kdsr.ui.models.rows import PSNR, sorted_cards, usual_figure
    from kdsr.ui.models.selection import zoo_of

    find_task(task)
    wanted = RateWanted(1000 / budget_ms(budget), frame_of(frame), CARDS if cards else HERE)
    catalog, times = open_catalog(context.obj), FrameTimes(context.obj)
    able = sorted_cards(catalog.cards, task)
    measure = usual_figure(able, task)
    if measure is None:
        raise SettingsError(
            f"No network for {task} has a figure on a test set to choose by; measure one by kdsr card measure."
        )
    if not cards:
        left = [card for card in judged(able) if again or times.find(card, wanted.frame) is None]
        signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started this with SIGINT ignored
        try:
            for number, card in measure_frames(left, catalog, wanted.frame, times):
                note(f"{number + 1} of {len(left)}: {card.name}")
        except KeyboardInterrupt:
            raise Stopped(STOPPED) from None
    timing = timing_of(able, wanted, times, zoo_of(context.obj).machine)
    _print_table(able, timing, measure)
    for line in answer(able, wanted, timing, measure, PSNR).split("</p>"):
        if said := line.striptags():
            print(said)


def _print_table(cards: "Sequence[Card]", timing: "Timing", measure: "FigureKey") -> None:
    """A line for each network with a time, quickest first; those on the front are marked."""
    from kdsr.ui.models.fit import contenders, front_of
    from kdsr.ui.models.rows import PSNR, measure_title

    roles, worth = {card.name: card.role for card in cards}, front_of(cards, timing, measure, PSNR)
    found = sorted(contenders(cards, timing, measure, PSNR), key=lambda one: one.ms)
    wide = max((len(one.name) for one in found), default=7)
    print(f"{'network':{wide}}  role     ms/frame  frames/s  PSNR on {measure_title(measure, cards[0].task)}")
    for one in found:
        mark = "  * front" if one.name in worth else ""
        print(
            f"{one.name:{wide}}  {roles[one.name]:7}  {one.ms:8.1f}  {1000 / one.ms:8.1f}  {one.quality:.2f} dB{mark}"
        )
