"""`kdsr restore` and `kdsr degrade`: a picture, or every picture of a folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kdsr.cli.clips import each_clip, is_clip, restore_clip
from kdsr.cli.cluster import plain_places, restore_by_ray
from kdsr.cli.folders import OnConflict, Tell, Where, Work, each_picture
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
    strength_of,
)
from kdsr.errors import SettingsError
from kdsr.settings import Settings
from kdsr.tasks import find_task

if TYPE_CHECKING:
    from kdsr.image.batch import Job
    from kdsr.restore import Runtime


def restore(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="IN", help="Picture, folder of pictures, or clip (.mp4, .mkv, .webm ...).")
    ],
    out: Annotated[str, typer.Option("-o", "--out", help="File or folder to write.")],
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
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Folders below as well, kept as they are.")
    ] = False,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="Where a file lies that is no finished result of the same command.")
    ] = OnConflict.OVERWRITE,
    codec: Annotated[str, typer.Option(help="Clips: h264, hevc, av1 or ffv1 (lossless).")] = "h264",
    crf: Annotated[int | None, typer.Option(help="Clips: quality, 0 the best; usual 16, hevc 18, av1 24.")] = None,
    steady: Annotated[
        bool, typer.Option("--steady", help="Clips: blend frames where nothing moves, against flicker.")
    ] = False,
    preview: Annotated[str | None, typer.Option(help="Clips: so much from the start only, such as 5s.")] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="local|HOST:PORT",
            help="A folder by Ray: on this machine, or on the cluster there. IN and OUT may be s3:// or hf:// then.",
        ),
    ] = None,
    gpus: Annotated[
        float | None, typer.Option(help="With --ray: share of a GPU for each worker, such as 0.25.", min=0)
    ] = None,
) -> None:
    """Restore a picture, a clip, or every picture of a folder; what is finished is skipped."""
    # Over 40 lines, half of which declare the options: typer reads them from the signature.
    from kdsr.restore import passed_over
    from kdsr.restore.order import order_for

    order = order_for(
        model,
        context.obj,
        runtime=runtime.value,
        self_ensemble=self_ensemble,
        mask=mask,
        sharpness=sharpness,
        strip=strip,
        tile_px=tile,
    )
    is_for_clips = (codec, crf, preview, steady) != ("h264", None, None, False)
    if ray is not None:
        if is_for_clips:
            raise SettingsError("--codec, --crf, --preview and --steady are for clips, and --ray takes pictures only.")
        restore_by_ray(ray, source, out, order, context.obj, recursive, on_conflict, gpus)
        return
    place, results = plain_places(source, out, gpus)
    ran: list[str] = []

    def opened_with(settings: Settings) -> "Runtime":
        opened = order.open(settings)
        if runtime == RuntimeName.AUTO:
            for line in passed_over(order.card, settings):
                note(line)
        ran.append(f"{order.card.name} by {opened.about.name}, {opened.about.precision}, on {opened.about.device}")
        return opened

    def open_work(settings: Settings) -> Work:
        opened = opened_with(settings)

        def work(job: "Job", tell: Tell, should_stop: Callable[[], bool]) -> tuple[str, ...]:
            return order.restore(job.source, job.target, opened, settings, on_progress=tell, should_stop=should_stop)

        return work

    more: dict[str, Any] = {
        "made_by": order.made_by,
        "encoding": (codec, crf),
        "preview": preview,
        "strip": strip,
        "tile_px": tile,
        "steady": steady,
    }

    def open_for_clips() -> "Runtime":
        from kdsr.video import clip_settings

        return opened_with(clip_settings(context.obj, order.card))

    if is_clip(place, results):
        restore_clip(place, results, open_for_clips(), context.obj, **more)
    elif is_for_clips and not place.is_dir():
        raise SettingsError(f"--codec, --crf, --preview and --steady are for clips, and {place} is none.")
    else:
        where = Where(place, results, recursive, on_conflict, clips=True)
        each_picture(
            where,
            context.obj,
            order.made_by,
            open_work,
            lambda where: each_clip(where, settings=context.obj, opened_by=open_for_clips, **more),
        )
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

    each_picture(Where(source, out), context.obj, f"{task} {strength} {seed}", lambda _settings: work)
