"""A dropdown whose choices depend on another one's."""

from abc import ABCMeta
from typing import Any

import gradio as gr


def _as_it_came(_menu: gr.Dropdown, payload: Any) -> Any:
    """The chosen value, also one that is no longer among the choices: the handler judges it."""
    return None if isinstance(payload, list) else payload


DependentDropdown: type[gr.Dropdown] = ABCMeta.__new__(
    type(gr.Dropdown), "DependentDropdown", (gr.Dropdown,), {"is_template": True, "preprocess": _as_it_came}
)
"""A dropdown whose choices change with another choice. `gr.Dropdown` refuses, in words for programmers, a value that
was chosen before, where its request waited meanwhile. The browser draws it as its base (`is_template`). No class
statement: gradio would write a .pyi file beside this one.
"""
