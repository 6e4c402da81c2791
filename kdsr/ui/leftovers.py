"""The page's own temporary folder, at most `MOST_BYTES`, and what earlier pages left: a killed one can't remove its
folder.

Uploads, results and all that gradio keeps are below it.
"""

import contextlib
import shutil
import threading
import time
import uuid
from pathlib import Path

from kdsr.files import replaced
from kdsr.jobs.process import is_alive, this_holder

_HOLDER = ".holder"
MOST_BYTES = 5_000_000_000
"""Of uploads and results together, looked after every `_EVERY_S`; the oldest are removed. By age alone, visitors
could fill the disk.
"""
_GROWING = ("runs", "scripts")
"""Folders of results; what lies in others (examples, networks) is made once for all visitors."""
_EVERY_S = 20.0
_BROKEN_OFF_S = 3600.0
"""Age of a part of an upload that nobody writes any more."""
_NAMELESS_S = 86_400.0
"""Age of a page's folder that names no process."""


def own_folder(parent: Path) -> Path:
    """A new folder in `parent` that names this process; those of processes that have ended are removed.

    Raises:
        OSError: it cannot be made.
    """
    sweep(parent)
    folder = parent / f"kdsr-{uuid.uuid4().hex[:12]}"
    folder.mkdir(parents=True)
    with replaced(folder / _HOLDER) as part:
        part.write_text(this_holder(), encoding="utf-8")
    return folder


def sweep(parent: Path) -> None:
    """Remove from `parent` the folders of pages whose process has ended."""
    for folder in parent.glob("kdsr-*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def sweep_parts(folder: Path, older_than: float) -> None:
    """Remove the files in `folder` in which an upload was broken off, last written before `older_than`."""
    for part in folder.glob("tmp*"):
        with contextlib.suppress(OSError):
            if part.is_file() and part.stat().st_mtime < older_than:
                part.unlink()


def sweep_oldest(folder: Path, most_bytes: int, since: float) -> None:
    """Remove the oldest uploads and results in `folder`, until they take `most_bytes` or less; nothing from before
    `since`, when the page began.
    """
    results = [result for kind in _GROWING for result in folder.glob(f"kdsr-*/{kind}/*")]
    uploads = [path for path in folder.glob("*/*") if not path.parent.name.startswith("kdsr-")]
    found = sorted(_measured(path) for path in results + uploads)
    taken = sum(size for made, size, _ in found if made >= since)
    for made, size, path in found:
        if taken <= most_bytes:
            return
        if made >= since:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            taken -= size


def keep_sweeping(folder: Path) -> None:
    """Remove from `folder` broken-off uploads and what is too much, as long as the process lives."""
    since = time.time()

    def work() -> None:
        while True:
            time.sleep(_EVERY_S)
            sweep_parts(folder, time.time() - _BROKEN_OFF_S)
            sweep_oldest(folder, MOST_BYTES, since)

    threading.Thread(target=work, name="leftovers", daemon=True).start()


def _is_abandoned(folder: Path) -> bool:
    try:
        holder = (folder / _HOLDER).read_text(encoding="utf-8")
        return is_alive(holder) is False
    except (OSError, ValueError):  # an older version's, or one that is being made
        with contextlib.suppress(OSError):
            return folder.is_dir() and time.time() - folder.stat().st_mtime > _NAMELESS_S
        return False


def _measured(path: Path) -> tuple[float, int, Path]:
    """When the file or folder `path` was made, and its bytes; none of what is removed meanwhile."""
    made, size = 0.0, 0
    for each in (path, *path.rglob("*")):
        with contextlib.suppress(OSError):
            about = each.stat()
            made, size = max(made, about.st_mtime), size + about.st_size * each.is_file()
    return made, size, path
