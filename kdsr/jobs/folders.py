"""The folders of background runs: one per run, named by an unguessable id that is a safe path component."""

import re
import secrets
import shutil
from pathlib import Path

from kdsr.errors import JobError
from kdsr.settings import Settings

LOG = "run.log"
PHOTOS = "photos"
_ID = re.compile(r"r[A-Za-z0-9_-]{20}")


def new_id() -> str:
    """A new run's id: 120 random bits behind a letter, so that no command line takes it for an option."""
    return f"r{secrets.token_urlsafe(15)}"


def runs_dir(settings: Settings) -> Path:
    """The folder of all runs."""
    return settings.home.absolute() / "runs"


def run_dir(settings: Settings, run_id: str) -> Path:
    """The folder of one run: weights, card, checkpoint, events.jsonl, log, photographs.

    Raises:
        JobError: that is no id.
    """
    if not _ID.fullmatch(run_id):
        raise JobError("There is no such run; its address is incomplete.")
    return runs_dir(settings) / run_id


def disk_bytes(folder: Path) -> int:
    """Bytes of all files below `folder`; 0 if there is none."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:  # gone meanwhile
            continue
    return total


def remove(folder: Path) -> None:
    """Remove a run's folder; files that cannot be removed stay."""
    shutil.rmtree(folder, ignore_errors=True)


def strays(settings: Settings, known: set[str], *, older_than: float) -> list[Path]:
    """Folders of runs that no longer exist, last changed before `older_than`."""
    root = runs_dir(settings)
    folders = (
        [path for path in root.iterdir() if _ID.fullmatch(path.name) and path.name not in known]
        if root.is_dir()
        else []
    )
    return [path for path in folders if path.lstat().st_mtime < older_than]
