"""Files that are replaced in one step, so that no reader ever sees half of one, and folders that one process works in.

Not here: files that grow while others read them (logs).
"""

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
from filelock import FileLock, Timeout


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path in the same folder to write to, which becomes `path` when the block ends.

    If the block raises, what was written is removed and `path` stays as it was. The name is new at every call, so
    that any number of threads and processes may replace one file at once; the last one wins. It ends in `.part`.

    Raises:
        OSError: the folder is missing or cannot be written.
    """
    part = path.with_name(f".{os.getpid()}.{uuid.uuid4().hex}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` to fill, which becomes `path` when the block ends.

    If the block raises, the folder is removed. `path` must not be there yet, or be an empty folder.

    Raises:
        OSError: `path` holds files, or its parent is missing or cannot be written.
    """
    part = path.with_name(f".{os.getpid()}.{uuid.uuid4().hex}.part")
    part.mkdir()
    try:
        yield part
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def clear_parts(folder: Path) -> None:
    """Remove what killed processes of this machine left unfinished in `folder`."""
    for path in folder.glob(".*.part"):
        writer = re.fullmatch(r"\.(\d+)\.[0-9a-f]{32}\.part", path.name)
        if writer and not psutil.pid_exists(int(writer[1])):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold the lock at `path` during the block if it is free, in a folder that is made; whether it is held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
