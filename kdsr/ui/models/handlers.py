"""The handlers of the tab *Models*: from a visitor's actions to the page's outputs. They run without a browser.

Not here: layout and wiring (`models.tab`), what a network looks like (`models.table`, `models.chart`, `models.card`).
"""

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from markupsafe import Markup

from kdsr.bench.frames import frame_of
from kdsr.errors import KdsrError, WeightsError
from kdsr.files import replaced
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.disk import writing
from kdsr.ui.html import error_line, joined
from kdsr.ui.models import card as card_view
from kdsr.ui.models import chart as chart_view
from kdsr.ui.models.absent import absent_table
from kdsr.ui.models.fit import MOST_RATE, RateWanted
from kdsr.ui.models.rows import (
    measure_title,
    measures_of,
    sorted_cards,
    tasks_of,
)
from kdsr.ui.models.sample import Samples
from kdsr.ui.models.selection import ALL, Selection, Zoo, chart_parts, zoo_of
from kdsr.ui.models.table import tables
from kdsr.ui.restore.choice import NOTHING_COMPARED, Choice, Comparison
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.zoo import Card, Catalog, alike, sha256_of


class ModelsPage(NamedTuple):
    """The outputs of the tab, in their order; those not given stay unchanged."""

    selection: Any = gr.skip()
    filter: Any = gr.skip()
    tables: Any = gr.skip()
    quality: Any = gr.skip()
    measure: Any = gr.skip()
    by: Any = gr.skip()
    chart: Any = gr.skip()
    fit_box: Any = gr.skip()
    fit_head: Any = gr.skip()
    basis: Any = gr.skip()
    fit: Any = gr.skip()
    published: Any = gr.skip()
    problems: Any = gr.skip()
    status: Any = gr.skip()
    head: Any = gr.skip()
    buttons: Any = gr.skip()
    weights: Any = gr.skip()
    card: Any = gr.skip()
    body: Any = gr.skip()
    sample: Any = gr.skip()


_PLOTTED = ("selection", "quality", "measure", "by", "chart", "fit_box", "fit_head", "basis", "fit")
"""What another plot or frame rate changes."""
UNCHANGED = ModelsPage(*(gr.skip(),) * len(ModelsPage._fields))


