"""The fold below the tabs: the endpoints for scripts, an example to copy by `gradio_client` and by `curl`, the limits.

The address in the examples is replaced by the page's own in the browser, which alone knows it behind a proxy.
"""

import gradio as gr
from markupsafe import Markup

from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.events import QUEUE_PLACES, SESSION_PLACES
from kdsr.ui.html import joined, region
from kdsr.ui.restore.files import KEPT_S
from kdsr.ui.restore.run import TIME_LIMIT_S
from kdsr.zoo import Card, open_catalog

ADDRESS = "http://127.0.0.1:7860"
"""Stands in the examples until the browser puts the page's own there."""
PYTHON = """from pathlib import Path

from gradio_client import Client, handle_file

client = Client("{address}")
file = client.predict(handle_file("photo.png"), "{task}", "{network}", api_name="/restore")
Path("restored.png").write_bytes(Path(file).read_bytes())
"""
CURL = """page={address}
photo=$(curl -s -F files=@photo.png $page/gradio_api/upload | cut -d'"' -f2)
event=$(curl -s $page/gradio_api/call/v2/restore -H 'Content-Type: application/json' \\
  -d '{{"picture": {{"path": "'"$photo"'"}}, "task": "{task}", "network": "{network}"}}' | cut -d'"' -f4)
file=$(curl -sN $page/gradio_api/call/restore/$event | sed -n 's/.*"path": "\\([^"]*\\)".*/\\1/p')
curl -s -o restored.png "$page/gradio_api/file=$file"
"""
ENDPOINTS = (
    ("/restore", "picture, task, network, sharpness, mask", "the restored file, bit-equal to that of kdsr restore"),
    (
        "/compare",
        "picture, task, student, teacher, original, degrade, strength",
        "student and teacher of one picture, with figures",
    ),
    ("/models", "task", "the networks, with figures"),
    ("/evaluate", "restored, original, task, mask", "PSNR and SSIM in the task's convention"),
    ("/distill_start, /distill_status, /distill_stop", "docs/endpoints.md", "runs of Distill"),
)
_FILL = """() => setTimeout(() => document.querySelectorAll('#scripts .address').forEach((each) => {
  each.textContent = (location.origin + location.pathname).replace(/\\/+$/, '');
}), 100)"""


def add_scripts_panel(settings: Settings) -> None:
    """The fold, inside the blocks that are being built."""
    with gr.Accordion(texts.SCRIPTS, open=False, elem_id="scripts") as fold:
        gr.HTML(panel(settings))
    fold.expand(None, js=_FILL)


def panel(settings: Settings) -> Markup:
    """The contents of the fold; without a network there is no example."""
    card = _example_card(settings)
    examples = [
        _code(title, template, card) for title, template in (("Python", PYTHON), ("curl", CURL)) if card is not None
    ]
    row = Markup("<tr><th scope=row translate=no><code>{}</code></th><td translate=no>{}</td><td>{}</td></tr>")
    rows = joined(row.format(*each) for each in ENDPOINTS)
    head = Markup("<tr><th scope=col>Endpoint</th><th scope=col>Takes</th><th scope=col>Gives</th></tr>")
    table = Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(head, rows)
    limits = texts.SCRIPT_LIMITS.format(
        read=settings.max_input_megapixels, made=settings.max_output_megapixels, seconds=TIME_LIMIT_S,
        places=QUEUE_PLACES, own=SESSION_PLACES, hours=KEPT_S / 3600,
    )  # fmt: skip
    about = Markup("<p>{}</p>").format(limits)
    return joined([*examples, region(texts.SCRIPTS, table), about])


def example(template: str, address: str, card: Card) -> str:
    """The example `template` (`PYTHON` or `CURL`) for a page at `address` and the network of `card`."""
    return template.format(address=address, task=card.task, network=card.name)


def _code(title: str, template: str, card: Card) -> Markup:
    before, after = Markup.escape(example(template, "\0", card)).split("\0")
    address = Markup('<span class="address">{}</span>').format(ADDRESS)
    return Markup('<figure class="code"><figcaption>{}</figcaption>{}<pre tabindex="0">{}</pre></figure>').format(
        title, Markup('<button type="button" class="copy">Copy</button>'), Markup(before) + address + Markup(after)
    )


def _example_card(settings: Settings) -> Card | None:
    """The network of the examples: the first student for x4 super-resolution, else any student, else none."""
    cards = open_catalog(settings).cards
    students = sorted((card for card in cards if card.role == "student"), key=lambda card: card.task != "sr_x4")
    first = students[0].task if students else None
    return open_catalog(settings).for_task(first, "student")[0] if first else None
