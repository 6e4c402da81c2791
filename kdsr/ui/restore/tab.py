"""The layout of the tab *Restore*. Its events are in `restore.wiring`, what they do in `restore.handlers`."""

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from kdsr.jobs import Jobs
from kdsr.restore import available_runtimes
from kdsr.settings import Settings
from kdsr.tasks import Strength, find_task
from kdsr.ui import texts
from kdsr.ui.clips.limits import clip_class
from kdsr.ui.compare import add_comparison
from kdsr.ui.examples import available_examples, example_of, write_thumbnail
from kdsr.ui.html import note_line
from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.clips import add_clip_section
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.sharing import add_share
from kdsr.ui.restore.teachers import PLACE, wire_teachers
from kdsr.ui.restore.wiring import RestoreParts, RestoreTab, wire
from kdsr.ui.teachers.panel import TeachersEvents, add_panel
from kdsr.ui.visitor import Visitor


def add_restore_tab(
    settings: Settings,
    folder: Path,
    blocks: gr.Blocks,
    *,
    jobs: Jobs,
    visitor: Visitor,
    teachers: TeachersEvents,
    tab: gr.Tab,
    address: gr.HTML,
) -> RestoreTab:
    """The contents of `tab` in `blocks`; pictures are written under `folder`, which must be in gradio's own cache.

    visitor: whose own networks can be chosen as well. teachers: what can be downloaded here. address: what to follow.
    """
    handlers = RestoreHandlers(settings, folder / "runs", jobs)
    task = handlers.default_task()
    first = example_of(task)
    with gr.Row(elem_id="stage"):
        result = _result_column(_ratio_of(first) if first else 1.5)
        pick = _pick_column(handlers, task, folder / "examples")
        options = _options_column(handlers, task, teachers)
        result |= _details_column()
    states = {name: gr.State(value) for name, value in (
        ("result", None), ("picture", str(first) if first else None), ("resumed", False), ("truth", None),
        ("choice", Choice(task, "clean", None, None, 0.0)), ("marks", None), ("pair", USUAL_PAIR),
    )}  # fmt: skip
    parts = RestoreParts(result, pick, options, states)
    wired = wire(handlers, parts, blocks, visitor, tab, address)
    wire_teachers(handlers, parts, options["panel"], teachers, tab)
    return wired


def _ratio_of(picture: Path) -> float:
    """Width by height of an example."""
    with Image.open(picture) as opened:
        return opened.width / opened.height


def _result_column(ratio: float) -> dict[str, Any]:
    """The picture with its captions, the sentence, and the choice of the pair."""
    with gr.Column(elem_id="result"):
        clips = add_clip_section()
        with gr.Column(elem_id="figure"):
            pictures = add_comparison("hero", ratio)
        summary = gr.HTML(elem_id="summary")
        with gr.Row(elem_id="sides"):
            left = gr.Dropdown([("Before", "input")], value="input", label="Left", elem_id="left")
            right = gr.Dropdown([("Student", "student")], value="student", label="Right", elem_id="right")
        explained = gr.HTML(elem_id="explained")
    parts = {"pictures": pictures, "summary": summary, "left": left, "right": right}
    return parts | {"explained": explained, "clips": clips}


def _details_column() -> dict[str, Any]:
    """The figures and the files."""
    with gr.Column(elem_id="details"):
        table = gr.HTML(elem_id="figures")
        with gr.Row(elem_id="downloads"):
            student_file = gr.DownloadButton("Download student (PNG)", interactive=False, elem_id="student-file")
            teacher_file = gr.DownloadButton("Download teacher (PNG)", interactive=False, elem_id="teacher-file")
            report = gr.Button(texts.REPORT, elem_id="report")
            report_pdf = gr.Button(texts.REPORT_PDF, elem_id="report-pdf")
            report_file = gr.DownloadButton(texts.REPORT, visible="hidden", elem_id="report-file")
        report_parts = add_share() | _report_options()
        strip = gr.Checkbox(label=texts.STRIP, container=False, elem_id="strip")
        with gr.Accordion("All pictures as files", open=False, elem_id="all-files"):
            kind = gr.Radio(texts.FORMATS_8, value="PNG", label="Format, all lossless", elem_id="format")
            files = gr.File(file_count="multiple", interactive=False, show_label=False, elem_id="files")
    return {
        "table": table,
        "student_file": student_file,
        "teacher_file": teacher_file,
        "report": report,
        "report_pdf": report_pdf,
        "report_file": report_file,
        "strip": strip,
        "format": kind,
        "files": files,
        **report_parts,
    }


