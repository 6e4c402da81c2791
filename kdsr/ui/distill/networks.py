"""The choices of task, teacher and student in the form of the tab *Distill*."""

from typing import Any

import gradio as gr

from kdsr.settings import Settings
from kdsr.ui.distill.form import able_tasks, students, teachers
from kdsr.zoo import open_catalog


class NetworkChoices:
    """The choices, from the networks that are here now, and those that the page was built with."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.built = self.usual()

    def on_open(self) -> tuple[Any, ...]:
        """(task, teacher, student) as a page opens: as it was built, unless networks came or went. So a task that was
        chosen meanwhile stays.
        """
        usual = self.usual()
        return (gr.skip(),) * len(usual) if usual == self.built else usual

    def tasks(self) -> list[tuple[str, str]]:
        """(title, name) of the tasks that have a teacher."""
        return able_tasks(open_catalog(self.settings))

    def default_task(self) -> str | None:
        """x4 super-resolution if it has a teacher, else the first task that has one."""
        names = [name for _, name in self.tasks()]
        return "sr_x4" if "sr_x4" in names else next(iter(names), None)

    def usual(self) -> tuple[Any, ...]:
        """(task, teacher, student) of the form that nobody touched."""
        task = self.default_task()
        return gr.update(choices=self.tasks(), value=task), *self.on_task(task)

    def on_task(self, task: str | None) -> tuple[Any, ...]:
        """(teacher, student) for `task`."""
        catalog = open_catalog(self.settings)
        named = teachers(catalog, task) if task else []
        choices = named, students(catalog, task, named[0][1] if named else None) if task else []
        return tuple(
            gr.update(choices=names, value=names[0][1] if names else None, interactive=bool(names)) for names in choices
        )
