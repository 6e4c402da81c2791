"""Copies uploaded photographs, pictures or zip archives of them, into a run's own folder.

Only headers are read; damaged pixels are reported when the run reads the file. No uploaded name becomes a path: files
are numbered, and only letters, digits, dots, dashes and underscores of the name are kept.
"""

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from kdsr.errors import InputError, LimitError
from kdsr.settings import Settings

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}
"""Formats that training reads, and their suffixes."""
_SUFFIX_OF_MPO = ".jpg"
"""What Pillow calls a phone's JPEG with a second picture in it."""
_MAX_FILE_BYTES = 200_000_000
_ARCHIVE_JUNK = ("__MACOSX", ".")
"""Beginnings of names in an archive that nobody put there on purpose; they are not told."""
_DAMAGED = (zipfile.BadZipFile, zlib.error)
"""What reading a damaged file of an archive raises."""


def take_photos(
    source: Path | Iterable[Path], folder: Path, settings: Settings | None, skipped: list[str] | None = None
) -> int:
    """Copy the photographs of `source` into the new `folder`; their number.

    Args:
        source: pictures and zip archives, or a folder of them.
        settings: the limits of number and megapixels; None: no limits.
        skipped: takes the names of files that are no pictures and are left out; without it one of them is an error.
    Raises:
        InputError: no picture, or a file that is not a picture and may not be skipped; of several the first is named.
        LimitError: too many, or too large.
    """
    folder.mkdir(parents=True)
    count, megapixels, faults = 0, 0.0, _Faults(skipped)
    for name, stream in _pictures(source, faults):
        with closing(stream):
            with faults.skipping(name) as header:
                header.append(_header(name, stream))
            if not header:
                continue
            count += 1
            if settings is not None and count > settings.max_run_photos:
                raise LimitError(f"A run takes at most {settings.max_run_photos} photographs here: choose fewer.")
            suffix, size = header[0]
            megapixels += size
            if settings is not None:
                _check_size(name, size, megapixels, settings)
            stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).stem)[:40]
            _copy(stream, folder / f"{count:04d}_{stem}{suffix}", name)
    if not count:
        if faults.first is not None:
            raise faults.first
        raise InputError("No photograph was given: choose PNG, JPEG, WebP, BMP or TIFF files, or a zip of them.")
    return count


class _Faults:
    """Files that are no pictures: skipped and named, or raised where nothing may be skipped."""

    def __init__(self, skipped: list[str] | None) -> None:
        self.skipped = skipped
        self.first: InputError | None = None

    @contextmanager
    def skipping(self, name: str) -> Iterator[list[tuple[str, float]]]:
        """A list to fill; it stays empty where the file `name` is skipped."""
        try:
            yield []
        except InputError as error:
            if self.skipped is None:
                raise
            self.skipped.append(name)
            self.first = self.first or error


def _pictures(source: Path | Iterable[Path], faults: _Faults) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and opened stream of every file, those inside archives too."""
    if isinstance(source, Path):
        if not source.is_dir():
            raise InputError(f"A folder of photographs was wanted, and {source} is none.")
        source = sorted(
            path
            for path in source.iterdir()
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
        )
    for path in source:
        if path.suffix.lower() != ".zip":
            yield path.name, path.open("rb")
            continue
        with faults.skipping(path.name):
            yield from _members(path)


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and opened stream of every file in the archive `path`; its folders and a system's own files are left out."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not (member.is_dir() or any(part.startswith(_ARCHIVE_JUNK) for part in Path(member.filename).parts)):
                    yield Path(member.filename).name, archive.open(member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # RuntimeError: it wants a password
        raise InputError(f"'{path.name}' is not a readable zip archive ({error}): pack it again.") from error


def _header(name: str, stream: IO[bytes]) -> tuple[str, float]:
    """Suffix and megapixels of a picture whose header is read and no pixel decoded."""
    try:
        with Image.open(stream, formats=[*_SUFFIXES]) as image:
            return _SUFFIXES.get(image.format or "", _SUFFIX_OF_MPO), image.width * image.height / 1e6
    except Image.DecompressionBombError as error:
        raise LimitError(f"'{name}' is too large to be trained on: make it smaller.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, *_DAMAGED) as error:
        raise InputError(
            f"'{name}' is not a picture that training reads (PNG, JPEG, WebP, BMP, TIFF): save it as PNG or JPEG, "
            "or leave it out."
        ) from error


def _check_size(name: str, megapixels: float, total: float, settings: Settings) -> None:
    if megapixels > settings.max_input_megapixels:
        raise LimitError(
            f"'{name}' has {megapixels:.1f} megapixels, and at most {settings.max_input_megapixels:g} are read: "
            "make it smaller."
        )
    if total > settings.max_run_megapixels:
        raise LimitError(
            f"The photographs of a run may have {settings.max_run_megapixels:g} megapixels together: "
            "choose fewer or smaller ones."
        )


def _copy(stream: IO[bytes], target: Path, name: str) -> None:
    stream.seek(0)
    try:
        with target.open("xb") as file:
            shutil.copyfileobj(_Bounded(stream, name), file)
    except _DAMAGED as error:
        raise InputError(f"'{name}' is damaged in its archive: pack it again, or leave it out.") from error


class _Bounded:
    """A stream limited to `_MAX_FILE_BYTES`: an archive may hold more than its header states."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.stream = stream
        self.name = name
        self.left = _MAX_FILE_BYTES

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise LimitError(f"'{self.name}' has more than {_MAX_FILE_BYTES // 1_000_000} MB: make it smaller.")
        return data
