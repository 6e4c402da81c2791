"""The photographs of a new run before it is started: uploaded ones, checked and copied at once, or the built-in set."""

import contextlib
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from kdsr.errors import InputError
from kdsr.jobs.folders import disk_bytes
from kdsr.jobs.uploads import take_photos
from kdsr.settings import Settings
from kdsr.ui.examples import built_in_photos

FEWEST = 4
"""With fewer, none can be held out of training."""
MOST_STAGED_BYTES = 2e9
"""Of all visitors' photographs that are not part of a run yet."""
_STAGED_S = 86_400.0
"""How long they are kept."""
_NAMED = 5


def stage(files: Sequence[str], folder: Path, settings: Settings) -> tuple[str, list[str]]:
    """Check the uploaded pictures and archives, and copy them into a new folder under `folder`.

    Gives that folder, and the names of files that are no pictures and were skipped.

    Raises:
        InputError, LimitError: no picture at all, or too many or too large ones.
    """
    target = folder / uuid.uuid4().hex
    _forget_old(folder)
    skipped: list[str] = []
    room = MOST_STAGED_BYTES - disk_bytes(folder)
    take_photos([Path(name) for name in files], target, settings, skipped, most_bytes=room)
    for path in sorted(target.iterdir()):
        if not (plain := path.with_name(own_name(path))).exists():
            path.rename(plain)
    return str(target), skipped


def _forget_old(folder: Path) -> None:
    """Remove from `folder` the photographs of visitors who have started no run with them."""
    if not folder.is_dir():
        return
    for staged in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - staged.stat().st_mtime > _STAGED_S:
                shutil.rmtree(staged, ignore_errors=True)


def own_name(path: Path) -> str:
    """The original name of a photograph, without the number that `take_photos` puts before it."""
    return path.name.partition("_")[2]


def copied(path: Path, folder: Path) -> Path:
    """A copy in `folder` of a photograph of a run, under its original name."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, folder / own_name(path)))


def photos_of(source: str, staged: Sequence[str]) -> list[Path]:
    """The training pictures: all in the folders `staged`, or the built-in set.

    Raises:
        InputError: there are none.
    """
    if source == "built-in":
        return list(built_in_photos())
    found = [path for folder in staged for path in (sorted(Path(folder).iterdir()) if Path(folder).is_dir() else ())]
    if not found:
        raise InputError("There are no photographs yet: drop some here, or use the built-in set.")
    return found


def megapixels(paths: Sequence[Path]) -> float:
    """All pictures together, read from their headers."""
    total = 0.0
    for path in paths:
        with contextlib.suppress(OSError), Image.open(path) as image:  # the run itself says what is wrong with it
            total += image.width * image.height / 1e6
    return total


def described(paths: Sequence[Path]) -> str:
    """The line that says what was chosen."""
    few = "" if len(paths) >= FEWEST else f" Add at least {FEWEST}, so that one can be held out for validation."
    return f"{len(paths)} photograph{'s' if len(paths) != 1 else ''}, {megapixels(paths):.1f} megapixels.{few}"


def skipped_note(names: Sequence[str]) -> str:
    """The sentence that names what was skipped, at most `_NAMED` of them; empty if nothing was."""
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"Skipped, not a picture: {', '.join(names[:_NAMED])}{more}."
