"""Small pieces of HTML that every tab shows: a note_line line, a error_line, the status of what runs."""

from html import escape


def note_line(text: str) -> str:
    """A line that only tells."""
    return f'<p class="chosen">{escape(text)}</p>' if text else ""


def error_line(text: str) -> str:
    """A sentence that says what is wrong; nothing for an empty one."""
    return f'<div class="line error" role="alert">{escape(text)}</div>' if text else ""


def status_line(text: str, *, kind: str = "idle", fraction: float | None = None) -> str:
    """The status line: what runs and how far it is, or what went wrong. `kind` is idle, busy, done or error."""
    width = f' style="width:{max(0.0, min(1.0, fraction)):.0%}"' if fraction is not None else ""
    bar = f'<span class="bar{" endless" if fraction is None else ""}"><i{width}></i></span>' if kind == "busy" else ""
    live = "alert" if kind == "error" else "status"
    percent = f" · {fraction:.0%}" if kind == "busy" and fraction is not None else ""
    return f'<div class="line {kind}" role="{live}"><span>{escape(text)}{percent}</span>{bar}</div>'
