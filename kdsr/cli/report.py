"""`kdsr report`: pictures restored by a student and its teacher, as one HTML file."""

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


def report(
    context: typer.Context,
    pictures: Annotated[list[Path], typer.Argument(metavar="IN...", help="Pictures, one section each.")],
    out: Out,
    model: Model,
    teacher: Annotated[str | None, typer.Option(help="Name of the teacher; else the one that taught it.")] = None,
    as_is: Annotated[
        bool, typer.Option("--restore", help="Restore the pictures as they are; else they are degraded and measured.")
    ] = False,
) -> None:
    """Restore pictures by a student and its teacher, and write sentence, pictures and figures as one HTML file."""
    from kdsr.files import replaced
    from kdsr.tasks import find_task
    from kdsr.ui.report import report_html
    from kdsr.ui.restore.request import Mode, Order
    from kdsr.zoo.catalog import find_network, open_catalog

    if out.suffix.lower() not in (".html", ".htm") or not out.parent.is_dir():
        raise SettingsError(f"A report is an .html file in a folder that exists; '{out}' is not: name another.")
    settings: Settings = context.obj
    card, _ = find_network(model, settings)
    known = {each.name for each in open_catalog(settings).cards}
    taught_by = teacher or (card.teacher if card.teacher in known else None)
    strength = None if as_is else getattr(find_task(card.task).strength, "default", None)
    mode: Mode = "degraded" if as_is else "clean"
    order = Order(None, mode, card.task, strength=strength, student=model, teacher=taught_by)
    with tempfile.TemporaryDirectory(prefix="kdsr-report-") as folder:
        results = [
            _restored(replace(order, picture=picture), settings, Path(folder) / str(number))
            for number, picture in enumerate(pictures)
        ]
        text = report_html(results, settings, datetime.now(UTC))
    with replaced(out) as part:
        part.write_text(text, encoding="utf-8")
    note(f"Written: {seen(str(out))}, {len(text) / 1e6:.1f} MB.")


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
