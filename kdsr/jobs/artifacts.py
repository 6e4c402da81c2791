"""The files of runs in a place that all pages and workers reach, through fsspec; a run's folder here is a copy.

A run's place holds `manifest.json`, which names every file by its SHA-256, and the files under these names. The
manifest is written last, so what a reader gets is one moment of the run, also while its worker writes the next. Not
here: what is made again wherever it is missing (labels, caches), and who may read a run (`service`).
"""

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from threading import Event as Signal
from threading import Thread
from typing import Any, NamedTuple

import fsspec
from filelock import FileLock, Timeout

from kdsr.errors import JobError, SettingsError, shortened
from kdsr.files import replaced
from kdsr.jobs.folders import LOG, PHOTOS, run_dir
from kdsr.jobs.process import is_alive
from kdsr.jobs.run import Run
from kdsr.jobs.search import SEARCH_FOLDER
from kdsr.settings import Settings
from kdsr.train.twin import TWIN_FOLDER

PUSH_S = 10.0
"""Interval at which a worker stores what is new: what the death of its machine may cost."""
_ASK_S = 5.0
"""Interval at which the page asks for what is new of a run of another machine."""
_FOLDERS = (PHOTOS, "preview", TWIN_FOLDER, SEARCH_FOLDER)
MANIFEST = "manifest.json"
_RECORD, _LOCK = ".artifacts.json", ".artifacts.lock"
_GROWING = (LOG, "events.jsonl", "journal.log")
_LOCKED_S = 60.0
_TRIES = 3


class _File(NamedTuple):
    """A file of a run's folder as it was when it was copied."""

    sha256: str
    size: int
    changed_ns: int


class _Copied(NamedTuple):
    """What a folder has in common with its place: the manifest's number, and the files by their names in the folder."""

    number: int
    files: dict[str, _File]
    ended: float | None = None
    """When the run ended, if that was known by then: nothing more comes."""


class Artifacts:
    """The place of the files of all runs that `settings` names; without one, every call does nothing.

    place: another one, with the methods of fsspec's file systems that are called here.
    Raises:
        SettingsError: fsspec cannot open it.
    """

    def __init__(self, settings: Settings, *, place: Any = None) -> None:
        self.settings = settings
        self.is_used = bool(settings.artifacts_url) or place is not None
        self._place, self._root = place, ""
        self._record = _RECORD if place is None else f".of-{type(place).__name__}.json"
        if self.is_used and place is None:
            try:
                self._place, self._root = fsspec.core.url_to_fs(settings.artifacts_url)
            except (ImportError, ValueError, TypeError) as error:  # TypeError: what the address leaves out
                raise SettingsError(
                    f"KDSR_ARTIFACTS_URL cannot be opened ({shortened(str(error))}): install the package for it, as "
                    "s3fs for s3://, or correct the address."
                ) from error

    def push(self, run_id: str) -> None:
        """Store the files of a run that changed.

        Raises:
            JobError: the place does not take them.
        """
        if not self.is_used:
            return
        folder = run_dir(self.settings, run_id)
        with _told():
            before = _read_record(folder / self._record)
            files = self._upload(folder, run_id, before.files)
            if files != before.files:
                manifest = self._manifest(run_id)
                number = 1 + max(before.number, manifest["number"] if manifest else 0)
                names = {name: file.sha256 for name, file in files.items()}
                self._place.pipe_file(
                    self._at(run_id, MANIFEST), json.dumps({"number": number, "files": names}).encode()
                )
                _write_record(folder / self._record, _Copied(number, files))
                old = set((manifest or {"files": {}})["files"].values()) - set(names.values())
                for sha256 in old:
                    self._place.rm_file(self._at(run_id, sha256))

    def pull(self, run_id: str, *, without: tuple[str, ...] = ()) -> None:
        """Fetch the files of a run that are newer in their place than here, but for those named in `without`.

        Raises:
            JobError: the place does not give them.
        """
        if self.is_used:
            with _told():
                self._download(run_id, without, None)

    def fetch(self, run: Run) -> None:
        """As `pull`, for a look at a run: not at each look, and never where a worker of this machine writes.

        Raises:
            JobError: as `pull`.
        """
        if not self.is_used or (run.holder is not None and is_alive(run.holder) is not None):
            return
        folder = run_dir(self.settings, run.id)
        if run.ended is not None and _read_record(folder / self._record).ended == run.ended:
            return
        record = folder / self._record
        if run.ended is None and record.is_file() and time.time() - record.stat().st_mtime < _ASK_S:
            return
        folder.mkdir(parents=True, exist_ok=True)
        with _told(), contextlib.suppress(Timeout), FileLock(folder / _LOCK, timeout=0):
            self._download(run.id, (), run.ended)  # not while a worker of this machine or another visitor is at it

    @contextmanager
    def held(self, run_id: str) -> Iterator[None]:
        """Only this worker changes the folder of the run during the block.

        Raises:
            JobError: another one does.
        """
        if not self.is_used:
            yield
            return
        folder = run_dir(self.settings, run_id)
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK, timeout=_LOCKED_S)
        try:
            lock.acquire()
        except Timeout as error:
            raise JobError("Another worker of this machine still has this run: resume it in a minute.") from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def pushing(self, run_id: str, may_write: Callable[[], bool]) -> Iterator[None]:
        """Store what is new during the block, every `PUSH_S`, and all of it at its end.

        may_write: whether the run is still this worker's.
        Raises:
            JobError: the place does not take the last of it.
        """
        ended = Signal()

        def push() -> None:
            while not ended.wait(PUSH_S):
                try:
                    if may_write():
                        self.push(run_id)
                except JobError as error:  # the next round tries again
                    logging.getLogger(__name__).warning("%s", error)

        thread = Thread(target=push, daemon=True, name=f"files of {run_id}")
        if self.is_used:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if self.is_used:
                thread.join()
                if may_write():
                    self.push(run_id)

    def remove(self, run_id: str) -> None:
        """Remove the place of a run; what cannot be removed stays, and the log says so."""
        if self.is_used:
            try:
                with _told():
                    if self._place.exists(self._at(run_id)):
                        self._place.rm(self._at(run_id), recursive=True)
            except JobError as error:
                logging.getLogger(__name__).warning("%s", error)

    def _at(self, *names: str) -> str:
        return "/".join([self._root.rstrip("/"), *names])

    def _manifest(self, run_id: str) -> dict[str, Any] | None:
        """Number and files of the run's place; None if it has none."""
        for _ in range(_TRIES):
            try:
                return dict(json.loads(self._place.cat_file(self._at(run_id, MANIFEST))))
            except FileNotFoundError:
                return None
            except ValueError:  # a folder's file is being written
                time.sleep(0.2)
        return None

    def _upload(self, folder: Path, run_id: str, known: dict[str, _File]) -> dict[str, _File]:
        """The files of `folder`, of one moment; those that are not `known` are stored under their SHA-256."""
        self._place.makedirs(self._at(run_id), exist_ok=True)
        files: dict[str, _File] = {}
        for _ in range(_TRIES):
            found = {name: path.stat() for name, path in _files_in(folder).items()}
            for name, stat in found.items():
                old = files.get(name) or known.get(name)
                if old is None or (old.size, old.changed_ns) != (stat.st_size, stat.st_mtime_ns):
                    content = (folder / name).read_bytes()
                    files[name] = _File(hashlib.sha256(content).hexdigest(), stat.st_size, stat.st_mtime_ns)
                    self._place.pipe_file(self._at(run_id, files[name].sha256), content)
                else:
                    files[name] = old
            files = {name: files[name] for name in found}
            again = {name: path.stat() for name, path in _files_in(folder).items() if not _grows(name)}
            if all(name in files and files[name].changed_ns == stat.st_mtime_ns for name, stat in again.items()):
                break
        return files

    def _download(self, run_id: str, without: tuple[str, ...], ended: float | None) -> None:
        """Bring the folder of the run to the moment of the manifest, if that is newer."""
        folder = run_dir(self.settings, run_id)
        for attempt in range(_TRIES):
            before, manifest = _read_record(folder / self._record), self._manifest(run_id)
            if manifest is None:
                return
            files = dict(before.files)
            try:
                if manifest["number"] > before.number:
                    for name, sha256 in manifest["files"].items():
                        if name not in without and not _has(folder, name, sha256, before.files):
                            files[name] = self._take(run_id, folder, name, sha256)
            except FileNotFoundError:  # its worker has stored the next moment
                if attempt == _TRIES - 1:
                    raise
                continue
            folder.mkdir(parents=True, exist_ok=True)
            return _write_record(folder / self._record, _Copied(max(manifest["number"], before.number), files, ended))

    def _take(self, run_id: str, folder: Path, name: str, sha256: str) -> _File:
        """Fetch one file."""
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise JobError(
                f"The place of the run's files names '{shortened(name)}', which lies outside: delete the run."
            )
        content = self._place.cat_file(self._at(run_id, sha256))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise JobError(f"The file {shortened(name)} of the run was altered where it is stored: delete the run.")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path) as part:
            part.write_bytes(content)
        return _File(sha256, path.stat().st_size, path.stat().st_mtime_ns)


