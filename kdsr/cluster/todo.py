"""The pictures of a place that are still to be restored, each with the name of its result."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kdsr.cluster.manifest import Manifest
from kdsr.cluster.places import Found, is_address, is_same, names_in, pictures_below
from kdsr.errors import InputError
from kdsr.files import clear_parts
from kdsr.image.batch import result_names


@dataclass(frozen=True)
class Tree:
    """Where a run reads and where it writes: paths, or addresses such as `s3://bucket/folder`."""

    source: str
    target: str
    recursive: bool = False
    on_conflict: str = "overwrite"
    """What becomes of a file that lies where a result goes: `overwrite`, `skip` or `rename`."""


class Errand(NamedTuple):
    """A picture to restore and its result, both as names below the places of a run."""

    source: str
    target: str
    size: int
    stamp: str


class Todo(NamedTuple):
    """`left` of `total` pictures are to be done; `kept` more are left out, as a file lies where the result goes."""

    left: list[Errand]
    total: int
    kept: int
    manifest: Manifest


def todo_of(tree: Tree, made_by: str) -> Todo:
    """What is left of `tree` for the network and options `made_by`.

    Raises:
        InputError: no picture, or a place that cannot be read.
    """
    if is_same(tree.source, tree.target):
        raise InputError(
            f"The results would lie among their sources in {tree.target}, and the next run would restore them again; "
            "choose another folder for -o."
        )
    found = pictures_below(tree.source, recursive=tree.recursive, but=tree.target)
    if not is_address(tree.target):
        _make_folder(Path(tree.target))
        for folder in {_folder_of(picture.name) for picture in found}:
            clear_parts(Path(tree.target, folder))
    present = names_in(tree.target)
    manifest = Manifest(tree.target, present)
    left, kept = [], 0
    for picture, name in zip(found, _targets(found), strict=True):
        target = _placed(picture, name, tree.on_conflict, manifest, present, made_by)
        kept += target is None
        if target is not None and not _is_done(picture, target, manifest, present, made_by):
            left.append(Errand(picture.name, target, picture.size, picture.stamp))
    return Todo(left, len(found) - kept, kept, manifest)


def _make_folder(target: Path) -> None:
    """Make the folder of the results now, not after the pictures are restored; and see that it takes files."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target):
            pass
    except OSError as error:
        raise InputError(
            f"The results cannot be written to {target} ({error.strerror}); choose another folder for -o."
        ) from error


def _targets(found: Sequence[Found]) -> list[str]:
    """The name of the result of each of `found`, which are sorted: a PNG in the same folder below."""
    names = dict[str, str]()
    by_folder = sorted(found, key=lambda picture: _folder_of(picture.name))
    for folder, pictures in groupby(by_folder, key=lambda picture: _folder_of(picture.name)):
        here = [picture.name for picture in pictures]
        results = result_names([Path(name) for name in here])
        names |= {name: f"{folder}{result}" for name, result in zip(here, results, strict=True)}
    return [names[picture.name] for picture in found]


def _folder_of(name: str) -> str:
    """What stands before the file in `name`: `a/` of `a/b.png`, and nothing of `b.png`."""
    return name[: name.rfind("/") + 1]


def _placed(
    picture: Found, target: str, on_conflict: str, manifest: Manifest, present: set[str], made_by: str
) -> str | None:
    """The name that the result may have; None where it is to be left out."""
    if on_conflict == "overwrite" or target not in present or _is_done(picture, target, manifest, present, made_by):
        return target
    if on_conflict == "skip":
        return None
    path = PurePosixPath(target)
    others = (str(path.with_stem(f"{path.stem} ({number})")) for number in count(2))
    return next(
        other for other in others if other not in present or _is_done(picture, other, manifest, present, made_by)
    )


def _is_done(picture: Found, target: str, manifest: Manifest, present: set[str], made_by: str) -> bool:
    return target in present and manifest.has(target, picture, made_by)
