"""The progress of a run, computed from its events. Pure functions of plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kdsr.jobs import curve
from kdsr.tasks import Task
from kdsr.train import Recipe
from kdsr.train.twin import gain_over_twin, released_psnr_db
from kdsr.ui import texts
from kdsr.ui.distill.trials import line_of

Event = Mapping[str, Any]
_NOT_LOSSES = ("event", "time", "number", "step", "run_step", "twin", "steps_per_s", "eta_s", "memory_mb")
_LOG_LINES = 60


@dataclass(frozen=True)
class RunProgress:
    """The events of a run, and by kind those of its student."""

    events: Sequence[Event]
    """All, the twin's too."""
    steps: Sequence[Event]
    validations: Sequence[Event]
    references: Event
    started: Event
    """The last start; empty before the first."""
    finished: Event
    """Its end; empty before."""
    twin: "RunProgress | None" = None
    """The progress of the twin; None before it begins."""
    proof: Event = field(default_factory=dict)
    """The figures of student and twin; empty before both are there."""

    @property
    def last(self) -> Event:
        """The newest event; empty if there is none."""
        return self.events[-1] if self.events else {}

    @property
    def now_db(self) -> float | None:
        """PSNR in dB of the current student on the held-out photographs."""
        return self.validations[-1]["psnr_db"] if self.validations else None

    @property
    def before_db(self) -> float | None:
        """PSNR of the student before the run; of an untrained one where it started fresh."""
        return self.references.get("before_psnr_db")

    @property
    def baseline_db(self) -> float | None:
        """PSNR without any network: of bicubic enlargement, or of the input itself; None where it says nothing, and of
        older runs.
        """
        return self.references.get("baseline_psnr_db")

    @property
    def teacher_db(self) -> float | None:
        """PSNR of the teacher."""
        return self.references.get("teacher_psnr_db")


def progress_of(events: Sequence[Event]) -> RunProgress:
    """`events` by kind."""
    trained = [event for event in events if not event.get("search")]
    own, twins = ([event for event in trained if event.get("twin", False) is is_twin] for is_twin in (False, True))
    found: dict[str, Event] = {event["event"]: event for event in own}
    return RunProgress(
        events,
        curve(own, "step"),
        curve(own, "validation"),
        found.get("references", {}),
        found.get("started", {}),
        found.get("finished", {}),
        progress_of([{**event, "twin": False} for event in twins]) if twins else None,
        found.get("twin", {}),
    )


def steps_taken(run_progress: RunProgress) -> int:
    """Steps of the student, and of its twin."""
    kinds = run_progress.steps, run_progress.validations, (run_progress.started, run_progress.finished)
    own = max((event.get("step", 0) for kind in kinds for event in kind), default=0)
    return own + (steps_taken(run_progress.twin) if run_progress.twin else 0)


def losses_of(run_progress: RunProgress) -> dict[str, tuple[tuple[float, float], ...]]:
    """(step, value) of the loss and of each of its parts, by name; the total first."""
    names = dict.fromkeys(name for event in run_progress.steps for name in event if name not in _NOT_LOSSES)
    return {
        name: tuple((event["step"], event[name]) for event in run_progress.steps if name in event) for name in names
    }


def kept_db(run_progress: RunProgress, recipe: Recipe) -> float | None:
    """PSNR in dB of the network that the run keeps: the best validated one if the recipe says so, else the last."""
    return released_psnr_db(run_progress.validations, recipe)


def verdict(
    run_progress: RunProgress, recipe: Recipe, *, is_held_out: bool, is_over: bool = True, is_for_looks: bool = False
) -> str:
    """What was gained over the student before, over its twin, and how far the teacher is. Empty where not known.

    Args:
        is_over: the run went to its end, where it keeps the best validated network; before, it has the newest.
        is_for_looks: the run or its teacher is for looks, so that PSNR is no gain and no loss.
    """
    is_over = is_over or bool(run_progress.finished)
    gain = _gain_over_start(run_progress, recipe, is_held_out=is_held_out, is_over=is_over, is_for_looks=is_for_looks)
    proof = _proof(run_progress, is_for_looks=is_for_looks) if recipe.twin and gain else ""
    return f"{gain} {proof}".strip()


