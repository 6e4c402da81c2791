"""The address of the page: its tab, and what the tab shows, in the query of the URL.

A tab says its part in an element of `named`; the script `static/address.js` puts the parts together, and keeps the
history. Going back or forward makes the event `select` of `add_address`, and `gr.Request.query_params` then has the
address. Not here: what the parts mean (`restore.place`, `models`, `distill`).
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from kdsr.ui.html import importing

SCRIPT = Path(__file__).parent / "static" / "address.js"

_STARTS = '.then(({ start }) => start(() => trigger("select", {})))'


def add_address() -> gr.HTML:
    """The script; the event `select` of the component says that the address names another place now."""
    gr.set_static_paths([SCRIPT])
    return gr.HTML(elem_id="address", js_on_load=importing(SCRIPT, _STARTS))


def named(query: Mapping[str, str], content: str = "", *, is_answer: bool = False) -> Markup:
    """`content` in an element that says `query`, the part of its tab in the address.

    is_answer: it was asked for by the address, so it makes no new entry in the history.
    """
    written = "&".join(f"{key}={quote(value, safe=',:')}" for key, value in query.items())
    answer = Markup(' data-answer="{}"').format(secrets.token_hex(4)) if is_answer else ""
    return Markup('<div data-address="{}"{}>{}</div>').format(written, answer, content)


def is_named(query: Mapping[str, str], shown: str | None) -> bool:
    """Whether `shown`, made by `named`, says `query`, whatever its content."""
    return isinstance(shown, str) and shown.startswith(named(query).removesuffix("></div>"))
