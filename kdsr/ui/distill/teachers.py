"""The teacher in the tab *Distill*: the starts that go with it, and a published one that has arrived."""

from typing import Any

import gradio as gr

from kdsr.tasks import find_task
from kdsr.ui.distill.form import students
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.teachers.panel import Arrived
from kdsr.zoo import open_catalog

PLACE = "distill"


class DistillTeachers:
    """The handlers, with those of the tab."""

    def __init__(self, distill: DistillHandlers) -> None:
        self.distill = distill

    def on_teacher(self, task: str | None, teacher: str | None) -> Any:
        """The starts that go with another `teacher`: others where it draws in a style, and the first of them is chosen.

        It does not read which is chosen: gradio would refuse that by the list that this gives.
        """
        if not (task and teacher) or find_task(task).has_truth:
            return gr.skip()
        starts = students(open_catalog(self.distill.settings), task, teacher)
        return gr.update(choices=starts, value=starts[0][1])

    def on_arrived(self, arrived: Arrived, task: str | None, teacher: str | None) -> tuple[Any, ...]:
        """(task, teacher) after a teacher was added."""
        tasks = gr.update(choices=self.distill.networks.tasks())
        if arrived.task != task:
            return tasks, gr.skip()
        update, _ = self.distill.networks.on_task(task)
        return tasks, update | {"value": teacher if teacher and arrived.place != PLACE else arrived.name}
