"""`kdsr report`: pictures restored by a student and its teacher, as one HTML file or as a PDF."""

import sys
import tempfile
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdsr.cli.options import Model, Out, note, seen
from kdsr.errors import SettingsError, Stopped
from kdsr.settings import Settings

if TYPE_CHECKING:
    from kdsr.ui.restore.request import Order
    from kdsr.ui.restore.result import RestoreResult
    from kdsr.zoo import Card


def report(
    context: typer.Context,
    pictures: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, one section each.")],
    out: Out,
    model: Model,
    teacher: Annotated[str | None, typer.Option(help="Name of the teacher; else the one that taught it.")] = None,
    as_is: Annotated[
        bool, typer.Option("--restore", help="Restore the pictures as they are; else they are degraded and measured.")
    ] = False,
    spot: Annotated[
        str | None,
        typer.Option(help="X,Y: what is enlarged, in fractions of width and height; else where they differ most."),
    ] = None,
) -> None:
    """Restore pictures by a student and its teacher; write sentence, pictures and figures as .html or .pdf."""
    from kdsr.files import replaced
    from kdsr.tasks import find_task
    from kdsr.ui.report.as_pdf import need_typst
    from kdsr.ui.restore.request import Mode, Order
    from kdsr.zoo.catalog import open_catalog

    is_pdf, enlarged = _is_pdf(out), _spot(spot)
    if is_pdf:
        need_typst()
    settings: Settings = context.obj
    card = _student(model, settings)
    known = {each.name for each in open_catalog(settings).cards}
    taught_by = teacher or (card.teacher if card.teacher in known else None)
    as_is = as_is or not find_task(card.task).has_truth
    strength = None if as_is else getattr(find_task(card.task).strength, "default", None)
    mode: Mode = "degraded" if as_is else "clean"
    order = Order(None, mode, card.task, strength=strength, student=model, teacher=taught_by)
    with tempfile.TemporaryDirectory(prefix="kdsr-report-") as folder:
        results = [
            _restored(replace(order, picture=picture), settings, Path(folder) / str(number))
            for number, picture in enumerate(pictures)
        ]
        written = _written(results, settings, enlarged, is_pdf=is_pdf)
    with replaced(out) as part:
        part.write_bytes(written)
    note(f"Written: {seen(str(out))}, {len(written) / 1e6:.1f} MB.")


def _written(
    results: "list[RestoreResult]", settings: Settings, spot: tuple[float, float] | None, *, is_pdf: bool
) -> bytes:
    """The report of `results`, made now."""
    from kdsr.ui.report.as_html import report_html
    from kdsr.ui.report.as_pdf import report_pdf

    made = datetime.now(UTC)
    if is_pdf:
        return report_pdf(results, settings, made, spots=[spot] * len(results))
    return report_html(results, settings, made, spots=[spot] * len(results)).encode()


def _is_pdf(out: Path) -> bool:
    """Whether `out` is a PDF; else it is HTML.

    Raises:
        SettingsError: it is neither, or its folder does not exist.
    """
    if out.suffix.lower() not in (".html", ".htm", ".pdf") or not out.parent.is_dir():
        raise SettingsError(f"A report is an .html or .pdf file in a folder that exists; '{out}' is not: name another.")
    return out.suffix.lower() == ".pdf"


def _student(model: str, settings: Settings) -> "Card":
    """The card of the network `model`.

    Raises:
        KdsrError: as `find_network` does. SettingsError: it is a teacher.
    """
    from kdsr.zoo.catalog import find_network

    card, _ = find_network(model, settings)
    if card.role == "teacher":
        raise SettingsError(f"'{card.name}' is a teacher: give a student with --model, and it with --teacher.")
    return card


def _spot(given: str | None) -> tuple[float, float] | None:
    """The spot `X,Y`, if one was given.

    Raises:
        SettingsError: it is no two fractions.
    """
    if given is None:
        return None
    try:
        x, y = map(float, given.split(","))
    except ValueError:
        x = y = -1.0
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise SettingsError(f"A spot is two fractions of width and height, such as 0.31,0.42; got '{given}'.")
    return x, y


def _restored(order: "Order", settings: Settings, folder: Path) -> "RestoreResult":
    """The result of `order`, with its progress on stderr."""
    from kdsr.ui.restore.run import restore_steps

    result = None
    for step in restore_steps(order, settings, folder, threading.Event()):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{seen(str(order.picture))}: {step.text}", end="", file=sys.stderr)
        result = step.result if step.last else None
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if result is None:
        raise Stopped("Stopped; no report was written.")
    return result
