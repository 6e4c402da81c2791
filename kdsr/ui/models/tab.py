"""The tab *Models*: its layout, then its wiring. What the handlers do is in `models.handlers`."""

from pathlib import Path
from typing import Any

import gradio as gr

from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.compare import add_comparison
from kdsr.ui.events import LATEST, LATEST_TOLD, READING, SAMPLED, TOLD, to_chosen
from kdsr.ui.models.chart import AXES, BY_PARAMETERS
from kdsr.ui.models.fitting import add_fit, wire_fit
from kdsr.ui.models.handlers import ModelsHandlers, ModelsPage
from kdsr.ui.models.sample import COMPARISON
from kdsr.ui.models.selection import ALL, Selection
from kdsr.ui.models.synthesis import add_synthesis
from kdsr.ui.models.teachers import add_get, wire_get_here
from kdsr.ui.restore.wiring import RestoreTab
from kdsr.ui.teachers.panel import TeachersEvents
from kdsr.ui.visitor import Visitor

_PICKABLE = """
element.addEventListener("click", (event) => {
  const network = event.target.closest("[data-network]")?.dataset.network;
  if (!network) return;
  for (const row of document.querySelectorAll("#zoo-tables tr[data-network]")) {
    if (row.dataset.network === network) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  window.kdsrPicks = (window.kdsrPicks ?? 0) + 1;
  trigger("select", { network, order: window.kdsrPicks });
});
"""
"""A click on whatever names a network opens its card. The row is marked here, so that the table is not sent again. Two
quick clicks can reach the server in the other order, so they are counted.
"""
_TO_CARD = """() => {
  const card = document.querySelector("#zoo-card"), top = card.getBoundingClientRect().top;
  card.scrollTop = 0;
  if (top < 0 || top > 0.7 * window.innerHeight) card.scrollIntoView({ behavior: "smooth" });
}"""
"""A new card is shown from its top, and scrolls into view where it is below the table."""
_TO_TOP = "() => window.scrollTo({ top: 0 })"
"""*Restore* is shown from its top, however far down the card was scrolled."""


def add_models_tab(
    folder: Path,
    blocks: gr.Blocks,
    *,
    visitor: Visitor,
    teachers: TeachersEvents,
    tabs: gr.Tabs,
    tab: gr.Tab,
    restore: RestoreTab,
    address: gr.HTML,
) -> ModelsHandlers:
    """The contents of `tab` in `blocks`; downloads are copied under `folder`, which must be in gradio's own cache.

    teachers: what can be downloaded here. address: what to follow.
    """
    handlers = ModelsHandlers(folder, restore.handlers)
    with gr.Row(elem_id="zoo"):
        parts = _main_column(handlers.settings) | _card_column()
    selection = parts["selection"] = gr.State(Selection())
    page = [parts[name] for name in ModelsPage._fields]
    shown = tab.select(handlers.on_show, [selection, restore.choice], page, **LATEST_TOLD)
    shown.then(None, js=to_chosen("zoo-filter"))
    address.select(handlers.on_follow, [selection, restore.choice], page, **LATEST_TOLD)
    parts["filter"].input(handlers.on_filter, [parts["filter"], selection], page, **LATEST_TOLD)
    parts["quality"].input(handlers.on_quality, [parts["quality"], selection], page, **LATEST_TOLD)
    parts["measure"].input(handlers.on_measure, [parts["measure"], selection], page, **LATEST_TOLD)
    parts["by"].input(handlers.on_by, [parts["by"], selection], page, **LATEST_TOLD)
    for name in ("tables", "chart", "fit", "head", "body"):
        parts[name].select(handlers.on_pick, selection, page, **TOLD).success(None, js=_TO_CARD)
    wire_fit(handlers, parts, selection, page, blocks)
    tried = parts["try"].click(
        handlers.on_try, [selection, restore.choice, visitor.who], [tabs, parts["status"], *restore.compared], **READING
    )
    restore.run_after(tried)
    tried.then(None, js=_TO_TOP)
    made = gr.State()
    sampled = selection.change(handlers.on_sample, selection, made, **SAMPLED)
    sampled.then(handlers.on_sampled, [made, selection], parts["sample"], **LATEST)
    wire_get_here(handlers, teachers, parts["panel"], selection, page)
    return handlers


def _main_column(settings: Settings) -> dict[str, Any]:
    """The table, the plot under it, and the fold that draws pictures."""
    with gr.Column(elem_id="zoo-main"):
        task = gr.Radio([("All", ALL)], value=ALL, label="Task", show_label=False, elem_id="zoo-filter")
        tables = gr.HTML(elem_id="zoo-tables", js_on_load=_PICKABLE)
        problems = gr.HTML(elem_id="zoo-problems")
        fit = add_fit(_PICKABLE)
        with gr.Row(elem_id="zoo-axes"):
            quality = gr.Radio([], label="Quality", elem_id="zoo-quality", visible=False)
            measure = gr.Radio([], label="Measured on", elem_id="zoo-measure", visible=False)
            by = gr.Radio(
                list(AXES),
                value=BY_PARAMETERS,
                label="Against",
                elem_id="zoo-by",
                visible=False,
            )
        chart = gr.HTML(elem_id="zoo-chart", js_on_load=_PICKABLE)
        published = gr.HTML(elem_id="zoo-published")
        add_synthesis(settings)
    return {
        "filter": task,
        "tables": tables,
        "problems": problems,
        "quality": quality,
        "measure": measure,
        "by": by,
        "chart": chart,
        "published": published,
        **fit,
    }


def _card_column() -> dict[str, Any]:
    """One network."""
    with gr.Column(elem_id="zoo-card"):
        status = gr.HTML(elem_id="zoo-status")
        head = gr.HTML(elem_id="zoo-head", js_on_load=_PICKABLE)
        with gr.Row(visible=False, elem_id="zoo-buttons") as buttons:
            button = gr.Button(texts.TRY_IT, variant="primary", elem_id="zoo-try")
            weights = gr.DownloadButton("Weights", elem_id="zoo-weights")
            card = gr.DownloadButton("Card", elem_id="zoo-card-file")
        panel = add_get()
        sample = add_comparison(COMPARISON, 1.0)
        body = gr.HTML(elem_id="zoo-body", js_on_load=_PICKABLE)
    return {
        "status": status,
        "head": head,
        "buttons": buttons,
        "try": button,
        "weights": weights,
        "card": card,
        "body": body,
        "sample": sample,
        "panel": panel,
    }