def _report_options() -> dict[str, Any]:
    """What goes into a report, and how far it is."""
    with gr.Accordion(texts.REPORT_CHOICE, open=False, elem_id="report-choice"):
        networks = gr.CheckboxGroup([], label=texts.REPORT_NETWORKS, elem_id="report-networks")
        pictures = gr.CheckboxGroup([], label=texts.REPORT_PICTURES, elem_id="report-pictures")
    with gr.Row(elem_id="report-busy"):
        status = gr.HTML(elem_id="report-status")
        stop = gr.Button("Stop", variant="stop", visible=False, elem_id="report-stop", scale=0)
    chosen = {"report_networks": networks, "report_pictures": pictures}
    return chosen | {"report_status": status, "report_stop": stop}


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
            file_types=["image", "video"] if clip_class() else ["image"],
            show_label=False,
            container=False,
            elem_id="upload",
            elem_classes=clip_class(),
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
        place = gr.HTML(elem_id="place")
    return {"upload": upload, "gallery": gallery, "chosen": chosen, "task": tasks, "place": place}


def _options_column(handlers: RestoreHandlers, task: str, teachers: TeachersEvents) -> dict[str, Any]:
    """What the picture is, and the buttons; networks and the rest are folded away."""
    with gr.Column(elem_id="options"):
        parts = _mode_options(task) | _marks_options()
        parts["sharpness"] = gr.Slider(
            0, 1, 0, step=0.1, visible=False, label=texts.SHARPNESS, elem_id="sharpness", buttons=[]
        )
        parts |= _go_options()
        with gr.Accordion("Networks and settings", open=False, elem_id="advanced"):
            parts |= _advanced_options(handlers, task, teachers)
        with gr.Accordion(texts.problems_title(0), open=False, visible=False, elem_id="problems") as problems:
            parts |= {"problems": problems, "problem_lines": gr.Markdown()}
    return parts


def _mode_options(task: str) -> dict[str, Any]:
    """The style; what the picture is, its original, and the strength or kind of its degradation."""
    strength = find_task(task).strength
    shown = strength if isinstance(strength, Strength) else None
    style = gr.Radio([], visible=False, label="Style", elem_id="style")
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
        step=1, visible=shown is not None, label=texts.strength_caption(shown) if shown else "Strength",
        elem_id="strength",
    )  # fmt: skip
    kind = gr.Radio([], visible=False, label="Missing pixels", elem_id="kind")
    parts = {"style": style, "mode": mode, "second": second, "truth": truth, "truth_line": truth_line}
    return parts | {"strength": level, "kind": kind}


def _marks_options() -> dict[str, Any]:
    """The two ways to say which pixels are missing: painting on the big picture, and a mask file."""
    with gr.Column(visible=False, elem_id="marks") as marking:
        open_marks = gr.Button("Mark the missing parts", elem_id="open-marks")
        mask = gr.File(
            type="filepath", file_types=["image"], show_label=False, container=False, elem_id="mask", label="A mask"
        )
    return {"marking": marking, "open_marks": open_marks, "mask": mask}


def _go_options() -> dict[str, Any]:
    """The buttons, and right there what runs, what went wrong, and whether the picture is stale."""
    with gr.Column(elem_id="go"):
        with gr.Row(elem_id="buttons"):
            parts: dict[str, Any] = {
                "run": gr.Button("Restore", variant="primary", elem_id="run"),
                "cancel_marks": gr.Button("Cancel", visible=False, elem_id="cancel-marks"),
                "stop": gr.Button("Stop", variant="stop", visible=False, elem_id="stop"),
            }
        parts["status"] = gr.HTML(elem_id="status")
        parts["stale"] = gr.HTML(elem_id="stale")
    return parts


def _advanced_options(handlers: RestoreHandlers, task: str, teachers: TeachersEvents) -> dict[str, Any]:
    """Networks, runtime, tile, ensemble and seed."""
    parts: dict[str, Any] = {}
    gr.HTML(note_line(texts.FOLDED_WAIT))
    for role in ("teacher", "student"):
        networks = handlers.networks(task, role)
        first = next((name for _, name in networks), None)
        parts[role] = gr.Dropdown(networks, value=first, label=role.capitalize(), elem_id=role)
        if role == "teacher":
            parts["panel"] = add_panel(PLACE, teachers.handlers, task)
    runtimes = [("Automatic: the fastest", "auto"), *((texts.RUNTIMES[name], name) for name in available_runtimes())]
    parts["runtime"] = gr.Dropdown(runtimes, value="auto", label="Runtime")
    parts["tile"] = gr.Number(0, precision=0, minimum=0, label="Tile side in pixels (0: automatic)")
    parts["teacher_plus"] = gr.Checkbox(label=texts.TEACHER_PLUS, elem_id="teacher-plus")
    parts["seed"] = gr.Number(0, precision=0, minimum=0, label="Seed of the noise and the holes")
    return parts
