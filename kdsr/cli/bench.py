"""`kdsr bench`: speed of the networks on this machine, compared with each other and with its peak throughput."""

import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kdsr.cli.options import AsJson, RuntimeName, note, open_catalog, print_json
from kdsr.errors import InputError, Stopped
from kdsr.tasks import find_task

_PEERS = ("opencv-bicubic", "opencv-lanczos")


def bench(
    context: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="Names of networks; all of the task, twins left out, if none is given."
        ),
    ] = None,
    task: Annotated[str, typer.Option(help="Whose networks are measured when none is named.")] = "sr_x4",
    runtime: Annotated[
        list[RuntimeName] | None,
        typer.Option("--runtime", help="May be given again; all that are installed if left out."),
    ] = None,
    size: Annotated[
        list[int] | None,
        typer.Option("--size", help="Side of the square input in pixels; may be given again.  [default: 256]", min=1),
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option("--peer", help="opencv-bicubic, opencv-lanczos, span-28; may be given again.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Timed runs of each.", min=1)] = 15,
    memory: Annotated[bool, typer.Option(help="Measure peak memory too, each in a separate process.")] = True,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE.json", help="Write the measurement there, and a plot beside it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure networks, runtimes and sizes in turns, in one run. Ctrl-C stops and keeps what was measured."""
    # Over 40 lines, half of which declare the options: typer reads them from the signature.
    from kdsr.bench.peers import open_peer
    from kdsr.bench.speed import measure_speed, open_contestant, open_contestants
    from kdsr.bench.speed_report import WITHOUT_PLOT, speed_table, write_speed_report
    from kdsr.restore import available_runtimes

    if out is not None and out.suffix != ".json":
        raise InputError(f"The measurement is written as JSON, got '{out.name}'; give for example speed.json.")
    catalog = open_catalog(context.obj)
    names = models or [card.name for role in ("student", "teacher") for card in catalog.for_task(task, role)]
    cards = [catalog.find(name) for name in names]
    scale = find_task(cards[0].task if cards else task).scale
    asked = [name.value for name in runtime or ()]
    contestants = [
        contestant
        for card in cards
        for contestant in (
            [open_contestant(card.name, catalog, context.obj, runtime=name) for name in asked]
            or open_contestants(
                card.name, catalog, context.obj, available_runtimes(card.precision, card.architecture), tell=note
            )
        )
    ]
    contestants += [
        open_peer(name, scale, context.obj) for name in (_PEERS if peer is None and scale > 1 else peer or ())
    ]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started this with SIGINT ignored
    report = measure_speed(
        contestants, context.obj, sides_px=size or [256], repeats=repeats, memory=memory, on_progress=_tell
    )
    if as_json:
        print_json(asdict(report))
    else:
        print(speed_table(report))
    if out is not None:
        plot = write_speed_report(report, out)
        note(f"Written: {out}{f', {plot}' if plot else ''}")
        if plot is None and report.speeds:
            note(WITHOUT_PLOT)
    if not report.complete:
        raise Stopped("The measurement was stopped before its end; its results so far are kept.")


def _tell(text: str) -> None:
    """Show progress on one line of a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\r", file=sys.stderr, flush=True)
