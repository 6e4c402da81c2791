"""The tab *Distill*: its layout, then its wiring. What the handlers do is in `distill.handlers`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from kdsr.jobs import Jobs
from kdsr.jobs.search_plan import LEAST_MINUTES, most_minutes
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.clips.limits import clip_class
from kdsr.ui.distill import search_texts
from kdsr.ui.distill.before import before_a_run
from kdsr.ui.distill.endpoints import add_api
from kdsr.ui.distill.form import FIELDS, OF_ORIGINALS, PRESETS, SEARCH_MINUTES, Field
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.distill.page import TICK_S, RunPage, ViewedRun
from kdsr.ui.distill.teachers import PLACE, DistillTeachers
from kdsr.ui.events import LATEST, LATEST_READING, QUICK, READING
from kdsr.ui.examples import built_in_photos
from kdsr.ui.html import error_line, note_line
from kdsr.ui.menus import DependentDropdown
from kdsr.ui.restore.wiring import RestoreTab
from kdsr.ui.teachers.panel import TeachersEvents, add_panel, wire_panel
from kdsr.ui.visitor import Visitor, can_sign_in
from kdsr.zoo import Card, open_catalog

_TO_RUN = """() => document.querySelector('#form-status .error')
  || document.querySelector('#run-page').scrollIntoView({behavior: 'smooth'})"""
"""The run's page comes into view, unless the form shows an error."""
_FILES = ("weights", "onnx", "card", "recipe", "twin")
_TITLES = ("Download weights", "Download ONNX", "Download card", "Download recipe", "Download twin")


@dataclass
class _DistillParts:
    """The components that the wiring needs, by their place."""

    run: dict[str, Any]
    form: dict[str, Any]
    numbers: list[gr.Number]
    runs: dict[str, Any]
    states: dict[str, Any]


def add_distill_tab(
    jobs: Jobs,
    folder: Path,
    blocks: gr.Blocks,
    *,
    visitor: Visitor,
    teachers: TeachersEvents,
    tabs: gr.Tabs,
    tab: gr.Tab,
    restore: RestoreTab,
    address: gr.HTML,
) -> DistillHandlers:
    """The contents of `tab` in `blocks`; downloads are written under `folder`, which must be in gradio's own cache.

    visitor: who owns the runs that are started here. teachers: what can be downloaded here. address: what to
    follow.
    """
    handlers = DistillHandlers(jobs, folder, restore.handlers)
    with gr.Row(elem_id="distill"):
        run = _run_column(open_catalog(jobs.settings).cards)
        form, numbers = _form_column(handlers, teachers)
        runs = _runs_column(has_admin=bool(jobs.settings.admin_token), has_accounts=can_sign_in())
    states = {
        "shown": gr.State(ViewedRun()),
        "who": visitor.who,
        "staged": gr.State(()),
        "news": gr.State(()),
        "timer": gr.Timer(TICK_S, active=False),
    }
    parts = _DistillParts(run, form, numbers, runs, states)
    _wire_form(handlers, parts, teachers, tab)
    blocks.unload(handlers.on_close)
    _wire_run(handlers, parts, visitor, tabs, restore)
    address.select(handlers.on_follow, [states["shown"], visitor.who], _outputs(parts), **LATEST)
    add_api(handlers)
    return handlers


def _run_column(cards: Sequence[Card]) -> dict[str, Any]:
    """One run: heading, progress, curves, held-out crop, downloads; before one, the steps and the gains of `cards`."""
    with gr.Column(elem_id="run-page"):
        head = gr.HTML(before_a_run(cards), elem_id="run-head")
        progress = gr.HTML(elem_id="run-progress")
        with gr.Row(elem_id="run-buttons"):
            stop = gr.Button("Stop", variant="stop", visible=False, elem_id="run-stop")
            compare = gr.Button(texts.COMPARE_BEFORE, variant="primary", visible=False, elem_id="run-compare")
            resume = gr.Button("Continue", visible=False, elem_id="run-resume")
            ask = gr.Button("Delete", visible=False, elem_id="run-delete")
        with gr.Row(visible=False, elem_id="run-confirm") as confirm:
            gr.HTML(Markup("<p>{}</p>").format(texts.DELETE))
            delete = gr.Button("Delete permanently", variant="stop", elem_id="run-delete-really")
            keep = gr.Button("Cancel", elem_id="run-keep")
        status = gr.HTML(elem_id="run-status")
        search = gr.HTML(elem_id="run-search")
        trials = gr.DownloadButton(search_texts.DOWNLOAD, visible=False, elem_id="run-trials")
        curves = gr.HTML(elem_id="run-curves")
        previews = gr.HTML(elem_id="run-previews")
        with gr.Row(visible=False, elem_id="run-files") as take:
            files = {
                name: gr.DownloadButton(title, elem_id=f"run-{name}")
                for name, title in zip(_FILES, _TITLES, strict=True)
            }
        with gr.Accordion("Log", open=False, visible=False, elem_id="run-log") as log_box:
            log = gr.HTML()
    shown = {"head": head, "progress": progress, "status": status, "curves": curves, "previews": previews, "log": log}
    buttons = {"stop": stop, "resume": resume, "ask": ask, "compare": compare, "delete": delete, "keep": keep}
    boxes = {"confirm": confirm, "take": take, "log_box": log_box, "search": search, "trials": trials}
    return shown | buttons | files | boxes


