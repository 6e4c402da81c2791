"""Names and messages from outside are text in every tab, never HTML: markup and quotes come out escaped."""

import dataclasses
from pathlib import Path

import pytest
from markupsafe import Markup

from kdsr.ui import html
from kdsr.ui.charts.curves import Level, Line, chart
from kdsr.ui.charts.scatter import Mark, Quantity, scatter
from kdsr.ui.distill import view as distill_view
from kdsr.ui.distill.form import FormValues, recipe_of
from kdsr.ui.distill.progress import progress_of
from kdsr.ui.models.handlers import problem_list
from kdsr.ui.restore import figures
from kdsr.ui.restore.result import Column, RestoreResult

HOSTILE = """<script>alert(1)</script> "quoted" 'single'"""
HOSTILE_PARTS = ("<script>", '"quoted"', "'single'")


def is_escaped(text: str) -> bool:
    """Whether `text` shows HOSTILE, and none of its markup or quotes as they were."""
    return "&lt;script&gt;" in text and not any(part in text for part in HOSTILE_PARTS)


@pytest.mark.parametrize(
    "line", [html.note_line, html.error_line, html.status_line, lambda text: html.region(text, "")]
)
def test_lines_of_every_tab_escape_their_text(line):
    assert is_escaped(line(HOSTILE))


def test_joined_parts_are_escaped_unless_they_are_markup():
    assert html.joined(["<b>", Markup("<i>")]) == "&lt;b&gt;<i>"


def test_restore_escapes_names_notes_and_conventions():
    column = Column("student", Path("a.png"), Path("a.png"))
    result = RestoreResult("sr_x4", HOSTILE, 8, (4, 4), False, (column,), notes=(HOSTILE,), description=HOSTILE)
    assert is_escaped(figures.summary(result)) and is_escaped(figures.chosen(HOSTILE, 1, 1, 8))


def test_charts_escape_titles_tips_and_networks():
    lines, levels = [Line(HOSTILE, "part", ((0, 1.0), (3, 2.0)))], [Level(HOSTILE, "before", 1.5)]
    assert is_escaped(chart(HOSTILE, lines, levels, steps=3, note=HOSTILE))
    mark = Mark(HOSTILE, "student", 5.0, 30.0, HOSTILE, HOSTILE)
    axis = Quantity(HOSTILE, lambda _value: HOSTILE)
    assert is_escaped(scatter(HOSTILE, [mark], [Level(HOSTILE, "published", 30.0)], axis, axis, chosen=HOSTILE))


def test_models_escapes_problems_with_cards():
    assert is_escaped(problem_list((HOSTILE,)))


@dataclasses.dataclass
class SomeRun:
    """As much of a run as its heading reads."""

    id: str
    name: str
    state: str = "done"


def test_distill_escapes_names_and_log(tiny_settings, tiny_catalog):
    values = FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "quick", "mine", {})
    recipe = recipe_of(values, tiny_settings)
    assert is_escaped(distill_view.heading(SomeRun(HOSTILE, HOSTILE), recipe, {"tiny_x4_teacher": HOSTILE}))
    assert is_escaped(distill_view.log(progress_of([]), recipe, HOSTILE))
