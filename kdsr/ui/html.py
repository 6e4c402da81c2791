"""Small pieces of HTML that every tab shows: a note, an error, the status of what runs.

Every text that goes through `Markup.format` or `joined` is escaped, unless it is `Markup` already.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup


def joined(parts: Iterable[str]) -> Markup:
    """`parts` one after the other; those that are no `Markup` are escaped."""
    return Markup("").join(parts)


def file_address(path: Path) -> str:
    """Where a browser finds the file `path`, behind the address of gradio's own API."""
    return f"/file={quote(path.resolve().as_posix())}"


def importing(module: Path, then: str = "") -> str:
    """The script that imports the file `module`, which gradio serves, and then does `then`.

    There `served` is the address of gradio's files, also behind a proxy.
    """
    served = '(window.gradio_config?.root ?? "") + (window.gradio_config?.api_prefix ?? "/gradio_api")'
    return f"const served = {served}; import(served + {json.dumps(file_address(module))}){then};"


def note_line(text: str) -> Markup:
    """A line of plain information; empty for an empty text."""
    return Markup('<p class="chosen">{}</p>').format(text) if text else Markup("")


def error_line(text: str) -> Markup:
    """A sentence that says what is wrong; empty for an empty text."""
    return Markup('<div class="line error" role="alert">{}</div>').format(text) if text else Markup("")


def status_line(text: str, *, kind: str = "idle", fraction: float | None = None) -> Markup:
    """The status line: what runs and how far it is, or what went wrong.

    Args:
        kind: idle, busy, done, stopped or error.
        fraction: progress in [0, 1] of a busy line; without one its bar is endless.
    """
    role = "alert" if kind == "error" else "status"
    percent = f" · {fraction:.0%}" if kind == "busy" and fraction is not None else ""
    return Markup('<div class="line {}" role="{}"><span>{}{}</span>{}</div>').format(
        kind, role, text, percent, _bar(fraction) if kind == "busy" else ""
    )


def _bar(fraction: float | None) -> Markup:
    if fraction is None:
        return Markup('<span class="bar endless"><i></i></span>')
    return Markup('<span class="bar"><i style="width:{:.0%}"></i></span>').format(max(0.0, min(1.0, fraction)))


def region(title: str, table: str) -> Markup:
    """`table` in a region that scrolls sideways and that the keyboard reaches."""
    return Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>').format(title, table)
