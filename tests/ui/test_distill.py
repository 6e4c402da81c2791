"""The handlers of the tab Distill, run without a browser, on small random networks and runs of seconds."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from helpers.distilling import NUMBERS, REQUEST, distill_handlers, form, staged_photos
from helpers.restoring import shown_in
from helpers.running import ANNA, BERT, photograph

from kdsr.errors import JobError, UnreachableError
from kdsr.jobs import State
from kdsr.jobs.part import Watch, finish, train_part
from kdsr.ui import texts
from kdsr.ui.distill.endpoints import DistillApi
from kdsr.ui.distill.form import FRESH
from kdsr.ui.distill.page import RunPage, ViewedRun, page_of_run
from kdsr.ui.networks import find_network, name_of_run, own_networks
from kdsr.ui.restore.choice import NOTHING_COMPARED, Choice
from kdsr.ui.visitor import owners_key, secrets_of
from kdsr.zoo import Catalog

CHOICE = Choice("sr_x4", "clean", "tiny_x4_teacher", "tiny_x4_student", 0.0)
handlers = pytest.fixture(distill_handlers)
staged = pytest.fixture(staged_photos)


def start(handlers, staged, who=ANNA, **changes):
    """The run that the form starts."""
    status, *page = handlers.on_start(REQUEST, "own", staged, who, *form(**changes))
    assert status == ""
    return handlers.jobs.get(RunPage(*page).shown.run_id)


def train(handlers, run):
    """Train `run` to its end, in this process; the run as it is then."""
    held = handlers.jobs.store.claim("this 1 1", at_once=1)
    assert held.id == run.id
    finish(
        handlers.jobs.store,
        held,
        train_part(held, handlers.settings, Watch(handlers.jobs.store, held), time_limit_s=None),
    )
    return handlers.jobs.get(run.id)


@pytest.fixture
def done(handlers, staged):
    """A finished run of Anna's, tuned from the released student."""
    return train(handlers, start(handlers, staged, student="tiny_x4_student"))


def test_the_page_opens_and_restores_while_the_database_does_not_answer(handlers, monkeypatch):
    def fail(**_options):
        raise UnreachableError("The database of runs does not answer: try again in a minute.")

    monkeypatch.setattr(handlers.jobs.store.database, "transaction", fail)
    _, _, _, _, status, *page = handlers.on_load(ANNA, REQUEST)
    page = RunPage(*page)
    assert status == "" and "does not answer" in page.status and not page.runs_box["visible"]
    assert [name for _, name in handlers.restore.networks("sr_x4", "student", ANNA)] == ["tiny_x4_student"]


def test_the_page_opens_without_a_run(handlers):
    tasks, teacher, student = handlers.networks.built
    assert tasks["choices"] == [("Super-resolution x4", "sr_x4")] and teacher["value"] == "tiny_x4_teacher"
    *opened, button, status = handlers.on_load(ANNA, REQUEST)[:5]
    assert all("value" not in each for each in opened)  # as the page was built: what was chosen meanwhile stays
    page = handlers.on_load(ANNA, REQUEST)[5:]
    assert student["value"] in FRESH and button["interactive"] and status == ""
    assert texts.DISTILL_ABOUT in RunPage(*page).head and not RunPage(*page).timer["active"]


def test_a_started_run_is_shown_and_found_again_by_its_browser_only(handlers, staged):
    run = start(handlers, staged)
    assert (run.state, run.name, handlers.jobs.launcher.launched) == (State.QUEUED, "mine", [run.id])
    page = RunPage(*handlers.on_load(ANNA, REQUEST)[5:])
    assert page.shown.run_id == run.id and page.timer["active"] and "Next in the queue" in page.progress
    assert page.stop["visible"] and not page.ask["visible"] and not page.take["visible"]
    assert [value for _, value in page.runs["choices"]] == [run.id]
    assert RunPage(*handlers.on_load(BERT, REQUEST)[5:]).shown.run_id is None


@pytest.mark.slow
def test_another_browser_watches_by_link_and_changes_nothing(handlers, done):
    asked = SimpleNamespace(session_hash="other", query_params={"run": done.id})
    page = RunPage(*handlers.on_load(BERT, asked)[5:])
    assert page.shown.run_id == done.id
    assert texts.WATCHING in page.progress and page.curves and page.previews
    assert not any(getattr(page, name)["visible"] for name in ("stop", "resume", "ask", "compare", "take"))
    assert page.runs["choices"] == []
    assert handlers.on_follow(ViewedRun(), BERT, asked).shown.run_id == done.id
    assert handlers.on_follow(page.shown, BERT, asked) == RunPage(*(gr.skip(),) * len(RunPage._fields))
    for act in (handlers.on_stop, handlers.on_resume, handlers.on_delete):
        assert "belongs to another browser" in act(page.shown, BERT).status
    assert handlers.on_compare(page.shown, BERT, CHOICE, REQUEST)[2:] == NOTHING_COMPARED
    assert handlers.jobs.get(done.id).state is State.DONE


