"""Work on a picture, on a folder of them, or on a tree of folders: what is to do, and how long it takes."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kdsr.cli.options import note, seen
from kdsr.errors import InputError
from kdsr.settings import Settings

if TYPE_CHECKING:
    from kdsr.image.batch import FileOutcome, Job, Ledger

_NAMED = 8
"""At most so many files of a folder are named in a line."""
_MEASURED, _LONG = 8, 24
"""An estimate is made from so many pictures, where there are at least so many to do."""
Tell = Callable[[float], None]
"""Takes the finished share of a picture, in [0, 1]."""
Work = Callable[["Job", Tell, Callable[[], bool]], tuple[str, ...]]
"""Writes the target of a job and gives its notes; asks from time to time whether to stop."""


class OnConflict(StrEnum):
    """What becomes of a file that lies where a result is to be written and is no finished result of the same run."""

    OVERWRITE = "overwrite"
    SKIP = "skip"
    RENAME = "rename"


@dataclass(frozen=True)
class Where:
    """The folders that a command works on: `source` and, with `recursive`, all below; results go to `out`, alike."""

    source: Path
    out: Path
    recursive: bool = False
    on_conflict: OnConflict = OnConflict.OVERWRITE
    clips: bool = False
    """Whether clips are worked on as well, so that they are not told as passed over."""


def each_picture(
    where: Where,
    settings: Settings,
    made_by: str,
    open_work: Callable[[Settings], Work],
    then: Callable[[Where], bool] = lambda _where: True,
) -> None:
    """Work on a picture, or on every picture of a folder; exit code 1 if some of a folder failed.

    made_by: network and settings as one text; results of a folder with the same text are skipped. open_work: gives the
    work, with the settings for one picture. then: works on what else the folders hold, and says whether all went well.
    """
    if not where.source.is_dir():
        (job,) = _jobs(where.source, where.out)
        line = f"[1/1] {where.source.name}"
        notes = open_work(settings)(job, _progress(line), lambda: False)
        note(" ".join([f"{line} -> {job.target}", *notes]))
        return
    todo = _Todo(where, made_by)
    if len(todo.left) < todo.total:
        note(f"{todo.total - len(todo.left)} of {todo.total} pictures are finished already and skipped.")
    failures = _each_of(todo, settings, open_work) if todo.left else []
    if failures:
        for line in [f"{len(failures)} of {todo.total} pictures failed:", *sorted(failures)]:
            note(line)
    if not then(where) or failures:
        raise typer.Exit(1)


class _Todo:
    """The jobs of a folder or a tree, and the ledger of each folder of results."""

    def __init__(self, where: Where, made_by: str) -> None:
        self.total, self.left = 0, list["Job"]()
        self._ledgers, self._made_by, self._where = dict[Path, "Ledger"](), made_by, where
        kept = 0
        for jobs in _folders(where):
            self.total += len(jobs)
            for job in jobs:
                placed = self._placed(job)
                kept += placed is None
                if placed is not None and not self.ledger(placed).has(placed):
                    self.left.append(placed)
        if kept:
            note(f"{kept} of {self.total} pictures are skipped: a file lies where the result would be written.")
            self.total -= kept

    def ledger(self, job: "Job") -> "Ledger":
        """The ledger of the folder of results that `job` writes to."""
        from kdsr.files import clear_parts
        from kdsr.image.batch import Ledger

        folder = job.target.parent
        if folder not in self._ledgers:
            clear_parts(folder)
            self._ledgers[folder] = Ledger(folder, self._made_by)
        return self._ledgers[folder]

    def _placed(self, job: "Job") -> "Job | None":
        """The job with the target that it may write to; None where it is to be left out."""
        from kdsr.image.batch import Job

        if self._where.on_conflict == OnConflict.OVERWRITE or not job.target.exists() or self.ledger(job).has(job):
            return job
        if self._where.on_conflict == OnConflict.SKIP:
            return None
        for number in count(2):
            other = Job(job.source, job.target.with_stem(f"{job.target.stem} ({number})"))
            if not other.target.exists() or self.ledger(other).has(other):
                return other
        raise AssertionError("count ends never")


def _folders(where: Where) -> Iterator[list["Job"]]:
    """The jobs of each folder; says what is passed over.

    Raises:
        InputError: no picture in any of them, or a place that cannot be written.
    """
    from kdsr.image.batch import folders_in, others_in, pictures_in

    found = False
    if not where.recursive:
        _tell_others(others_in(where.source), where)
        if not (where.clips and clips_in(where)):
            pictures_in(where.source)
        elif not _holds_pictures(where.source):
            return
        yield _jobs(where.source, where.out)
        return
    for folder in folders_in(where.source, but=where.out):
        below = folder.relative_to(where.source)
        _tell_others([str(below / name) for name in others_in(folder) if not name.endswith("/")], where)
        if _holds_pictures(folder):
            found = True
            yield _jobs(folder, where.out / below)
    if not found and not (where.clips and clips_in(where)):
        raise InputError(f"There is no picture in {where.source} or below; give another folder.")


def _holds_pictures(folder: Path) -> bool:
    from kdsr.image.batch import pictures_in

    try:
        return bool(pictures_in(folder))
    except InputError:
        return False


def clips_in(where: Where) -> list["Job"]:
    """The clips of the folders that `where` names, each with its result: a file of the same name and, where such files
    are written, the same kind; else .mkv.
    """
    from kdsr.image.batch import Job, folders_in
    from kdsr.video.clip import SUFFIXES
    from kdsr.video.join import FORMATS

    jobs = []
    for folder in folders_in(where.source, but=where.out) if where.recursive else [where.source]:
        for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES):
            kind = path.suffix if path.suffix.lower() in FORMATS else f"{path.suffix}.mkv"
            jobs.append(Job(path, where.out / folder.relative_to(where.source) / f"{path.stem}{kind}"))
    return jobs


def _tell_others(others: Sequence[str], where: Where) -> None:
    from kdsr.video.clip import SUFFIXES

    if where.clips:
        others = [name for name in others if Path(name).suffix.lower() not in SUFFIXES]
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        note(f"Passed over, as hidden or no pictures by their names: {', '.join(others[:_NAMED])}{more}.")


def _each_of(todo: _Todo, settings: Settings, open_work: Callable[[Settings], Work]) -> list[str]:
    """The pictures that failed, each with its reason."""
    from kdsr.image.batch import side_by_side, work_through

    jobs, failures = todo.left, list[str]()
    at_once, settings = side_by_side(settings, len(jobs))
    estimate = _Estimate(jobs, at_once)
    work, started = open_work(settings), time.monotonic()
    outcomes = work_through(
        estimate.order, lambda job, should_stop: work(job, lambda _share: None, should_stop), at_once
    )
    for done, outcome in enumerate(outcomes, start=1):
        line = f"[{done}/{len(jobs)}] {outcome.job.source.name}"
        if outcome.failure is None:
            todo.ledger(outcome.job).add(outcome)
            line += f" -> {outcome.job.target}"
        else:
            failures.append(f"{outcome.job.source.name}: {outcome.failure}")
            line += " failed"
        note(" ".join([line, pace(done, len(jobs), time.monotonic() - started), *outcome.notes]))
        if said := estimate.after(outcome):
            note(said)
    return failures


class _Estimate:
    """Time and bytes of a long run, from the first few pictures, which are chosen from all sizes."""

    def __init__(self, jobs: Sequence["Job"], at_once: int) -> None:
        self.order: list[Job] = list(jobs)
        """The jobs, those first that are measured."""
        self._warm, self._left = at_once, 0
        if len(jobs) < _LONG:
            return
        self._pixels = {job: _pixels_of(job.source) for job in jobs}
        by_size = sorted(jobs, key=lambda job: self._pixels[job])
        chosen = self._warm + _MEASURED * at_once
        first = {by_size[place * len(jobs) // chosen] for place in range(chosen)}
        self.order = sorted(jobs, key=lambda job: job not in first)
        self._left, self._since, self._bytes, self._done = len(first), 0.0, 0, 0

    def after(self, outcome: "FileOutcome") -> str:
        """What to say after an outcome: the estimate, once."""
        if self._left == 0:
            return ""
        self._left -= 1
        if self._warm:  # the first of each thread opens the network
            self._warm -= 1
            self._since = time.monotonic()
            self._pixels.pop(outcome.job)
            return ""
        self._done += self._pixels.pop(outcome.job)
        self._bytes += outcome.job.target.stat().st_size if outcome.failure is None else 0
        if self._left or not self._done:
            return ""
        share = sum(self._pixels.values()) / self._done
        seconds = timedelta(seconds=round(share * (time.monotonic() - self._since)))
        return (
            f"Estimate for the other {len(self._pixels)} pictures: {seconds} and {share * self._bytes / 1e6:,.0f} MB."
        )


def _pixels_of(path: Path) -> int:
    """Width by height by the header; 0 where it tells none."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return picture.width * picture.height
    except Exception:  # whatever a damaged header raises; the work itself says what is wrong
        return 0


