"""The presentation: a dialog of seven screens that shows large what *Restore* shows. Its script is `static/present`.

From here it has its words, and the plot once it is open.
"""

import json
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from kdsr.ui import texts
from kdsr.ui.events import LATEST
from kdsr.ui.html import importing, joined
from kdsr.ui.languages.speech import LANGUAGES, QUERY
from kdsr.ui.models.selection import plot_of
from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.wiring import RestoreTab

SCRIPTS = Path(__file__).parent / "static" / "present"

_STARTS = '.then(({ start }) => start(() => trigger("select", {})))'
_DIALOG = Markup("""
<dialog id="present" class="dark" aria-labelledby="present-title" data-words="{words}">
  <header><h2 id="present-title" tabindex="-1"></h2><p></p><span class="where"></span></header>
  <div class="pictures" data-screens="before student teacher both">
    <kdsr-compare source="hero-pictures" bare></kdsr-compare></div>
  <div class="sheet" data-screens="figures"><div data-copy="sentence"></div>
    <div class="scroll" tabindex="0" role="region" aria-label="{figures}" data-copy="table"></div></div>
  <div class="sheet" data-screens="plot" data-copy="plot"></div>
  <div class="sheet own" data-screens="own"><ol>{steps}</ol>
    <button type="button" data-does="distill">{open}</button></div>
  <footer><span class="count"></span><p role="status"></p><p class="keys">{keys}</p>{buttons}</footer>
</dialog>
""")


def masthead() -> Markup:
    """The page's title, the switch of its language, and the button that opens the presentation."""
    button = Markup('<button type="button" id="present-open" title="{}">{}</button>')
    title = Markup("<h1>{}</h1><p>{}</p>").format(texts.TITLE, texts.PURPOSE)
    return _languages() + button.format(texts.PRESENT_ABOUT, texts.PRESENT) + title  # what floats comes first


def _languages() -> Markup:
    """A link for each language; the style sheet hides that of the page."""
    link = Markup('<a href="?{}={word}" data-lang="{word}" lang="{tag}" hreflang="{tag}">{}</a>')
    links = (link.format(QUERY, name, word=word, tag=tag) for word, (name, tag) in LANGUAGES.items())
    return Markup('<span id="language">{}</span>').format(joined(links))


def add_presentation(restore: RestoreTab) -> None:
    """The dialog, closed, and the plot of the networks for the task in *Restore*, asked for when it opens."""
    gr.set_static_paths([SCRIPTS])
    buttons = joined(
        Markup('<button type="button" data-does="{}" aria-label="{}" title="{}">{}</button>').format(
            does, name, name, sign
        )
        for does, name, sign in texts.PRESENT_BUTTONS
    )
    dialog = _DIALOG.format(
        words=json.dumps(texts.PRESENT_WORDS),
        figures=texts.PRESENT_WORDS["figures"][0],
        steps=joined(Markup("<li><b>{}</b> {}</li>").format(*step) for step in texts.DISTILL_STEPS),
        open=texts.PRESENT_DISTILL,
        keys=texts.PRESENT_KEYS,
        buttons=buttons,
    )
    opened = gr.HTML(dialog, elem_id="presentation", js_on_load=importing(SCRIPTS / "present.js", _STARTS))
    plot = gr.HTML(elem_id="present-plot")

    def on_asked(choice: Choice) -> str:
        return plot_of(choice.student or choice.teacher or "", restore.handlers.settings)

    gr.on([opened.select, restore.choice.change], on_asked, restore.choice, plot, **LATEST)
