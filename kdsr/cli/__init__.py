"""The command line: each command turns its arguments into calls of the package and prints the results.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done; 1 some pictures failed or some figures do
not hold; 2 unusable input, explained in one sentence; 130 stopped. Imports are inside the commands, so that `kdsr
--help` is fast and each command needs only the libraries that it uses. Not here: functions for other
programs.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from kdsr import __version__
from kdsr.cli.ablation import ablate
from kdsr.cli.bench import bench
from kdsr.cli.cards import card_latency, card_measure, card_verify
from kdsr.cli.compression import compress
from kdsr.cli.fit import fit
from kdsr.cli.jobs import jobs_clean, jobs_delete, jobs_list, jobs_resume, jobs_show, jobs_start, jobs_stop
from kdsr.cli.networks import evaluate, export, models
from kdsr.cli.options import note
from kdsr.cli.pictures import degrade, restore
from kdsr.cli.report import report
from kdsr.cli.space import space_check, space_push
from kdsr.cli.teachers import teachers_add, teachers_list, teachers_remove
from kdsr.cli.training import train
from kdsr.cli.tune import tune
from kdsr.errors import KdsrError, Stopped
from kdsr.settings import PAGE_OUTPUT_MEGAPIXELS, settings_from_environment

COMMANDS: tuple[Callable[..., None], ...] = (
    *(restore, degrade, train, tune, compress, ablate, evaluate, models, export, bench, fit, report),
)
"""Each is a command of the same name; `serve` and the groups `card`, `jobs`, `teachers` and `space` are added."""
CARD_COMMANDS: tuple[Callable[..., None], ...] = (card_verify, card_measure, card_latency)
"""`kdsr card verify` and so on."""
JOBS_COMMANDS: tuple[Callable[..., None], ...] = (
    jobs_list,
    jobs_show,
    jobs_start,
    jobs_stop,
    jobs_resume,
    jobs_delete,
    jobs_clean,
)
"""`kdsr jobs list` and so on."""
TEACHERS_COMMANDS: tuple[Callable[..., None], ...] = (teachers_list, teachers_add, teachers_remove)
"""`kdsr teachers list` and so on."""
SPACE_COMMANDS: tuple[Callable[..., None], ...] = (space_check, space_push)
"""`kdsr space check` and so on."""


def main() -> NoReturn:
    """Run the command line; every error on purpose is one sentence on stderr."""
    try:
        build_app()()
    except Stopped as error:
        _fail(str(error), 130)
    except KdsrError as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"{error.filename or 'A file'} cannot be read or written: {error.strerror or error}.", 2)
    sys.exit(0)


def build_app() -> typer.Typer:
    """The command line as one object."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
    app.callback()(_common)
    for command in (*COMMANDS, _serve):
        app.command(command.__name__.strip("_"))(command)
    cards = typer.Typer(help="Measure the figures of a card, and check them.", no_args_is_help=True)
    for command in CARD_COMMANDS:
        cards.command(command.__name__.removeprefix("card_"))(command)
    app.add_typer(cards, name="card")
    jobs = typer.Typer(help="Train in the background: a queue that outlives the terminal.", no_args_is_help=True)
    for command in JOBS_COMMANDS:
        jobs.command(command.__name__.removeprefix("jobs_"))(command)
    app.add_typer(jobs, name="jobs")
    teachers = typer.Typer(help="Published teachers of other makers: add them by name.", no_args_is_help=True)
    for command in TEACHERS_COMMANDS:
        teachers.command(command.__name__.removeprefix("teachers_"))(command)
    app.add_typer(teachers, name="teachers")
    space = typer.Typer(help="This clone as a Hugging Face Space: check it, upload it.", no_args_is_help=True)
    for command in SPACE_COMMANDS:
        space.command(command.__name__.removeprefix("space_"))(command)
    app.add_typer(space, name="space")
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"kdsr {__version__}")
        raise typer.Exit


def _common(
    context: typer.Context,
    weights: Annotated[Path | None, typer.Option(help="Folder of the networks and their cards.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    threads: Annotated[int | None, typer.Option(help="Processor threads of a network; 0 takes all.")] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Restore pictures by large teachers and their tiny students. Settings also come from KDSR_* variables."""
    given: dict[str, Any] = {"weights_dir": weights, "device": device, "threads": threads}
    context.obj = replace(
        settings_from_environment(), **{name: value for name, value in given.items() if value is not None}
    )


def _serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65_535)] = 7860,
    share: Annotated[bool, typer.Option("--share", help="Also give the page a public address.")] = False,
    max_output_megapixels: Annotated[
        float, typer.Option(envvar="KDSR_MAX_OUTPUT_MEGAPIXELS", help="Largest picture that the page makes.")
    ] = PAGE_OUTPUT_MEGAPIXELS,
) -> None:
    """Serve the page."""
    from kdsr.ui import serve as serve_page

    serve_page(replace(context.obj, max_output_megapixels=max_output_megapixels), host=host, port=port, share=share)


def _fail(text: str, code: int) -> NoReturn:
    note(f"kdsr: {text}")
    sys.exit(code)