@pytest.mark.slow
def test_a_done_run_tells_its_gain_shows_its_curves_and_gives_files(handlers, done, tmp_path):
    page = handlers.on_pick(done.id, ANNA)
    assert "dB" in page.progress and ("gained" in page.progress or "No gain" in page.progress)
    assert page.curves.count("<svg") == 2 and 'class="level teacher"' in page.curves
    assert page.previews.count("<img") == 5 and "data:image/png;base64," in page.previews
    files = [Path(getattr(page, name)) for name in ("weights", "onnx", "card", "recipe")]
    assert [path.name for path in files] == ["mine.safetensors", "mine.onnx", "mine.json", "mine-recipe.json"]
    assert Catalog(files[0].parent).load("mine").scale == 4
    assert page.compare["visible"] and page.ask["visible"] and not page.timer["active"]
    assert "finished" in page.log and ANNA not in repr(page)


@pytest.mark.slow
def test_what_was_sent_is_not_sent_again(handlers, done):
    first = handlers.on_pick(done.id, ANNA)
    again = handlers.on_news(first.shown, ANNA)
    assert all(value == gr.skip() for value in again[1:]) and again.shown == first.shown


@pytest.mark.slow
def test_a_run_chosen_while_news_of_another_are_read_stays(handlers, staged, done, monkeypatch):
    other, read = start(handlers, staged, name="other"), handlers._page_of

    def read_slowly(run_id, who, before):
        page = read(run_id, who, before)
        if run_id == other.id:
            handlers.on_pick(done.id, ANNA)
        return page

    monkeypatch.setattr(handlers, "_page_of", read_slowly)
    assert handlers.on_news(ViewedRun(other.id), ANNA) == RunPage(*(gr.skip(),) * len(RunPage._fields))
    assert handlers.on_news(ViewedRun(done.id), ANNA).shown.run_id == done.id


def test_a_page_hears_of_news_once(handlers, staged):
    run = start(handlers, staged)
    before, others = handlers.on_tick(ViewedRun(run.id), ANNA), handlers.on_tick(ViewedRun(run.id), BERT)
    assert before == handlers.on_tick(ViewedRun(run.id), ANNA) and handlers.on_tick(ViewedRun(), ANNA) == ()
    held = handlers.jobs.store.claim("this 1 1", at_once=1)
    handlers.jobs.store.add_event(held, {"event": "labelling", "done": 1, "total": 3})
    assert (
        handlers.on_tick(ViewedRun(run.id), ANNA) not in (before, others)
        and handlers.on_tick(ViewedRun(run.id), BERT) != others
    )
    assert "no such run" in handlers.on_tick(ViewedRun("rAAAAAAAAAAAAAAAAAAAA"), ANNA)


def test_stop_continue_and_delete(handlers, staged):
    run = start(handlers, staged)
    shown = ViewedRun(run.id)
    stopped = handlers.on_stop(shown, ANNA)
    assert stopped.timer["active"] and stopped.timer["value"] > handlers.on_resume(shown, ANNA).timer["value"]
    handlers.on_stop(shown, ANNA)
    assert stopped.resume["visible"] and stopped.ask["visible"] and "Stopped before it began" in stopped.progress
    assert handlers.on_resume(shown, ANNA).stop["visible"]
    assert "stop it first" in handlers.on_delete(shown, ANNA).status
    handlers.on_stop(shown, ANNA)
    assert handlers.on_delete(shown, ANNA).shown.run_id is None and handlers.jobs.runs(ANNA) == []
    another_page = SimpleNamespace(session_hash="another page", query_params={})
    assert "no such run" in handlers.on_news(shown, ANNA, another_page).status


BUTTONS = ("stop", "resume", "ask", "compare", "take")


@pytest.mark.slow
@pytest.mark.parametrize(
    "state, shown",
    [
        (State.QUEUED, {"stop"}), (State.RUNNING, {"stop"}), (State.STOPPING, set()), (State.DONE, {"ask"}),
        (State.STOPPED, {"resume", "ask"}), (State.FAILED, {"resume", "ask"}), (State.INTERRUPTED, {"resume", "ask"}),
    ],
)  # fmt: skip
def test_each_state_of_a_run_shows_its_buttons_to_its_owner_and_none_to_others(handlers, staged, state, shown):
    run = dataclasses.replace(start(handlers, staged), state=state)
    for who, wanted in ((ANNA, shown), (BERT, set())):
        page = page_of_run(run, who, handlers.jobs, handlers.run_events, handlers.folder)
        assert {name for name in BUTTONS if getattr(page, name)["visible"]} == wanted
        assert page.timer["active"] == (state is not State.DONE)


