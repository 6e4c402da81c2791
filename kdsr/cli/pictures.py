"""`kdsr restore` and `kdsr degrade`: a picture, or every picture of a folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kdsr.cli.options import Holes, Model, Out, Quality, RunOn, RuntimeName, Sigma, TaskName, note, open_catalog, strength_of
from kdsr.errors import InputError, KdsrError, SettingsError, Stopped
from kdsr.settings import Settings
from kdsr.tasks import find_task

if TYPE_CHECKING:
    from kdsr.image import Picture


def restore(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="Picture, or folder of pictures.")],
    out: Out,
    model: Model,
    runtime: RunOn = RuntimeName.AUTO,
    tile: Annotated[int | None, typer.Option(help="Side of a tile in pixels; chosen if left out.", min=1)] = None,
    mask: Annotated[Path | None, typer.Option(help="Inpainting: picture that is white where pixels are missing. Else transparent ones are.")] = None,
) -> None:
    """Restore a picture, or every picture of a folder."""
    from kdsr.image import read_picture
    from kdsr.restore import holes_in, open_runtime, restore_picture

    catalog = open_catalog(context.obj)
    opened = open_runtime(catalog.find(model), catalog, runtime=runtime.value, settings=context.obj)
    if mask is not None and opened.planes == 3:
        raise SettingsError(f"The network '{model}' takes no mask; leave --mask out, or choose a network for inpainting.")
    marks = None if mask is None else read_picture(mask, context.obj)

    def transform(picture: "Picture", tell: Callable[[float], None]) -> "Picture":
        if opened.planes == 3:
            return restore_picture(picture, opened, tile_px=tile, on_progress=tell)
        opaque, holes = holes_in(picture, marks)
        return restore_picture(opaque, opened, holes=holes, tile_px=tile, on_progress=tell)

    each_picture(source, out, context.obj, transform)
    note(f"{model} by {opened.name}, {opened.precision}, on {opened.device}")


def degrade(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="Picture, or folder of pictures.")],
    out: Out,
    task: TaskName,
    sigma: Sigma = None,
    quality: Quality = None,
    holes: Holes = None,
    seed: Annotated[int, typer.Option(help="Other noise or holes for another seed.", min=0)] = 0,
) -> None:
    """Degrade a clean picture as a task has it. Noise is clipped and rounded here, because a file cannot hold it otherwise; holes become transparent."""
    from kdsr.bench.evaluate import degrade_picture, picture_seed
    from kdsr.image import from_tensor
    from kdsr.restore.holes import with_transparent

    found = find_task(task)
    strength = strength_of(found, sigma, quality, holes)

    def transform(picture: "Picture", _tell: Callable[[float], None]) -> "Picture":
        degraded = degrade_picture(picture, found, strength=strength, seed=picture_seed(picture.name, seed))
        made = from_tensor(degraded[:, :3], picture)
        return made if found.planes == 3 else with_transparent(made, degraded[0, 3].numpy() > 0)

    each_picture(source, out, context.obj, transform)


def each_picture(source: Path, out: Path, settings: Settings, transform: "Callable[[Picture, Callable[[float], None]], Picture]") -> None:
    """Read, transform and write the picture `source`, or every picture of that folder; exit code 1 if some of a folder failed."""
    from kdsr.image import read_picture, write_picture

    targets, failures = _targets(source, out), []
    for index, (path, target) in enumerate(targets, start=1):
        label = f"[{index}/{len(targets)}] {path.name}"
        try:
            picture = read_picture(path, settings)
            written = write_picture(transform(picture, _progress(label)), target)
        except (KdsrError, OSError) as error:
            if isinstance(error, Stopped) or not source.is_dir():
                raise
            failures.append(f"{path.name}: {error}")
            note(f"{label} failed")
            continue
        note(" ".join([f"{label} -> {written}", *picture.notes]))
    if failures:
        note("\n".join([f"{len(failures)} of {len(targets)} pictures failed:", *failures]))
        raise typer.Exit(1)


def _targets(source: Path, out: Path) -> list[tuple[Path, Path]]:
    """Each picture to read with the file to write; a folder's get PNG files of the same name. Makes the folders needed.

    Raises:
        InputError: nothing to read, a place that cannot be written, or a result that would take its source's place.
    """
    from kdsr.bench.evaluate import pictures_in
    from kdsr.image import WRITABLE_SUFFIXES

    paths = pictures_in(source) if source.is_dir() else [source]
    into_folder = source.is_dir() or out.is_dir() or not out.suffix
    folder = out if into_folder else out.parent
    if not into_folder and out.suffix.lower() not in WRITABLE_SUFFIXES:
        raise InputError(f"A picture is written as one of {', '.join(WRITABLE_SUFFIXES)}, got '{out.suffix}'; choose another -o.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file and the results need a folder; choose another -o.")
    if not source.exists():
        raise InputError(f"{source} does not exist; give a picture or a folder of pictures.")
    stems = [path.stem for path in paths]
    names = [f"{path.stem if stems.count(path.stem) == 1 else path.name}.png" for path in paths]
    targets = [folder / name for name in names] if into_folder else [out]
    sources = {path.resolve() for path in paths}
    for target in targets:
        if target.resolve() in sources:
            raise InputError(f"The result would take the place of its source {target}; choose another -o.")
    folder.mkdir(parents=True, exist_ok=True)
    return list(zip(paths, targets, strict=True))


def _progress(label: str) -> Callable[[float], None]:
    """A listener that shows a share in [0, 1] on one line of a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _share: None
    return lambda share: print(f"\r{label} {share:4.0%}", end="\r", file=sys.stderr, flush=True)
