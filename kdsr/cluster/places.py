"""Places of pictures: folders of this machine, and `s3://`, `hf://` and whatever else fsspec knows by its address.

A folder is read and written as ever. Of another place a picture is copied to a temporary file, and a result is sent
there once it is whole: a put of S3 shows all of a file or nothing.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kdsr.errors import InputError, SettingsError, shortened
from kdsr.files import replaced
from kdsr.image.batch import folders_in, stamp_of
from kdsr.image.suffixes import PICTURE_SUFFIXES

_PACKAGES = {"s3": "s3fs", "hf": "huggingface_hub", "gs": "gcsfs"}
_OF_ONE_PROCESS = {
    "memory": "a folder or s3://",
    "file": "the path without file://",
    "local": "the path without local://",
}
_VERSIONS = ("ETag", "blob_id", "mtime", "LastModified", "last_commit")
"""What tells, in the listing of one store or another, whether a file has changed."""


class Found(NamedTuple):
    """A picture of a place: its `name` below it (`a/b.png`), its bytes, and what tells whether it has changed."""

    name: str
    size: int
    stamp: str


def is_address(place: str) -> bool:
    """Whether `place` is an address such as `s3://bucket/folder`, and no path of this machine."""
    return "://" in place


def is_same(place: str, other: str) -> bool:
    """Whether both are one place."""
    if is_address(place) and is_address(other):
        (files, path), (others, other_path) = _store(place), _store(other)
        return type(files) is type(others) and _plain(path) == _plain(other_path)
    return not (is_address(place) or is_address(other)) and Path(place).resolve() == Path(other).resolve()


def _plain(path: str) -> str:
    return "/".join(part for part in path.split("/") if part)


def joined(place: str, name: str) -> str:
    """The address or path of the file `name` below `place`."""
    return f"{place.rstrip('/')}/{name}" if is_address(place) else str(Path(place, name))


def pictures_below(place: str, *, recursive: bool, but: str = "") -> list[Found]:
    """The pictures of `place`, and with `recursive` of all folders below it, by name; hidden ones are left out.

    Args:
        but: a place below, where results go.
    Raises:
        InputError: no such place, or no picture in it.
    """
    found = _listed(place, recursive, but) if is_address(place) else _seen(place, recursive, but)
    if not found:
        below = " or below" if recursive else ""
        raise InputError(f"There is no picture in {place}{below}; give another folder.")
    return sorted(found)


def _seen(place: str, recursive: bool, but: str) -> list[Found]:
    root = Path(place)
    if not root.is_dir():
        raise InputError(f"A folder of pictures was wanted, and {place} is none; give an existing folder.")
    found = []
    for folder in folders_in(root, but=Path(but)) if recursive else [root]:
        for path in folder.iterdir():
            if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."):
                _, size, changed_ns = stamp_of(path) or ("", 0, 0)
                found.append(Found(path.relative_to(root).as_posix(), size, str(changed_ns)))
    return found


def _listed(place: str, recursive: bool, but: str) -> list[Found]:
    files = files_of(place, recursive=recursive)
    inside = f"{but.rstrip('/')[len(place.rstrip('/')) + 1 :]}/" if but.startswith(f"{place.rstrip('/')}/") else None
    return [
        Found(name, int(about.get("size") or 0), _version(about))
        for name, about in files.items()
        if Path(name).suffix.lower() in PICTURE_SUFFIXES
        and not any(part.startswith(".") for part in name.split("/"))
        and not (inside and name.startswith(inside))
    ]


def _version(about: Mapping[str, Any]) -> str:
    return next((str(about[key]) for key in _VERSIONS if about.get(key)), "")


def names_in(place: str) -> set[str]:
    """The names of all files in `place` and below it; none if there is no such place."""
    if is_address(place):
        return set(files_of(place, recursive=True, missing_ok=True))
    return {Path(folder, name).relative_to(place).as_posix() for folder, _, names in os.walk(place) for name in names}


def files_of(place: str, *, recursive: bool, missing_ok: bool = False) -> dict[str, Mapping[str, Any]]:
    """What the store of the address `place` says about each file there, by the name below it."""
    files, root = _store(place)
    with _as_input_error(place):
        try:
            listed: Mapping[str, Mapping[str, Any]] = files.find(root, maxdepth=None if recursive else 1, detail=True)
        except FileNotFoundError:
            listed = {}
            if not missing_ok:
                raise
    return {name[len(root.rstrip("/")) + 1 :]: about for name, about in listed.items()}


@contextlib.contextmanager
def fetched(place: str) -> Iterator[Path]:
    """The file of `place` as a path of this machine, as long as the block lasts.

    Raises:
        InputError: it cannot be had.
    """
    if not is_address(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="kdsr-") as folder:
        path = Path(folder, place.rsplit("/", 1)[1])
        files, name = _store(place)
        with _as_input_error(place):
            files.get_file(name, str(path))
        yield path


@contextlib.contextmanager
def sent(place: str) -> Iterator[Path]:
    """A path of this machine to write to; once the block ends without an error, its file is that of `place`, whole.

    Raises:
        InputError: it cannot be sent.
    """
    if not is_address(place):
        path = Path(place)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The folder {path.parent} cannot be made ({error.strerror}).") from error
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kdsr-") as folder:
        path = Path(folder, place.rsplit("/", 1)[1])
        yield path
        files, name = _store(place)
        with _as_input_error(place):
            files.put_file(str(path), name)


def read_bytes(place: str) -> bytes:
    """The bytes of the file of `place`."""
    with fetched(place) as path:
        return path.read_bytes()


def write_bytes(place: str, content: bytes) -> None:
    """Make `content` the file of `place`, in one step."""
    with sent(place) as path, replaced(path) as part:
        part.write_bytes(content)


def remove(place: str) -> None:
    """Remove the file of `place`."""
    if is_address(place):
        files, name = _store(place)
        with _as_input_error(place):
            files.rm_file(name)
    else:
        Path(place).unlink(missing_ok=True)


def _store(place: str) -> tuple[Any, str]:
    """The file system of fsspec for the address `place`, and the path in it."""
    kind = place.partition("://")[0]
    if kind in _OF_ONE_PROCESS:
        raise SettingsError(
            f"{place} is no place that several processes share by its address; give {_OF_ONE_PROCESS[kind]}."
        )
    try:
        import fsspec

        files, path = fsspec.url_to_fs(place, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        package = _PACKAGES.get(kind)
        raise SettingsError(
            f"{kind}:// needs the package {package}; pip install 'kdsr[cluster]' {package}."
            if package
            else f"There is no store of the kind '{kind}://' here ({shortened(str(error))}); take s3:// or hf://."
        ) from error
    return files, str(path)


@contextlib.contextmanager
def _as_input_error(place: str) -> Iterator[None]:
    """What a store raises becomes one sentence that names the address."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # botocore, aiohttp and requests share no base
        said = shortened(str(error), 200) or type(error).__name__
        raise InputError(f"{place} cannot be reached, read or written ({said}).") from error
