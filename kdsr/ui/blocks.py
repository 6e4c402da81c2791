"""gradio's page, `Page`, in which a value of a wrong kind is one sentence, as in the endpoints (`arguments`)."""

from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError

from kdsr.errors import KdsrError
from kdsr.ui import texts
from kdsr.ui.languages.speech import ENGLISH, language, language_of_request, said_config, said_value, speaking
from kdsr.ui.refusals import log_refusal

_SHOWN = 200
"""Characters of what gradio says of a wrong value."""


class Page(gr.Blocks):
    """As gradio's; a value that a component or a handler does not take is one sentence, without a traceback, and what
    leaves for a visitor is in the visitor's language.
    """

    _english: dict[str, Any]
    _configs: dict[str, dict[str, Any]]

    @property
    def config(self) -> Any:
        """What the browser builds the page from, in the language of the request."""
        if language() not in self._configs:
            self._configs[language()] = said_config(self._english)
        return self._configs[language()]

    @config.setter
    def config(self, english: Any) -> None:
        self._english, self._configs = english, {ENGLISH: english}

    async def process_api(self, *given: Any, **named: Any) -> Any:
        """As gradio's, for whoever sent the `request` among its arguments."""
        with speaking(language_of_request(named.get("request"))):
            return await super().process_api(*given, **named)

    async def postprocess_data(self, block_fn: Any, *given: Any, **named: Any) -> Any:
        """As gradio's; its last step before what is new is sent."""
        made = await super().postprocess_data(block_fn, *given, **named)
        kinds = (block.get_block_name() for block in block_fn.outputs)
        return [said_value(kind, value) for kind, value in zip(kinds, made, strict=True)]

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
