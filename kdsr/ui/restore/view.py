"""What a run shows: from its steps and results to the values of the page's components. No event and no state here."""

from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import gradio as gr

from kdsr.errors import Stopped
from kdsr.ui import texts
from kdsr.ui.compare import Shown, comparison
from kdsr.ui.html import status_line
from kdsr.ui.restore import figures
from kdsr.ui.restore.files import file_of
from kdsr.ui.restore.maps import explanations
from kdsr.ui.restore.open_page import OpenPage
from kdsr.ui.restore.result import Column, RestoreResult
from kdsr.ui.restore.run import Step

_LEFT_ORDER = ("input", "bicubic", "navier_stokes")
_RIGHT_ORDER = ("student", "bicubic", "navier_stokes", "input")
UNCHANGED: Any = gr.skip()


class View(NamedTuple):
    """What a run changes on the page, in the order of the outputs; those not given stay unchanged."""

    result: Any = UNCHANGED
    pictures: Any = UNCHANGED
    summary: Any = UNCHANGED
    status: Any = UNCHANGED
    table: Any = UNCHANGED
    left: Any = UNCHANGED
    right: Any = UNCHANGED
    explained: Any = UNCHANGED
    student_file: Any = UNCHANGED
    teacher_file: Any = UNCHANGED
    format: Any = UNCHANGED
    files: Any = UNCHANGED
    run: Any = UNCHANGED
    stop: Any = UNCHANGED


def views_of(steps: Iterator[Step], page: OpenPage) -> Generator[View, None, RestoreResult]:
    """A view for each of `steps` but the last, with the choices that `page` has by then; returns the complete result.
    A pair that is shown already is not sent again.

    Raises:
        Exception: as `steps` do, after a view of what there was until then, with its files.
    """
    shown: Any = None
    result: RestoreResult | None = None
    try:
        for step in steps:
            if step.last and step.result is not None:
                return page.now(step.result)
            view = View(status=status_line(step.text, kind="busy", fraction=step.fraction))
            if step.result is not None:
                result = page.now(step.result)
                view = _result_view(result, *page.pair, working=True)._replace(status=view.status)
                if view.pictures == shown:
                    view = view._replace(pictures=UNCHANGED)
                else:
                    shown = view.pictures
            yield view
        raise Stopped(texts.STOPPED)
    except Exception:
        if result is not None:
            yield _ended_result_view(page.now(result), *page.pair)
        raise


def final_view(result: RestoreResult, left: str, right: str) -> View:
    """Everything of a finished `result`, its files among it."""
    return _ended_result_view(result, left, right)._replace(status=status_line("", kind="done"), **_idle_buttons())


def _ended_result_view(result: RestoreResult, left: str, right: str) -> View:
    """All that shows a `result` that grows no more, and its files."""
    formats = texts.FORMATS_16 if result.bits == 16 else texts.FORMATS_8
    view = _result_view(result, left, right, working=False)
    return view._replace(
        format=gr.update(choices=list(formats), value="PNG"),
        files=[str(file_of(result, column)) for column in result.columns],
    )


def _result_view(result: RestoreResult, left: str, right: str, *, working: bool) -> View:
    """All that shows `result` itself."""
    view = pair_view(result, left, right)
    choices = figures.column_choices(result)
    shown_left, shown_right = _available(result, left, _LEFT_ORDER).key, _available(result, right, _RIGHT_ORDER).key
    return view._replace(
        result=result,
        summary=figures.summary(result, working=working),
        table=figures.table(result, working=working),
        left=gr.update(choices=choices, value=shown_left),
        right=gr.update(choices=choices, value=shown_right),
        student_file=download(result, "student"),
        teacher_file=download(result, "teacher"),
    )


def pair_view(result: RestoreResult, left: str, right: str) -> View:
    """The pictures with two columns on the divider, or with the available ones instead of them."""
    first, second = _available(result, left, _LEFT_ORDER), _available(result, right, _RIGHT_ORDER)
    shown = [Shown(each.key, *figures.caption(each, result), each.shown) for each in result.columns]
    return View(
        pictures=comparison(result.name, result.shown_size, shown, first.key, second.key),
        explained=explanations(result, first.key, second.key),
    )


def _available(result: RestoreResult, wanted: str, instead: tuple[str, ...]) -> Column:
    """The column `wanted` if `result` has it, else the first of `instead` that it has."""
    return next(column for key in (wanted, *instead) if (column := result.column(key)) is not None)


def download(result: RestoreResult, key: str) -> Any:
    """The button for the file of the column `key`."""
    column = result.column(key)
    file = str(file_of(result, column)) if column else None
    return gr.update(value=file, interactive=column is not None)


def _idle_buttons() -> dict[str, Any]:
    return {"run": gr.update(interactive=True), "stop": gr.update(visible=False)}


def ended_view(status: str) -> View:
    """A run that ended without a result: what was on the page stays."""
    return View(status=status, **_idle_buttons())


def stopped_view(stop: Stopped) -> View:
    return ended_view(status_line(str(stop), kind="stopped"))
