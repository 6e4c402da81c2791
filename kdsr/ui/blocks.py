"""gradio's page, `Page`, in which a value of a wrong kind is one sentence, as in the endpoints (`arguments`)."""

from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

from kdsr.errors import KdsrError
from kdsr.ui import texts
from kdsr.ui.refusals import log_refusal

_SHOWN = 200
"""Characters of what gradio says of a wrong value."""


class Page(gr.Blocks):
    """As gradio's; a value that a component or a handler does not take is one sentence, without a traceback."""

    async def preprocess_data(self, *given: Any, **named: Any) -> Any:
        """As gradio's: what fails here is in what was sent."""
        try:
            return await super().preprocess_data(*given, **named)
        except InvalidPathError as error:
            raise _told(error, texts.NOT_UPLOADED) from error
        except Exception as error:
            raise _told(error, texts.WRONG_VALUE) from error

    async def call_function(self, *given: Any, **named: Any) -> Any:
        """As gradio's."""
        try:
            return await super().call_function(*given, **named)
        except KdsrError as error:
            raise _told(error, "") from error


def _told(error: Exception, otherwise: str) -> gr.Error:
    """`error` as the visitor is told, with one line in the log; what gradio itself says is cut short."""
    is_ours = isinstance(error, KdsrError | gr.Error)
    sentence = (error.message if isinstance(error, gr.Error) else str(error)) if is_ours else otherwise
    log_refusal(sentence if is_ours else f"{otherwise} ({type(error).__name__}: {str(error)[:_SHOWN]})")
    return gr.Error(sentence if isinstance(error, KdsrError) else sentence[:_SHOWN], print_exception=False)
