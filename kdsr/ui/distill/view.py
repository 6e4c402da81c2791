"""The page of a run as HTML: its heading, its progress, its curves, its held-out crop, its log. Every text from
outside is escaped.
"""

import base64
import dataclasses
import functools
import time
from pathlib import Path

from markupsafe import Markup

from kdsr.jobs import Run, State
from kdsr.tasks import Task, find_task
from kdsr.train import Recipe, recipe_from_json
from kdsr.train.twin import TWIN_FOLDER
from kdsr.ui import texts
from kdsr.ui.charts.curves import Level, Line, chart
from kdsr.ui.distill.estimate import Pace
from kdsr.ui.distill.progress import Event, RunProgress, baseline_of, log_lines, losses_of, steps_taken, verdict
from kdsr.ui.distill.trials import Trials
from kdsr.ui.distill.trials_view import doing
from kdsr.ui.html import joined

_STATES = {
    State.QUEUED: "Waiting",
    State.RUNNING: "Training",
    State.STOPPING: "Stopping",
    State.STOPPED: "Stopped",
    State.DONE: "Done",
    State.FAILED: "Failed",
    State.INTERRUPTED: "Interrupted",
}
_PREVIEWS = (
    ("input", "Before"), ("before", "Student before"), ("now", "Student now"), ("twin", "Twin"),
    ("teacher", "Teacher"), ("truth", "Original"),
)  # fmt: skip
_LOSSES = {
    "loss": ("Total", "student"),
    "truth": ("To the original", "truth"),
    "teacher": ("To the teacher", "teacher"),
}
_SPAN_DB = 9.0
"""The curve of the PSNR shows so much below its highest value; a fresh student starts far lower."""


_TAKE_HOME = Markup(
    '<p class="about">{}</p><pre class="log" tabindex="0">kdsr restore photo.png -o restored.png '
    "--model {}.safetensors</pre>"
)
_ABOUT = Markup('<p class="about">{}</p>')


def estimate(recipe: Recipe, pace: Pace, seconds: float, rest: str) -> Markup:
    """How long a run would take, and the measured pace behind that."""
    steps_per_s = texts.number(1 / pace.step_s, 2)
    twice = "2 x " if recipe.twin else ""
    basis = f"{twice}{recipe.schedule.steps:,} steps at {steps_per_s} a second, measured here on {pace.device}."
    line = Markup('<p class="chosen estimate"><b>About {}</b>{} {}</p>')
    return line.format(texts.duration(seconds), basis, rest)


def heading(run: Run, recipe: Recipe, titles: dict[str, str]) -> Markup:
    """Name and state of a run, its student and teacher, and the link to it; `titles` are those of networks by name."""
    start = (
        f"from {titles.get(recipe.warm_start, recipe.warm_start)}" if recipe.warm_start else f"fresh, {_shape(recipe)}"
    )
    teacher = titles.get(recipe.teaching.teacher or "", recipe.teaching.teacher or "no teacher")
    line = Markup(
        '<div class="run-head"><h2>{}</h2><span class="badge {}">{}</span>'
        '<a class="share" href="?run={}" data-address="run={}">Copy link</a></div>{}'
    )
    about = _ABOUT.format(f"{find_task(recipe.task).title} · {start} · learns from {teacher}")
    return line.format(recipe.title or run.name, run.state, _STATES[run.state], run.id, run.id, about)


def _shape(recipe: Recipe) -> str:
    arguments = recipe.arguments
    return (
        f"{arguments['width']}x{arguments['depth']}" if {"width", "depth"} <= arguments.keys() else recipe.architecture
    )


