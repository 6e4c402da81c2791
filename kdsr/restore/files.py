"""From file to file through a network: decoded in one piece, restored and written strip by strip."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from kdsr.image import Picture, read_picture, write_strips
from kdsr.image.write import check_target, left_out
from kdsr.restore.engine import Progress, restore_strips
from kdsr.restore.holes import holes_in
from kdsr.restore.runtime import Runtime
from kdsr.settings import Settings

POSITION = "The result says where the picture was taken (GPS), as its source does; strip leaves that out."


def restore_file(
    source: Path,
    target: Path,
    runtime: Runtime,
    settings: Settings,
    *,
    mask: Picture | None = None,
    strip: bool = False,
    tile_px: int | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[str, ...]:
    """Write the picture in `source`, restored, to `target`, and give its notes; `target` is replaced in one step.

    The memory taken is that of the source as it is decoded and, for PNG and TIFF, of two strips of the result: see
    `write_strips`.

    Args:
        settings: its limits hold for what is read.
        mask: for inpainting, as in `holes_in`; without one, transparent pixels are missing.
        strip: EXIF, XMP and resolution of the source are not written; else they are, where the format has room.
        tile_px, on_progress, should_stop: as in `restore`; progress is at its end before the file is.
    Raises:
        InputError: `source` cannot be read, the result would be too large, or `target` cannot be written. All but a
            full disk is found before the first tile.
        Stopped: `should_stop` said so.
    """
    picture, holes = read_picture(source, settings), None
    if runtime.about.planes == 4:
        picture, holes = holes_in(picture, mask)
    notes = picture.notes
    if strip:
        picture = replace(picture, metadata=None)
    elif picture.metadata is not None:
        notes += left_out(picture, target.suffix)
        notes += (POSITION,) if picture.metadata.has_position else ()
    check_target(target, picture, scale=runtime.about.scale)
    strips = restore_strips(
        picture, runtime, holes=holes, tile_px=tile_px, on_progress=on_progress, should_stop=should_stop
    )
    said: dict[str, None] = dict.fromkeys(notes)

    def told() -> Iterator[Picture]:
        for strip in strips:
            said.update(dict.fromkeys(strip.notes))
            yield strip

    write_strips(told(), target, height=picture.height * runtime.about.scale)
    return tuple(said)
