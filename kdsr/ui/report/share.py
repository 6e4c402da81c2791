"""The moving slider of what *Restore* shows, as a file. The buttons are `restore.sharing`'s."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from kdsr.errors import InputError, KdsrError
from kdsr.files import replaced
from kdsr.ui import texts
from kdsr.ui.disk import writing
from kdsr.ui.events import LATEST_READING
from kdsr.ui.refusals import log_refusal
from kdsr.ui.report.content import chapters_of
from kdsr.ui.report.handlers import Spot, spot_of
from kdsr.ui.report.moving import slider_webp
from kdsr.ui.report.pictures import Opened
from kdsr.ui.restore.files import on_disk
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.wiring import RestoreTab

_DOWNLOAD = "() => setTimeout(() => document.querySelector('#moving-file')?.click(), 150)"


def write_moving(result: RestoreResult, pair: Sequence[str], spot: Spot) -> Path:
    """The moving slider of `pair`, beside the pictures of `result`.

    Raises:
        InputError: the disk is full.
    """
    opened, first = Opened(), result.columns[0].file
    (chapter,) = chapters_of([result], opened, pair=(pair[0], pair[1]))
    left, right = (opened[column.shown] for column in chapter.pair)
    target = first.parent / f"{first.stem.rsplit('-', 1)[0]}-slider.webp"
    with writing("The animation"), replaced(target) as part:
        part.write_bytes(slider_webp(left, right, spot))
    return target


def on_moving(result: RestoreResult | None, pair: tuple[str, str], request: gr.Request) -> Any:
    """The file of the moving slider; without a result, or where it is gone, a sentence."""
    try:
        if result is None or not result.columns or not on_disk(result):
            raise InputError(texts.REPORT_FIRST)
        return gr.update(value=str(write_moving(result, pair, spot_of(request.query_params))))
    except KdsrError as error:
        log_refusal(error)
        gr.Warning(str(error))
        return gr.update(value=None)


def add_sharing(restore: RestoreTab) -> None:
    """The button for the moving slider makes it, and downloads it."""
    share, file = restore.report["share"], restore.report["moving_file"]
    share.select(on_moving, [restore.result, restore.report["pair"]], file, **LATEST_READING).success(
        None, js=_DOWNLOAD
    )
