"""The endpoints of *Distill* for scripts; plain JSON in and out. docs/endpoints.md shows how they are called.

Whoever knows a run's id may ask for its status; only its owner's secret, or the admin token, stops it.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from kdsr.errors import InputError, SettingsError
from kdsr.jobs import Jobs, public
from kdsr.ui.arguments import answered, number, text, uploaded
from kdsr.ui.distill.form import SEARCH_MINUTES, FormValues
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.distill.photos import photos_of
from kdsr.ui.waiting import address_of

_EVENTS = 1000


class DistillApi:
    """The endpoints; an error comes back as its one sentence."""

    def __init__(self, handlers: DistillHandlers) -> None:
        self.handlers = handlers
        self.jobs: Jobs = handlers.jobs

    def distill_start(
        self,
        owner: str,
        task: str,
        teacher: str,
        student: str,
        photos: list[dict[str, Any]],
        preset: str,
        name: str,
        custom: dict[str, float],
        prove: bool = False,
        minutes: float = SEARCH_MINUTES,
        other_teachers: bool = False,
        request: gr.Request | None = None,
    ) -> dict[str, Any]:
        """Start a run.

        Args:
            owner: a secret text of 16 characters or more; it is needed to stop the run.
            student: `fresh 32x7`, `fresh 16x7`, or the name of a released student to go on from.
            photos: uploaded files (`handle_file`), pictures or zip archives of them; an empty list takes the built-in
                set.
            preset: `quick`, `standard`, `custom` or `search`; only `custom` reads `custom`: steps, batch_size,
                patch_px, learning_rate, truth_share, truth_share_end.
            prove: train the same network without a teacher afterwards. Its events have `twin`; the last event, `twin`,
                has student_psnr_db and twin_psnr_db.
            minutes: of the preset `search`, which tries recipes on held-out photographs and trains the best one. The
                run's steps are seconds then; its events have `search`, and `winner` has the recipe.
            other_teachers: that search tries the other teachers of the task, too.
        Returns:
            The run: id, name, state, created, started, ended, step, steps, trained_s, message, is_search, queue_place.
        """
        with answered():
            values, files = self._asked(owner, task, teacher, student, photos, preset, name, custom, prove)
            if not isinstance(other_teachers, bool):
                raise SettingsError(f"other_teachers must be true or false, got {other_teachers!r}.")
            values = values._replace(minutes=minutes, other_teachers=other_teachers)
            run = self.handlers.start(owner, values, files, address_of(request))
            return public(run) | {"queue_place": self.jobs.place_in_queue(run.id)}

    def distill_status(self, run_id: str, after: int) -> dict[str, Any]:
        """The run, its place in the queue, and at most 1000 of its events behind number `after` (0: from the first)."""
        with answered():
            run = text(run_id, "run_id")
            return {
                "run": public(self.jobs.get(run)),
                "queue_place": self.jobs.place_in_queue(run),
                "events": self.jobs.events(run, int(number(after, "after")), _EVENTS),
            }

    def distill_stop(self, owner: str, run_id: str) -> dict[str, Any]:
        """Ask the run to stop; it does so after its step and leaves a checkpoint. The run as it is then."""
        with answered():
            return public(self.jobs.stop(text(run_id, "run_id"), text(owner, "owner")))

    def _asked(
        self,
        owner: Any,
        task: Any,
        teacher: Any,
        student: Any,
        photos: Any,
        preset: Any,
        name: Any,
        custom: Any,
        prove: Any,
    ) -> tuple[FormValues, list[Path]]:
        """What is asked for, once each argument is of its kind."""
        given = {"owner": owner, "task": task, "teacher": teacher, "student": student, "preset": preset}
        for key, value in given.items():
            text(value, key)
        if not isinstance(photos, list):
            raise InputError("photos must be a list of uploaded files; an empty one takes the built-in set.")
        if not isinstance(custom, dict | None) or not isinstance(name, str | None):
            raise SettingsError("custom must be an object of numbers, and name a text; leave either empty otherwise.")
        if not isinstance(prove, bool):
            raise SettingsError(f"prove must be true or false, got {prove!r}.")
        files = [uploaded(photo, "A photograph") for photo in photos] or photos_of("built-in", ())
        return FormValues(task, teacher, student, preset, name or "", custom or {}, prove), files


def add_api(handlers: DistillHandlers) -> DistillApi:
    """The endpoints, inside the blocks that are being built."""
    api = DistillApi(handlers)
    gr.api(api.distill_start, api_name="distill_start", concurrency_id="distill-start", concurrency_limit=2)
    gr.api(api.distill_status, api_name="distill_status", concurrency_limit=None)
    gr.api(api.distill_stop, api_name="distill_stop", concurrency_limit=None)
    return api
