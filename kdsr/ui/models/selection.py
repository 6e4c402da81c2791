"""The networks that *Models* can show, what a visitor has chosen of them, and the plot for that."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from kdsr.bench.frames import FrameTimes
from kdsr.bench.latency import machine_name
from kdsr.errors import SettingsError
from kdsr.restore.device import torch_device
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import style_texts, texts
from kdsr.ui.models import chart as chart_view
from kdsr.ui.models import fit_texts
from kdsr.ui.models.fit import RateWanted, Timing, answer, contenders, measured_here, of_cards, timing_of
from kdsr.ui.models.fit_chart import frame_chart
from kdsr.ui.models.rows import (
    PSNR,
    measure_title,
    measures_of,
    qualities_of,
    quality_title,
    sorted_cards,
    usual_conditions,
    usual_figure,
)  # fmt: skip
from kdsr.zoo import Card, Catalog, FigureKey, open_catalog
from kdsr.zoo.published import PUBLISHED
from kdsr.zoo.teachers import card_of

ALL = "all"
"""The filter that lets every task through."""


class Selection(NamedTuple):
    """The task, network and plot that a visitor has chosen."""

    network: str = ""
    task: str = ALL
    measure: FigureKey | None = None
    """What the plot's figure is taken on; None: the usual."""
    quality: str = PSNR
    """What is plotted: `PSNR`, or a figure for looks."""
    by: str = chart_view.BY_PARAMETERS
    wanted: RateWanted = RateWanted()
    """The frame rate that a network is to keep."""
    order: int = 0
    """The count of the page's picks when this network was picked."""


class Zoo(NamedTuple):
    """The networks that can be shown, and a sentence for each that cannot."""

    catalog: Catalog
    cards: tuple[Card, ...]
    problems: tuple[str, ...]
    absent: tuple[Card, ...] = ()
    """Of published teachers that are not here; they can be looked at and downloaded."""
    times: FrameTimes | None = None
    """What was measured on this machine."""
    machine: str = ""
    """As `machine_name` has it."""

    def find(self, name: str) -> Card | None:
        """The card named `name`, if there is one."""
        return next((card for card in (*self.cards, *self.absent) if card.name == name), None)


def zoo_of(settings: Settings) -> Zoo:
    """The networks now in the weights folder, and the published teachers that are not here."""
    catalog = open_catalog(settings)
    here = {card.name for card in catalog.cards}
    absent = tuple(card_of(one) for name, one in PUBLISHED.items() if name not in here)
    return Zoo(catalog, catalog.cards, catalog.problems, absent, FrameTimes(settings), _machine(settings))


def _machine(settings: Settings) -> str:
    """The name of what networks run on; empty where the device of `settings` is not there, as restoring will say."""
    try:
        return machine_name(torch_device(settings))
    except SettingsError:
        return ""


def plot_of(network: str, settings: Settings) -> str:
    """Quality against latency, or parameters, of the networks for the task of `network`; empty without it."""
    zoo = zoo_of(settings)
    card = zoo.find(network)
    return chart_parts(zoo, Selection(network, by=chart_view.BY_LATENCY), card)[1] if card else ""


def chart_parts(zoo: Zoo, selection: Selection, card: Card) -> tuple[dict[str, Any], str]:
    """What is chosen of the plot and of the frame rate, with the answer; and the plot."""
    cards = sorted_cards(zoo.cards, card.task)
    where = usual_conditions(cards)
    qualities = qualities_of(cards)
    quality = selection.quality if selection.quality in qualities else PSNR
    measures = measures_of(cards, quality)
    usual = next((key for key in (selection.measure, usual_figure(cards, card.task)) if key in measures), None)
    measure = usual or next(iter(measures), None)
    if measure is None:
        hidden = dict.fromkeys(("quality", "measure", "by", "fit_box"), gr.update(visible=False))
        why = texts.NO_POINTS if find_task(card.task).has_truth else style_texts.NO_POINTS
        return hidden, Markup('<p class="about">{}</p>').format(why)
    is_timed = chart_view.has_latency(cards, measure, where, quality)
    timing = timing_of(cards, selection.wanted, zoo.times, zoo.machine)
    axes = [each for each in chart_view.AXES if is_timed or each[1] != chart_view.BY_LATENCY]
    axes = [each for each in axes if contenders(cards, timing, measure, quality) or each[1] != chart_view.BY_FRAME]
    by = selection.by if selection.by in dict(axes).values() else chart_view.BY_PARAMETERS
    titles = [measure_title(key, card.task) for key in measures]
    named = [(quality_title(name), name) for name in qualities]
    updates = {
        "quality": gr.update(choices=named, value=quality, visible=len(named) > 1),
        "measure": gr.update(choices=titles, value=measure_title(measure, card.task), visible=len(titles) > 1),
        "by": gr.update(choices=axes, value=by, visible=len(axes) > 1),
        **_fit_parts(zoo, selection.wanted, cards, timing, measure, quality),
    }
    if by == chart_view.BY_FRAME:
        return updates, frame_chart(cards, selection.wanted, timing, measure, card.name, quality)
    return updates, chart_view.chart_of(cards, card.task, measure, by, where, card.name, quality)


def _fit_parts(
    zoo: Zoo, wanted: RateWanted, cards: Sequence[Card], timing: Timing, measure: FigureKey, quality: str
) -> dict[str, Any]:
    """The heading, the choice of times where there is one, and the answer."""
    here = zoo.times is not None and bool(measured_here(cards, wanted.frame, zoo.times).ms)
    task = find_task(cards[0].task).title
    return {
        "fit_box": gr.update(visible=True),
        "fit_head": Markup("<h3>{}<small>{}</small></h3>").format(fit_texts.TITLE, task),
        "basis": gr.update(value=timing.basis, visible=here and bool(of_cards(cards, wanted.frame, zoo.machine).ms)),
        "fit": answer(cards, wanted, timing, measure, quality),
    }