def _form_column(handlers: DistillHandlers, teachers: TeachersEvents) -> tuple[dict[str, Any], list[gr.Number]]:
    """A new run."""
    refusal = handlers.refusal()
    with gr.Column(elem_id="new-run"):
        gr.HTML("<h2>New run</h2>")
        parts = _photos_fields() | _network_fields(handlers, teachers)
        parts["preset"] = gr.Radio(list(PRESETS), value="quick", label="How long", elem_id="preset")
        with gr.Column(visible=False, elem_id="custom") as custom:
            numbers = [_number_field(name, field) for name, field in FIELDS.items()]
        parts |= _search_fields(handlers.settings)
        parts |= {
            "custom": custom,
            "prove": gr.Checkbox(label=texts.PROVE, info=texts.PROVE_MEANS, elem_id="prove"),
            "name": gr.Textbox(label="Name of the network", placeholder="Optional", max_length=64, elem_id="run-name"),
            "estimate": gr.HTML(elem_id="estimate"),
            "start": gr.Button("Start", variant="primary", interactive=not refusal, elem_id="start"),
            "status": gr.HTML(error_line(refusal), elem_id="form-status"),
        }
    return parts, numbers


def _search_fields(settings: Settings) -> dict[str, Any]:
    """What the search for a recipe is asked: how long, and by which teachers."""
    with gr.Column(visible=False, elem_id="search") as search:
        minutes = gr.Number(
            min(SEARCH_MINUTES, most_minutes(settings)), label=search_texts.MINUTES, info=search_texts.MINUTES_MEAN,
            minimum=LEAST_MINUTES, maximum=most_minutes(settings), elem_id="search-minutes",
        )  # fmt: skip
        others = gr.Checkbox(
            label=search_texts.OTHERS, info=search_texts.OTHERS_MEAN, visible=False, elem_id="search-others"
        )
    return {"search": search, "minutes": minutes, "others": others}


def _photos_fields() -> dict[str, Any]:
    """Where the photographs come from, and what was uploaded."""
    built_in = len(built_in_photos())
    sources = [("My photographs", "own"), *([(f"Built-in set of {built_in}", "built-in")] if built_in else [])]
    source = gr.Radio(sources, value="own", label="Photographs", elem_id="source")
    upload = gr.File(
        file_count="multiple", type="filepath", show_label=False, container=False,
        elem_id="photos", elem_classes=clip_class(), label="Your photographs",
    )  # fmt: skip
    with gr.Row(elem_id="photos-line"):
        photos = gr.HTML(elem_id="photos-chosen")
        clear = gr.Button("Clear", visible=False, size="sm", elem_id="photos-clear")
    return {"source": source, "upload": upload, "photos": photos, "clear": clear}


def _network_fields(handlers: DistillHandlers, teachers: TeachersEvents) -> dict[str, Any]:
    """Task, teacher and student."""
    task, *built = handlers.networks.built
    menu = gr.Dropdown(task["choices"], value=task["value"], label="Task", elem_id="distill-task")
    parts: dict[str, Any] = {"task": menu}
    for role, update in zip(("teacher", "student"), built, strict=True):
        parts[role] = DependentDropdown(
            update["choices"], value=update["value"], label=role.capitalize(), elem_id=f"distill-{role}"
        )
        if role == "teacher":
            parts["panel"] = add_panel(PLACE, teachers.handlers, task["value"])
    return parts


def _number_field(name: str, field: Field) -> gr.Number:
    return gr.Number(
        field.usual, label=field.title, info=field.help, minimum=field.low, maximum=field.high, step=field.step,
        precision=0 if field.step == 1 else None, elem_id=f"custom-{name}",
    )  # fmt: skip


def _runs_column(*, has_admin: bool, has_accounts: bool) -> dict[str, Any]:
    """The runs of the visitor, and the ways in: with an account, and for the admin."""
    with gr.Column(elem_id="my-runs"):
        with gr.Column(visible=False) as box:
            runs = gr.Radio([], label="Your runs", elem_id="runs")
        if has_accounts:
            gr.LoginButton("Sign in with Hugging Face", "Sign out ({})", size="sm", elem_id="sign-in")
            gr.HTML(note_line(texts.SIGN_IN))
        with gr.Accordion("Admin", open=False, visible=has_admin, elem_id="admin"):
            token = gr.Textbox(label="Admin token", type="password", elem_id="admin-token")
            enter = gr.Button("Show all runs", elem_id="admin-enter")
            said = gr.HTML()
    return {"runs_box": box, "runs": runs, "token": token, "enter": enter, "said": said}


def _outputs(parts: _DistillParts) -> list[Any]:
    """The components of a `RunPage`, in its order."""
    all_parts = {**parts.run, **parts.runs, **parts.states}
    return [all_parts[name] for name in RunPage._fields]


