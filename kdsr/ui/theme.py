"""How the page looks: theme, style sheet, and the little script for pasting. System fonts only; nothing is fetched from elsewhere.

One accent for the student, one for the teacher, greys for the rest; both schemes, and widths from 360 px on.
"""

import gradio as gr

_SANS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def build_theme() -> gr.themes.Base:
    """The theme, which belongs to `launch()`."""
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
        input_background_fill="#ffffff",
        input_background_fill_dark="#242220",
        input_border_color="#d8d2c9",
        input_border_color_dark="#45403b",
        button_primary_background_fill="#0f766e",
        button_primary_background_fill_hover="#0b5f59",
        button_primary_background_fill_dark="#14877e",
        button_primary_background_fill_hover_dark="#19998f",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_hover="#f4f2ee",
        button_secondary_background_fill_dark="#242220",
        button_secondary_background_fill_hover_dark="#2e2b28",
        button_secondary_border_color="#d8d2c9",
        button_secondary_border_color_dark="#45403b",
        slider_color="#0f766e",
        color_accent="#0f766e",
        color_accent_soft="#e3f1ef",
        color_accent_soft_dark="#17322f",
        checkbox_background_color_selected="#0f766e",
        checkbox_background_color_selected_dark="#14877e",
        checkbox_border_color_selected="#0f766e",
        checkbox_border_color_selected_dark="#14877e",
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
        checkbox_label_border_color_selected_dark="#14877e",
        checkbox_label_padding="7px 11px",
        checkbox_label_shadow="none",
    )


