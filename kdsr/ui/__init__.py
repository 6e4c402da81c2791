"""The page: one folder per tab, put together in `page`. gradio is imported in this area and in `app.py` only."""

from kdsr.ui.page import build_ui, serve

__all__ = ["build_ui", "serve"]
