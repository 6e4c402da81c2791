"""`kdsr space`: check and upload this clone as a Hugging Face Space."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from kdsr.cli.options import note, seen

_REPOSITORY = Path(__file__).resolve().parents[2]
Repository = Annotated[Path, typer.Option(help="Clone that the Space is made of.")]


def space_check(
    repository: Repository = _REPOSITORY,
    resolve: Annotated[bool, typer.Option(help="Ask the package registry whether the requirements resolve.")] = True,
    start: Annotated[bool, typer.Option(help="Start the page and restore a picture.")] = True,
) -> None:
    """Check whether the last commit would run as a Space; one line per check."""
    from kdsr.space.check import Verdict, check_tree
    from kdsr.space.tree import changed_files, write_tree

    with tempfile.TemporaryDirectory(prefix="kdsr-tree-") as folder:
        _note_changes(changed_files(repository))
        write_tree(repository, Path(folder))
        failed = 0
        for finding in check_tree(Path(folder), resolve=resolve, start=start):
            print(f"{finding.verdict:<8} {finding.check:<14} {seen(finding.told)}", flush=True)
            failed += finding.verdict is Verdict.FAILED
    if failed:
        raise typer.Exit(1)


def space_push(
    name: Annotated[str, typer.Argument(metavar="USER/NAME", help="Space to make or to update.")],
    hardware: Annotated[str | None, typer.Option(help="cpu-basic, t4-small, zero-a10g and so on.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new Space private.")] = False,
    repository: Repository = _REPOSITORY,
) -> None:
    """Upload the last commit as a Space, wait for its build, and print its address."""
    from kdsr.space.check import Verdict, check_tree
    from kdsr.space.push import SpaceError, push_space
    from kdsr.space.tree import changed_files, write_tree

    with tempfile.TemporaryDirectory(prefix="kdsr-tree-") as folder:
        _note_changes(changed_files(repository))
        write_tree(repository, Path(folder))
        faults = [
            each.told for each in check_tree(Path(folder), resolve=False, start=False) if each.verdict is Verdict.FAILED
        ]
        if faults:
            raise SpaceError(" ".join(faults))
        print(push_space(Path(folder), name, hardware=hardware, is_private=private, on_line=note))


def _note_changes(changed: list[str]) -> None:
    if changed:
        note(f"{len(changed)} files differ from the last commit and are left as they were: {', '.join(changed[:5])}")
