"""The page: its tabs, put together."""

import os
import uuid
from pathlib import Path

import gradio as gr
from fastapi.exceptions import RequestValidationError
from gradio.routes import ORJSONResponse
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from kdsr import __version__
from kdsr.errors import SettingsError
from kdsr.jobs import Jobs
from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.address import add_address
from kdsr.ui.asked import Asked, refuse_invalid
from kdsr.ui.blocks import Page
from kdsr.ui.counts import PageCounts
from kdsr.ui.distill.tab import add_distill_tab
from kdsr.ui.endpoints.panel import add_scripts_panel
from kdsr.ui.endpoints.restoring import add_restore_api
from kdsr.ui.guard import GuardedApp
from kdsr.ui.health import Watched
from kdsr.ui.holding import MOST_SESSIONS, Holding
from kdsr.ui.isolation import Isolated
from kdsr.ui.leftovers import keep_sweeping, own_folder
from kdsr.ui.live.tab import add_live_tab
from kdsr.ui.logs import write_json
from kdsr.ui.memory import keep_returning_freed_memory, share_few_heaps
from kdsr.ui.models.tab import add_models_tab
from kdsr.ui.present import add_presentation, masthead
from kdsr.ui.preview import Previewed
from kdsr.ui.records import tell
from kdsr.ui.report.share import add_sharing
from kdsr.ui.report.tab import add_report
from kdsr.ui.restore.tab import add_restore_tab
from kdsr.ui.stopping import stop_on_sigterm
from kdsr.ui.swatches import served_swatches
from kdsr.ui.teachers.panel import add_teachers
from kdsr.ui.theme import CSS, FRAME, HEAD, build_theme
from kdsr.ui.visitor import add_visitor
from kdsr.ui.waiting import FairQueue

_CACHE_S = (3600, 4 * 3600)
"""How often gradio's own cache is swept, and how old its files may become."""
_MAX_UPLOAD = "200mb"
_MONITORING = {"GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000", "GRADIO_ANALYTICS_MAX_EVENTS": "100"}
"""gradio sums up its last 10,000 events after every single one, for a page that is not shown here. That was most of the
time of a quick answer.
"""


def build_ui(settings: Settings) -> gr.Blocks:
    """The complete page, ready for `launch()`; its pictures go to a separate folder in gradio's cache."""
    return _build(Jobs(settings))[0]


def serve(
    settings: Settings, host: str = "127.0.0.1", port: int | None = 7860, *, share: bool = False, block: bool = True
) -> gr.Blocks:
    """The page served at `host`:`port` (None: the first free one from 7860 on); returns when stopped, or at once
    without `block`.

    Background runs are tended as long as this process lives.

    Raises:
        KdsrError: the home or the temporary folder cannot be used. OSError: the port is taken.
    """
    share_few_heaps()
    jobs = Jobs(settings)
    try:
        folder = own_folder(Path(get_upload_folder()))
    except OSError as error:
        raise SettingsError(
            f"The temporary folder {get_upload_folder()} cannot be used ({error.strerror}): set GRADIO_TEMP_DIR."
        ) from error
    os.environ["GRADIO_TEMP_DIR"] = str(folder)  # uploads too are below it, so that the next page can remove them
    (blocks, queue), counts = _build(jobs), _counts(settings)
    watched = Middleware(Watched, queue=queue, jobs=jobs, counts=counts)
    asked = Middleware(Asked, blocks=blocks, queue=queue)
    layers = [watched, Middleware(Isolated), Middleware(Previewed, head=FRAME), asked]
    app = GuardedApp(
        default_response_class=ORJSONResponse, middleware=layers,
        exception_handlers={RequestValidationError: refuse_invalid},
    )  # fmt: skip
    app.state_holder = Holding()  # type: ignore[no-untyped-call] # its parent in gradio has no types
    jobs.keep_tending()
    keep_sweeping(folder)
    keep_returning_freed_memory()
    # without _frontend=False gradio gives up where the first answer of a busy machine takes more than 3 s
    blocks.launch(
        server_name=host, server_port=port, share=share, theme=build_theme(), css=CSS, head=HEAD + served_swatches(),
        ssr_mode=False, footer_links=[], show_error=False, max_file_size=_MAX_UPLOAD, prevent_thread_lock=True,
        quiet=not block or settings.log_format == "json", _frontend=False, run_history=False,
        state_session_capacity=MOST_SESSIONS, _app=app,
    )  # fmt: skip
    if settings.log_format == "json":
        write_json()
    tell("serving", {"address": f"http://{host}:{blocks.server_port}", "version": __version__})
    if block:
        stop_on_sigterm(blocks, queue, jobs)
        blocks.block_thread()
    return blocks


def _counts(settings: Settings) -> PageCounts | None:
    """The counts of `/metrics`, if the settings ask for it."""
    if settings.metrics == "off":
        return None
    counts = PageCounts()
    counts.listen()
    return counts


def _build(jobs: Jobs) -> tuple[gr.Blocks, FairQueue]:
    for name, value in _MONITORING.items():
        os.environ.setdefault(name, value)
    settings, folder = jobs.settings, Path(get_upload_folder()) / f"kdsr-{uuid.uuid4().hex[:12]}"
    with Page(title=texts.PAGE_TITLE, analytics_enabled=False, delete_cache=_CACHE_S) as blocks:
        gr.HTML(masthead(), elem_id="masthead")
        visitor = add_visitor(settings, blocks)
        teachers = add_teachers(jobs, blocks, visitor.who)
        address = add_address()
        with gr.Tabs() as tabs:
            with gr.Tab("Restore", id="restore", elem_id="restore-tab") as restore_tab:
                restore = add_restore_tab(
                    settings, folder, blocks, jobs=jobs, visitor=visitor, teachers=teachers, tab=restore_tab,
                    address=address,
                )  # fmt: skip
            with gr.Tab("Live", id="live", elem_id="live-tab"):
                add_live_tab(settings)
            with gr.Tab("Models", id="models", elem_id="models-tab") as models_tab:
                add_models_tab(
                    folder / "models", blocks, visitor=visitor, teachers=teachers, tabs=tabs, tab=models_tab,
                    restore=restore, address=address,
                )  # fmt: skip
            with gr.Tab("Distill", id="distill", elem_id="distill-tab") as distill_tab:
                add_distill_tab(
                    jobs, folder / "distill", blocks, visitor=visitor, teachers=teachers, tabs=tabs, tab=distill_tab,
                    restore=restore, address=address,
                )  # fmt: skip
        add_presentation(restore)
        add_report(restore, blocks)
        add_sharing(restore)
        add_restore_api(settings, folder / "scripts")
        add_scripts_panel(settings)
    blocks.queue(api_open=False, default_concurrency_limit=4)
    return blocks, FairQueue.of(blocks)