@pytest.mark.slow
def test_the_network_stands_in_the_list_of_its_owner_until_it_is_deleted(handlers, done):
    name = name_of_run(done)
    restore = handlers.restore
    assert ("mine (yours)", name) in restore.networks("sr_x4", "student", ANNA)
    assert name not in [value for who in (BERT, "") for _, value in restore.networks("sr_x4", "student", who)]
    assert (
        own_networks(handlers.jobs, ANNA, "denoise") == [] and find_network(name, handlers.settings)[0].name == "mine"
    )
    choice, update = restore.on_show(CHOICE._replace(student=name), ANNA)
    assert choice.student == update["value"] == name
    handlers.on_delete(ViewedRun(done.id), ANNA)
    choice, update = restore.on_show(choice, ANNA)
    assert choice.student == "tiny_x4_student" and not (handlers.folder / "taken" / done.id).exists()


@pytest.mark.slow
def test_before_and_after_are_compared_on_a_photograph_that_was_held_out(handlers, done, monkeypatch):
    monkeypatch.setattr("kdsr.ui.restore.handlers.gr.Warning", lambda text: pytest.fail(text))
    tabs, status, task, choice, *_, picture, _, pair, _, _, _ = handlers.on_compare(
        ViewedRun(done.id), ANNA, CHOICE, REQUEST
    )
    assert (tabs["selected"], status, task, pair) == ("restore", "", "sr_x4", ("before", "student"))
    assert (choice.student, choice.before, choice.teacher) == (name_of_run(done), "tiny_x4_student", "tiny_x4_teacher")
    assert Path(picture).name.startswith("photo_") and "runs" not in picture
    view = list(handlers.restore.on_restore(picture, None, choice, "torch", 0, 0, False, None, pair, REQUEST))[-1]
    assert {"before", "student", "teacher", "truth"} <= {
        column.key for column in view.result.columns
    } and view.result.column("twin") is None
    assert "than before" in view.summary and shown_in(view.pictures)["left"] == "before"


@pytest.mark.slow
def test_a_fresh_student_is_compared_with_its_teacher(handlers, staged):
    run = train(handlers, start(handlers, staged))
    wanted = handlers.comparison(run, ANNA)
    assert wanted.before is None and wanted.teacher == "tiny_x4_teacher"
    with pytest.raises(JobError):
        handlers.comparison(run, BERT)


def test_a_script_starts_watches_and_stops(handlers, tmp_path, monkeypatch):
    monkeypatch.setattr("kdsr.ui.arguments.get_upload_folder", lambda: str(tmp_path / "uploads"))
    given = [{"path": str(photograph(tmp_path / "uploads" / f"{index}.png"))} for index in range(4)]
    api = DistillApi(handlers)
    run = api.distill_start(ANNA, "sr_x4", "tiny_x4_teacher", "fresh 16x7", given, "custom", "mine", NUMBERS)
    assert run["state"] == "queued" and run["queue_place"] == 1 and ANNA not in repr(run)
    assert api.distill_status(run["id"], 0) == {
        "run": {key: run[key] for key in run if key != "queue_place"},
        "queue_place": 1,
        "events": [],
    }
    with pytest.raises(gr.Error, match="another browser"):
        api.distill_stop(BERT, run["id"])
    assert api.distill_stop(ANNA, run["id"])["state"] == "stopped"
    with pytest.raises(gr.Error, match="uploaded file"):
        api.distill_start(
            ANNA, "sr_x4", "tiny_x4_teacher", "fresh 16x7", [{"path": "/etc/hostname"}], "quick", "mine", {}
        )


def account(number: str) -> gr.OAuthProfile:
    return gr.OAuthProfile({"sub": number, "name": "Anna", "preferred_username": "anna", "profile": "", "picture": ""})


def test_a_browser_keeps_its_secret_and_an_account_has_one_of_its_own(tmp_path):
    key = owners_key(tmp_path / "home" / "owners.key")
    browser, who = secrets_of("", None, key)
    assert browser == who and len(browser) >= 40 and secrets_of(ANNA, None, key) == (ANNA, ANNA)
    assert browser not in (secrets_of(None, None, key)[0], secrets_of("short", None, key)[0])
    kept, secret = secrets_of(ANNA, account("17"), key)
    assert (
        kept == ANNA
        and secret == secrets_of(BERT, account("17"), owners_key(tmp_path / "home" / "owners.key"))[1]
        and len(secret) == 64
    )
    others = {
        secrets_of(ANNA, account("18"), key)[1],
        secrets_of(ANNA, account("17"), owners_key(tmp_path / "other.key"))[1],
    }
    assert secret not in others and (tmp_path / "home" / "owners.key").stat().st_mode & 0o077 == 0
    assert secrets_of(ANNA, account("17"), b"") == (ANNA, ANNA)


@pytest.mark.slow
def test_the_admin_sees_and_changes_all(handlers, done, tiny_settings):
    handlers.jobs.settings = dataclasses.replace(tiny_settings, admin_token="the token of the admin")
    who, field, said, *page = handlers.on_admin("the token of the admin", BERT)
    assert (
        field == ""
        and said == texts.IS_ADMIN
        and RunPage(*page).ask["visible"]
        and [value for _, value in RunPage(*page).runs["choices"]] == [done.id]
    )
    assert handlers.on_admin("guess", BERT)[0] == BERT
    handlers.on_delete(ViewedRun(done.id), who)
    assert handlers.jobs.runs(ANNA) == []
