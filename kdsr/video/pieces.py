"""The pieces of a clip that are restored already, in a folder beside the target; a killed run goes on after them."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kdsr.errors import InputError
from kdsr.files import clear_parts, replaced

_MADE_BY = "made-by.txt"


@dataclass(frozen=True)
class Finished:
    """A piece: its file in the folder, its first and last time in units of the clip's `time_base`, and its frames."""

    name: str
    first_pts: int
    last_pts: int
    frames: int


class Pieces:
    """The finished pieces of `target`, in order."""

    def __init__(self, target: Path, made_by: str) -> None:
        """Open the folder `target`.pieces; what another source, network or setting has left there is removed.

        Raises:
            InputError: the folder cannot be written.
        """
        self.folder = target.with_name(f"{target.name}.pieces")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            clear_parts(self.folder)
            mark = self.folder / _MADE_BY
            if not mark.is_file() or mark.read_text(encoding="utf-8") != made_by:
                for path in self.folder.glob("piece-*"):
                    path.unlink()
                with replaced(mark) as part:
                    part.write_text(made_by, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{target} cannot be written: {error.strerror}.") from None
        self.finished = list(self._read())

    @property
    def frames(self) -> int:
        """The number of frames in all pieces."""
        return sum(piece.frames for piece in self.finished)

    @property
    def last_pts(self) -> int | None:
        """The time of the last frame that is restored; None at the start."""
        return self.finished[-1].last_pts if self.finished else None

    @property
    def size(self) -> int:
        """Bytes of all pieces."""
        return sum((self.folder / piece.name).stat().st_size for piece in self.finished)

    @contextmanager
    def new(self) -> Iterator[Path]:
        """A path to write the next piece to; it counts once `add` has been called for it."""
        with replaced(self.folder / self._next) as part:
            yield part

    def add(self, *, first_pts: int, last_pts: int, frames: int) -> None:
        """Count the piece that was written last."""
        piece = Finished(self._next, first_pts, last_pts, frames)
        with replaced((self.folder / piece.name).with_suffix(".json")) as part:
            part.write_text(json.dumps(dataclasses.asdict(piece)), encoding="utf-8")
        self.finished.append(piece)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _next(self) -> str:
        return f"piece-{len(self.finished) + 1:06}.nut"

    def _read(self) -> Iterator[Finished]:
        """Pieces up to the first that is missing or not described."""
        for path in sorted(self.folder.glob("piece-*.json")):
            try:
                piece = Finished(**json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):
                return
            if not (self.folder / piece.name).is_file():
                return
            yield piece
