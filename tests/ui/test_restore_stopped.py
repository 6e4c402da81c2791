"""Stopping, leaving and replacing a run of the tab Restore."""

import math
from threading import Event

import pytest
from helpers.restoring import CHOICE, REQUEST, restore_handlers, results, shown_as_toasts, small_photo

from kdsr.errors import Stopped
from kdsr.ui import texts
from kdsr.ui.restore.request import Order
from kdsr.ui.restore.run import restore_steps, watched
from kdsr.ui.restore.view import UNCHANGED, View
from kdsr.ui.sessions import Orders

handlers = pytest.fixture(restore_handlers)
photo = pytest.fixture(small_photo)
toasts = pytest.fixture(shown_as_toasts, autouse=True)


def test_stop_ends_a_run_and_says_so(handlers, photo):
    handlers.on_press(REQUEST)
    views = handlers.on_restore(str(photo), None, CHOICE, "torch", 32, 0, False, None, ("teacher", "student"), REQUEST)
    next(views)
    handlers.on_stop(REQUEST)
    last = list(views)[-1]
    assert texts.STOPPED in last.status and last.run["interactive"] and not last.stop["visible"]


def test_a_run_stopped_before_its_times_keeps_its_pictures_as_files_and_promises_no_times(handlers, photo):
    handlers.on_press(REQUEST)
    views, promised = [], []
    for view in handlers.on_restore(
        str(photo), None, CHOICE, "torch", 0, 0, False, None, ("teacher", "student"), REQUEST
    ):
        views.append(view)
        promised += [view.table] if "…" in view.table else []
        if len(promised) == 3:  # every picture is out
            handlers.on_stop(REQUEST)
    result, shown, last = results(views)[-1], views[-2], views[-1]
    assert "…" not in shown.table and promised[-1].count("…") == shown.table.count("–") - promised[-1].count("–") == 6
    assert shown.files == [str(column.file) for column in result.columns] and last.files is UNCHANGED
    assert texts.STOPPED in last.status and result.column("teacher") and "faster" not in shown.summary


def test_leaving_a_run_stops_its_thread():
    stop, ended = Event(), Event()

    def work(_on_progress):
        stop.wait(10)
        ended.set()

    steps = watched(work, stop, math.inf, "at work")
    next(steps)
    steps.close()
    assert stop.is_set() and ended.wait(5)


def test_a_new_order_stops_the_one_before_and_a_closed_session_its_own():
    orders = Orders()
    first = orders.give("a")
    second = orders.give("a")
    other = orders.give("b")
    assert first.is_set() and not second.is_set() and orders.is_newest("a", second)
    orders.close("a")
    assert second.is_set() and not other.is_set() and orders.take("a") is None


def test_of_two_runs_that_wait_the_first_does_the_newest_order_and_the_second_leaves(handlers, photo):
    handlers.on_task("denoise", CHOICE, None, REQUEST)
    choice, *_ = handlers.on_task("sr_x4", CHOICE, None, REQUEST)
    given = (str(photo), None, choice, "torch", 0, 0, False, None, ("teacher", "student"), REQUEST)
    assert results(list(handlers.on_restore(*given)))[-1].task == "sr_x4"
    assert list(handlers.on_restore(*given)) == [View()]


def test_a_stopped_order_raises_before_any_network(handlers, photo, tmp_path):
    stop = Event()
    stop.set()
    order = Order(photo, "clean", "sr_x4", teacher="sr_x4-teacher", student="sr_x4-student", runtime="torch")
    with pytest.raises(Stopped):
        list(restore_steps(order, handlers.settings, tmp_path / "out", stop))


def test_a_run_is_stopped_while_its_picture_is_decoded(handlers, photo, tmp_path, monkeypatch):
    stop = Event()
    monkeypatch.setattr("kdsr.ui.restore.run.prepare", lambda *_: stop.wait(20))
    order = Order(photo, "clean", "sr_x4", teacher="sr_x4-teacher", student="sr_x4-student", runtime="torch")
    steps = restore_steps(order, handlers.settings, tmp_path / "out", stop)
    assert "Reading" in next(steps).text
    stop.set()
    with pytest.raises(Stopped):
        list(steps)