def progress(
    run: Run,
    recipe: Recipe,
    run_progress: RunProgress,
    place: int | None,
    *,
    is_held_out: bool,
    is_for_looks: bool,
    now: float,
    trials: Trials | None = None,
) -> Markup:
    """The current activity and progress of the run, or how it ended; `is_for_looks` as in `verdict`.

    trials: those of a search, by whose best recipe, which is `recipe` then, the student is trained.
    """
    is_at_work = run.state in (State.RUNNING, State.STOPPING)
    if trials is not None and trials.found is None and is_at_work:
        return _busy(*doing(run, trials, now))
    if trials is not None and trials.found is not None:
        run = dataclasses.replace(run, step=steps_taken(run_progress), steps=recipe.all_steps)
    if run.state is State.QUEUED:
        waiting = "Next in the queue" if place == 1 else f"Number {place} in the queue" if place else "In the queue"
        return _busy(waiting, None)
    if is_at_work:
        return _working(run, recipe, run_progress, now)
    is_over = run.state is State.DONE
    said = verdict(run_progress, recipe, is_held_out=is_held_out, is_over=is_over, is_for_looks=is_for_looks)
    kind = "error" if run.state in (State.FAILED, State.INTERRUPTED) else "ended"
    message = "" if run.state is State.DONE else run.message
    last, steps = run_progress.finished.get("step", run.step), recipe.schedule.steps
    if run.state is State.DONE and 0 < last < steps:
        message = f"Ended early at step {last:,} of {steps:,}: the last validations brought no gain."
    figures = _figures(run_progress, recipe, run.trained_s)
    return joined((
        Markup('<p class="headline">{}</p>').format(said) if said else "",
        Markup('<div class="line {}">{}</div>').format(kind, message) if message else "",
        _ABOUT.format(figures) if figures else "",
        _TAKE_HOME.format(texts.TAKE_HOME, run.name) if is_over and run.step else "",
    ))  # fmt: skip


def _working(run: Run, recipe: Recipe, run_progress: RunProgress, now: float) -> Markup:
    """What is done now; of a run with a twin, for which of both."""
    part, steps, is_stopping = run_progress.twin or run_progress, recipe.schedule.steps, run.state is State.STOPPING
    last, before = part.last.get("event"), steps if run_progress.twin else 0
    if last == "labelling":
        done, total = part.last["done"], part.last["total"]
        return _busy(f"The teacher labels the photographs: {done} of {total}", done / total)
    whose = (texts.TWIN_TRAINS if run_progress.twin else texts.STUDENT_TRAINS) if recipe.twin else ""
    share, stopping = run.step / run.steps or None, "Stopping" if is_stopping else ""
    if not part.started or last in ("reading", "references"):
        doing = stopping or ("Reading the photographs" if last == "reading" else "Starting")
        return _busy(_listed(whose, doing), share if before else None)
    step = max(0, run.step - before)
    if not part.steps or part.steps[-1]["number"] < part.started["number"]:
        start = f"Continuing from step {step:,}" if step else "Taking the first steps"
        return _busy(_listed(stopping, whose, start, _device(part)), share)
    newest = part.steps[-1]
    twin_s = steps / newest["steps_per_s"] if recipe.twin and not before else 0.0
    left_s = max(0.0, newest["eta_s"] + twin_s - (now - newest.get("time", now)))
    done, speed = f"Step {step:,} of {steps:,}", f"{texts.number(newest['steps_per_s'], 2)} steps/s"
    left = f"{texts.duration(left_s)} left"
    return _busy(_listed(stopping, whose, done, speed, left, _device(part), _memory(newest)), share)


def _listed(*parts: str) -> str:
    """The non-empty `parts`, separated by dots."""
    return " · ".join(filter(None, parts))


def _memory(step: Event) -> str:
    """The memory of the run, if the trainer reports it."""
    return f"{texts.number(step['memory_mb'] / 1000, 2)} GB" if "memory_mb" in step else ""


