"""A folder of pictures, processed in parallel: finished ones are skipped, and a failure does not stop the others.

The caller passes the function that processes one picture. Each picture is decoded, restored and encoded in one thread,
with as many pictures in progress as there are cores.
"""

import json
import os
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

from kdsr.errors import InputError, KdsrError
from kdsr.image.suffixes import PICTURE_SUFFIXES
from kdsr.settings import Settings, usable_threads

_MOST_NAME_BYTES = 255
MOST_AT_ONCE = 8
"""Most pictures in progress at once, to bound the memory on a machine of many cores."""


@dataclass(frozen=True)
class Job:
    """One picture: the file to read and the file to write."""

    source: Path
    target: Path


Work = Callable[[Job, Callable[[], bool]], tuple[str, ...]]
"""Writes the target of a job and gives its notes. It is called from several threads, and may end with Stopped once the
function given to it says True.
"""


@dataclass(frozen=True)
class FileOutcome:
    """The result of a job: its notes, or the reason why it failed."""

    job: Job
    stamp: "Stamp"
    notes: tuple[str, ...] = ()
    failure: str | None = None


def pictures_in(folder: Path) -> list[Path]:
    """The picture files directly in `folder`, by name.

    Raises:
        InputError: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise InputError(f"A folder of pictures was wanted, and {folder} is none; give an existing folder.")
    found = sorted(path for path in _seen(folder) if path.suffix.lower() in PICTURE_SUFFIXES)
    if not found:
        raise InputError(f"There is no picture in {folder}; put some there, or give another folder.")
    return found


def others_in(folder: Path) -> list[str]:
    """The names of what `pictures_in` passes over: hidden pictures, other files, and folders, which end in `/`.

    Other hidden files are not named.
    """
    seen = {path for path in _seen(folder) if path.suffix.lower() in PICTURE_SUFFIXES}
    others = sorted(
        path
        for path in folder.iterdir()
        if path not in seen and (not path.name.startswith(".") or path.suffix.lower() in PICTURE_SUFFIXES)
    )
    return [f"{path.name}/" if path.is_dir() else path.name for path in others]


def folders_in(folder: Path, *, but: Path) -> list[Path]:
    """`folder` and every folder below it, by name, without hidden ones, links, and `but`, where results go."""
    found = [folder]
    for path in sorted(_seen(folder)):
        if path.is_dir() and not path.is_symlink() and os.path.realpath(path) != os.path.realpath(but):
            found += folders_in(path, but=but)
    return found


def _seen(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith("."))


def result_names(paths: Sequence[Path]) -> list[str]:
    """A PNG's name for each of `paths` (of one folder): the stem, or the full name where the stem is taken.

    No two names are alike, whatever their case and the form of their accents, and none is too long for a file.
    """
    names = [f"{path.stem}.png" for path in paths]
    while True:
        counts = Counter(map(_alike, names))
        longer = [
            f"{path.name}.png" if counts[_alike(name)] > 1 else name for path, name in zip(paths, names, strict=True)
        ]
        if longer == names:
            break
        names = longer
    taken, met = set(counts), set[str]()
    for place, name in enumerate(names):
        if _alike(name) in met or len(os.fsencode(name)) > _MOST_NAME_BYTES:  # alike but for their case, or too long
            names[place] = next(each for each in _numbered(name) if _alike(each) not in taken)
            taken.add(_alike(names[place]))
        met.add(_alike(name))
    return names


def _alike(name: str) -> str:
    """The same for names that one file system or another takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _numbered(name: str) -> Iterator[str]:
    """`name` with 2, 3 ... behind it, short enough for a file."""
    for number in count(2):
        end = f".{number}.png"
        start = name.encode("utf-8", "surrogateescape")[: _MOST_NAME_BYTES - len(end)]
        if len(start) < len(os.fsencode(name)):
            start = start.decode("utf-8", "ignore").encode()
        yield os.fsdecode(start or b"picture") + end


def side_by_side(settings: Settings, pictures: int) -> tuple[int, Settings]:
    """(number of pictures to process at once, settings for each of them): the threads are divided among them."""
    threads = usable_threads(settings)
    at_once = max(1, min(threads, pictures, MOST_AT_ONCE))
    return at_once, replace(settings, threads=threads // at_once)


def work_through(jobs: Sequence[Job], work: Work, at_once: int) -> Iterator[FileOutcome]:
    """The outcome of each job, in the order in which they end.

    When the caller closes the iterator, running jobs are asked to stop, and waited for.
    """
    stopped = threading.Event()
    waiting = iter(jobs)
    pool = ThreadPoolExecutor(at_once)
    try:
        running = {pool.submit(_outcome, job, work, stopped.is_set) for job in islice(waiting, 2 * at_once)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_outcome, job, work, stopped.is_set) for job in islice(waiting, len(ended))}
            yield from (future.result() for future in ended)
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def _outcome(job: Job, work: Work, should_stop: Callable[[], bool]) -> FileOutcome:
    stamp = stamp_of(job.source)  # before the file is read: if it changes meanwhile, it is done again next time
    try:
        return FileOutcome(job, stamp, work(job, should_stop))
    except (KdsrError, OSError) as error:
        return FileOutcome(job, stamp, failure=str(error))


Stamp = tuple[str, int, int] | None
"""Name, bytes and time of modification (ns) of a file, or None if there is none."""


def stamp_of(path: Path) -> Stamp:
    """What tells whether a source has changed."""
    try:
        about = path.stat()
    except OSError:
        return None
    return path.name, about.st_size, about.st_mtime_ns


class Ledger:
    """What is finished in a folder of results: the file `.kdsr.jsonl` there, which gets a line for each picture once it
    is written.

    A result counts as finished if it exists and its source and settings are the same. The source is compared by name,
    size and time of modification. Lines that cannot be read are passed over, and later ones win: a picture too many is
    done again, never one too few.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        """`made_by`: network and settings of the results, as one text."""
        self._path, self._made_by = folder / ".kdsr.jsonl", made_by
        self._finished: dict[str, object] = {}
        if not self._path.is_file():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                self._finished[entry["target"]] = entry
            except (ValueError, TypeError, KeyError, RecursionError):
                continue

    def has(self, job: Job) -> bool:
        """Whether the target of `job` is finished."""
        stamp = stamp_of(job.source)
        return (
            stamp is not None
            and job.target.is_file()
            and self._finished.get(job.target.name) == self._entry(job.target, stamp)
        )

    def add(self, outcome: FileOutcome) -> None:
        """Note that the job of `outcome` is finished.

        Raises:
            OSError: the ledger cannot be written.
        """
        line = json.dumps(self._entry(outcome.job.target, outcome.stamp))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{line}")  # a line that a killed process tore off must not swallow this one

    def _entry(self, target: Path, stamp: Stamp) -> dict[str, object]:
        return {"target": target.name, "source": list(stamp or ()), "made_by": self._made_by}
