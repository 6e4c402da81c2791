"""The style in the tab *Restore*: choosing one chooses its teacher and its student, and what a style has no use for is
hidden.

Not here: which networks belong to a style (`kdsr.zoo.styles`).
"""

from typing import Any

import gradio as gr

from kdsr.errors import UnknownNameError
from kdsr.tasks import find_task
from kdsr.ui.restore.choice import Choice, dial_of, second_of, style_in
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.style_texts import button_of
from kdsr.zoo import style_title


class StyleHandlers:
    """The handlers, with those of the tab."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore = restore

    def on_style(self, style: str, choice: Choice, owner: str, request: gr.Request) -> tuple[Any, ...]:
        """(choice, teacher, student, status, run, stop): the networks of another style."""
        if style not in self.restore.styles(choice.task):
            raise UnknownNameError("There is no such style here: reload the page.")
        usual = self.restore.usual(choice.task, owner, style)
        made = self.restore.changed(
            request, choice, lambda newest: newest.with_networks(usual.teacher, usual.student, choice)
        )
        return *self.restore.controls(made, owner)[:3], *self.restore.ordered(request)

    def shown(self, choice: Choice) -> tuple[Any, ...]:
        """(dial, style, mode, second, run): the controls that the chosen networks have a use for, and their button."""
        has_truth = find_task(choice.task).has_truth
        named = [(style_title(style), style) for style in self.restore.styles(choice.task)]
        style = style_in(choice, self.restore.settings) or None
        return (
            dial_of(choice, self.restore.settings),
            gr.update(choices=named, value=style, visible=bool(named)),
            gr.update(visible=has_truth),
            second_of(choice),
            gr.update(value=button_of(choice.task)),
        )
