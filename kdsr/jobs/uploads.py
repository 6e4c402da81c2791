"""Copies uploaded photographs, pictures or zip archives of them, into a run's own folder.

Only headers are read; damaged pixels are reported when the run reads the file. No uploaded name becomes a path: files
are numbered, and only letters, digits, dots, dashes and underscores of the name are kept.
"""

import io
import lzma
import math
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from kdsr.errors import InputError, JobError, LimitError, shortened
from kdsr.image.scans import check_scans
from kdsr.settings import Settings

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}
"""Formats that training reads, and their suffixes."""
_SUFFIX_OF_MPO = ".jpg"
"""What Pillow calls a phone's JPEG with a second picture in it."""
_MAX_FILE_BYTES = 200_000_000
_SPARE_BYTES, _BYTES_PER_PIXEL = 1_000_000, 8
"""Most bytes of a visitor's file: for what is not pixels, and for each of its pixels (16-bit RGBA)."""
_MAX_DIRECTORY_BYTES = 1_000_000
"""Of an archive's list of members: 10,000 and more."""
_ARCHIVE_JUNK = ("__MACOSX", ".")
"""Beginnings of names in an archive that nobody put there on purpose; they are not told."""
_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)
"""What reading a damaged file of an archive raises."""


def take_photos(
    source: Path | Iterable[Path],
    folder: Path,
    settings: Settings | None,
    skipped: list[str] | None = None,
    *,
    most_bytes: float = math.inf,
) -> int:
    """Copy the photographs of `source` into the new `folder`, which is removed on any error; their number.

    Args:
        source: pictures and zip archives, or a folder of them.
        settings: the limits of number, megapixels and bytes per pixel; None: no limits.
        skipped: takes the names of files that are no pictures and are left out; without it one of them is an error.
        most_bytes: of all together.
    Raises:
        InputError: no picture, or a file that is not a picture and may not be skipped; of several the first is named.
        LimitError: too many, or too large.
        JobError: they cannot be stored.
    """
    faults = _Faults(skipped)
    try:
        folder.mkdir(parents=True)
        return _taken(_pictures(source, faults, settings), folder, settings, faults, most_bytes)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise JobError(f"The photographs cannot be copied here ({error.strerror}): try again later.") from error
        raise


def _taken(
    pictures: Iterable[tuple[str, IO[bytes]]],
    folder: Path,
    settings: Settings | None,
    faults: "_Faults",
    most_bytes: float,
) -> int:
    count, megapixels = 0, 0.0
    for name, stream in pictures:
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
            needed = math.inf if settings is None else _SPARE_BYTES + _BYTES_PER_PIXEL * size * 1e6
            target = folder / f"{count:04d}_{stem}{suffix}"
            _copy(stream, target, name, min(_MAX_FILE_BYTES, needed, most_bytes))
            _check_scans(target, name, size)
            most_bytes -= target.stat().st_size
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


class _Archive(io.FileIO):
    """A zip archive's file that refuses a long list of members.

    The list is read in one piece, and takes 40 times its size in memory.
    """

    is_limited = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.is_limited and size is not None and size > _MAX_DIRECTORY_BYTES:
            raise LimitError(f"'{Path(str(self.name)).name}' lists too many files: pack at most a few thousand.")
        return super().read(-1 if size is None else size) or b""


def _pictures(
    source: Path | Iterable[Path], faults: _Faults, settings: Settings | None
) -> Iterator[tuple[str, IO[bytes]]]:
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
            yield from _members(path, is_limited=settings is not None)


def _members(path: Path, *, is_limited: bool) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and opened stream of every file in the archive `path`; its folders and a system's own files are left out."""
    try:
        with _Archive(path) as file, zipfile.ZipFile(_opening(file, is_limited=is_limited)) as archive:
            file.is_limited = False
            for member in archive.infolist():
                if not (member.is_dir() or any(part.startswith(_ARCHIVE_JUNK) for part in Path(member.filename).parts)):
                    if member.flag_bits & _ENCRYPTED:
                        raise RuntimeError("it wants a password")
                    yield Path(member.filename).name, archive.open(member)
    except (*_DAMAGED, NotImplementedError, RuntimeError, ValueError, OSError, struct.error) as error:
        # ValueError and struct.error come of forged numbers
        reason = error.strerror if isinstance(error, OSError) and error.strerror else ascii(str(error))[1:-1]
        said = f"'{path.name}' is not a readable zip archive ({shortened(reason)}): pack it again."
        raise InputError(said) from error


def _opening(file: _Archive, *, is_limited: bool) -> _Archive:
    file.is_limited = is_limited
    return file


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


def _check_scans(stored: Path, name: str, megapixels: float) -> None:
    if stored.suffix == ".jpg":
        with stored.open("rb") as stream:
            check_scans(stream, megapixels, f"'{name}'")


def _copy(stream: IO[bytes], target: Path, name: str, most_bytes: float) -> None:
    stream.seek(0)
    try:
        with target.open("xb") as file:
            shutil.copyfileobj(_Bounded(stream, name, most_bytes), file)
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # bz2 raises one without
            raise JobError(f"'{name}' cannot be stored here ({error.strerror}): try again later.") from error
        raise InputError(f"'{name}' is damaged in its archive: pack it again, or leave it out.") from error


class _Bounded:
    """A stream limited to `most_bytes`: an archive may hold more than its header states."""

    def __init__(self, stream: IO[bytes], name: str, most_bytes: float) -> None:
        self.stream = stream
        self.name = name
        self.most = self.left = most_bytes

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self.stream.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise LimitError(
                f"'{self.name}' has more than the {max(self.most, 0) / 1e6:.3g} MB that its pixels need or that are "
                "left for it here: make it smaller, or upload less."
            )
        return data
