"""The networks that *Models* can show, what a visitor has chosen of them, and the plot for that."""

from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.models import chart as chart_view
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
    order: int = 0
    """The count of the page's picks when this network was picked."""


class Zoo(NamedTuple):
    """The networks that can be shown, and a sentence for each that cannot."""

    catalog: Catalog
    cards: tuple[Card, ...]
    problems: tuple[str, ...]
    absent: tuple[Card, ...] = ()
    """Of published teachers that are not here; they can be looked at and downloaded."""

    def find(self, name: str) -> Card | None:
        """The card named `name`, if there is one."""
        return next((card for card in (*self.cards, *self.absent) if card.name == name), None)


def zoo_of(settings: Settings) -> Zoo:
    """The networks now in the weights folder, and the published teachers that are not here."""
    catalog = open_catalog(settings)
    here = {card.name for card in catalog.cards}
    absent = tuple(card_of(one) for name, one in PUBLISHED.items() if name not in here)
    return Zoo(catalog, catalog.cards, catalog.problems, absent)


def plot_of(network: str, settings: Settings) -> str:
    """Quality against latency, or parameters, of the networks for the task of `network`; empty without it."""
    zoo = zoo_of(settings)
    card = zoo.find(network)
    return chart_parts(zoo, Selection(network, by=chart_view.BY_LATENCY), card)[1] if card else ""


def chart_parts(zoo: Zoo, selection: Selection, card: Card) -> tuple[dict[str, Any], str]:
    """The three choices of the plot, and the plot."""
    cards = sorted_cards(zoo.cards, card.task)
    where = usual_conditions(cards)
    qualities = qualities_of(cards)
    quality = selection.quality if selection.quality in qualities else PSNR
    measures = measures_of(cards, quality)
    usual = next((key for key in (selection.measure, usual_figure(cards, card.task)) if key in measures), None)
    measure = usual or next(iter(measures), None)
    if measure is None:
        hidden = dict.fromkeys(("quality", "measure", "by"), gr.update(visible=False))
        return hidden, Markup('<p class="about">{}</p>').format(texts.NO_POINTS)
    is_timed = chart_view.has_latency(cards, measure, where, quality)
    by = selection.by if is_timed else chart_view.BY_PARAMETERS
    titles = [measure_title(key, card.task) for key in measures]
    named = [(quality_title(name), name) for name in qualities]
    updates = {
        "quality": gr.update(choices=named, value=quality, visible=len(named) > 1),
        "measure": gr.update(choices=titles, value=measure_title(measure, card.task), visible=len(titles) > 1),
        "by": gr.update(value=by, visible=is_timed),
    }
    return updates, chart_view.chart_of(cards, card.task, measure, by, where, card.name, quality)
