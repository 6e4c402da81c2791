"""The page of a run as HTML: its heading, what it does now, its curves, its held-out crop, its log. Every text from
outside is escaped.
"""

import base64
import functools
import time
from html import escape
from pathlib import Path

from kdsr.jobs import Run, State
from kdsr.tasks import find_task
from kdsr.train import Recipe
from kdsr.ui import texts
from kdsr.ui.charts.curves import Level, Line, chart
from kdsr.ui.distill.estimate import Pace
from kdsr.ui.distill.progress import Event, RunProgress, log_lines, losses_of, verdict

_STATES = {
    State.QUEUED: "Waiting", State.RUNNING: "Training", State.STOPPING: "Stopping", State.STOPPED: "Stopped", State.DONE: "Done",
    State.FAILED: "Failed", State.INTERRUPTED: "Interrupted",
}  # fmt: skip
_PREVIEWS = (("input", "Input"), ("before", "Before"), ("now", "Now"), ("teacher", "Teacher"), ("truth", "Truth"))
_LOSSES = {"loss": ("Total", "student"), "truth": ("To the truth", "truth"), "teacher": ("To the teacher", "teacher")}
_SPAN_DB = 9.0
"""The curve of the PSNR shows so much below its highest value; a fresh student starts far lower."""


_STEPS = "".join(f"<li><b>{title}</b> {text}</li>" for title, text in texts.DISTILL_STEPS)
EMPTY = f'<div class="empty"><h2>{texts.DISTILL_ABOUT}</h2><ol>{_STEPS}</ol></div>'


def estimate(recipe: Recipe, pace: Pace, seconds: float, rest: str) -> str:
    """How long a run would take, and what that was reckoned from."""
    from_what = f"{recipe.schedule.steps:,} steps at {texts.number(1 / pace.step_s, 2)} a second, measured here on {pace.device}."
    return f'<p class="chosen estimate"><b>About {texts.duration(seconds)}</b>{escape(from_what)} {escape(rest)}</p>'


def heading(run: Run, recipe: Recipe, titles: dict[str, str]) -> str:
    """Name and state of a run, what it teaches whom, and the link to it; `titles` gives those of networks by name."""
    start = (
        f"from {titles.get(recipe.warm_start, recipe.warm_start)}" if recipe.warm_start else f"fresh, {_shape(recipe)}"
    )
    teacher = titles.get(recipe.teaching.teacher or "", recipe.teaching.teacher or "no teacher")
    link = f'<a class="share" href="?run={escape(run.id, quote=True)}">Copy link</a>'
    return (
        f'<div class="run-head"><h2>{escape(run.name)}</h2><span class="badge {run.state}">{_STATES[run.state]}</span>{link}</div>'
        f'<p class="about">{escape(find_task(recipe.task).title)} · {escape(start)} · learns from {escape(teacher)}</p>'
    )


def _shape(recipe: Recipe) -> str:
    arguments = recipe.arguments
    return (
        f"{arguments['width']}x{arguments['depth']}" if {"width", "depth"} <= arguments.keys() else recipe.architecture
    )


def progress(
    run: Run, recipe: Recipe, run_progress: RunProgress, place: int | None, *, is_held_out: bool, now: float
) -> str:
    """What the run does now, how far it is, and how it ended."""
    if run.state is State.QUEUED:
        return _busy(
            "Next in the queue" if place == 1 else f"Number {place} in the queue" if place else "In the queue", None
        )
    if run.state in (State.RUNNING, State.STOPPING):
        return _working(run, run_progress, now)
    said = verdict(run_progress, recipe, is_held_out=is_held_out, is_over=run.state is State.DONE)
    kind = "error" if run.state in (State.FAILED, State.INTERRUPTED) else "ended"
    early = run.state is State.DONE and 0 < run.step < run.steps
    message = "" if run.state is State.DONE else run.message
    if early:
        message = f"Ended early at step {run.step:,} of {run.steps:,}: the last validations brought no gain."
    figures = _figures(run_progress, recipe, run.trained_s)
    return (
        (f'<p class="headline">{escape(said)}</p>' if said else "")
        + (f'<div class="line {kind}">{escape(message)}</div>' if message else "")
        + (f'<p class="about">{escape(figures)}</p>' if figures else "")
    )


def _working(run: Run, run_progress: RunProgress, now: float) -> str:
    last = run_progress.last.get("event")
    if last == "labelling":
        done, total = run_progress.last["done"], run_progress.last["total"]
        return _busy(f"The teacher labels the photographs: {done} of {total}", done / total)
    if not run_progress.started or last in ("reading", "references"):
        return _busy(
            "Stopping"
            if run.state is State.STOPPING
            else "Reading the photographs"
            if last == "reading"
            else "Starting",
            None,
        )
    parts = ["Stopping"] if run.state is State.STOPPING else []
    if not run_progress.steps or run_progress.steps[-1]["number"] < run_progress.started["number"]:
        from_where = f"Going on from step {run.step:,}" if run.step else "Taking the first steps"
        return _busy(
            " · ".join(filter(None, [*parts, from_where, _device(run_progress)])), run.step / run.steps or None
        )
    newest = run_progress.steps[-1]
    left_s = max(0.0, newest["eta_s"] - (now - newest.get("time", now)))
    parts += [
        f"Step {run.step:,} of {run.steps:,}",
        f"{texts.number(newest['steps_per_s'], 2)} steps/s",
        f"{texts.duration(left_s)} left",
    ]
    return _busy(" · ".join(filter(None, [*parts, _device(run_progress), _memory(newest)])), run.step / run.steps)