def _proof(run_progress: RunProgress, *, is_for_looks: bool) -> str:
    """What the teacher gave, measured against the twin."""
    if not run_progress.proof:
        return texts.NOT_PROVED
    student_db, twin_db = (run_progress.proof[f"{name}_psnr_db"] for name in ("student", "twin"))
    return texts.TWIN_HAS.format(twin_db) if is_for_looks else gain_over_twin(student_db, twin_db)


def _gain_over_start(
    run_progress: RunProgress, recipe: Recipe, *, is_held_out: bool, is_over: bool, is_for_looks: bool
) -> str:
    kept = kept_db(run_progress, recipe) if is_over else run_progress.now_db
    if kept is None or run_progress.before_db is None:
        return ""
    gain, where = kept - run_progress.before_db, "held-out photographs" if is_held_out else "training photographs"
    if is_for_looks:
        return (
            f"The student was trained for looks, which PSNR does not measure: it has {kept:.2f} dB on the {where}, "
            f"{run_progress.before_db:.2f} dB before the run. Compare the two in Restore, with NIQE and consistency."
        )
    others = ((run_progress.baseline_db, baseline_of(recipe.the_task)), (run_progress.teacher_db, "the teacher"))
    apart = " and ".join(f"{_apart(kept - value)} {name}" for value, name in others if value is not None)
    teacher = f", {apart}" if apart else ""
    before = f"{run_progress.before_db:.2f} dB"
    if gain < 0.005:
        if not is_over:
            return (
                f"No gain so far: the student reaches {kept:.2f} dB on the {where}{teacher}; {before} before the run."
            )
        kept_old = " The network is the one from before." if recipe.schedule.patience and recipe.warm_start else ""
        return f"No gain: the student before the run was as good on the {where} ({before}{teacher}).{kept_old}"
    over = "the student before the run" if recipe.warm_start else "its untrained start"
    return f"The student gained {gain:.2f} dB over {over} and reaches {kept:.2f} dB on the {where}{teacher}."


def baseline_of(task: Task) -> str:
    """What a network is compared with, where none is used."""
    return "bicubic" if task.scale > 1 else "the input"


def _apart(difference_db: float) -> str:
    return f"{abs(difference_db):.2f} dB {'behind' if difference_db < 0 else 'ahead of'}"


def log_lines(run_progress: RunProgress, recipe: Recipe) -> list[str]:
    """The newest `_LOG_LINES` events, one line each, oldest first."""
    newest = run_progress.events[-4 * _LOG_LINES :]
    lines = ((event.get("twin", False), _line(event, recipe)) for event in newest)
    return [f"twin  {line}" if is_twin else line for is_twin, line in lines if line][-_LOG_LINES:]


def _line(event: Event, recipe: Recipe) -> str:
    if event.get("search"):
        return line_of(event)
    step = f"step {event.get('step', 0):>7,}"
    match event["event"]:
        case "reading":
            return f"Reading {event['photographs']} photographs"
        case "labelling":
            return f"The teacher labels: {event['done']} of {event['total']}"
        case "references":
            figures = {name: event.get(f"{name}_psnr_db") for name in ("baseline", "before", "teacher")}
            return "References: " + ", ".join(
                f"{name} {value:.2f} dB" for name, value in figures.items() if value is not None
            )
        case "started":
            return f"{step}  started on {event['device']} with {event.get('photographs', '?')} photographs"
        case "step":
            parts = "  ".join(f"{name} {value:.5f}" for name, value in event.items() if name not in _NOT_LOSSES)
            return f"{step}  {event['steps_per_s']:.1f} steps/s  {parts}"
        case "validation":
            return f"{step}  validation {event['psnr_db']:.2f} dB, SSIM {event['ssim']:.4f}"
        case "mixed":
            return f"{step}  mixed {event['psnr_db']:.2f} dB, SSIM {event['ssim']:.4f}"
        case "finished":
            early = " (no gain any more)" if event["step"] < recipe.schedule.steps else ""
            return f"{step}  finished{early}"
        case "paused":
            return f"{step}  paused"
    return ""
