"""Theme, style sheets, and the script for pasting. System fonts only; nothing is fetched from
elsewhere.

One accent for the student, one for the teacher, greys for the rest; both schemes, and widths from 360 px on.
"""

from pathlib import Path

import gradio as gr

_CHINESE = ["PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei"]
"""After the fonts for Latin letters: for the signs that those lack."""
_LATIN = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial"]
_SANS = [*_LATIN, *_CHINESE, "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


# one call with a line for each variable of gradio's theme
def build_theme() -> gr.themes.Base:
    """The theme, which belongs to `launch()`."""
    # Over 40 lines: a list of colours, one argument each.
    return gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.stone,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=[gr.themes.Font(name) for name in _SANS],
        font_mono=[gr.themes.Font(name) for name in _MONO],
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#151413",
        body_text_color="#24211e",
        body_text_color_dark="#ece8e3",
        body_text_color_subdued="#6b645c",
        body_text_color_subdued_dark="#a39b91",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1d1b1a",
        background_fill_secondary="#f4f2ee",
        background_fill_secondary_dark="#242220",
        border_color_primary="#e4dfd8",
        border_color_primary_dark="#36322e",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1d1b1a",
        block_border_width="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*body_text_color_subdued",
        block_title_text_weight="500",
        block_title_text_color="*body_text_color_subdued",
        block_title_text_color_dark="*body_text_color_subdued",
        input_background_fill="#ffffff",
        input_background_fill_dark="#242220",
        input_border_color="#d8d2c9",
        input_border_color_dark="#45403b",
        button_primary_background_fill="#0f766e",
        button_primary_background_fill_hover="#0b5f59",
        button_primary_background_fill_dark="#13847b",
        button_primary_background_fill_hover_dark="#0f766e",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="#f4f2ee",
        button_secondary_background_fill_dark="#242220",
        button_secondary_background_fill_hover_dark="#2e2b28",
        button_secondary_border_color="#d8d2c9",
        button_secondary_border_color_dark="#45403b",
        link_text_color="#0f766e",
        link_text_color_hover="#0b5f59",
        link_text_color_visited="#0f766e",
        link_text_color_active="#0b5f59",
        link_text_color_dark="#4fc3b6",
        link_text_color_hover_dark="#7fd8cd",
        link_text_color_visited_dark="#4fc3b6",
        link_text_color_active_dark="#7fd8cd",
        slider_color="#0f766e",
        color_accent="#0f766e",
        color_accent_soft="#e3f1ef",
        color_accent_soft_dark="#17322f",
        checkbox_background_color_selected="#0f766e",
        checkbox_background_color_selected_dark="#13847b",
        checkbox_border_color_selected="#0f766e",
        checkbox_border_color_selected_dark="#13847b",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_hover="#f4f2ee",
        checkbox_label_background_fill_hover_dark="#2e2b28",
        checkbox_label_background_fill_selected="#e3f1ef",
        checkbox_label_background_fill_selected_dark="#17322f",
        checkbox_label_text_color_selected="#0b5f59",
        checkbox_label_text_color_selected_dark="#9fe0d8",
        checkbox_label_border_width="1px",
        checkbox_label_border_color="#d8d2c9",
        checkbox_label_border_color_dark="#45403b",
        checkbox_label_border_color_selected="#0f766e",
        checkbox_label_border_color_selected_dark="#13847b",
        checkbox_label_padding="7px 11px",
        checkbox_label_shadow="none",
    )


_STYLES = Path(__file__).parent / "styles"
_SHEETS = (
    *("frame", "restore", "live", "swatches", "distill", "models", "scripts"),
    *("narrow", "targets", "wide", "present", "print"),
)
# gradio puts its own prefix behind every comma, also behind one inside :not() or :has(): write none there
CSS = "\n".join((_STYLES / f"{name}.css").read_text(encoding="utf-8") for name in _SHEETS)
FRAME = "\n".join(
    f"<style>{(_STYLES / f'{name}.css').read_text(encoding='utf-8')}</style>" for name in ("frame", "languages")
)
"""For the served HTML: where the page stands before gradio's script has added the style sheets, and what its language
changes. gradio puts a prefix before selectors, so that none of its own can look at `<html lang>`.
"""

HEAD = """
<meta name="color-scheme" content="light dark">
<script>
document.addEventListener("click", async (event) => {
  const copy = event.target.closest?.("button.copy");
  if (copy) {
    const code = copy.parentElement.querySelector("pre");
    getSelection().selectAllChildren(code);
    await navigator.clipboard?.writeText(code.textContent);
    copy.textContent = navigator.clipboard ? kdsrSaid("Copied") : kdsrSaid("Selected: press Ctrl+C");
    return;
  }
  const link = event.target.closest?.("a.share");
  if (!link || !navigator.clipboard) return;
  event.preventDefault();
  await navigator.clipboard.writeText(link.href);
  link.textContent = kdsrSaid("Link copied");
});
</script>
"""
HEAD += "\n".join(
    f"<script>{(Path(__file__).parent / 'static' / f'{name}.js').read_text(encoding='utf-8')}</script>"
    for name in ("language", "groups", "files", "gradio", "printing")
)
HEAD += "<style>@media print { body, gradio-app, .gradio-container { background: #fff !important; } }</style>"