class ModelsHandlers:
    """The handlers, with what they share: the folder of the networks, that for downloads, and the tab that tries a
    network.
    """

    def __init__(self, folder: Path, restore: RestoreHandlers) -> None:
        self.settings = restore.settings
        self.folder = folder
        self.restore = restore
        self.samples = Samples(folder / "samples", restore.settings)

    def zoo(self) -> Zoo:
        return zoo_of(self.settings)

    def on_show(self, selection: Selection, choice: Choice, request: gr.Request) -> ModelsPage:
        """The tab as it opens: on the network that the address names and its task, else on what was shown before.

        The first time it is *Restore*'s task.
        """
        zoo, status = self.zoo(), Markup("")
        asked = request.query_params.get("model") or ""
        if not selection.network or (asked != selection.network and zoo.find(asked)):
            card = zoo.find(asked)
            selection = selection._replace(network=asked, task=card.task if card else choice.task)
            if asked and not card:
                status = error_line(texts.NO_SUCH_MODEL.format(name=asked[:64]))
        return self._page(zoo, selection, status)

    def on_follow(self, selection: Selection, choice: Choice, request: gr.Request) -> ModelsPage:
        """As `on_show`, after going back or forward to a network; unchanged after going elsewhere."""
        if request.query_params.get("model", selection.network) == selection.network:
            return UNCHANGED
        return self.on_show(selection, choice, request)

    def on_filter(self, task: str, selection: Selection) -> ModelsPage:
        """The networks for one task, or all."""
        return self._page(self.zoo(), selection._replace(task=task, measure=None))

    def on_pick(self, selection: Selection, event: gr.EventData) -> ModelsPage:
        """Another network: its card, and the plot of its task. The table stays, so that the keyboard's place in it is
        kept. Of two picks the newer one stands, whichever comes first.
        """
        given = event._data or {}
        network, order = str(given.get("network", "")), given.get("order")
        if isinstance(order, int):
            if order < selection.order:
                return UNCHANGED
            selection = selection._replace(order=order)
        page = self._page(self.zoo(), selection._replace(network=network))
        return page._replace(tables=gr.skip(), filter=gr.skip(), problems=gr.skip())

    def on_sample(self, selection: Selection) -> tuple[str, str]:
        """(network, the comparison in its card), made where it is the first time; a mark where there is none."""
        zoo, none = self.zoo(), Markup("<i data-none></i>")
        card = zoo.find(selection.network)
        if card is None or card in zoo.absent:
            return selection.network, none
        try:
            return selection.network, self.samples.make(card, zoo.cards, zoo.catalog) or none
        except (KdsrError, OSError):
            return selection.network, none  # the downloads say what is wrong with the weights

    def on_sampled(self, made: tuple[str, str], selection: Selection) -> Any:
        """The comparison that was made, unless another network was chosen meanwhile."""
        network, html = made
        return html if network == selection.network else gr.skip()

    def on_measure(self, title: str, selection: Selection) -> ModelsPage:
        """Another figure in the plot."""
        zoo = self.zoo()
        card = self._chosen(zoo, selection)
        keys = measures_of(zoo.cards) + measures_of(zoo.cards, selection.quality)
        measure = next((key for key in keys if card and measure_title(key, card.task) == title), None)
        return self._plotted(zoo, selection._replace(measure=measure))

    def on_quality(self, quality: str, selection: Selection) -> ModelsPage:
        """PSNR, or a figure for looks, in the plot."""
        return self._plotted(self.zoo(), selection._replace(quality=quality))

    def on_by(self, by: str, selection: Selection) -> ModelsPage:
        """Parameters or latency below the plot."""
        return self._plotted(self.zoo(), selection._replace(by=by))

    def on_wanted(self, rate: float, frame: str, basis: str, selection: Selection) -> ModelsPage:
        """Another frame rate, frame or kind of times: the answer, and the plot against the time for a frame."""
        rate = min(max(float(rate), 1.0), float(MOST_RATE))
        wanted = RateWanted(rate, frame_of(frame), basis)
        return self._plotted(self.zoo(), selection._replace(wanted=wanted, by=chart_view.BY_FRAME))

    def on_try(self, selection: Selection, choice: Choice, who: str, request: gr.Request) -> tuple[Any, ...]:
        """(tabs, status, *what `RestoreHandlers.compared` gives): the network in *Restore*, on the picture that is
        there.
        """
        zoo = self.zoo()
        card = zoo.find(selection.network)
        if card is None or card in zoo.absent:
            return gr.skip(), error_line(texts.GONE), *NOTHING_COMPARED
        return (
            gr.update(selected="restore"),
            "",
            *self.restore.compared(wanted_of(card, zoo.cards, choice), choice, who, request),
        )

    def page(self, selection: Selection) -> ModelsPage:
        """The page for `selection` as the networks are now."""
        return self._page(self.zoo(), selection)

    def plotted(self, selection: Selection) -> ModelsPage:
        """Only the plot and the answer for `selection`, as the networks are now."""
        return self._plotted(self.zoo(), selection)

    def _plotted(self, zoo: Zoo, selection: Selection) -> ModelsPage:
        """Only the plot."""
        page = self._page(zoo, selection)
        kept = {name: getattr(page, name) for name in _PLOTTED}
        return ModelsPage(**kept)

    def _chosen(self, zoo: Zoo, selection: Selection) -> Card | None:
        """The selected network, or the first one to show: the best student that the filter lets through."""
        card = zoo.find(selection.network)
        if card and selection.task in (ALL, card.task):
            return card
        tasks = [selection.task] if selection.task != ALL else ["sr_x4", *tasks_of(zoo.cards)]
        found = next((cards for task in tasks if (cards := sorted_cards(zoo.cards, task))), [])
        return next((card for card in found if card.role == "student"), next(iter(found), None))

    def _page(self, zoo: Zoo, selection: Selection, status: str = Markup("")) -> ModelsPage:
        """The complete page for the selection."""
        able = tasks_of(zoo.cards)
        selection = selection if selection.task in able else selection._replace(task=ALL)
        card = self._chosen(zoo, selection)
        if card is None:
            return _empty(zoo, status)
        shown = able if selection.task == ALL else [selection.task]
        groups = [(task, sorted_cards(zoo.cards, task)) for task in shown]
        measures, chart = chart_parts(zoo, selection._replace(network=card.name), card)
        absent = [one for one in zoo.absent if selection.task in (ALL, one.task)]
        files, refusal = self._files(card, zoo)
        return ModelsPage(
            selection=selection._replace(network=card.name),
            filter=gr.update(choices=[("All", ALL), *((find_task(t).title, t) for t in able)], value=selection.task),
            tables=tables(groups, card.name) + absent_table(absent, card.name),
            **measures,
            chart=chart,
            published=chart_view.published_table(card.task),
            problems=problem_list(zoo.problems),
            status=status + error_line(refusal),
            head=card_view.head(card, zoo.cards),
            buttons=gr.update(visible=card not in zoo.absent),
            **files,
            body=card_view.body(card, zoo.cards),
            sample=self.samples.ready(card, zoo.cards),
        )

    def _files(self, card: Card, zoo: Zoo) -> tuple[dict[str, Any], str]:
        """The downloads, or the sentence that says why there are none; neither for a network that is not here."""
        if card in zoo.absent:
            return {}, ""
        try:
            weights, text = released_files(card, zoo.catalog, self.folder)
        except KdsrError as error:
            return dict.fromkeys(("weights", "card"), gr.update(value=None, interactive=False)), str(error)
        return {
            "weights": gr.update(value=str(weights), interactive=True),
            "card": gr.update(value=str(text), interactive=True),
        }, ""


