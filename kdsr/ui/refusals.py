"""What was refused: one line in the server's log, without control characters, and where it was on the page its sentence
there.
"""

import logging
from typing import Any

import gradio as gr

from kdsr.errors import KdsrError
from kdsr.ui.html import status_line

_LOG = logging.getLogger("kdsr.refused")


def log_refusal(sentence: object, address: str = "") -> None:
    """Log why a request (from `address`, if it is known) was refused."""
    why = ascii(str(sentence))[1:-1]
    _LOG.warning(
        "refused %s: %s", address or "a request", why,
        extra={"facts": {"event": "refused", "address": address, "why": why}},
    )  # fmt: skip


def refused(error: KdsrError) -> tuple[Any, ...]:
    """(status, run, stop) for a picture that cannot be used."""
    log_refusal(error)
    gr.Warning(str(error))
    return status_line(str(error), kind="error"), gr.skip(), gr.skip()
