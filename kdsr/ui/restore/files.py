"""The files of a result: whether they still exist, and the pictures in other formats."""

import dataclasses

from kdsr.image import read_picture, write_picture
from kdsr.settings import Settings
from kdsr.ui.restore.result import RestoreResult


def files_as(result: RestoreResult, suffix: str, settings: Settings) -> list[str]:
    """The exact pictures of `result` as PNG, lossless WebP or TIFF, written beside the PNG files on first request."""
    if suffix == "PNG":
        return [str(column.file) for column in result.columns]
    made = []
    for column in result.columns:
        target = column.file.with_suffix({"WebP": ".webp", "TIFF": ".tiff"}[suffix])
        made.append(
            str(target if target.is_file() else write_picture(read_picture(column.file, _unlimited(settings)), target))
        )
    return made


def _unlimited(settings: Settings) -> Settings:
    """Settings that read back whatever the page itself has written."""
    side = max(settings.max_side_px, 1_000_000)
    return dataclasses.replace(settings, max_input_megapixels=settings.max_output_megapixels * 2, max_side_px=side)


def on_disk(result: RestoreResult) -> bool:
    """Whether every picture of `result` still exists."""
    return all(column.shown.is_file() and column.file.is_file() for column in result.columns)
