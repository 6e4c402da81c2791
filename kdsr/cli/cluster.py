"""`kdsr restore --ray`: a folder of pictures on Ray, with the lines of the plain command."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kdsr.cli.folders import OnConflict, pace
from kdsr.cli.options import note
from kdsr.errors import InputError, SettingsError, Stopped
from kdsr.settings import Settings

if TYPE_CHECKING:
    from kdsr.cluster.todo import Todo, Tree
    from kdsr.restore.order import PictureOrder


def plain_places(source: str, out: str, gpus: float | None) -> tuple[Path, Path]:
    """The paths of a run without Ray.

    Raises:
        SettingsError: an address or an option that only Ray takes.
    """
    for place in (source, out):
        if "://" in place:
            raise SettingsError(f"{place} is an address, which only a run by Ray takes; add --ray local.")
    if gpus is not None:
        raise SettingsError("--gpus is for workers of Ray; add --ray, or choose a GPU by --device.")
    return Path(source), Path(out)


def restore_by_ray(
    address: str,
    source: str,
    out: str,
    order: "PictureOrder",
    settings: Settings,
    recursive: bool,
    on_conflict: OnConflict,
    gpus: float | None,
) -> None:
    """Restore the folder `source` to `out` and say what was done; exit code 1 if some pictures failed.

    Raises:
        Stopped: Ctrl-C; what is finished is kept.
    """
    from kdsr.cluster.ray_start import check_installed, ray_at
    from kdsr.cluster.todo import Tree, todo_of

    check_installed()
    if "://" not in source and not Path(source).is_dir():
        raise InputError(f"--ray takes a folder of pictures, and {source} is none; leave --ray out.")
    tree = Tree(source, out, recursive, on_conflict.value)
    todo = todo_of(tree, order.made_by)
    if todo.kept:
        note(f"{todo.kept} of {todo.total + todo.kept} pictures are skipped: a file lies where the result would go.")
    if len(todo.left) < todo.total:
        note(f"{todo.total - len(todo.left)} of {todo.total} pictures are finished already and skipped.")
    if not todo.left:
        return
    todo.manifest.begin()
    try:
        with ray_at(address, settings):
            failures = _watched(todo, tree, order, settings, gpus)
    except KeyboardInterrupt:
        raise Stopped("Stopped; what is finished is kept, and the same command does the rest.") from None
    finally:
        todo.manifest.write()
    if failures:
        for line in [f"{len(failures)} of {todo.total} pictures failed:", *sorted(failures)]:
            note(line)
        raise typer.Exit(1)


def _watched(todo: "Todo", tree: "Tree", order: "PictureOrder", settings: Settings, gpus: float | None) -> list[str]:
    """The pictures that failed, each with its reason; prints a line for each one that comes."""
    from kdsr.cluster.places import joined
    from kdsr.cluster.ray_folder import outcomes

    done, total, failures, ran = 0, len(todo.left), list[str](), dict[str, int]()
    started, first = 0.0, 0
    for rows in outcomes(todo.left, tree, order, settings, gpus=gpus):
        todo.manifest.add(rows)
        passed_s = time.monotonic() - started
        if not first:  # the pace is that of warm workers
            started, first = time.monotonic(), len(rows)
        for row in rows:
            done += 1
            ran[row["ran"]] = ran.get(row["ran"], 0) + 1
            if row["failure"]:
                failures.append(f"{row['source']}: {row['failure']}")
            rate = pace(done - first, total - first, passed_s) if done > first else ""
            said = "failed" if row["failure"] else f"-> {joined(tree.target, row['target'])}"
            note(" ".join(filter(None, [
                f"[{done}/{total}] {row['source']}", said, rate, row["notes"],
            ])))  # fmt: skip
    for line, count in ran.items():
        if line:
            note(f"{line}: {count} pictures")
    return failures
