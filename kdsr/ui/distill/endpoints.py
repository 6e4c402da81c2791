"""The endpoints of *Distill* for scripts, by `gradio_client`; plain JSON in and out.

    from gradio_client import Client, handle_file client = Client("http://127.0.0.1:7860") secret = "a secret of 16
    characters or more, which you keep" run = client.predict(secret, "sr_x4", "sr_x4-teacher", "fresh 32x7",
    [handle_file("one.jpg"), handle_file("more.zip")], "quick", "my-student", {}, api_name="/distill_start")
    client.predict(run["id"], 0, api_name="/distill_status")   # {"run": ..., "queue_place": ..., "events": [...]}
    client.predict(secret, run["id"], api_name="/distill_stop")

Whoever knows a run's id may ask for its status; only its owner's secret, or the admin token, stops it.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from kdsr.errors import InputError, KdsrError
from kdsr.jobs import Jobs, public
from kdsr.ui.distill.form import FormValues
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.distill.photos import photos_of

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
    ) -> dict[str, Any]:
        """Start a run.

        Args:
            owner: a secret text of 16 characters or more; it is needed to stop the run.
            student: `fresh 32x7`, `fresh 16x7`, or the name of a released student to go on from.
            photos: uploaded files (`handle_file`), pictures or zip archives of them; an empty list takes the built-in
                set.
            preset: `quick`, `standard` or `custom`; only the last reads `custom`: steps, batch_size, patch_px,
                learning_rate, truth_share, truth_share_end.
        Returns:
            The run: id, name, state, created, started, ended, step, steps, trained_s, message, queue_place.
        """
        try:
            given = [_uploaded(photo) for photo in photos] or photos_of("built-in", ())
            run = self.handlers.start(owner, FormValues(task, teacher, student, preset, name, custom or {}), given)
            return public(run) | {"queue_place": self.jobs.place_in_queue(run.id)}
        except KdsrError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def distill_status(self, run_id: str, after: int) -> dict[str, Any]:
        """The run, its place in the queue, and at most 1000 of its events behind number `after` (0: from the first)."""
        try:
            run = self.jobs.get(run_id)
            return {
                "run": public(run),
                "queue_place": self.jobs.place_in_queue(run_id),
                "events": self.jobs.events(run_id, int(after), _EVENTS),
            }
        except KdsrError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def distill_stop(self, owner: str, run_id: str) -> dict[str, Any]:
        """Ask the run to stop; it does so after its step and leaves a checkpoint. The run as it is then."""
        try:
            return public(self.jobs.stop(run_id, owner))
        except KdsrError as error:
            raise gr.Error(str(error), print_exception=False) from error


def add_api(handlers: DistillHandlers) -> DistillApi:
    """The endpoints, inside the blocks that are being built."""
    api = DistillApi(handlers)
    gr.api(api.distill_start, api_name="distill_start", concurrency_id="distill-start", concurrency_limit=2)
    gr.api(api.distill_status, api_name="distill_status", concurrency_limit=None)
    gr.api(api.distill_stop, api_name="distill_stop", concurrency_limit=None)
    return api


def _uploaded(photo: Any) -> Path:
    """The path of an uploaded file; no other file of this machine may be named."""
    path = Path(str(photo.get("path", "") if isinstance(photo, dict) else photo)).resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise InputError("A photograph must be an uploaded file: give it by handle_file of gradio_client.")
    return path
