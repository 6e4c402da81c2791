"""`kdsr jobs`: the background runs of this machine. Anyone who can read its files may control them."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdsr.cli.options import AsJson, note, print_json
from kdsr.settings import Settings

if TYPE_CHECKING:
    from kdsr.jobs import Jobs, Run

_Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a run; see `kdsr jobs list`.")]
_LAST_EVENTS = 10
_ALL = 1_000_000


def jobs_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    jobs = _open(context.obj)
    runs = jobs.runs()
    if as_json:
        print_json([_described(jobs, run) for run in runs])
        return
    print(f"{'id':<21}  {'state':<11}  {'step':>9}  {'of':>9}  {'created':<16}  name")  # of a search: seconds
    for run in runs:
        created = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))
        step, steps = (f"{count:,}{' s' if run.search else ''}" for count in (run.step, run.steps))
        print(f"{run.id}  {run.state:<11}  {step:>9}  {steps:>9}  {created}  {run.name}")


def jobs_show(context: typer.Context, run_id: _Id, as_json: AsJson = False) -> None:
    """Show a run: its state, its folder and its last events."""
    jobs = _open(context.obj)
    described = _described(jobs, jobs.get(run_id))
    events = jobs.events(run_id, most=_ALL)[-_LAST_EVENTS:]
    if as_json:
        print_json(described | {"last_events": events})
        return
    for name, value in described.items():
        print(f"{name:<14} {'' if value is None else value}")
    for event in events:
        print(" ".join(f"{name}={value}" for name, value in event.items() if name not in ("time", "number")))


def jobs_start(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE.json", help="Recipe of the run.")],
    photos: Annotated[
        Path | None,
        typer.Option(help="Folder of photographs (or zip archives) to copy; without it, those of the recipe."),
    ] = None,
    search_minutes: Annotated[
        float | None, typer.Option(help="Search for a better recipe first, as `kdsr tune` does: minutes in all.")
    ] = None,
) -> None:
    """Queue a run, and print its id; it continues when the terminal is closed."""
    from kdsr.jobs import SearchPlan
    from kdsr.train.recipe import recipe_from_json

    jobs = _open(context.obj)
    base = recipe_from_json(recipe.read_text(encoding="utf-8", errors="replace"))
    search = None if search_minutes is None else SearchPlan(search_minutes, other_teachers=True)
    run = jobs.submit(base, photos=photos, search=search)
    print(run.id)
    _tell_place(jobs, run.id)


def jobs_stop(context: typer.Context, run_id: _Id) -> None:
    """Stop a run after its step, with a checkpoint."""
    print(f"{run_id} is {_open(context.obj).stop(run_id).state}.")


def jobs_resume(context: typer.Context, run_id: _Id) -> None:
    """Resume a run that was stopped, interrupted or failed."""
    jobs = _open(context.obj)
    print(f"{run_id} is {jobs.resume(run_id).state}.")
    _tell_place(jobs, run_id)


def jobs_delete(context: typer.Context, run_id: _Id) -> None:
    """Remove an ended run with its photographs, weights and events."""
    _open(context.obj).delete(run_id)
    print(f"{run_id} is deleted.")


def jobs_clean(
    context: typer.Context,
    days: Annotated[float | None, typer.Option(help="Remove runs that ended longer ago.", min=0)] = None,
    gigabytes: Annotated[
        float | None, typer.Option(help="Remove the oldest ended runs until all take at most this.", min=0)
    ] = None,
) -> None:
    """Remove old runs, by age and by size; without options as the settings say."""
    removed = _open(context.obj).clean(days, gigabytes)
    for run_id in removed:
        print(run_id)
    note(f"{len(removed)} runs removed.")


def _open(settings: Settings) -> "Jobs":
    """The runs, after those of dead workers were marked and the queue was advanced."""
    from kdsr.jobs import Jobs

    jobs = Jobs(settings, is_trusted=True)
    jobs.tend()
    return jobs


def _described(jobs: "Jobs", run: "Run") -> dict[str, Any]:
    from kdsr.jobs import public

    return public(run) | {"queue_place": jobs.place_in_queue(run.id), "folder": str(jobs.folder(run.id))}


def _tell_place(jobs: "Jobs", run_id: str) -> None:
    place = jobs.place_in_queue(run_id)
    note("It starts now." if place is None or place == 1 else f"It is number {place} in the queue.")