def _figures(run_progress: RunProgress, recipe: Recipe, trained_s: float) -> str:
    """The line under an ended run: time, speed, device, photographs."""
    speed = f"{texts.number(run_progress.steps[-1]['steps_per_s'], 2)} steps/s" if run_progress.steps else ""
    photographs = (
        f"{run_progress.started['photographs']} training photographs" if run_progress.started.get("photographs") else ""
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


def _busy(text: str, fraction: float | None) -> Markup:
    """A line with a progress bar; an endless one for a `fraction` of None."""
    bar = (
        Markup('<span class="bar endless"><i></i></span>')
        if fraction is None
        else Markup('<span class="bar wide"><i style="width:{:.2%}"></i></span>').format(fraction)
    )
    return Markup('<div class="line busy" role="status"><span>{}</span>{}</div>').format(text, bar)


def curves(run: Run, run_progress: RunProgress, recipe: Recipe) -> Markup:
    """Two figures: the validation of the student against its twin, its start, the input and the teacher, and the parts
    of its loss.
    """
    validations = run_progress.validations
    twins = run_progress.twin.validations if run_progress.twin else ()
    kinds = (("Student now", "student", validations), ("Twin, without the teacher", "twin", twins))
    drawn = [
        Line(title, kind, tuple((event["step"], event["psnr_db"]) for event in of_kind))
        for title, kind, of_kind in kinds
        if of_kind
    ]
    ssim = Markup("SSIM now <b>{:.4f}</b>").format(validations[-1]["ssim"]) if validations else ""
    levels = [
        Level(title, kind, value)
        for title, kind, value in (
            (baseline_of(find_task(recipe.task)).capitalize(), "baseline", run_progress.baseline_db),
            ("Student before" if recipe.warm_start else "Untrained", "before", run_progress.before_db),
            ("Teacher", "teacher", run_progress.teacher_db),
        )
        if value is not None
    ]
    what = "PSNR" if recipe.the_task.has_truth else "PSNR to the teacher"
    steps, about = recipe.schedule.steps, f"{what} on held-out photographs"
    psnr = chart(about, drawn, levels, steps=steps, unit=" dB", span=_SPAN_DB, note=ssim)
    lines = [
        Line(*_loss_title(name), points)
        for name, points in losses_of(run_progress).items()
        if recipe.the_task.has_truth or name != "truth"
    ]
    loss = chart("Loss", lines, steps=steps, is_log=True)
    return Markup('<div class="curves">{}{}</div>').format(psnr, loss) if psnr or loss else Markup("")


def _loss_title(name: str) -> tuple[str, str]:
    return _LOSSES.get(name, (name.replace("_", " ").capitalize(), "part"))


def previews(home: Path, task: Task) -> Markup:
    """A held-out crop side by side, as far as its pictures exist in the folder of the run (no original where `task` has
    none); they are sent inside the page, so that no file is served.
    """
    now = home / TWIN_FOLDER / "preview" / "now.png"
    found = [now if name == "twin" else home / "preview" / f"{name}.png" for name, _ in _PREVIEWS]
    shown = [path if path.is_file() and (task.has_truth or path.stem != "truth") else None for path in found]
    return _previews(tuple(path and (path, path.stat().st_mtime_ns) for path in shown))


@functools.lru_cache(maxsize=32)
def _previews(files: tuple[tuple[Path, int] | None, ...]) -> Markup:
    """The same object for every page that shows the same pictures: each page's session keeps what it was sent."""
    cell = Markup(
        '<figure class="{}"><img src="data:image/png;base64,{}" alt="A held-out crop: {}">'
        "<figcaption>{}</figcaption></figure>"
    )
    cells = joined(
        cell.format(name, base64.b64encode(file[0].read_bytes()).decode(), title.lower(), title)
        for (name, title), file in zip(_PREVIEWS, files, strict=True)
        if file is not None
    )
    row = Markup('<p class="small-heading">A held-out crop</p><div class="previews" tabindex="0">{}</div>')
    return row.format(cells) if cells else Markup("")


def log(run_progress: RunProgress, recipe: Recipe, worker: str) -> Markup:
    """The newest lines; `worker` is the log of its process, which only the owner may see."""
    lines = log_lines(run_progress, recipe) + worker.splitlines()[-20:]
    if not lines:
        return _ABOUT.format("No progress reported yet.")
    return Markup('<pre class="log" tabindex="0">{}</pre>').format("\n".join(lines))


def run_title(run: Run) -> str:
    """A run's line in the list."""
    when = texts.ago(time.time() - run.created)
    state = f"{run.step / run.steps:.0%}" if run.state is State.RUNNING else _STATES[run.state].lower()
    return f"{recipe_from_json(run.recipe).title or run.name} · {state} · {when}"
