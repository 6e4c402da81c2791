"""The page: one file per tab, put together here. gradio is imported in this area and in `app.py` only."""

import uuid
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from kdsr.settings import Settings
from kdsr.ui import texts
from kdsr.ui.restore_tab import add_restore_tab
from kdsr.ui.theme import CSS, HEAD, build_theme

__all__ = ["build_ui", "serve"]

_CACHE_S = (3600, 4 * 3600)
"""How often gradio's own cache is swept, and how old its files may become."""
_MAX_UPLOAD = "200mb"


def build_ui(settings: Settings) -> gr.Blocks:
    """The whole page, ready for `launch()`; its pictures go to a folder of their own in gradio's cache."""
    folder = Path(get_upload_folder()) / f"kdsr-{uuid.uuid4().hex[:12]}"
    with gr.Blocks(title="KDSR: teacher and student, side by side", analytics_enabled=False, delete_cache=_CACHE_S) as blocks:
        gr.HTML(f"<h1>{texts.TITLE}</h1><p>{texts.PURPOSE}</p>", elem_id="masthead")
        with gr.Tabs(), gr.Tab("Restore", id="restore"):
            add_restore_tab(settings, folder, blocks)
    return blocks.queue(api_open=False, max_size=40, default_concurrency_limit=4)


def serve(settings: Settings, host: str = "127.0.0.1", port: int | None = 7860, *, share: bool = False, block: bool = True) -> gr.Blocks:
    """The page served at `host`:`port` (None: the first free one from 7860 on); returns when stopped, or at once without `block`."""
    blocks = build_ui(settings)
    blocks.launch(
        server_name=host, server_port=port, share=share, theme=build_theme(), css=CSS, head=HEAD, ssr_mode=False,
        footer_links=[], show_error=True, max_file_size=_MAX_UPLOAD, prevent_thread_lock=not block, quiet=not block,
    )  # fmt: skip
    return blocks
