"""The pieces of styles that stand above their names: `static/swatches/STYLE.webp`.

A style without one has a plain tile. Not here: how tiles look (`styles/swatches.css`).
"""

from pathlib import Path

import gradio as gr

from kdsr.ui.html import file_address

SWATCHES = Path(__file__).parent / "static" / "swatches"
_PLACES = ("#style", ".live-styles")
"""The choices of *Restore* and of *Live*; the values of both are names of styles."""


def served_swatches() -> str:
    """The rules that give each tile its picture, for the head of the page, and gradio's leave to serve the pictures.

    Addresses are relative, so that they hold behind a proxy.
    """
    gr.set_static_paths([SWATCHES])
    rules = []
    for file in sorted(SWATCHES.glob("*.webp")):
        tiles = ", ".join(f'{place} label:has(input[value="{file.stem}"])::before' for place in _PLACES)
        rules.append(f'{tiles} {{ background-image: url("gradio_api{file_address(file)}"); }}')
    return f"<style>{' '.join(rules)}</style>"