def wanted_of(card: Card, cards: tuple[Card, ...], choice: Choice) -> Comparison:
    """`card` in its role in *Restore*, compared with the network chosen there or, for another task, its counterpart."""
    of_task = alike(sorted_cards(cards, card.task), card)
    chosen, kin = {choice.teacher, choice.student}, {other.name for other in of_task}
    is_alike = find_task(card.task).has_truth or chosen <= {None, *kin}
    same = choice if choice.task == card.task and is_alike else None
    if card.role == "teacher":
        others = [other for other in of_task if other.role == "student"]
        taught = [other for other in others if other.teacher == card.name]
        student = same.student if same and same.student else next((other.name for other in taught + others), None)
        return Comparison(card.task, student, None, card.name, None)
    teachers = [other.name for other in of_task if other.role == "teacher"]
    teacher = (
        same.teacher
        if same and same.teacher
        else next((name for name in (card.teacher, *teachers) if name in teachers), None)
    )
    return Comparison(card.task, card.name, None, teacher, None)


def released_files(card: Card, catalog: Catalog, folder: Path) -> tuple[Path, Path]:
    """(weights, card) copied under `folder`, which the page may serve from.

    Raises:
        WeightsError: the weights are not those of the card. InputError: they cannot be copied.
    """
    source, place = catalog.weights_path(card), folder / card.name / str(card.sha256)[:12]
    weights, text = place / source.name, place / f"{card.name}.json"
    if not weights.is_file():
        if sha256_of(source) != card.sha256:
            raise WeightsError(
                f"The weights {source.name} are not those of the card (their SHA-256 differs); restore the file."
            )
        _copy(source, weights)
    _copy(source.with_suffix(".json"), text)
    return weights, text


def _copy(source: Path, target: Path) -> None:
    """An atomic copy, since another visitor may be downloading."""
    with writing("The downloads"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target) as part:
            shutil.copyfile(source, part)


def problem_list(problems: tuple[str, ...]) -> Markup:
    """The sentences about networks that cannot be shown, folded away; empty if there are none."""
    if not problems:
        return Markup("")
    lines = joined(Markup("<li>{}</li>").format(sentence) for sentence in problems)
    fold = Markup('<details class="fold"><summary>{}</summary><ul>{}</ul></details>')
    return fold.format(texts.problems_title(len(problems)), lines)


def _empty(zoo: Zoo, status: str) -> ModelsPage:
    """The page of a zoo without networks."""
    hidden = gr.update(visible=False)
    cleared = dict.fromkeys(("chart", "published", "head", "body", "sample"), "")
    return ModelsPage(
        selection=Selection(),
        tables=Markup('<p class="headline">{}</p>').format(texts.EMPTY_ZOO),
        problems=problem_list(zoo.problems),
        status=status,
        weights=gr.update(value=None),
        card=gr.update(value=None),
        **dict.fromkeys(("filter", "quality", "measure", "by", "fit_box", "buttons"), hidden),
        **cleared,
    )