def what_needs_originals(task: str | None) -> tuple[Any, ...]:
    """(twin, weights of the originals): what only an original can teach; hidden, and no twin, for a task without."""
    has_truth = task is None or find_task(task).has_truth
    twin = gr.update(visible=True) if has_truth else gr.update(visible=False, value=False)
    return twin, *(gr.update(visible=has_truth) for _ in OF_ORIGINALS)


def _wire_form(handlers: DistillHandlers, parts: _DistillParts, teachers: TeachersEvents, tab: gr.Tab) -> None:
    """The form's own events, and the estimate that follows what is chosen."""
    form, staged = parts.form, parts.states["staged"]
    asked_for = ("task", "teacher", "student", "preset", "name", "prove", "minutes", "others")
    values = [*(form[key] for key in asked_for), *parts.numbers]
    line = [form["upload"], form["clear"], form["photos"]]
    preset = [form["preset"], form["task"]], [form["custom"], form["search"], form["others"]]
    form["task"].input(handlers.on_preset, *preset, **LATEST)
    starts = [form["task"], form["teacher"]], form["student"]
    changes = [
        form["task"].input(handlers.networks.on_task, form["task"], [form["teacher"], form["student"]], **LATEST),
        form["source"].input(handlers.on_source, [form["source"], staged], line, **LATEST),
        form["upload"].upload(handlers.on_upload, [form["upload"], staged], [staged, *line], **LATEST_READING),
        form["preset"].input(handlers.on_preset, *preset, **LATEST),
        form["teacher"].input(DistillTeachers(handlers).on_teacher, *starts, **LATEST),
        _wire_teachers(handlers, form, teachers, tab),
    ]
    of_originals = [number for name, number in zip(FIELDS, parts.numbers, strict=True) if name in OF_ORIGINALS]
    form["task"].change(what_needs_originals, form["task"], [form["prove"], *of_originals], **LATEST)
    form["clear"].click(handlers.on_clear, staged, [staged, form["clear"], form["photos"]], **QUICK)
    slow = {**LATEST, "concurrency_limit": 3, "concurrency_id": "estimate"}
    asked = ([form["source"], staged, *values], form["estimate"])
    tab.select(handlers.on_estimate, *asked, **slow)
    for change in changes:
        change.then(handlers.on_estimate, *asked, **slow)
    for field in (form["student"], form["prove"]):
        field.input(handlers.on_estimate, *asked, **slow)
    for number in (*parts.numbers, form["minutes"]):
        number.blur(handlers.on_estimate, *asked, **slow)
    start = {**QUICK, "concurrency_limit": 2, "concurrency_id": "distill-start"}
    started = form["start"].click(
        handlers.on_start,
        [form["source"], staged, parts.states["who"], *values],
        [form["status"], *_outputs(parts)],
        **start,
    )
    started.success(None, js=_TO_RUN)


def _wire_teachers(handlers: DistillHandlers, form: dict[str, Any], teachers: TeachersEvents, tab: gr.Tab) -> Any:
    """The panel of published teachers; the event after which one that has arrived is in the form."""
    wire_panel(teachers, form["panel"], PLACE, form["task"], [tab.select])
    asked = [teachers.arrived, form["task"], form["teacher"]]
    return teachers.arrived.change(DistillTeachers(handlers).on_arrived, asked, asked[1:], **QUICK)


def _wire_run(
    handlers: DistillHandlers, parts: _DistillParts, visitor: Visitor, tabs: gr.Tabs, restore: RestoreTab
) -> None:
    """The buttons of a run, the list, the timer, and how the page opens."""
    run, form, runs, states, page = parts.run, parts.form, parts.runs, parts.states, _outputs(parts)
    looked_at = [states["shown"], states["who"]]
    for button, handler in (
        (run["stop"], handlers.on_stop),
        (run["resume"], handlers.on_resume),
        (run["delete"], handlers.on_delete),
    ):
        button.click(handler, looked_at, page, **QUICK)
    run["ask"].click(handlers.on_ask, None, run["confirm"], **QUICK)
    run["keep"].click(handlers.on_keep, None, run["confirm"], **QUICK)
    runs["runs"].input(handlers.on_pick, [runs["runs"], states["who"]], page, **LATEST)
    runs["enter"].click(
        handlers.on_admin,
        [runs["token"], states["who"]],
        [states["who"], runs["token"], runs["said"], *page],
        **QUICK | {"concurrency_id": "admin", "concurrency_limit": 1},
    )
    states["timer"].tick(handlers.on_tick, looked_at, states["news"], **QUICK)
    states["news"].change(handlers.on_news, looked_at, page, **QUICK)
    compared = run["compare"].click(
        handlers.on_compare, [*looked_at, restore.choice], [tabs, run["status"], *restore.compared], **READING
    )
    restore.run_after(compared)
    opened = [form["task"], form["teacher"], form["student"], form["start"], form["status"], *page]
    visitor.opened.then(handlers.on_load, states["who"], opened, **QUICK)
