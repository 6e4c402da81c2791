"""The tab *Restore*: its layout, then its wiring. What the handlers do is in `restore.handlers`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from kdsr.jobs import Jobs
from kdsr.restore import available_runtimes
from kdsr.settings import Settings
from kdsr.tasks import Strength, find_task
from kdsr.ui import texts
from kdsr.ui.events import QUEUED, QUICK, to_chosen
from kdsr.ui.examples import available_examples, write_thumbnail
from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.visitor import Visitor

_SLIDER_PX = 900
_TO_MARKS = """() => setTimeout(() => {
  document.querySelector('#marks-editor')?.scrollIntoView({behavior: 'smooth', block: 'center'});
}, 300)"""
_INK = "#e11d48"
"""What is painted over missing pixels: a colour that stands out of photographs, light or dark."""


@dataclass
class _RestoreParts:
    """The components that the wiring needs, by the place where they stand."""

    result: dict[str, Any]
    pick: dict[str, Any]
    options: dict[str, Any]
    states: dict[str, gr.State]


@dataclass(frozen=True)
class RestoreTab:
    """The tab, and what another one needs to have something compared in it."""

    handlers: RestoreHandlers
    choice: gr.State
    compared: list[Any]
    """The outputs of `RestoreHandlers.compared`."""
    order: list[Any]
    view: list[Any]
    """Inputs and outputs of `RestoreHandlers.on_restore`."""


def add_restore_tab(
    settings: Settings, folder: Path, blocks: gr.Blocks, *, jobs: Jobs, visitor: Visitor, tab: gr.Tab
) -> RestoreTab:
    """The contents of `tab` in `blocks`; pictures are written under `folder`, which must lie in gradio's own cache.

    visitor: whose own networks can be chosen as well.
    """
    handlers = RestoreHandlers(settings, folder / "runs", jobs)
    task = handlers.default_task()
    first = available_examples()[:1]
    with gr.Row(elem_id="stage"):
        result = _result_column()
        pick = _pick_column(handlers, task, folder / "examples")
        options = _options_column(handlers, task)
        result |= _details_column()
    states = {name: gr.State(value) for name, value in (
        ("result", None), ("picture", str(first[0][1]) if first else None), ("truth", None),
        ("choice", Choice(task, "clean", None, None, 0.0)), ("marks", None), ("pair", ("teacher", "student")),
    )}  # fmt: skip
    return _wire(handlers, _RestoreParts(result, pick, options, states), blocks, visitor, tab)


def _result_column() -> dict[str, Any]:
    """The picture with its labels, what runs, the sentence, and the choice of the pair."""
    with gr.Column(elem_id="result"):
        with gr.Column(elem_id="figure"):
            slider = gr.ImageSlider(
                elem_id="hero", show_label=False, container=False, interactive=False, buttons=["fullscreen"],
                height=_SLIDER_PX, max_height=_SLIDER_PX, label="Left against right",
            )  # fmt: skip
            tags = gr.HTML(elem_id="labels")
        status = gr.HTML(elem_id="status")
        summary = gr.HTML(elem_id="summary")
        with gr.Row(elem_id="sides"):
            left = gr.Dropdown([("Teacher", "teacher")], value="teacher", label="Left", elem_id="left")
            right = gr.Dropdown([("Student", "student")], value="student", label="Right", elem_id="right")
    return {"slider": slider, "tags": tags, "status": status, "summary": summary, "left": left, "right": right}


def _details_column() -> dict[str, Any]:
    """The figures, the files and the plain pair."""
    with gr.Column(elem_id="details"):
        table = gr.HTML(elem_id="figures")
        with gr.Row(elem_id="downloads"):
            student_file = gr.DownloadButton("Download student (PNG)", interactive=False, elem_id="student-file")
            teacher_file = gr.DownloadButton("Download teacher (PNG)", interactive=False, elem_id="teacher-file")
        with gr.Accordion("All pictures as files", open=False, elem_id="all-files"):
            kind = gr.Radio(texts.FORMATS_8, value="PNG", label="Format, all lossless", elem_id="format")
            files = gr.File(file_count="multiple", interactive=False, show_label=False, elem_id="files")
        gr.HTML('<p class="small-heading">Side by side</p>')
        with gr.Row(elem_id="pair"):
            pictures = [
                gr.Image(interactive=False, buttons=["fullscreen"], container=False, elem_id=f"pair-{side}", label=side)
                for side in ("left", "right")
            ]
    return {
        "table": table,
        "left_picture": pictures[0],
        "right_picture": pictures[1],
        "student_file": student_file,
        "teacher_file": teacher_file,
        "format": kind,
        "files": files,
    }


def _pick_column(handlers: RestoreHandlers, task: str, folder: Path) -> dict[str, Any]:
    """Where a picture comes from, and what is asked for it."""
    examples = available_examples()
    thumbnails = [
        (str(write_thumbnail(path, folder / f"{path.stem}.png", handlers.settings)), example.title)
        for example, path in examples
    ]
    with gr.Column(elem_id="pick"):
        upload = gr.File(
            type="filepath",
            file_types=["image"],
            show_label=False,
            container=False,
            elem_id="upload",
            label="Your picture",
        )
        gallery = gr.Gallery(
            thumbnails,
            columns=4,
            allow_preview=False,
            show_label=False,
            container=False,
            buttons=[],
            elem_id="examples",
            object_fit="cover",
            interactive=False,
            visible=bool(examples),
            label="Examples",
        )
        chosen = gr.HTML(elem_id="chosen")
        tasks = gr.Radio(handlers.tasks(), value=task, label="Task", elem_id="task")
    return {"upload": upload, "gallery": gallery, "chosen": chosen, "task": tasks}


def _options_column(handlers: RestoreHandlers, task: str) -> dict[str, Any]:
    """What the picture is, and the buttons; networks and the rest are folded away."""
    strength = find_task(task).strength
    shown = strength if isinstance(strength, Strength) else None
    with gr.Column(elem_id="options"):
        mode = gr.Radio(list(texts.MODES), value="clean", label="Your picture", elem_id="mode")
        with gr.Column(visible=False, elem_id="second") as second:
            truth = gr.File(
                type="filepath",
                file_types=["image"],
                show_label=False,
                container=False,
                elem_id="truth",
                label="The original",
            )
            truth_line = gr.HTML()
        level = gr.Slider(
            shown.minimum if shown else 0, shown.maximum if shown else 55, shown.default if shown else 25,
            step=1, visible=shown is not None, label=texts.strength_label(shown) if shown else "Strength",
            elem_id="strength",
        )  # fmt: skip
        kind = gr.Radio([], visible=False, label="Missing pixels", elem_id="kind")
        with gr.Column(visible=False, elem_id="marks") as marking:
            open_marks = gr.Button("Mark the missing parts", elem_id="open-marks")
            editor = gr.ImageEditor(
                type="numpy",
                sources=(),
                transforms=(),
                layers=False,
                brush=gr.Brush(14, [_INK], color_mode="fixed"),
                show_label=False,
                container=False,
                visible=False,
                buttons=[],
                label="Paint over the missing parts",
                elem_id="marks-editor",
            )
            use_marks = gr.Button("Fill the marked area", variant="primary", visible=False, elem_id="use-marks")
        with gr.Row(elem_id="buttons"):
            run = gr.Button("Restore", variant="primary", elem_id="run")
            stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
        with gr.Accordion("Networks and settings", open=False, elem_id="advanced"):
            roles = {
                role: gr.Dropdown(
                    handlers.networks(task, role),
                    value=next((n for _, n in handlers.networks(task, role)), None),
                    label=role.capitalize(),
                    elem_id=role,
                )
                for role in ("teacher", "student")
            }
            runtime = gr.Dropdown(
                [("Automatic: the fastest", "auto"), *((texts.RUNTIMES[name], name) for name in available_runtimes())],
                value="auto",
                label="Runtime",
            )
            tile = gr.Number(0, precision=0, minimum=0, label="Tile side in pixels (0: automatic)")
            teacher_plus = gr.Checkbox(label=texts.TEACHER_PLUS, elem_id="teacher-plus")
            seed = gr.Number(0, precision=0, minimum=0, label="Seed of the noise and the holes")
        with gr.Accordion(texts.problems_title(0), open=False, visible=False, elem_id="problems") as problems:
            problem_lines = gr.Markdown()
    return {
        "mode": mode,
        "second": second,
        "truth": truth,
        "truth_line": truth_line,
        "strength": level,
        "kind": kind,
        "run": run,
        "stop": stop,
        "marking": marking,
        "open_marks": open_marks,
        "editor": editor,
        "use_marks": use_marks,
        **roles,
        "runtime": runtime,
        "tile": tile,
        "seed": seed,
        "teacher_plus": teacher_plus,
        "problems": problems,
        "problem_lines": problem_lines,
    }


def _wire(
    handlers: RestoreHandlers, parts: _RestoreParts, blocks: gr.Blocks, visitor: Visitor, tab: gr.Tab
) -> RestoreTab:
    """Events to handlers. Quick ones answer at once and say whether to run; runs wait in one queue."""
    result, pick, options, states = parts.result, parts.pick, parts.options, parts.states
    view = [
        states["result"],
        *(
            result[key]
            for key in (
                "slider",
                "tags",
                "summary",
                "status",
                "table",
                "left_picture",
                "right_picture",
                "left",
                "right",
                "student_file",
                "teacher_file",
                "format",
                "files",
            )
        ),
        options["run"],
        options["stop"],
    ]
    begun = [result["status"], options["run"], options["stop"]]
    choice, networks = states["choice"], [options["teacher"], options["student"]]
    levels = [options["strength"], options["kind"], options["marking"]]
    for_task = [choice, *networks, *levels]
    settings = [options[key] for key in ("runtime", "tile", "seed", "teacher_plus")]
    order = [states["picture"], states["truth"], choice, *settings, states["marks"], states["pair"]]
    quick, queued = QUICK, QUEUED

    starts = [
        options["run"].click(handlers.on_press, None, begun, **quick),
        pick["task"].input(handlers.on_task, [pick["task"], choice, visitor.who], [*for_task, *begun], **quick),
        options["strength"].release(handlers.on_strength, [options["strength"], choice], [choice, *begun], **quick),
        options["kind"].input(handlers.on_kind, [options["kind"], choice], [choice, states["marks"], *begun], **quick),
        options["use_marks"].click(
            handlers.on_use_marks,
            [options["editor"], states["picture"]],
            [states["marks"], options["kind"], *begun],
            **quick,
        ),
        pick["upload"].upload(
            handlers.on_upload,
            [pick["upload"], choice],
            [states["picture"], pick["upload"], pick["chosen"], *begun],
            **quick,
        ),
        pick["gallery"].select(
            handlers.on_example,
            choice,
            [states["picture"], choice, options["mode"], *levels, options["second"], pick["chosen"], *begun],
            **quick,
        ),
    ]
    for start in starts:
        start.then(handlers.on_restore, order, view, **queued)
    truth = [states["truth"], options["truth"], options["truth_line"], result["status"]]
    options["truth"].upload(handlers.on_truth, options["truth"], truth, **quick)
    options["mode"].input(handlers.on_mode, [options["mode"], choice], [choice, *levels, options["second"]], **quick)
    editing = [options["editor"], options["use_marks"]]
    opened_marks = options["open_marks"].click(
        handlers.on_open_marks, states["picture"], [*editing, result["status"]], **quick
    )
    opened_marks.success(None, js=_TO_MARKS)
    states["picture"].change(
        lambda: (gr.update(value=None, visible=False), gr.update(visible=False)), None, editing, **quick
    )
    options["stop"].click(handlers.on_stop, None, result["status"], **quick)
    pair = [
        states["pair"],
        result["slider"],
        result["tags"],
        result["left_picture"],
        result["right_picture"],
        result["status"],
    ]
    for role in ("teacher", "student"):
        options[role].input(handlers.on_network, [*networks, choice], choice, **quick)
    for side in ("left", "right"):
        result[side].input(handlers.on_pair, [states["result"], result["left"], result["right"]], pair, **quick)
    result["format"].input(handlers.on_format, [states["result"], result["format"]], result["files"], **quick)
    tab.select(handlers.on_show, [choice, visitor.who], [choice, options["student"]], **quick)
    opened = visitor.opened.then(
        handlers.on_load, visitor.who, [pick["task"], *for_task, options["problems"], options["problem_lines"]], **quick
    )
    opened.then(handlers.on_open, choice, view, **queued)
    pick["task"].change(None, js=to_chosen("task"))
    opened.then(None, js=to_chosen("task"))
    blocks.unload(handlers.on_close)
    compared = [
        pick["task"],
        choice,
        *networks,
        *levels,
        options["mode"],
        options["second"],
        states["picture"],
        pick["chosen"],
        states["pair"],
        *begun,
    ]
    return RestoreTab(handlers, choice, compared, order, view)
