"""A dropdown whose choices depend on another one's."""

import gradio as gr

class DependentDropdown(gr.Dropdown):
    """A dropdown whose choices change with another choice. gradio refuses a value that was chosen before, in words for
    programmers, where its request waited meanwhile. Here the handler gets it, and judges it.
    """

    is_template = True
    """So that the browser draws what it draws for `gr.Dropdown`."""

    def preprocess(self, payload: str | int | float | list[str | int | float] | None) -> str | int | float | None:
        """The chosen value as it came."""
        return None if isinstance(payload, list) else payload
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component
