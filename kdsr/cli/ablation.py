"""`kdsr ablate`: the same student with and without each method, one line per run, and the report."""

import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kdsr.errors import SettingsError
from kdsr.settings import Settings


def ablate(
    context: typer.Context,
    plan: Annotated[
        Path,
        typer.Argument(metavar="PLAN.json", help="Plan: a base recipe, rows that change it, seeds, test sets."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the runs; the same command resumes them.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder that holds the recipes' folders of photographs.")
    ] = None,
    test_data: Annotated[
        Path | None,
        typer.Option("--test-data", help="Folder that holds the test sets; needed until all runs are done."),
    ] = None,
    time_limit_s: Annotated[
        float | None,
        typer.Option(help="Stop after this many seconds; the same command resumes. 0 trains nothing.", min=0),
    ] = None,
    workers: Annotated[int, typer.Option(help="Runs in parallel, each in its own process.", min=1)] = 1,
    only: Annotated[str | None, typer.Option("--only", metavar="ROW:SEED", help="Do only this run.")] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE.md", help="Write the table and the plot of the finished runs."),
    ] = None,
) -> None:
    """Train and measure a student by several methods and seeds. Ctrl-C stops with checkpoints."""
    # Over 40 lines, half of which declare the options: typer reads them from the signature.
    from kdsr.ablation.plan import read_plan, read_results
    from kdsr.ablation.report import write_report
    from kdsr.ablation.runner import run_plan

    settings: Settings = replace(context.obj, data_dir=data) if data else context.obj
    the_plan = read_plan(plan)
    if test_data is None and time_limit_s != 0 and len(read_results(the_plan, out)) < len(the_plan.trials):
        raise SettingsError(
            "Some runs are left, and they need the test sets; give their folder by --test-data, "
            "or --time-limit-s 0 for the report only."
        )
    try:
        if time_limit_s != 0:
            for number in (
                signal.SIGINT,
                signal.SIGTERM,
            ):  # both leave a checkpoint, also where a shell started the run with SIGINT ignored
                signal.signal(number, signal.default_int_handler)
            chosen = the_plan.find_trial(only) if only else None
            printer = _EventPrinter(workers)
            run_plan(
                the_plan,
                out,
                settings=settings,
                test_data_dir=test_data or Path(),
                time_limit_s=time_limit_s,
                workers=workers,
                only=chosen,
                on_event=printer,
            )
    finally:
        if report:
            write_report(the_plan, out, report)
    print(f"{len(read_results(the_plan, out))} of {len(the_plan.trials)} runs of {the_plan.name} are done.")


class _EventPrinter:
    """Prints what happens to the runs, one line each."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def __call__(self, event: Mapping[str, Any]) -> None:
        line = self._line(event)
        if line:
            print(f"{event['row']} seed {event['seed']}: {line}", flush=True)

    def _line(self, event: Mapping[str, Any]) -> str:
        match event["event"]:
            case "run_started":
                return "started"
            case "run_paused":
                return "paused; the same command resumes"
            case "run_taken":
                return "another process is running it"
            case "run_failed":
                return f"failed. {event['result'].failed}{self._progress(event)}"
            case "run_finished":
                figures = "  ".join(self._figure(event, measurement) for measurement in event["gains_db"])
                return f"{figures}  {event['result'].total_s / 60:.1f} min{self._progress(event)}"
        return ""

    def _figure(self, event: Mapping[str, Any], measurement: tuple[str, float | None]) -> str:
        name, strength = measurement
        gain_db = event["gains_db"][measurement]
        gain = "" if gain_db is None else f" ({gain_db:+.3f})"
        at = "" if strength is None else f" at {strength:g}"
        return f"{name}{at} {event['result'].psnr_db(measurement):.3f} dB{gain}"

    def _progress(self, event: Mapping[str, Any]) -> str:
        minutes = round(event["left_s"] / self.workers / 60)
        return f"  [{event['done']} of {event['total']} done, about {minutes // 60}:{minutes % 60:02d} h left]"
