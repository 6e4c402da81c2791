"""Copies uploaded photographs, pictures, clips or zip archives of pictures, into a run's own folder.

Of a clip, a frame of each scene is a photograph.

Only headers are read, of the copies: in an archive a header may unpack to gigabytes, and going back in it starts anew.
Damaged pixels are reported when the run reads the file. No uploaded name becomes a path: files
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

from kdsr.errors import InputError, JobError, LimitError, shortened
from kdsr.image import Picture, encode_png
from kdsr.image.read import read_size
from kdsr.image.scans import check_scans
from kdsr.image.tiff import SIGNATURES as TIFF_SIGNATURES
from kdsr.settings import Settings
from kdsr.video.clip import SUFFIXES
from kdsr.video.scenes import scenes

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "MPO": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif"}
"""Formats that training reads, and their suffixes. MPO is a phone's JPEG with a second picture in it."""
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"BM", *TIFF_SIGNATURES)
_MAX_FILE_BYTES = 200_000_000
_SPARE_BYTES, _BYTES_PER_PIXEL = 1_000_000, 8
"""Most bytes of a visitor's file: for what is not pixels, and for each of its pixels (16-bit RGBA)."""
_TOO_LONG = (
    "'{}' has more than the {:.3g} MB that its pixels need or that are left for it here: "
    "make it smaller, or upload less."
)
_MAX_DIRECTORY_BYTES = 1_000_000
"""Of an archive's list of members: 10,000 and more."""
_ARCHIVE_JUNK = ("__MACOSX", ".")
"""Beginnings of names in an archive that nobody put there on purpose; they are not told."""
_ENCRYPTED = 0x1
_MOST_SCENES, _FOOTAGE_S = 100, 60.0
"""Photographs of one clip; seconds in which a visitor's is looked through."""
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
        source: pictures, clips and zip archives, or a folder of them.
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
    count, megapixels, received = 0, 0.0, folder / "received"
    if settings is not None:
        fitting = _SPARE_BYTES * settings.max_run_photos + _BYTES_PER_PIXEL * settings.max_run_megapixels * 1e6
        most_bytes = min(most_bytes, fitting)  # of those that are left out, too
    for name, stream in pictures:
        header = None
        with closing(stream), faults.skipping(name):
            _check_start(name, stream)
            try:
                _copy(stream, received, name, min(_MAX_FILE_BYTES, most_bytes))
            finally:
                stored = received.stat().st_size
                most_bytes -= stored  # also where its end is damaged
            header = _header(name, received)
        if header is None:
            continue
        count += 1
        if settings is not None and count > settings.max_run_photos:
            raise LimitError(f"A run takes at most {settings.max_run_photos} photographs here: choose fewer.")
        suffix, size = header
        megapixels += size
        if settings is not None:
            _check_size(name, size, megapixels, settings)
            _check_bytes(name, stored, _SPARE_BYTES + _BYTES_PER_PIXEL * size * 1e6)
        _check_scans(received, suffix, name, size)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).stem)[:40]
        received.rename(folder / f"{count:04d}_{stem}{suffix}")
    received.unlink(missing_ok=True)
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
    def skipping(self, name: str) -> Iterator[None]:
        """The file `name` is skipped if the block finds that it is no picture."""
        try:
            yield
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
        if path.suffix.lower() in SUFFIXES:
            with faults.skipping(path.name):
                yield from _scenes(path, settings)
            continue
        if path.suffix.lower() != ".zip":
            yield path.name, path.open("rb")
            continue
        with faults.skipping(path.name):
            yield from _members(path, is_limited=settings is not None)


def _scenes(path: Path, settings: Settings | None) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and PNG of a frame of each scene in the clip `path`."""
    if settings is None:
        found = scenes(path, most=_MOST_SCENES, max_megapixels=math.inf)
    else:
        most, largest = min(_MOST_SCENES, settings.max_run_photos), settings.max_input_megapixels
        found = scenes(path, most=most, max_megapixels=largest, limit_s=_FOOTAGE_S)
    for scene in found:
        yield f"{path.stem[:30]}-{scene.seconds:.1f}s.png", io.BytesIO(encode_png(Picture(scene.pixels)))


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


def _check_start(name: str, stream: IO[bytes]) -> None:
    """Pass if the file `name` begins as a picture does."""
    try:
        start = stream.read(16)
    except (*_DAMAGED, OSError) as error:
        raise _damaged(name) from error
    if not start.startswith(_STARTS):
        raise _no_picture(name)


def _header(name: str, path: Path) -> tuple[str, float]:
    """Suffix and megapixels of the picture `name`, copied to `path`; no pixel is decoded."""
    with path.open("rb") as stream:
        kind, width, height = read_size(stream, f"'{name}'")
    if kind not in _SUFFIXES:
        raise _no_picture(name)
    return _SUFFIXES[kind], width * height / 1e6


def _no_picture(name: str) -> InputError:
    return InputError(
        f"'{name}' is not a picture that training reads (PNG, JPEG, WebP, BMP, TIFF): save it as PNG or JPEG, "
        "or leave it out."
    )


def _damaged(name: str) -> InputError:
    return InputError(f"'{name}' is damaged in its archive: pack it again, or leave it out.")


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


def _check_bytes(name: str, count: int, most: float) -> None:
    if count > most:
        raise LimitError(_TOO_LONG.format(name, most / 1e6))


def _check_scans(stored: Path, suffix: str, name: str, megapixels: float) -> None:
    if suffix == ".jpg":
        with stored.open("rb") as stream:
            check_scans(stream, megapixels, f"'{name}'")


def _copy(stream: IO[bytes], target: Path, name: str, most_bytes: float) -> None:
    stream.seek(0)
    try:
        with target.open("wb") as file:
            shutil.copyfileobj(_Bounded(stream, name, most_bytes), file)
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # bz2 raises one without
            raise JobError(f"'{name}' cannot be stored here ({error.strerror}): try again later.") from error
        raise _damaged(name) from error


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
            raise LimitError(_TOO_LONG.format(self.name, max(self.most, 0) / 1e6))
        return data
