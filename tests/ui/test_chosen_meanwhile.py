"""Whatever a visitor chooses in *Restore* while a handler still reads a picture is kept: the newest choice counts."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from helpers.restoring import CHOICE, REQUEST, restore_handlers, small_photo

from kdsr.tasks import find_task
from kdsr.ui.examples import available_examples, example_of
from kdsr.ui.restore import handlers as handlers_module
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.open_page import Newest
from kdsr.ui.restore.opening import OpeningHandlers

photo = pytest.fixture(small_photo)
pytestmark = pytest.mark.skipif(not available_examples(), reason="scikit-image, whose pictures are the examples")
SKIP = gr.skip()


@pytest.fixture
def handlers(tmp_path: Path) -> RestoreHandlers:
    """Those of a page that has opened on its example."""
    made = restore_handlers(tmp_path)
    OpeningHandlers(made).on_load("", REQUEST)
    return made


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[Any]]:
    """`act` is done while the next picture is read; its answer is in the list."""
    read, answers = handlers_module.read_picture, []

    def do(act: Callable[[], Any]) -> list[Any]:
        def read_slowly(*given: Any) -> Any:
            monkeypatch.setattr(handlers_module, "read_picture", read)
            answers.append(act())
            return read(*given)

        monkeypatch.setattr(handlers_module, "read_picture", read_slowly)
        return answers

    return do


def test_a_task_chosen_while_an_upload_is_read_is_not_lost(handlers, photo, meanwhile):
    example = str(example_of("sr_x4"))
    answers = meanwhile(lambda: handlers.on_task("inpaint", CHOICE, example, REQUEST))
    picture, _, _, choice, mode, level, kind, marks, *_ = handlers.on_upload(str(photo), CHOICE, REQUEST)
    assert answers[0][0].task == choice.task == "inpaint" and choice.student == "inpaint-student"
    assert (picture, choice.mode, mode, choice.strength) == (str(photo), "degraded", "degraded", "strokes")
    assert [each["visible"] for each in (level, kind, marks)] == [False, False, True]


def test_an_upload_that_came_while_the_example_of_a_task_was_read_stays(handlers, photo, meanwhile):
    meanwhile(lambda: handlers.on_upload(str(photo), CHOICE, REQUEST))
    choice, *_, picture, chosen, _, _, _ = handlers.on_task("denoise", CHOICE, str(example_of("sr_x4")), REQUEST)
    assert (choice.task, choice.mode) == ("denoise", "degraded") and picture == chosen == SKIP


def test_a_mode_chosen_while_an_upload_is_read_is_not_lost(handlers, photo, meanwhile):
    before = CHOICE._replace(mode="degraded")
    meanwhile(lambda: handlers.on_mode("clean", before, REQUEST))
    assert handlers.on_upload(str(photo), before, REQUEST)[3].mode == "clean"


def test_an_example_chosen_while_an_upload_is_read_stays(handlers, photo, meanwhile):
    event = SimpleNamespace(_data={"index": 6})
    meanwhile(lambda: handlers.on_example(CHOICE, REQUEST, event))
    given = handlers.on_upload(str(photo), CHOICE, REQUEST)
    assert given[0] == SKIP and given[1] == gr.update(value=None) and set(map(str, given[2:])) == {str(SKIP)}


def test_a_strength_of_the_task_before_is_none_of_the_new_one(handlers, meanwhile):
    before = handlers.usual("denoise")
    picture = str(example_of("denoise"))
    meanwhile(lambda: handlers.on_strength(40.0, before, REQUEST))
    usual = find_task("inpaint").strength.default
    assert handlers.on_task("inpaint", before, picture, REQUEST)[0].strength == usual
    late = handlers.on_strength(30.0, before, REQUEST)[0], handlers.on_network(None, "denoise-twin", before, REQUEST)
    assert {(choice.task, choice.strength, choice.student) for choice in late} == {
        ("inpaint", usual, "inpaint-student")
    }


@pytest.mark.slow
def test_a_run_is_of_the_newest_choice_also_where_the_page_was_told_an_older_one_last(handlers, photo):
    newest = handlers.on_task("denoise", CHOICE, str(photo), REQUEST)[0]
    views = handlers.on_restore(str(photo), None, CHOICE, "torch", 0, 0, False, None, ("input", "student"), REQUEST)
    assert list(views)[-1].result.order.task == newest.task == "denoise"


def test_what_the_page_went_on_from_is_not_the_newest_and_what_is_unknown_is():
    newest = Newest()
    assert newest.of(1) == 1 and newest.change(1, lambda value: value + 1) == 2
    assert newest.of(1) == newest.of(2) == 2 and newest.of(7) == 7
    assert (
        newest.change(1, lambda value: value * 10) == 20 and newest.change(7, lambda value: value) == newest.of(1) == 7
    )
