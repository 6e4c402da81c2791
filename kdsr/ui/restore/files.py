"""The files of a result: whether they still exist, and the pictures without metadata and in other formats."""

import dataclasses
import shutil
import time
from pathlib import Path

from kdsr.files import replaced
from kdsr.image import read_picture, write_picture
from kdsr.image.png_chunks import without_metadata
from kdsr.settings import Settings
from kdsr.ui.disk import writing
from kdsr.ui.restore.result import Column, RestoreResult

KEPT_S = 2 * 3600
"""How long the pictures of a run stay on disk."""


def sweep(folder: Path) -> None:
    """Remove the folders of runs in `folder` that are older than `KEPT_S`; it is made where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    for run in folder.iterdir():
        if time.time() - run.stat().st_mtime > KEPT_S:
            shutil.rmtree(run, ignore_errors=True)


def file_of(result: RestoreResult, column: Column) -> Path:
    """The PNG of `column` as it is downloaded: without EXIF, GPS and XMP if that was chosen."""
    if result.order is None or not result.order.strip:
        return column.file
    target = column.file.parent / "stripped" / column.file.name
    if not target.is_file():
        with writing("The downloads"):
            target.parent.mkdir(exist_ok=True)
            with replaced(target) as part:
                part.write_bytes(without_metadata(column.file.read_bytes()))
    return target


def files_as(result: RestoreResult, suffix: str, settings: Settings) -> list[str]:
    """The exact pictures of `result` as PNG, lossless WebP or TIFF, written beside the PNG files on first request."""
    files = [file_of(result, column) for column in result.columns]
    if suffix == "PNG":
        return [str(file) for file in files]
    made = []
    for file in files:
        target = file.with_suffix({"WebP": ".webp", "TIFF": ".tiff"}[suffix])
        made.append(
            str(target if target.is_file() else write_picture(read_picture(file, _unlimited(settings)), target))
        )
    return made


def _unlimited(settings: Settings) -> Settings:
    """Settings that read back whatever the page itself has written."""
    side = max(settings.max_side_px, 1_000_000)
    return dataclasses.replace(settings, max_input_megapixels=settings.max_output_megapixels * 2, max_side_px=side)


def on_disk(result: RestoreResult) -> bool:
    """Whether every picture of `result` still exists."""
    return all(column.shown.is_file() and column.file.is_file() for column in result.columns)