def pace(done: int, total: int, passed_s: float) -> str:
    """Pictures per second so far, and the time that the rest will take."""
    rate = done / max(passed_s, 1e-9)
    return f"({rate:.3g} pictures/s, {timedelta(seconds=round((total - done) / rate))} left)"


def _jobs(source: Path, out: Path) -> list["Job"]:
    """Each picture to read with the file to write; a folder's get PNG files of the same name. Makes the folders needed.

    Raises:
        InputError: nothing to read, a place that cannot be written, or a result that would take its source's place.
    """
    from kdsr.image import WRITABLE_SUFFIXES
    from kdsr.image.batch import Job, pictures_in, result_names

    paths = pictures_in(source) if source.is_dir() else [source]
    into_folder = source.is_dir() or out.is_dir() or not out.suffix
    folder = out if into_folder else out.parent
    if not into_folder and out.suffix.lower() not in WRITABLE_SUFFIXES:
        raise InputError(
            f"A picture is written as one of {', '.join(WRITABLE_SUFFIXES)}, got '{out.suffix}'; choose another -o."
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file and the results need a folder; choose another -o.")
    if not source.exists():
        raise InputError(f"{source} does not exist; give a picture or a folder of pictures.")
    if source.is_dir() and os.path.realpath(folder) == os.path.realpath(source):
        raise InputError(
            f"The results would lie among their sources in {folder}, and the next run would restore them again; "
            "choose another folder for -o."
        )
    targets = [folder / name for name in result_names(paths)] if into_folder else [out]
    sources = {os.path.realpath(path) for path in paths}  # not resolve(), which raises on a link to itself
    for target in targets:
        if os.path.realpath(target) in sources:
            raise InputError(f"The result would take the place of its source {target}; choose another -o.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be made ({error.strerror}); choose another -o.") from error
    return [Job(path, target) for path, target in zip(paths, targets, strict=True)]


def _progress(line: str) -> Tell:
    """A listener that shows a share in [0, 1] on one line of a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _share: None
    return lambda share: print(f"\r{seen(line)} {share:4.0%}", end="\r", file=sys.stderr, flush=True)
