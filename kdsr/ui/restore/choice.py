"""The values of *Restore*'s controls for the next run, and the updates that follow from task, mode and student.

Not here: the handlers (`restore.handlers`).
"""

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from kdsr.errors import KdsrError
from kdsr.settings import Settings
from kdsr.tasks import Kinds, Strength, find_task
from kdsr.ui import texts
from kdsr.ui.networks import find_network
from kdsr.ui.restore.painting import Marks
from kdsr.ui.restore.request import Mode, Order
from kdsr.zoo import sharp_pair_of, style_of

NOTHING_COMPARED: tuple[Any, ...] = (gr.skip(),) * 15
"""In place of what `RestoreHandlers.compared` gives."""


class Choice(NamedTuple):
    """The values of the controls, for the next run.

    They are kept in a separate state. gradio reads the controls when an event is sent, but checks the values when the
    event leaves the queue. By then the visitor may have chosen another task.
    """

    task: str
    mode: Mode
    teacher: str | None
    student: str | None
    strength: float | str
    """Of the degradation, or its kind."""
    before: str | None = None
    """The student before a run that tuned it, while the two are compared."""
    sharpness: float | None = None
    """Where the visitor moved the dial to; None is the student as it is."""

    def with_student(self, student: str | None) -> "Choice":
        """This choice with `student`; the dial of another student is untouched."""
        return self._replace(student=student, sharpness=self.sharpness if student == self.student else None)

    def with_networks(self, teacher: str | None, student: str | None, asked: "Choice") -> "Choice":
        """This choice with the networks that were chosen in `asked`, if it is for the same task."""
        made = self.with_student(student)._replace(teacher=teacher, before=None)
        return made if self.task == asked.task else self

    def with_strength(self, strength: float | str, asked: "Choice") -> "Choice":
        """This choice with the strength or kind that was chosen in `asked`, if it is for the same task."""
        return self._replace(strength=strength) if self.task == asked.task else self

    def with_sharpness(self, sharpness: float, asked: "Choice") -> "Choice":
        """This choice with the sharpness that was chosen in `asked`, if it is of the same student."""
        return self._replace(sharpness=sharpness) if self.student == asked.student else self

    def for_upload(self, asked: "Choice") -> "Choice":
        """This choice for a picture that was uploaded in `asked`: not a test, unless that was chosen since."""
        return self._replace(mode="degraded") if self.mode == "clean" == asked.mode else self


class Folded(NamedTuple):
    """The values of the folded section, networks left out."""

    runtime: str = "auto"
    tile_px: float | None = None
    """None or 0: the engine chooses."""
    seed: float | None = None
    teacher_plus: bool = False


class Comparison(NamedTuple):
    """A comparison that the tab *Distill* or *Models* asks for."""

    task: str
    student: str | None
    before: str | None
    """None: compare with the teacher."""
    teacher: str | None
    picture: Path | None
    """None keeps the visitor's own."""


_USUAL = Folded()


def dial_of(choice: Choice, settings: Settings) -> dict[str, Any]:
    """The update that shows the dial where the chosen student is one of a pair, at its place; hidden otherwise."""
    try:
        pair = sharp_pair_of(*find_network(choice.student or "", settings))
    except KdsrError:  # none is chosen, or its run may have been deleted
        pair = None
    if pair is None:
        return gr.update(visible=False)
    usual = float(choice.student == pair.sharp.name)
    return gr.update(visible=True, value=usual if choice.sharpness is None else choice.sharpness)


def style_in(choice: Choice, settings: Settings) -> str:
    """The style of the chosen networks; empty for a task without styles, and where no network is chosen."""
    for name in filter(None, (choice.student, choice.teacher)):
        with contextlib.suppress(KdsrError):  # its run may have been deleted
            return style_of(find_network(name, settings)[0])
    return ""


def second_of(choice: Choice) -> dict[str, Any]:
    """The update that shows the upload of the original where the result is to be compared with one."""
    return gr.update(visible=choice.mode == "both" and find_task(choice.task).has_truth)


def levels_of(task: str, mode: str) -> tuple[dict[str, Any], ...]:
    """Updates that show the slider of the strength, the kinds, and the marking of missing pixels, where they apply."""
    strength = find_task(task).strength
    is_kind, is_clean = isinstance(strength, Kinds), mode == "clean"
    return (
        gr.update(visible=is_clean and strength is not None and not is_kind),
        gr.update(visible=is_clean and is_kind),
        gr.update(visible=is_kind),
    )


def levels_set_to(choice: Choice) -> tuple[dict[str, Any], ...]:
    """As `levels_of`, set to the strength or kind of `choice`."""
    strength = find_task(choice.task).strength
    level, kind, marks = levels_of(choice.task, choice.mode)
    if isinstance(strength, Strength):
        level |= {"label": texts.strength_caption(strength), "value": choice.strength}
        level |= {"minimum": strength.minimum, "maximum": strength.maximum}
    elif strength is not None:
        kind |= {"label": strength.title, "choices": list(strength.names), "value": choice.strength}
    return level, kind, marks


def menu_of(role: str, choices: list[tuple[str, str]], value: str | None) -> dict[str, Any]:
    """The update of the menu of the networks in `role`."""
    info = None if choices else f"No {role} for this task yet; everything else works."
    return gr.update(choices=choices, value=value, interactive=bool(choices), info=info)


def order_of(
    picture: str | Path | None,
    truth: str | Path | None,
    choice: Choice,
    marks: Marks | None = None,
    folded: Folded = _USUAL,
) -> Order:
    """The order for the values of the controls; `marks` count only for inpainting and on the picture they were made
    on. A picture of a task without originals is taken as it is.
    """
    task = find_task(choice.task)
    mode: Mode = choice.mode if task.has_truth else "degraded"
    strength = choice.strength if mode == "clean" and task.strength else None
    given, reference = (None if path is None else Path(path) for path in (picture, truth))
    reference = reference if mode == "both" else None
    is_marked = marks is not None and marks.picture == str(picture) and task.degradation == "holes"
    mask = Path(marks.mask) if marks is not None and is_marked else None
    networks = (choice.teacher, choice.student, choice.before, choice.sharpness)
    return Order(
        given, mode, choice.task, reference, strength, *networks, mask=mask, runtime=folded.runtime,
        tile_px=int(folded.tile_px or 0) or None, seed=int(folded.seed or 0), teacher_plus=folded.teacher_plus,
    )  # fmt: skip
