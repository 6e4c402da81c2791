"""Clips in the tab *Restore*: the student restores all of one, and any paused frame goes through the tab as a picture.

Handlers, their components and their events. Not here: the run of a clip (`ui.clips.run`), the players
(`ui.clips.player`).
"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from kdsr.errors import InputError, KdsrError, Stopped
from kdsr.image import Picture, write_picture
from kdsr.ui import texts
from kdsr.ui.clips.limits import checked_clip, is_clip
from kdsr.ui.clips.player import add_player, player_data
from kdsr.ui.clips.run import ClipOrder, ClipShown, ClipStep, before_steps, student_steps
from kdsr.ui.disk import writing
from kdsr.ui.events import LATEST, LATEST_READING, QUEUED, QUICK
from kdsr.ui.examples import name_of
from kdsr.ui.html import joined, note_line, status_line
from kdsr.ui.records import recorded
from kdsr.ui.refusals import log_refusal, refused
from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.view import UNCHANGED
from kdsr.ui.sessions import Orders, session_of, stopping_line
from kdsr.video.frame import frame_at

_CLIPS = QUEUED | {"concurrency_id": "clips"}
"""Beside the queue of runs: a clip takes minutes, a picture seconds."""
_TIME = "(clip, _, choice) => [clip, document.querySelector('kdsr-clip')?.pausedAt() ?? 0, choice]"


class OpenClip(NamedTuple):
    """The clip of a page: the visitor's file, and what there is to be shown of it."""

    source: Path
    shown: ClipShown


class ClipView(NamedTuple):
    """What a clip's handlers change, in the order of `outputs`."""

    clip: Any = UNCHANGED
    section: Any = UNCHANGED
    data: Any = UNCHANGED
    status: Any = UNCHANGED
    notes: Any = UNCHANGED
    run: Any = UNCHANGED
    stop: Any = UNCHANGED
    compare: Any = UNCHANGED
    file: Any = UNCHANGED
    frame: Any = UNCHANGED


