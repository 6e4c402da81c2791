"""Runs an ablation: trains and measures every trial of a plan, in parts of any length, in parallel where asked.

A trial is claimed by a lock, which the system frees when its process ends. Any number of processes may therefore work
on one folder without repeating each other's trials. Not here: the plan (`plan`), figures (`measuring`), the table
(`report`).
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kdsr.ablation.measuring import measure_trial
from kdsr.ablation.plan import (
    RESULT,
    AblationPlan,
    Trial,
    plan_to_json,
    read_result,
    read_results,
    trial_folder,
    write_in_one_step,
)
from kdsr.bench.evaluate import pairs_of
from kdsr.errors import SettingsError, Stopped, TrainingError
from kdsr.files import claimed
from kdsr.settings import Settings, usable_threads
from kdsr.train.events import Event, events_in
from kdsr.train.train import train_recipe

_POLL_S = 0.2


@dataclass(frozen=True)
class _Execution:
    """One call of `run_plan`."""

    plan: AblationPlan
    out_dir: Path
    settings: Settings
    test_data_dir: Path
    deadline: float | None
    """On the monotonic clock."""
    on_event: Callable[[Event], None]
    should_stop: Callable[[], bool]

    @property
    def left_s(self) -> float | None:
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def tell(self, event: str, trial: Trial, **more: Any) -> None:
        self.on_event({"event": event, "row": trial.row, "seed": trial.seed, **more})


def run_plan(
    plan: AblationPlan,
    out_dir: Path,
    *,
    settings: Settings,
    test_data_dir: Path,
    time_limit_s: float | None = None,
    workers: int = 1,
    only: Trial | None = None,
    on_event: Callable[[Event], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> bool:
    """Run the unfinished trials of `plan` in `out_dir`; whether all are finished now.

    Args:
        time_limit_s: no trial starts after this time; the current one stops with a checkpoint, measuring is completed.
        workers: parallel processes; each has its share of the processor's threads.
        only: run no other trial.
        on_event: receives `run_started`, `run_finished` (with `result` and `gains_db`), `run_failed`, `run_paused`,
            `run_taken` (by another process).
        should_stop: called at every step.
    Raises:
        SettingsError: runs in `out_dir` that belong to another plan.
        InputError: test sets or photographs that cannot be used.
        Stopped: `should_stop` or Ctrl-C; every current trial leaves a checkpoint.
    """
    if workers < 1:
        raise SettingsError(f"workers must be at least 1, got {workers}.")
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    tell, stops = on_event or (lambda event: None), should_stop or (lambda: False)
    work = _Execution(plan, out_dir, settings, test_data_dir, deadline, tell, stops)
    done = read_results(plan, out_dir)
    waiting = [trial for trial in ((only,) if only else plan.trials) if trial not in done]
    for name in plan.sets if waiting else ():  # a missing set is an error before the training, not after it
        pairs_of(test_data_dir / name, plan.task)
    try:
        if workers > 1 and len(waiting) > 1:
            _in_parallel(work, waiting, workers)
        else:
            for trial in itertools.takewhile(lambda _: work.left_s != 0, waiting):
                _run_trial(work, trial)
    except KeyboardInterrupt:
        raise Stopped("Stopped; finished trials and checkpoints are kept, and the same command resumes.") from None
    return len(read_results(plan, out_dir)) == len(plan.trials)


def _run_trial(work: _Execution, trial: Trial) -> None:
    """Train and measure `trial` and write its result, unless it is finished or claimed by another process."""
    folder = trial_folder(work.out_dir, trial)
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder / "lock") as is_mine:
        if not is_mine:
            work.tell("run_taken", trial)
            return
        if read_result(work.plan, work.out_dir, trial) is not None:
            return
        work.tell("run_started", trial)
        failed = None
        try:
            if not _is_trained(folder) and not _train(work, trial):
                work.tell("run_paused", trial)
                return
        except _TrialFailed as error:
            failed = str(error)
        result = measure_trial(
            work.plan, work.out_dir, trial, settings=work.settings, test_data_dir=work.test_data_dir, failed=failed
        )
        write_in_one_step(json.dumps(asdict(result), indent=1) + "\n", folder / RESULT)
    _tell_end(work, trial)


class _TrialFailed(Exception):
    """A loss that is not finite: the result of this trial, not an error of the plan."""


def _train(work: _Execution, trial: Trial) -> bool:
    """Train `trial` from its last checkpoint; whether it reached its last step."""
    began: list[Event] = []

    def hear(event: Event) -> None:
        if event["event"] == "started":
            began.append(event)
        work.tell("training", trial, inner=event)

    torch.compiler.reset()  # it gives up after 8 networks in one process, and later rows would run slower
    try:
        outcome = train_recipe(
            work.plan.recipe(trial),
            trial_folder(work.out_dir, trial),
            settings=work.settings,
            resume=True,
            time_limit_s=work.left_s,
            on_event=hear,
            should_stop=work.should_stop,
        )
    except TrainingError as error:
        if not began or error.__cause__ is not None:  # a checkpoint that cannot be read or written
            raise
        raise _TrialFailed(str(error)) from error
    return outcome.finished


def _is_trained(folder: Path) -> bool:
    return any(event["event"] == "finished" for event in events_in(folder / "events.jsonl"))


def _tell_end(work: _Execution, trial: Trial) -> None:
    """Report the end of `trial`, with its gains over the baseline of the same seed where that is known."""
    results = read_results(work.plan, work.out_dir)
    result = results[trial]
    baseline = results.get(Trial(work.plan.baseline_of(trial.row) or "", trial.seed))
    gains_db = {}
    for measurement in work.plan.measurements:
        mine, theirs = result.psnr_db(measurement), baseline.psnr_db(measurement) if baseline else None
        gains_db[measurement] = None if mine is None or theirs is None else mine - theirs
    taken = [each.total_s for each in results.values()]
    left = len(work.plan.trials) - len(results)
    progress = {"done": len(results), "total": len(work.plan.trials), "left_s": left * statistics.fmean(taken)}
    work.tell("run_failed" if result.failed else "run_finished", trial, result=result, gains_db=gains_db, **progress)


def _in_parallel(work: _Execution, runs: Sequence[Trial], workers: int) -> None:
    """Run each trial in a separate process, `workers` at a time."""
    plan_path = work.out_dir / f"{work.plan.name}.json"
    write_in_one_step(plan_to_json(work.plan), plan_path)
    waiting, going = list(runs), dict[Trial, subprocess.Popen[bytes]]()
    try:
        while going or (waiting and work.left_s != 0):
            if work.should_stop():
                raise Stopped("Stopped; finished trials and checkpoints are kept, and the same command resumes.")
            while waiting and len(going) < workers and work.left_s != 0:
                trial = waiting.pop(0)
                work.tell("run_started", trial)
                going[trial] = _start(work, trial, plan_path, max(1, usable_threads(work.settings) // workers))
            for trial in [trial for trial, process in going.items() if process.poll() is not None]:
                _report_process(work, trial, going.pop(trial).returncode)
            time.sleep(_POLL_S)
    finally:
        for process in going.values():
            process.terminate()
        for process in going.values():
            process.wait()


def _start(work: _Execution, trial: Trial, plan_path: Path, threads: int) -> "subprocess.Popen[bytes]":
    """A new process for `trial`; its output goes to `worker.log` in the trial's folder."""
    folder = trial_folder(work.out_dir, trial)
    folder.mkdir(parents=True, exist_ok=True)
    settings = work.settings
    command: list[object] = [
        sys.executable,
        "-m",
        "kdsr",
        "--weights",
        settings.weights_dir,
        "--device",
        settings.device,
        "--threads",
        threads,
    ]
    command += [
        "ablate",
        plan_path,
        "--out",
        work.out_dir,
        "--only",
        f"{trial.row}:{trial.seed}",
        "--data",
        settings.data_dir,
        "--test-data",
        work.test_data_dir,
    ]
    if work.left_s is not None:
        command += ["--time-limit-s", work.left_s]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "KDSR_HOME": str(settings.home)}
    with open(folder / "worker.log", "ab") as log:  # a session of its own: Ctrl-C reaches it once, through this process
        return subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=log, env=environment, start_new_session=True
        )


def _report_process(work: _Execution, trial: Trial, code: int) -> None:
    """Report how the process of `trial` ended.

    Raises:
        TrainingError: the process failed.
    """
    if code not in (0, 130):
        last = (
            (trial_folder(work.out_dir, trial) / "worker.log")
            .read_text(encoding="utf-8", errors="replace")
            .strip()
            .splitlines()[-1:]
        )
        raise TrainingError(
            f"The process of {trial.name} ended with code {code}: {' '.join(last).removeprefix('kdsr: ')}"
        )
    if read_result(work.plan, work.out_dir, trial) is not None:
        _tell_end(work, trial)
    else:
        work.tell("run_paused", trial)
