"""The figures of one trained trial of an ablation: quality on the plan's test sets, steps and times.

Not here: training and the order of trials (`runner`), comparisons between trials (`report`).
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from kdsr.ablation.plan import AblationPlan, SetFigure, Trial, TrialResult, trial_folder
from kdsr.bench.evaluate import evaluate
from kdsr.bench.latency import machine_name
from kdsr.settings import Settings
from kdsr.train.events import Event, events_in
from kdsr.train.processes import choose_device
from kdsr.zoo import Catalog


def measure_trial(
    plan: AblationPlan,
    out_dir: Path,
    trial: Trial,
    *,
    settings: Settings,
    test_data_dir: Path,
    failed: str | None,
) -> TrialResult:
    """The result of the trained `trial`: PSNR in dB and SSIM on every set, and the times that its log states.

    Args:
        failed: why the training failed; nothing is evaluated then.
    Raises:
        InputError: a test set that cannot be read.
    """
    folder = trial_folder(out_dir, trial)
    started = time.monotonic()
    figures = (
        ()
        if failed
        else tuple(
            _figure(plan, folder, trial, test_data_dir, settings, measurement) for measurement in plan.measurements
        )
    )
    events = events_in(folder / "events.jsonl")
    steps = [event for event in events if event["event"] == "step"]
    validation = [event["psnr_db"] for event in events if event["event"] == "validation"]
    training_s, reading_s = _durations(events)
    return TrialResult(
        row=trial.row,
        seed=trial.seed,
        failed=failed,
        figures=figures,
        validation_psnr_db=validation[-1] if validation and not failed else None,
        steps=_steps_in(events),
        step_s=statistics.median(1 / max(event["steps_per_s"], 0.01) for event in steps) if steps else 0.0,
        training_s=round(training_s, 1),
        reading_s=round(reading_s, 1),
        measuring_s=round(time.monotonic() - started, 1),
        machine=machine_name(str(choose_device(settings.device))),
    )


def _figure(
    plan: AblationPlan,
    folder: Path,
    trial: Trial,
    test_data_dir: Path,
    settings: Settings,
    measurement: tuple[str, float | None],
) -> SetFigure:
    name, strength = measurement
    noise = "laboratory" if plan.task.degradation == "noise" else None  # as in trials that were measured earlier
    found = evaluate(
        trial.name, test_data_dir / name, plan.task, Catalog(folder), settings, strength=strength, convention=noise
    )
    each = {figure.name: round(figure.psnr_db, 4) for figure in found.per_picture}
    return SetFigure(
        name,
        strength,
        round(found.psnr_db, 5),
        round(found.ssim, 6),
        round(found.worst_psnr_db, 5),
        found.worst_picture,
        each,
    )


def _steps_in(events: Sequence[Event]) -> int:
    """Steps of all stages together."""
    stage, reached = 1, dict[int, int]()
    for event in events:
        stage = event.get("stage", stage)
        if event["event"] == "step":
            reached[stage] = event["step"]
    return sum(reached.values())


def _durations(events: Sequence[Event]) -> tuple[float, float]:
    """Seconds of training and of reading, by the events of a trial in any number of parts."""
    training_s = reading_s = 0.0
    at, reading_since = 0, 0.0
    for event in events:
        match event["event"]:
            case "reading":
                reading_since = event["time"]
            case "started":
                reading_s += event["time"] - reading_since
                at = event["step"]
            case "step":
                training_s += (event["step"] - at) / max(event["steps_per_s"], 0.01)
                at = event["step"]
    return training_s, reading_s