class ClipHandlers:
    """The handlers, with those of the tab."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore, self.orders = restore, Orders()

    def on_upload(self, path: str | None, request: gr.Request) -> tuple[Any, ...]:
        """(*view, field, the tab's status): a clip opens the section and is ordered; a picture, which has left the
        field by now, closes it.
        """
        if path is None or not is_clip(path):
            return *self.closed(request), gr.skip(), gr.skip()
        try:
            clip = checked_clip(Path(path), self.restore.settings)
        except KdsrError as error:
            return *ClipView(), gr.update(value=None), refused(error)[0]
        name, folder = name_of(Path(path), Path(path).stem), self.restore.folder / uuid.uuid4().hex
        shown = ClipShown(name, (clip.width, clip.height), float(clip.rate), folder / "before.mp4")
        self.orders.give(session_of(request))
        view = _busy(texts.WAITING)._replace(
            clip=OpenClip(Path(path), shown), section=gr.update(visible=True), frame="", notes="",
            file=gr.update(value=None, interactive=False), compare=gr.update(interactive=False),
        )  # fmt: skip
        return *view, gr.update(value=None), status_line("", kind="done")

    def closed(self, request: gr.Request) -> ClipView:
        """No clip any more: its run ends, and the tab shows a picture."""
        self.orders.close(session_of(request))
        return ClipView(clip=None, section=gr.update(visible=False), frame="")

    def on_press(self, request: gr.Request) -> ClipView:
        """The button that restores the clip again, by what is chosen now."""
        self.orders.give(session_of(request))
        return _busy(texts.WAITING)

    def on_stop(self, request: gr.Request) -> None:
        """Stop the clip's run, which says so itself."""
        self.orders.stop(session_of(request))

    def on_run(self, clip: OpenClip | None, choice: Choice, runtime: str, request: gr.Request) -> Iterator[ClipView]:
        """The views of a clip's run; nothing where none was ordered."""
        session = session_of(request)
        signal = self.orders.take(session)
        if signal is None or clip is None:
            yield ClipView()  # gradio empties the outputs of a generator that yields nothing
            return
        choice = self.restore.page(request).choice.of(choice)
        try:
            with recorded("clip"):
                if not clip.shown.before.is_file():
                    for step in before_steps(clip.shown, clip.source, self.restore.settings, signal):
                        clip = clip if step.shown is None else clip._replace(shown=step.shown)
                        yield _view(step, clip)
                order = ClipOrder(clip.source, _student(choice), choice.sharpness, runtime)
                for step in student_steps(order, clip.shown, self.restore.settings, signal):
                    yield _view(step, clip if step.shown is None else clip._replace(shown=step.shown))
        except Stopped:
            if self.orders.is_newest(session, signal):
                yield _idle(status_line(texts.CLIP_STOPPED, kind="stopped"))
        except KdsrError as error:
            log_refusal(error)
            gr.Warning(str(error))
            yield _idle(status_line(str(error), kind="error"))
        except Exception:
            yield _idle(status_line(texts.UNEXPECTED, kind="error"))
            raise
        else:
            yield _idle(status_line("", kind="done"))

    def on_frame(self, clip: OpenClip | None, seconds: float | None, choice: Choice, request: gr.Request) -> Any:
        """(*what `RestoreHandlers.on_upload` gives, frame): the frame at `seconds`, as a picture of the visitor's."""
        try:
            if clip is None:
                raise InputError(texts.CLIP_GONE)
            at = min(max(0.0, float(seconds or 0)), self.restore.settings.max_clip_seconds + 1)
            path = self._written(clip, at)
        except KdsrError as error:
            return *(gr.skip(),) * 9, *refused(error), gr.skip()
        told = note_line(texts.CLIP_FRAME.format(seconds=at))
        return *self.restore.on_upload(str(path), choice, request), told

    def _written(self, clip: OpenClip, seconds: float) -> Path:
        """The file of the frame at `seconds`."""
        if not clip.source.is_file():
            raise InputError(texts.CLIP_GONE)
        pixels, folder = frame_at(checked_clip(clip.source, self.restore.settings), seconds), clip.shown.before.parent
        with writing("The frame"):
            folder.mkdir(parents=True, exist_ok=True)
            return write_picture(Picture(pixels), folder / f"{Path(clip.shown.name).stem}-{seconds:.2f}s.png")

    def on_close(self, request: gr.Request) -> None:
        """A closed page ends its run."""
        self.orders.close(session_of(request))


def add_clip_section() -> dict[str, Any]:
    """The players and their buttons, hidden until a clip comes."""
    with gr.Column(visible=False, elem_id="clip") as section:
        parts: dict[str, Any] = {"section": section, "data": add_player()}
        parts["status"] = gr.HTML(elem_id="clip-status")
        parts["notes"] = gr.HTML(elem_id="clip-notes")
        with gr.Row(elem_id="clip-buttons"):
            parts["compare"] = gr.Button(texts.CLIP_COMPARE, interactive=False, elem_id="clip-compare")
            parts["file"] = gr.DownloadButton(texts.CLIP_DOWNLOAD, interactive=False, elem_id="clip-file")
            parts["run"] = gr.Button(texts.CLIP_AGAIN, visible=False, elem_id="clip-run")
            parts["stop"] = gr.Button("Stop", variant="stop", visible=False, elem_id="clip-stop")
        parts["frame"] = gr.HTML(elem_id="clip-frame")
        parts["time"] = gr.Number(0, visible="hidden", elem_id="clip-time", label=texts.CLIP_POSITION)
    return parts


def wire_clips(
    restore: RestoreHandlers, clips: dict[str, Any], *, upload: gr.File, gallery: gr.Gallery, choice: gr.State,
    runtime: gr.Dropdown, status: gr.HTML, uploaded: list[Any], run_after: Callable[[Any], None], blocks: gr.Blocks,
) -> None:  # fmt: skip
    """The events of the section.

    uploaded: the outputs of `RestoreHandlers.on_upload`. run_after: as in `RestoreTab`.
    """
    handlers, clip = ClipHandlers(restore), gr.State(None)
    outputs = [clip, *(clips[name] for name in ClipView._fields[1:])]
    starts = [
        upload.upload(handlers.on_upload, upload, [*outputs, upload, status], **LATEST_READING),
        clips["run"].click(handlers.on_press, None, outputs, **QUICK),
    ]
    for start in starts:
        start.then(handlers.on_run, [clip, choice, runtime], outputs, **_CLIPS)
    clips["stop"].click(stopping_line, None, clips["status"], **QUICK).then(handlers.on_stop, None, None, **QUICK)
    gallery.select(handlers.closed, None, outputs, **LATEST)
    asked, told = [clip, clips["time"], choice], [*uploaded, clips["frame"]]
    run_after(clips["compare"].click(handlers.on_frame, asked, told, js=_TIME, **LATEST_READING))
    blocks.unload(handlers.on_close)


def _student(choice: Choice) -> str:
    if choice.student is None:
        raise InputError(texts.NO_NETWORKS)
    return choice.student


def _busy(text: str) -> ClipView:
    """A run that was ordered."""
    return ClipView(
        status=status_line(text, kind="busy"), run=gr.update(visible=False), stop=gr.update(visible=True)
    )  # fmt: skip


def _idle(status: str) -> ClipView:
    """A run that ended: what is shown stays."""
    return ClipView(status=status, run=gr.update(visible=True), stop=gr.update(visible=False))


def _view(step: ClipStep, clip: OpenClip) -> ClipView:
    """A step of a run, with the players' files where they have changed."""
    view = ClipView(status=status_line(step.text, kind="busy", fraction=step.fraction))
    shown = step.shown
    if shown is None:
        return view
    made = None if shown.student is None else str(shown.student)
    return view._replace(
        clip=clip, data=player_data(shown), notes=joined(map(note_line, shown.notes)),
        compare=gr.update(interactive=True), file=gr.update(value=made, interactive=made is not None),
    )  # fmt: skip
