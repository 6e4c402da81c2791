"""What is done with a result that is shown: another pair on the divider, other files to download.

Not here: the run that makes it (`restore.handlers`).
"""

from dataclasses import replace
from typing import Any

import gradio as gr

from kdsr.errors import KdsrError
from kdsr.ui import texts
from kdsr.ui.html import status_line
from kdsr.ui.refusals import log_refusal
from kdsr.ui.restore.files import files_as, on_disk
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.result import RestoreResult
from kdsr.ui.restore.view import download, pair_view


class ShownHandlers:
    """The handlers, with those of the tab."""

    def __init__(self, restore: RestoreHandlers) -> None:
        self.restore = restore

    def on_pair(
        self, result: RestoreResult | None, left: str, right: str, request: gr.Request | None = None
    ) -> tuple[Any, ...]:
        """(pair, pictures, explanations, status) for another pair, which a run at work shows from now on as well."""
        page = self.restore.page(request)
        page.pair, result = (left, right), page.result or result
        if result is None:
            return (left, right), gr.skip(), gr.skip(), gr.skip()
        if not on_disk(result):
            gr.Warning(texts.EXPIRED)
            return gr.skip(), gr.skip(), gr.skip(), status_line(texts.EXPIRED, kind="error")
        view = pair_view(result, left, right)
        return (left, right), view.pictures, view.explained, gr.skip()

    def on_files(
        self, result: RestoreResult | None, strip: bool, suffix: str, request: gr.Request | None = None
    ) -> tuple[Any, ...]:
        """(result, student's file, teacher's file, all files): all of the kind `suffix`, each with the same numbers;
        without EXIF, GPS and XMP if `strip`, as those of a run at work from now on.

        Where a newer result came while they were written, its own files stay.
        """
        page = self.restore.page(request)
        page.strip = strip
        if result is None or result.order is None:
            return (gr.skip(),) * 4
        if not on_disk(result):
            gr.Warning(texts.EXPIRED)
            return (gr.skip(),) * 4
        made = replace(result, order=replace(result.order, strip=strip))
        try:
            files = files_as(made, suffix, self.restore.settings)
            shown = made, download(made, "student"), download(made, "teacher"), files
        except KdsrError as error:
            log_refusal(error)
            gr.Warning(str(error))
            return (gr.skip(),) * 4
        if page.is_newer_than(result):
            return (gr.skip(),) * 4
        page.result = made
        return shown
