"""Published teachers in the tab *Distill*: one that has arrived can be chosen, and is, where it was asked for here."""

from typing import Any

import gradio as gr

from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.teachers.panel import Arrived

PLACE = "distill"


class DistillTeachers:
    """The handlers, with those of the tab."""

    def __init__(self, distill: DistillHandlers) -> None:
        self.distill = distill

    def on_arrived(self, arrived: Arrived, task: str | None, teacher: str | None) -> tuple[Any, ...]:
        """(task, teacher) after a teacher was added."""
        tasks = gr.update(choices=self.distill.tasks())
        if arrived.task != task:
            return tasks, gr.skip()
        update, _ = self.distill.on_task(task)
        return tasks, update | {"value": teacher if teacher and arrived.place != PLACE else arrived.name}