def _memory(step: Event) -> str:
    """What the run holds, where the trainer tells it."""
    return f"{texts.number(step['memory_mb'] / 1000, 2)} GB" if "memory_mb" in step else ""


def _figures(run_progress: RunProgress, recipe: Recipe, trained_s: float) -> str:
    """What stands under an ended run: time, speed, device, photographs."""
    speed = f"{texts.number(run_progress.steps[-1]['steps_per_s'], 2)} steps/s" if run_progress.steps else ""
    photographs = (
        f"{run_progress.started['photographs']} photographs learnt from"
        if run_progress.started.get("photographs")
        else ""
    )
    convention = f"PSNR on {find_task(recipe.task).convention}" if run_progress.validations else ""
    return " · ".join(
        filter(
            None,
            [texts.duration(trained_s) if trained_s else "", speed, _device(run_progress), photographs, convention],
        )
    )


def _device(run_progress: RunProgress) -> str:
    return {"cpu": "CPU"}.get(run_progress.started.get("device", ""), str(run_progress.started.get("device", "")))


def _busy(text: str, fraction: float | None) -> str:
    """A line with a bar; an endless one where nobody knows how far it is."""
    bar = (
        '<span class="bar endless"><i></i></span>'
        if fraction is None
        else f'<span class="bar wide"><i style="width:{fraction:.2%}"></i></span>'
    )
    return f'<div class="line busy" role="status"><span>{escape(text)}</span>{bar}</div>'


def curves(run: Run, run_progress: RunProgress, recipe: Recipe) -> str:
    """Two figures: the validation of the student against its start and its teacher, and the parts of the loss."""
    shown = [(event["step"], event["psnr_db"]) for event in run_progress.validations]
    ssim = f"SSIM now <b>{run_progress.validations[-1]['ssim']:.4f}</b>" if run_progress.validations else ""
    levels = [
        Level(title, kind, value)
        for title, kind, value in (
            ("Before" if recipe.warm_start else "Untrained", "before", run_progress.before_db),
            ("Teacher", "teacher", run_progress.teacher_db),
        )
        if value is not None
    ]
    now = [Line("Now", "student", tuple(shown))] if shown else []
    psnr = chart("PSNR on held-out photographs", now, levels, steps=run.steps, unit=" dB", span=_SPAN_DB, note=ssim)
    lines = [Line(*_loss_title(name), points) for name, points in losses_of(run_progress).items()]
    loss = chart("Loss", lines, steps=run.steps, is_log=True)
    return f'<div class="curves">{psnr}{loss}</div>' if psnr or loss else ""


def _loss_title(name: str) -> tuple[str, str]:
    return _LOSSES.get(name, (name.replace("_", " ").capitalize(), "part"))


def previews(folder: Path) -> str:
    """A held-out crop side by side, as far as its pictures are there; they go along in the page, so that no file is
    served.
    """
    found = [folder / f"{name}.png" for name, _ in _PREVIEWS]
    return _previews(tuple((path, path.stat().st_mtime_ns) if path.is_file() else None for path in found))


@functools.lru_cache(maxsize=32)
def _previews(files: tuple[tuple[Path, int] | None, ...]) -> str:
    """The same text for every page that looks at the same pictures: each page's session keeps what it was sent."""
    cells = "".join(
        f'<figure class="{name}"><img src="data:image/png;base64,{base64.b64encode(file[0].read_bytes()).decode()}" '
        f'alt="A held-out crop: {title.lower()}"><figcaption>{title}</figcaption></figure>'
        for (name, title), file in zip(_PREVIEWS, files, strict=True)
        if file is not None
    )
    return (
        f'<p class="small-heading">A held-out crop</p><div class="previews" tabindex="0">{cells}</div>' if cells else ""
    )


def log(run_progress: RunProgress, recipe: Recipe, worker: str) -> str:
    """The newest lines; `worker` is what its process wrote, which the owner alone may see."""
    lines = log_lines(run_progress, recipe) + worker.splitlines()[-20:]
    return (
        f'<pre class="log" tabindex="0">{escape(chr(10).join(lines))}</pre>'
        if lines
        else '<p class="about">No progress reported yet.</p>'
    )


def run_title(run: Run, now: float | None = None) -> str:
    """A run as it stands in the list."""
    when = texts.ago((time.time() if now is None else now) - run.created)
    state = f"{run.step / run.steps:.0%}" if run.state is State.RUNNING else _STATES[run.state].lower()
    return f"{run.name} · {state} · {when}"
