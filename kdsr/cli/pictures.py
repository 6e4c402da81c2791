"""`kdsr restore` and `kdsr degrade`: a picture, or every picture of a folder."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdsr.cli.clips import is_clip, restore_clip
from kdsr.cli.options import (
    Ensemble,
    Holes,
    Level,
    Model,
    Out,
    Quality,
    RunOn,
    RuntimeName,
    Sharpness,
    Sigma,
    TaskName,
    note,
    seen,
    strength_of,
)
from kdsr.errors import InputError, SettingsError
from kdsr.settings import Settings
from kdsr.tasks import find_task

if TYPE_CHECKING:
    from kdsr.image.batch import Job
    from kdsr.restore import Runtime

_NAMED = 8
"""At most so many files of a folder are named in a line."""
Tell = Callable[[float], None]
"""Takes the finished share of a picture, in [0, 1]."""
Work = Callable[["Job", Tell, Callable[[], bool]], tuple[str, ...]]
"""Writes the target of a job and gives its notes; asks from time to time whether to stop."""


def restore(
    context: typer.Context,
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Picture, folder of pictures, or clip (.mp4, .mkv, .webm ...).")
    ],
    out: Out,
    model: Model,
    runtime: RunOn = RuntimeName.AUTO,
    self_ensemble: Ensemble = False,
    tile: Annotated[int | None, typer.Option(help="Side of a tile in pixels; chosen if left out.", min=1)] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Inpainting: picture that is white where pixels are missing. Else transparent ones are."),
    ] = None,
    sharpness: Sharpness = None,
    strip: Annotated[bool, typer.Option("--strip", help="Leave out EXIF, GPS, XMP and resolution.")] = False,
    codec: Annotated[str, typer.Option(help="Clips: h264, hevc, av1 or ffv1 (lossless).")] = "h264",
    crf: Annotated[int | None, typer.Option(help="Clips: quality, 0 the best; usual 16, hevc 18, av1 24.")] = None,
    preview: Annotated[str | None, typer.Option(help="Clips: so much from the start only, such as 5s.")] = None,
) -> None:
    """Restore a picture, a clip, or every picture of a folder; what is finished is skipped."""
    # Over 40 lines, half of which declare the options: typer reads them from the signature.
    from kdsr.image import read_picture
    from kdsr.restore import open_runtime, passed_over, restore_file
    from kdsr.zoo import at_sharpness, find_network, sha256_of

    card, catalog = find_network(model, context.obj)
    if sharpness is not None:
        card, catalog = at_sharpness(card, catalog, sharpness, context.obj)
    if mask is not None and find_task(card.task).planes == 3:
        raise SettingsError(
            f"The network '{card.name}' takes no mask; leave --mask out, or choose a network for inpainting."
        )
    marks = None if mask is None else read_picture(mask, context.obj)
    options = {"self-ensemble": self_ensemble, "strip": strip, sha256_of(mask) if mask else "": mask is not None}
    made_by = " ".join([card.name, card.sha256, *(name for name, given in options.items() if given)])

    ran: list[str] = []

    def opened_with(settings: Settings) -> "Runtime":
        opened = open_runtime(card, catalog, runtime=runtime.value, settings=settings)
        if runtime == RuntimeName.AUTO:
            for line in passed_over(card, settings):
                note(line)
        if self_ensemble:
            from kdsr.restore.ensemble import (
                SelfEnsemble,
            )  # imports torch, which a plain run by ONNX Runtime does without

            opened = SelfEnsemble(opened)
        ran.append(f"{card.name} by {opened.about.name}, {opened.about.precision}, on {opened.about.device}")
        return opened

    def open_work(settings: Settings) -> Work:
        opened = opened_with(settings)

        def work(job: "Job", tell: Tell, should_stop: Callable[[], bool]) -> tuple[str, ...]:
            return restore_file(
                job.source,
                job.target,
                opened,
                settings,
                mask=marks,
                strip=strip,
                tile_px=tile,
                on_progress=tell,
                should_stop=should_stop,
            )

        return work

    if is_clip(source, out):
        opened = opened_with(context.obj)
        more = {"made_by": made_by, "strip": strip, "tile_px": tile}
        restore_clip(source, out, opened, context.obj, encoding=(codec, crf), preview=preview, **more)
    elif (codec, crf, preview) != ("h264", None, None):
        raise SettingsError(f"--codec, --crf and --preview are for clips, and {source} is none.")
    else:
        each_picture(source, out, context.obj, made_by, open_work)
    if ran:
        note(ran[-1])


def degrade(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="Picture, or folder of pictures.")],
    out: Out,
    task: TaskName,
    sigma: Sigma = None,
    quality: Quality = None,
    level: Level = None,
    holes: Holes = None,
    seed: Annotated[int, typer.Option(help="Other noise or holes for another seed.", min=0)] = 0,
) -> None:
    """Degrade a clean picture by the convention of a task. Noise is clipped and rounded to 8 bits; holes become
    transparent.
    """
    from kdsr.degrade import degrade_picture
    from kdsr.image import read_picture, write_picture

    found = find_task(task)
    strength = strength_of(found, sigma, quality, level, holes)

    def work(job: "Job", _tell: Tell, _should_stop: Callable[[], bool]) -> tuple[str, ...]:
        picture = replace(read_picture(job.source, context.obj), metadata=None)  # an input, not a photograph to keep
        write_picture(degrade_picture(picture, found, strength=strength, seed=seed).picture, job.target)
        return picture.notes

    each_picture(source, out, context.obj, f"{task} {strength} {seed}", lambda _settings: work)


def each_picture(
    source: Path, out: Path, settings: Settings, made_by: str, open_work: Callable[[Settings], Work]
) -> None:
    """Work on the picture `source`, or on every picture of that folder; exit code 1 if some of a folder failed.

    made_by: network and settings as one text; results of a folder with the same text are skipped. open_work: gives the
    work, with the settings for one picture.
    """
    from kdsr.image.batch import others_in

    jobs = _jobs(source, out)
    if source.is_dir():
        if others := others_in(source):
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            note(f"Passed over, as hidden or no pictures by their names: {', '.join(others[:_NAMED])}{more}.")
        _each_of_folder(jobs, settings, made_by, open_work)
    else:
        line = f"[1/1] {source.name}"
        notes = open_work(settings)(jobs[0], _progress(line), lambda: False)
        note(" ".join([f"{line} -> {jobs[0].target}", *notes]))


def _each_of_folder(jobs: list["Job"], settings: Settings, made_by: str, open_work: Callable[[Settings], Work]) -> None:
    from kdsr.files import clear_parts
    from kdsr.image.batch import Ledger, side_by_side, work_through

    folder, failures = jobs[0].target.parent, []
    clear_parts(folder)
    ledger = Ledger(folder, made_by)
    todo = [job for job in jobs if not ledger.has(job)]
    if len(todo) < len(jobs):
        note(f"{len(jobs) - len(todo)} of {len(jobs)} pictures are finished already and skipped.")
    if not todo:
        return
    at_once, settings = side_by_side(settings, len(todo))
    work, started = open_work(settings), time.monotonic()
    for done, outcome in enumerate(
        work_through(todo, lambda job, should_stop: work(job, lambda _share: None, should_stop), at_once), start=1
    ):
        line = f"[{done}/{len(todo)}] {outcome.job.source.name}"
        if outcome.failure is None:
            ledger.add(outcome)
            line += f" -> {outcome.job.target}"
        else:
            failures.append(f"{outcome.job.source.name}: {outcome.failure}")
            line += " failed"
        note(" ".join([line, _pace(done, len(todo), time.monotonic() - started), *outcome.notes]))
    if failures:
        for line in [f"{len(failures)} of {len(jobs)} pictures failed:", *sorted(failures)]:
            note(line)
        raise typer.Exit(1)


def _pace(done: int, total: int, passed_s: float) -> str:
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