def _files_in(folder: Path) -> dict[str, Path]:
    """The files that are kept in the run's place, by their names in `folder`; those that others follow come first."""
    found = [path for path in folder.iterdir() if path.is_file()]
    for name in _FOLDERS:
        found += [path for path in (folder / name).rglob("*") if path.is_file()]
    kept = [path for path in found if not path.name.startswith(".") and not path.name.endswith("lock")]
    names = {path.relative_to(folder).as_posix(): path for path in kept}
    return dict(sorted(names.items(), key=lambda item: (_grows(item[0]), item[0])))


def _grows(name: str) -> bool:
    """Whether the file `name` of a run's folder is written while others read it."""
    return PurePosixPath(name).name in _GROWING


def _has(folder: Path, name: str, sha256: str, known: dict[str, _File]) -> bool:
    """Whether the folder's file is, unchanged, the one with this SHA-256."""
    file, path = known.get(name), folder / name
    if file is None or file.sha256 != sha256 or not path.is_file():
        return False
    return (file.size, file.changed_ns) == (path.stat().st_size, path.stat().st_mtime_ns)


def _read_record(path: Path) -> _Copied:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        files = {name: _File(*values) for name, values in read["files"].items()}
        return _Copied(read["number"], files, read["ended"])
    except (OSError, ValueError, KeyError, TypeError):
        return _Copied(0, {})


def _write_record(path: Path, copied: _Copied) -> None:
    with replaced(path) as part:
        part.write_text(json.dumps(copied._asdict()), encoding="utf-8")


@contextmanager
def _told() -> Iterator[None]:
    """One sentence for what the place does not do; each kind of place raises errors of its own."""
    try:
        yield
    except JobError:
        raise
    except Exception as error:
        logging.getLogger(__name__).warning("The files of a run: %s", shortened(str(error), 300))
        raise JobError(
            f"The files of this run are out of reach now ({type(error).__name__}): try again later."
        ) from error
