"""The twin of a student: the same network with the same start, seed, photographs, crops and steps, without a teacher.

The difference of the two is what the teacher gave. One pair of runs has no deviation, and the sentence says so.
Not here: how the twin is trained (`train`, `stage`).
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kdsr.train.events import Event
from kdsr.train.recipe import Recipe
from kdsr.train.recipe_groups import Teaching

TWIN_FOLDER = "twin"
"""In the folder of a run: that of its twin."""
_NO_DIFFERENCE_DB = 0.01


def twin_of(recipe: Recipe) -> Recipe:
    """The recipe of the twin of `recipe`: no teacher, no label, and only the terms that need neither."""
    teaching = recipe.teaching
    alone = Teaching(loss=teaching.loss, terms=tuple(term for term in teaching.terms if not term.needs_teacher))
    return dataclasses.replace(
        recipe,
        name=twin_name(recipe),
        title=f"{recipe.title or recipe.name}, without distillation",
        role="twin",
        teaching=alone,
        twin=False,
    )


def twin_name(recipe: Recipe) -> str:
    """The name of the twin's network."""
    return f"{recipe.name}-twin"


def marked_as_twin(on_event: Callable[[Event], None] | None, recipe: Recipe) -> Callable[[Event], None]:
    """Passes on the twin's events with `twin`, and with `run_step`, the steps of student and twin together."""

    def pass_on(event: Event) -> None:
        if on_event is not None:
            step = {"run_step": recipe.schedule.steps + event["step"]} if "step" in event else {}
            on_event({**event, "twin": True, **step})

    return pass_on


def released_psnr_db(events: Sequence[Mapping[str, Any]], recipe: Recipe) -> float | None:
    """PSNR in dB on the held-out photographs of the network that the run of `events` released; None if unknown.

    That is the mix if there is one, else the best validated network where the run may stop early, else the last.
    """
    mixed: list[float] = [event["psnr_db"] for event in events if event["event"] == "mixed"]
    validated: list[float] = [event["psnr_db"] for event in events if event["event"] == "validation"]
    if mixed or not validated:
        return mixed[-1] if mixed else None
    return max(validated) if recipe.schedule.patience else validated[-1]


def gain_over_twin(student_db: float, twin_db: float) -> str:
    """What the teacher gave, in two sentences: the student's PSNR in dB against the twin's."""
    gain, same = round(student_db - twin_db, 4), "the same network trained without the teacher"
    if abs(gain) <= _NO_DIFFERENCE_DB:
        said = f"No difference beyond {_NO_DIFFERENCE_DB:.2f} dB from {same}"
    else:
        said = f"{abs(gain):.2f} dB {'better than' if gain > 0 else 'behind'} {same}"
    return f"{said} ({twin_db:.2f} dB). One run each, so no deviation is known."