# gradio puts its own prefix behind every comma, also behind one inside :not() or :has(): write none there
CSS = """
:root { --student: #0f766e; --teacher: #a3541a; --quiet: #6b645c; --rule: #e4dfd8; --warn: #9a3412; --warn-bg: #fdf1ea; }
.dark { --student: #4fc3b6; --teacher: #e79a5c; --quiet: #a39b91; --rule: #36322e; --warn: #fdba8c; --warn-bg: #33211a; }
.dark { --color-accent: #4fc3b6; --checkbox-label-border-color: #45403b; }
.gradio-container { width: 100% !important; min-width: 0 !important; max-width: 1360px !important; margin: 0 auto !important; padding: 0 !important;
  box-sizing: border-box; }
.gradio-container > .main { padding: 0 clamp(14px, 2.5vw, 32px) 48px !important; min-width: 0; } .gradio-container main { min-width: 0; }
.gradio-container .html-container { padding: 0 !important; }
#masthead { padding: 26px 0 8px; }
#masthead h1 { display: inline; font-size: 26px; font-weight: 700; letter-spacing: -.02em; margin: 0 14px 0 0; }
#masthead p { display: inline; color: var(--quiet); font-size: 16px; margin: 0; }

#stage { display: grid !important; gap: 8px 36px; grid-template-columns: minmax(0, 1fr) 328px;
  grid-template-areas: "result pick" "result options" "details options"; grid-template-rows: auto auto 1fr; align-items: start; }
#details { grid-area: details; min-width: 0 !important; gap: 12px; }
#pick { grid-area: pick; } #result { grid-area: result; min-width: 0 !important; } #options { grid-area: options; }
#pick, #options { gap: 14px; min-width: 0 !important; }

#figure { position: relative; gap: 0; padding: 0; }
#hero:not(.fullscreen) { --fit: min(74vh, 900px); height: auto !important; width: min(100%, calc(var(--fit) * var(--ratio, 1.5))) !important;
  min-width: 0 !important; margin: 0 auto; padding: 0; border-radius: 10px; overflow: hidden; background: transparent; isolation: isolate; }
#hero .image-container, #hero .slider-wrap, #hero .wrap { height: auto; }
#labels { position: absolute; inset: 0; pointer-events: none; z-index: 5; overflow: visible !important;
  padding: 0; background: none; min-width: 0 !important; }
#labels, #labels .html-container, #labels .prose { height: 100%; }
#hero .inner { background: rgba(255, 255, 255, .9); }
.tags { position: absolute; inset: 0; margin: 0 auto; width: min(100%, calc(min(74vh, 900px) * var(--ratio, 1.5))); }
.tag { position: absolute; bottom: 14px; display: flex; align-items: baseline; gap: 8px; max-width: 46%; padding: 5px 11px; border-radius: 7px;
  background: rgba(20, 18, 16, .78); color: #fff; font-size: 14px; line-height: 1.35; backdrop-filter: blur(4px); }
.tag b { font-weight: 600; color: #fff; } .tag small { font-size: 12.5px; color: #ddd6cc; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tag.left { left: 14px; } .tag.right { right: 14px; }
.tag.student { box-shadow: inset 3px 0 0 #4fc3b6; } .tag.teacher { box-shadow: inset 3px 0 0 #e79a5c; }

.headline { font-size: 23px; line-height: 1.3; font-weight: 600; letter-spacing: -.012em; margin: 16px 0 2px; color: var(--body-text-color);
  min-height: 30px; }
.about { color: var(--quiet); font-size: 14px; margin: 0; }
ul.notes { margin: 8px 0 0; padding: 0; list-style: none; }
ul.notes li { color: var(--quiet); font-size: 14px; margin: 2px 0; padding-left: 12px; border-left: 3px solid var(--rule); }

.line { font-size: 14px; color: var(--quiet); min-height: 26px; display: flex; flex-direction: column; gap: 6px; justify-content: center; }
.line.error { color: var(--warn); background: var(--warn-bg); border-left: 3px solid var(--warn); border-radius: 6px; padding: 10px 14px;
  font-size: 15px; }
.line.done { min-height: 0; } #status:has(.line.done) { display: none; }
#summary .html-container, #status .html-container { overflow: visible; }
.bar { display: block; height: 3px; border-radius: 2px; background: var(--rule); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--student); transition: width .25s; }
.bar.endless i { width: 30%; animation: slide 1.4s ease-in-out infinite alternate; }
@keyframes slide { from { margin-left: 0 } to { margin-left: 70% } }
@media (prefers-reduced-motion: reduce) { .bar.endless i { animation: none } .bar i { transition: none } }

.scroll { overflow-x: auto; margin-top: 6px; }
table.figures { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13.5px; border: 0; margin: 0; }
#figures table.figures, #figures table.figures tr, #figures table.figures thead, #figures table.figures tbody { border: 0; background: none; }
table.figures th, table.figures td { padding: 9px 7px; border: 0 !important; border-bottom: 1px solid var(--rule) !important; text-align: right;
  white-space: nowrap; background: none; color: var(--body-text-color); }
table.figures thead th { color: var(--quiet); font-weight: 500; font-size: 13px; text-decoration: underline dotted var(--rule);
  text-underline-offset: 4px; cursor: help; }
table.figures th:first-child { text-align: left; z-index: 1; position: sticky; left: 0; background: var(--body-background-fill); font-weight: 500;
  white-space: normal; min-width: 148px; }
table.figures th small { display: block; color: var(--quiet); font-weight: 400; font-size: 12.5px; padding-left: 16px; }
table.figures td.none { color: var(--quiet); text-align: center; }
table.figures tr.student td, table.figures tr.teacher td, table.figures tr.student th, table.figures tr.teacher th { font-weight: 600; }
.dot { display: inline-block; width: 8px; height: 8px; border-radius: 50%; background: var(--rule); margin-right: 8px; }
.dot.student { background: var(--student); } .dot.teacher { background: var(--teacher); }
.foot { color: var(--quiet); font-size: 12.5px; line-height: 1.55; margin: 10px 0 0; max-width: 86ch; }
.foot b { color: var(--quiet); font-weight: 600; }

#sides { margin-top: 4px; } #sides .form { display: flex; gap: 14px; flex-wrap: nowrap; } #sides .block { min-width: 0 !important; flex: 1; }
#sides .wrap-inner, #options .wrap-inner { border: 0; } #sides .container > .wrap { border: 1px solid var(--input-border-color); border-radius: 7px; }
#downloads button { border: 1px solid var(--button-secondary-border-color); font-weight: 500; font-size: 15px; }
#result { gap: 8px; } #pair { gap: 14px; flex-wrap: nowrap !important; } #pair > * { min-width: 0 !important; }
#pair .image-container, #pair img { border-radius: 8px; }
#files .label-clear-button { display: none; }
.small-heading { font-size: 13px; font-weight: 600; color: var(--quiet); margin: 18px 0 0; }

#upload, #truth { padding: 0; border: 1.5px dashed #c9c1b6; border-radius: 10px; background: var(--background-fill-primary); overflow: hidden; }
.dark #upload, .dark #truth { border-color: #524c45; }
#upload:hover, #truth:hover { border-color: var(--student); }
#upload .wrap, #truth .wrap { font-size: 0; min-height: 0; padding: 0; height: 76px; display: flex; flex-direction: column; align-items: center;
  justify-content: center; }
#upload .wrap > *, #truth .wrap > * { display: none; }
#upload .wrap::before { content: "Drop your picture here"; font-size: 16px; font-weight: 600; color: var(--body-text-color); line-height: 1.5; }
#upload .wrap::after { content: "or paste it, or click to choose"; font-size: 13.5px; color: var(--quiet); }
#truth .wrap::before { content: "Drop the clean picture here"; font-size: 15px; font-weight: 600; color: var(--body-text-color); line-height: 1.5; }
#truth .wrap::after { content: "what the result is measured against"; font-size: 13.5px; color: var(--quiet); }
.chosen { font-size: 14px; color: var(--quiet); margin: 0; }
.chosen b { color: var(--body-text-color); font-weight: 600; margin-right: 6px; overflow-wrap: anywhere; }
#examples { padding: 0; background: none; overflow: visible; }
#examples .grid-wrap { padding: 0; height: auto; max-height: none; min-height: 0; overflow: visible; }
#examples .gallery-container, #examples .grid-wrap { width: 100%; }
#examples .grid-container { gap: 8px; padding: 0; grid-template-rows: auto; grid-auto-rows: auto; align-content: start;
  grid-template-columns: repeat(4, minmax(0, 1fr)) !important; }
#examples .gallery-item { min-width: 0; height: auto; aspect-ratio: 1; }
#examples .thumbnail-item { border-radius: 8px; border: 0; aspect-ratio: 1; width: 100%; height: auto; min-width: 0; box-shadow: none; }
#examples .thumbnail-item.selected, #examples .thumbnail-item:focus-visible { outline: 2.5px solid var(--student); outline-offset: 1.5px;
  box-shadow: none; }
#examples .caption-label { display: none; }
button:focus-visible, .scroll:focus-visible { outline: 2.5px solid var(--student); outline-offset: 2px; }
#task label, #mode label, #kind label, #format label { border: 1px solid var(--input-border-color) !important; border-radius: 7px; }
.dark #task label, .dark #mode label, .dark #kind label, .dark #format label { border-color: #45403b !important; }
#task label.selected, #mode label.selected, #kind label.selected, #format label.selected { border-color: var(--student) !important; }
#pick #task, #pick .form { background: none; border: 0; padding: 0; } #task .wrap, #mode .wrap, #kind .wrap, #format .wrap { gap: 7px; }
#mode .wrap { flex-direction: column; } #mode label { width: 100%; }
#task input, #mode input, #kind input, #format input { position: absolute; opacity: 0; }
#task label:has(input:focus-visible), #mode label:has(input:focus-visible),
#kind label:has(input:focus-visible), #format label:has(input:focus-visible) { outline: 2.5px solid var(--student); outline-offset: 2px; }
#task label span, #mode label span, #kind label span, #format label span { margin: 0; font-size: 14.5px; }
#options .block, #options .form { background: none; } #task, #mode, #kind, #strength { padding: 0; }
#open-marks { border: 1px solid var(--input-border-color); } #marks { gap: 10px; }
#options .form { gap: 16px; border: 0; overflow: visible; }
#sides .block, #sides .form { background: none; padding: 0; border: 0; }
#advanced, #all-files, #problems { border: 1px solid var(--rule); border-radius: 8px; }
#buttons { gap: 10px; flex-wrap: nowrap; } #buttons button { min-width: 0 !important; }
#stop { border: 1px solid var(--button-secondary-border-color); }

#distill { display: grid !important; gap: 10px 36px; grid-template-columns: minmax(0, 1fr) 328px; grid-template-areas: "run form" "run list";
  grid-template-rows: auto 1fr; align-items: start; padding-top: 8px; }
#run-page { grid-area: run; gap: 14px; min-width: 0 !important; } #new-run { grid-area: form; gap: 12px; min-width: 0 !important; }
#my-runs { grid-area: list; gap: 14px; min-width: 0 !important; margin-top: 14px; }
#new-run h2, .run-head h2 { font-size: 20px; font-weight: 650; letter-spacing: -.012em; margin: 0; color: var(--body-text-color); }
#run-page .html-container, #new-run .html-container { overflow: visible; }
.run-head { display: flex; align-items: baseline; gap: 4px 12px; flex-wrap: wrap; } .run-head h2 { overflow-wrap: anywhere; }
#run-head .about { margin-top: 3px; }
.badge { font-size: 13px; font-weight: 600; padding: 2px 10px; border-radius: 20px; border: 1px solid var(--rule); color: var(--quiet); white-space: nowrap; }
.badge.running, .badge.done { color: var(--student); border-color: currentColor; } .badge.done { background: var(--student); color: #fff;
  border-color: var(--student); } .dark .badge.done { color: #0d1f1d; }
.badge.failed, .badge.interrupted { color: var(--warn); border-color: currentColor; }
.share { font-size: 13.5px; color: var(--quiet) !important; text-decoration: underline dotted; text-underline-offset: 4px; margin-left: auto; }
#run-progress .headline { margin: 4px 0 6px; font-size: 20px; min-height: 0; } #run-progress .about { margin-top: 6px; }
#run-progress:not(:has(*)) { display: none; }
.watching { font-size: 14px; color: var(--quiet); margin: 0 0 10px; padding-left: 12px; border-left: 3px solid var(--rule); }
.line.ended { min-height: 0; } .bar.wide, #run-progress .bar { height: 5px; border-radius: 3px; }
#run-progress .line.busy { font-size: 15px; color: var(--body-text-color); font-variant-numeric: tabular-nums; }
#run-buttons, #run-confirm { gap: 10px; flex-wrap: wrap; justify-content: flex-start; } #run-buttons button, #run-confirm button { flex: 0 0 auto;
  min-width: 0 !important; border: 1px solid var(--button-secondary-border-color); font-size: 15px; padding: 8px 18px; }
#run-buttons:not(:has(button:not(.hidden):not(.hide))) { display: none; }
#run-confirm { align-items: center; background: var(--warn-bg); border-left: 3px solid var(--warn); border-radius: 6px; padding: 10px 14px; }
#run-confirm p { color: var(--warn); font-size: 15px; margin: 0; } #run-confirm > .block { flex: 1 1 240px; background: none; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 18px 26px; }
.curve { margin: 0; } .curve figcaption { font-size: 13.5px; color: var(--quiet); min-height: 42px; }
.curve figcaption > b { display: block; font-weight: 600; color: var(--body-text-color); }
.curve .keys { display: flex; flex-wrap: wrap; gap: 2px 14px; } .key { white-space: nowrap; font-variant-numeric: tabular-nums; }
.key b { font-weight: 600; color: var(--body-text-color); } .key i { display: inline-block; width: 14px; height: 0; border-top: 2.5px solid var(--quiet);
  vertical-align: middle; margin-right: 6px; }
.key.student i { border-color: var(--student); } .key.teacher i { border-color: var(--teacher); } .key.before i { border-top-style: dashed; }
.key.truth i { border-top-style: dotted; }
.curve svg { display: block; width: 100%; height: auto; overflow: visible; }
.curve text { fill: var(--quiet); font-size: 12px; font-family: inherit; font-variant-numeric: tabular-nums; }
.curve .rule { stroke: var(--rule); stroke-width: 1; } .curve polyline { fill: none; stroke: var(--quiet); stroke-width: 1.6; stroke-linejoin: round; }
.curve polyline.student { stroke: var(--student); stroke-width: 2.4; } .curve polyline.teacher { stroke: var(--teacher); }
.curve polyline.truth { stroke-dasharray: 2 3; } .curve polyline.part { stroke-dasharray: 6 3; }
.curve circle { fill: var(--quiet); } .curve circle.student { fill: var(--student); } .curve circle.teacher { fill: var(--teacher); }
.curve .level { stroke: var(--quiet); stroke-width: 1.6; stroke-dasharray: 6 5; } .curve .level.teacher { stroke: var(--teacher); stroke-dasharray: none; }
.previews { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 10px; margin-top: 8px; } .previews figure { margin: 0; }
.previews img { width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 8px; image-rendering: pixelated; display: block; margin: 0; }
.previews figcaption { font-size: 13.5px; color: var(--quiet); padding-top: 4px; } .previews .now figcaption { color: var(--student); font-weight: 600; }
.previews .teacher figcaption { color: var(--teacher); font-weight: 600; }
#run-files { gap: 10px; } #run-files button { border: 1px solid var(--button-secondary-border-color); font-weight: 500; font-size: 14.5px;
  min-width: 130px !important; flex: 1 1 0; padding: 8px 10px; }
#run-log, #admin { border: 1px solid var(--rule); border-radius: 8px; }
pre.log { font: 12.5px/1.55 var(--font-mono); white-space: pre; overflow: auto; max-height: 320px; margin: 0; color: var(--quiet); background: none; }
.empty { background: var(--background-fill-secondary); border-radius: 10px; padding: clamp(20px, 4vw, 44px); }
.empty h2 { font-size: 23px; font-weight: 650; letter-spacing: -.012em; margin: 0 0 18px; color: var(--body-text-color); }
.empty ol { counter-reset: step; list-style: none; margin: 0; padding: 0; display: grid; gap: 16px; max-width: 62ch; }
.empty li { counter-increment: step; position: relative; padding-left: 44px; font-size: 16px; line-height: 1.5; color: var(--quiet); min-height: 30px; }
.empty li::before { content: counter(step); position: absolute; left: 0; top: -2px; width: 28px; height: 28px; border-radius: 50%; text-align: center;
  line-height: 28px; font-size: 14px; font-weight: 600; color: var(--student); box-shadow: inset 0 0 0 1.5px var(--student); }
.empty b { color: var(--body-text-color); font-weight: 600; }
.estimate b { display: block; color: var(--body-text-color); } #estimate:not(:has(p)):not(:has(div.line)),
#form-status:not(:has(div.line)) { display: none; }
#photos { padding: 0; border: 1.5px dashed #c9c1b6; border-radius: 10px; background: var(--background-fill-primary); overflow: hidden; }
.dark #photos { border-color: #524c45; } #photos:hover { border-color: var(--student); }
#photos .wrap { font-size: 0; min-height: 0; padding: 0; height: 76px; display: flex; flex-direction: column; align-items: center; justify-content: center; }
#photos .wrap > * { display: none; }
#photos .wrap::before { content: "Drop your photographs here"; font-size: 16px; font-weight: 600; color: var(--body-text-color); line-height: 1.5; }
#photos .wrap::after { content: "many files or a zip; 4 or more"; font-size: 13.5px; color: var(--quiet); }
#photos-line { align-items: center; flex-wrap: nowrap; gap: 8px; } #photos-line > .block { flex: 1; }
#photos-line:not(:has(p)):not(:has(div.line)) { display: none; } #photos-clear { flex: 0 0 auto; min-width: 0 !important; border: 1px solid var(--rule); }
#new-run .form, #new-run .block:not(#photos), #my-runs .block, #my-runs .form { background: none; border: 0; } #new-run .form { gap: 12px; overflow: visible; }
#new-run .block:not(#photos), #my-runs .block { padding: 0; }
#source .wrap, #preset .wrap, #runs .wrap { gap: 7px; } #runs .wrap { flex-direction: column; } #runs label { width: 100%; }
#source label, #preset label, #runs label { border: 1px solid var(--input-border-color) !important; border-radius: 7px; }
.dark #source label, .dark #preset label, .dark #runs label { border-color: #45403b !important; }
#source label.selected, #preset label.selected, #runs label.selected { border-color: var(--student) !important; }
#source input, #preset input, #runs input { position: absolute; opacity: 0; }
#source label span, #preset label span, #runs label span { margin: 0; font-size: 14.5px; overflow-wrap: anywhere; }
#source label:has(input:focus-visible), #preset label:has(input:focus-visible),
#runs label:has(input:focus-visible) { outline: 2.5px solid var(--student); outline-offset: 2px; }
#custom .form { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; align-items: end; } #custom .block { min-width: 0 !important; }
#custom .block-info, #custom span { font-size: 13px; } #new-run .wrap-inner { border: 0; }
#new-run .container > .wrap, #new-run input[type=number], #new-run input[type=text]:not([role=listbox]), #new-run textarea, #admin input {
  border: 1px solid var(--input-border-color); border-radius: 7px; } #new-run .container > .wrap input { border: 0 !important; }
.dark #new-run .container > .wrap, .dark #new-run input[type=number], .dark #new-run textarea { border-color: #45403b; }
#admin { padding: 10px 14px; }
.dot.before { background: var(--quiet); }

#zoo { display: grid !important; gap: 10px 36px; grid-template-columns: minmax(0, 1fr) 372px; align-items: start; padding-top: 8px; }
#zoo-main { gap: 14px; min-width: 0 !important; min-height: 70vh; }
#zoo-card { gap: 12px; flex-wrap: nowrap; min-width: 0 !important; position: sticky; top: 14px; max-height: calc(100vh - 28px); overflow-y: auto;
  padding-right: 6px;
  scrollbar-width: thin; }
#zoo .block, #zoo .form { background: none; border: 0; padding: 0; margin: 0; }
#zoo-card > * { flex-shrink: 0; } #zoo .html-container { overflow: visible; }
#zoo-filter .wrap, #zoo-measure .wrap, #zoo-by .wrap { gap: 7px; }
#zoo-filter label, #zoo-measure label, #zoo-by label { border: 1px solid var(--input-border-color) !important; border-radius: 7px; }
.dark #zoo-filter label, .dark #zoo-measure label, .dark #zoo-by label { border-color: #45403b !important; }
#zoo-filter label.selected, #zoo-measure label.selected, #zoo-by label.selected { border-color: var(--student) !important; }
#zoo-filter input, #zoo-measure input, #zoo-by input { position: absolute; opacity: 0; }
#zoo-filter label span, #zoo-measure label span, #zoo-by label span { margin: 0; font-size: 14.5px; }
#zoo-filter label:has(input:focus-visible), #zoo-measure label:has(input:focus-visible),
#zoo-by label:has(input:focus-visible) { outline: 2.5px solid var(--student); outline-offset: 2px; }
#zoo-axes { margin-top: 14px; } #zoo-axes .form { display: flex; flex-wrap: wrap; gap: 12px 28px; }
#zoo-axes .block { flex: 0 0 auto; margin: 0 !important; min-width: 0 !important; width: auto; }
#zoo h3 { font-size: 15px; font-weight: 650; letter-spacing: -.006em; margin: 18px 0 2px; color: var(--body-text-color); }
#zoo-tables h3:first-child { margin-top: 4px; } #zoo h3 small { font-size: 12.5px; font-weight: 400; color: var(--quiet); margin-left: 10px;
  letter-spacing: 0; }
#zoo table.zoo { width: 100%; border-collapse: collapse; border: 0; margin: 0; font-size: 13.5px; font-variant-numeric: tabular-nums; }
#zoo table.zoo tr, #zoo table.zoo thead, #zoo table.zoo tbody { border: 0; background: none; }
#zoo table.zoo th, #zoo table.zoo td { padding: 8px 6px; border: 0; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap;
  color: var(--body-text-color); font-weight: 400; }
#zoo table.zoo thead th { color: var(--quiet); font-weight: 500; font-size: 13px; vertical-align: bottom; background: none; }
#zoo table.zoo thead th small, #zoo table.zoo tbody th small { display: block; font-weight: 400; font-size: 12px; color: var(--quiet); }
#zoo table.zoo th:first-child { text-align: left; position: sticky; left: 0; z-index: 1; background: var(--body-background-fill); }
#zoo table.zoo .words, #zoo table.zoo th.role { text-align: left; } #zoo table.zoo td.none { color: var(--quiet); }
#zoo-tables table.zoo tbody th { white-space: normal; min-width: 170px; } #zoo-tables thead th:first-child { width: 234px; }
#zoo-tables th.role { width: 88px; }
#zoo table.zoo small.role { display: none; }
#zoo-published table.zoo td.words { white-space: normal; min-width: 96px; }
#zoo-tables tbody tr { cursor: pointer; } #zoo-tables tbody tr:hover > * { background: var(--background-fill-secondary) !important; }
#zoo-tables tbody tr[aria-current] > * { background: var(--color-accent-soft) !important; }
#zoo-tables tbody tr[aria-current] > th { box-shadow: inset 3px 0 0 var(--student); }
#zoo-tables tbody th button { font: inherit; font-weight: 550; text-align: left; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
#zoo-tables tbody th button:focus-visible { outline: 2.5px solid var(--student); outline-offset: 3px; border-radius: 3px; }
.dot.twin { background: none; box-shadow: inset 0 0 0 2px var(--student); }
.zoo-plot { margin: 0; } .zoo-plot figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 12px; font-size: 13.5px;
  color: var(--quiet); }
.zoo-plot figcaption b { font-size: 15px; font-weight: 650; color: var(--body-text-color); }
.zoo-plot .keys { display: flex; flex-wrap: wrap; gap: 2px 16px; flex-basis: 100%; }
.zoo-plot svg { display: block; width: 100%; max-width: 860px; height: auto; margin-top: 8px; color: var(--body-text-color); }
.zoo-plot svg.narrow { display: none; }
.zoo-plot text { fill: currentColor; opacity: .68; font-size: 12px; font-family: inherit; font-variant-numeric: tabular-nums; }
.zoo-plot svg.narrow text { font-size: 11px; } .zoo-plot .rule { stroke: var(--rule); } .zoo-plot .tick { stroke: var(--quiet); }
.zoo-plot .leader { stroke: var(--quiet); stroke-width: .8; opacity: .7; }
.zoo-plot .level { stroke: var(--quiet); stroke-width: 1.2; stroke-dasharray: 5 5; }
.zoo-plot figcaption span { color: var(--quiet); }
.zoo-plot text.name { opacity: 1; font-weight: 600; paint-order: stroke; stroke: var(--body-background-fill); stroke-width: 3px; stroke-linejoin: round; }
.zoo-plot text.name.published { opacity: .72; font-weight: 400; }
.zoo-plot text.name.teacher { fill: var(--teacher); } .zoo-plot text.name.student, .zoo-plot text.name.twin { fill: var(--student); }
.zoo-plot .mark[data-network] { cursor: pointer; } .zoo-plot .teacher > * { fill: var(--teacher); } .zoo-plot .student > * { fill: var(--student); }
.zoo-plot .twin > path { fill: var(--student); opacity: .55; } .zoo-plot .published > circle { fill: var(--body-background-fill); stroke: var(--quiet);
  stroke-width: 1.5; }
.zoo-plot .mark > .ring { fill: none; stroke: currentColor; stroke-width: 1.5; opacity: .75; }
.zoo-plot .shape { width: 11px; height: 11px; border: 0; border-radius: 50%; vertical-align: -1px; background: var(--student); }
.zoo-plot .shape.teacher { border-radius: 2px; background: var(--teacher); }
.zoo-plot .shape.twin { transform: rotate(45deg) scale(.82); border-radius: 0; opacity: .55; }
.zoo-plot .shape.published { background: none; box-shadow: inset 0 0 0 1.5px var(--quiet); }
.fold { font-size: 14px; } .fold summary { cursor: pointer; color: var(--quiet); font-size: 13.5px; padding: 4px 0; }
.fold summary:focus-visible { outline: 2.5px solid var(--student); outline-offset: 2px; border-radius: 3px; }
.fold ul { margin: 4px 0 0; padding-left: 18px; font-size: 13px; color: var(--quiet); }
#zoo-card code { font: 12.5px/1.5 var(--font-mono); background: none; border: 0; padding: 0; color: inherit; overflow-wrap: anywhere; white-space: normal; }
#zoo-head .about { margin-top: 4px; } #zoo-head .share { margin: 0; } .tells { font-size: 15px; line-height: 1.5; margin: 8px 0 0;
  color: var(--body-text-color); }
#zoo button.link { font: inherit; background: none; border: 0; padding: 0; color: var(--student); text-decoration: underline; text-underline-offset: 3px;
  text-align: inherit; cursor: pointer; }
.badge.teacher { color: var(--teacher); border-color: currentColor; } .badge.student, .badge.twin { color: var(--student); border-color: currentColor; }
#zoo-buttons { gap: 10px; flex-wrap: wrap; } #zoo-buttons button { border: 1px solid var(--button-secondary-border-color); font-weight: 500;
  font-size: 14.5px;
  min-width: 0 !important; flex: 1 1 0; padding: 8px 10px; } #zoo-buttons #zoo-try { flex: 1 0 100%; border-color: transparent; }
#zoo-body dl { margin: 4px 0 0; font-size: 13.5px; } #zoo-body dl div { display: grid; grid-template-columns: 98px minmax(0, 1fr); gap: 10px; padding: 5px 0;
  border-bottom: 1px solid var(--rule); } #zoo-body dt { color: var(--quiet); } #zoo-body dd { margin: 0; overflow-wrap: anywhere; }
#zoo-body ol { margin: 4px 0 0; padding-left: 18px; font-size: 13.5px; } #zoo-body p { font-size: 13.5px; margin: 4px 0; }
#zoo-body p.foot { font-size: 12.5px; }
#zoo-body table.zoo { font-size: 12.5px; } #zoo-body table.zoo th, #zoo-body table.zoo td { padding: 6px 5px; }
#zoo-body table.zoo thead th { font-size: 12.5px; } #zoo-body table.zoo th:first-child { padding-left: 0; }
#zoo-body pre.log { border: 1px solid var(--rule); border-radius: 7px; padding: 9px 11px; }
#zoo-body pre.once { user-select: all; color: var(--body-text-color); white-space: pre-wrap;
  overflow-wrap: anywhere; }
#zoo-status:not(:has(div.line)), #zoo-problems:not(:has(details)), #zoo-published:not(:has(details)) { display: none; }

@media (max-width: 1260px) {
  #zoo { display: flex !important; flex-direction: column; gap: 22px; } #zoo > * { width: 100%; }
  #zoo-card { position: static; max-height: none; overflow: visible; padding: 0; scroll-margin-top: 10px; }
}
@media (max-width: 900px) {
  #distill { display: flex !important; flex-direction: column; gap: 18px; } #distill > * { width: 100%; }
  .empty { padding: 18px 20px; }
  .previews { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  #run-files button { min-width: 40% !important; } #my-runs { margin-top: 0; order: 1; } #new-run { order: 2; }
  #distill:has(.empty) #new-run { order: 0; }
  #masthead { padding: 16px 0 2px; } #masthead h1 { font-size: 21px; } #masthead p { font-size: 14px; display: block; }
  #stage { display: flex !important; flex-direction: column; gap: 12px; }
  #pick { order: 1; gap: 10px; } #result { order: 2; } #options { order: 3; } #details { order: 4; }
  #pick, #result, #options, #details { width: 100%; } #task .block-info, #task > span { display: none; }
  #task .wrap { flex-wrap: nowrap; overflow-x: auto; padding: 2px; }
  #upload .wrap, #truth .wrap { height: 58px; }
  #examples .grid-container { display: flex !important; overflow-x: auto; padding: 3px !important; } #examples .gallery-item { flex: 0 0 56px; }
  table.figures th:first-child { min-width: 112px; max-width: 128px; font-size: 13px; } table.figures td { font-size: 13px; }
  .headline { font-size: 19px; } #run-progress .headline { font-size: 18px; }
  .tag { bottom: 9px; padding: 4px 9px; font-size: 12.5px; flex-direction: column; gap: 0; }
  .tag small { font-size: 11.5px; }
  .tag.left { left: 9px; } .tag.right { right: 9px; }
}
@media (max-width: 600px) {
  .zoo-plot svg.wide { display: none; } .zoo-plot svg.narrow { display: block; }
  #zoo-filter .wrap { flex-wrap: nowrap; overflow-x: auto; padding: 2px; } #zoo-filter label { flex: 0 0 auto; }
  #zoo .scroll { overflow-x: auto; } #zoo-tables thead th:first-child { width: 140px; }
  #zoo-tables table.zoo tbody th { min-width: 132px; max-width: 150px; font-size: 13px; }
  #zoo-tables table.zoo .role { display: none; } #zoo-tables table.zoo small.role { display: block; margin-top: 2px; }
  #zoo h3 small { display: block; margin-left: 0; } #zoo table.zoo th, #zoo table.zoo td { padding: 8px 7px; }
  .scroll { overflow: visible; }
  table.figures, table.figures thead, table.figures tbody, table.figures tr { display: flex; margin: 0 !important; padding: 0 !important; }
  table.figures tbody { flex: 1; min-width: 0; } table.figures tr { flex-direction: column; flex: 1 1 0; min-width: 0; }
  table.figures thead tr { flex: 0 0 74px; }
  table.figures th, table.figures td { height: 34px; padding: 0 0 0 4px; margin: 0 !important; display: flex; align-items: center;
    justify-content: flex-end; min-width: 0 !important;
    max-width: none !important; font-size: 12.5px !important; } table.figures thead th { justify-content: flex-start; padding: 0; }
  table.figures th:first-child { height: 68px; position: static; text-align: right; justify-content: flex-end; align-items: flex-end; padding-bottom: 6px;
    line-height: 1.25; } table.figures th:first-child small { display: none; } table.figures .dot { display: block; margin: 0 0 4px auto; }
  table.figures td.none { height: 68px; white-space: normal; text-align: right; line-height: 1.3; }
}
"""

HEAD = """
<meta name="color-scheme" content="light dark">
<script>
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files || [])].find((each) => each.type.startsWith("image/"));
  const input = [...document.querySelectorAll("#upload input[type=file]")].find((each) => each.closest("#stage").offsetParent);
  if (!file || !input) return;
  const moved = new DataTransfer();
  moved.items.add(file);
  input.files = moved.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  event.preventDefault();
});
document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a.share");
  if (!link || !navigator.clipboard) return;
  event.preventDefault();
  await navigator.clipboard.writeText(link.href);
  link.textContent = "Link copied";
});
</script>
"""
