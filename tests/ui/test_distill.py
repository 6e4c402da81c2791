"""The handlers of the tab Distill, run without a browser, on small random networks and runs of seconds."""

import dataclasses
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
from helpers.running import ANNA, BERT, Recorder, photograph

from kdsr.errors import InputError, JobError, SettingsError
from kdsr.jobs import Jobs, State
from kdsr.jobs.launchers import OffLauncher
from kdsr.jobs.part import Watch, finish, train_part
from kdsr.train import with_keys
from kdsr.ui import texts
from kdsr.ui.charts.curves import Level, Line, chart
from kdsr.ui.distill.endpoints import DistillApi
from kdsr.ui.distill.estimate import Pace, run_seconds
from kdsr.ui.distill.form import FIELDS, FRESH, FormValues, recipe_of, students
from kdsr.ui.distill.handlers import DistillHandlers
from kdsr.ui.distill.page import RunPage, ViewedRun, page_of_run
from kdsr.ui.distill.progress import progress_of, verdict
from kdsr.ui.distill.view import heading
from kdsr.ui.networks import find_network, name_of_run, own_networks
from kdsr.ui.restore.choice import NOTHING_COMPARED, Choice
from kdsr.ui.restore.handlers import RestoreHandlers
from kdsr.ui.visitor import owners_key, secrets_of
from kdsr.zoo import Catalog

REQUEST = SimpleNamespace(session_hash="visitor", query_params={})
NUMBERS = {
    "steps": 10,
    "batch_size": 1,
    "patch_px": 16,
    "learning_rate": 1e-3,
    "truth_share": 0.0,
    "truth_share_end": 1.0,
}
CHOICE = Choice("sr_x4", "clean", "tiny_x4_teacher", "tiny_x4_student", 0.0)


def form(student="fresh 16x7", name="mine", preset="custom", **numbers):
    """The values of the form's components, in their order."""
    return ("sr_x4", "tiny_x4_teacher", student, preset, name, *(NUMBERS | numbers).values())


@pytest.fixture
def session(tiny_settings, tiny_catalog, tmp_path):
    jobs = Jobs(tiny_settings, launcher=Recorder())
    return DistillHandlers(jobs, tmp_path / "page", RestoreHandlers(tiny_settings, tmp_path / "restore", jobs))


@pytest.fixture
def staged(session, tmp_path):
    """Four photographs, uploaded."""
    files = [str(photograph(tmp_path / "given" / f"photo {index}.png")) for index in range(4)]
    staged, *_ = session.on_upload(files, ())
    return staged


def start(session, staged, who=ANNA, **changes):
    """The run that the form starts."""
    status, *page = session.on_start("own", staged, who, *form(**changes))
    assert status == ""
    return session.jobs.get(RunPage(*page).shown.run_id)


def train(session, run):
    """Train `run` to its end, in this process; the run as it is then."""
    held = session.jobs.store.claim("this 1 1", at_once=1)
    assert held.id == run.id
    finish(
        session.jobs.store, held, train_part(held, session.settings, Watch(session.jobs.store, held), time_limit_s=None)
    )
    return session.jobs.get(run.id)


@pytest.fixture
def done(session, staged):
    """A finished run of Anna's, tuned from the released student."""
    return train(session, start(session, staged, student="tiny_x4_student"))


def test_the_page_opens_without_a_run(session):
    tabs, tasks, teacher, student, button, status, *page = session.on_load(ANNA, REQUEST)
    assert tasks["choices"] == [("Super-resolution x4", "sr_x4")] and teacher["value"] == "tiny_x4_teacher"
    assert student["value"] in FRESH and button["interactive"] and status == "" and tabs == gr.skip()
    assert texts.DISTILL_ABOUT in RunPage(*page).head and not RunPage(*page).timer["active"]


def test_a_started_run_is_shown_and_found_again_by_its_browser_only(session, staged):
    run = start(session, staged)
    assert (run.state, run.name, session.jobs.launcher.launched) == (State.QUEUED, "mine", [run.id])
    page = RunPage(*session.on_load(ANNA, REQUEST)[6:])
    assert page.shown.run_id == run.id and page.timer["active"] and "Next in the queue" in page.progress
    assert page.stop["visible"] and not page.ask["visible"] and not page.take["visible"]
    assert [value for _, value in page.runs["choices"]] == [run.id]
    assert RunPage(*session.on_load(BERT, REQUEST)[6:]).shown.run_id is None


def test_another_browser_watches_by_link_and_changes_nothing(session, done):
    asked = SimpleNamespace(session_hash="other", query_params={"run": done.id})
    tabs, *rest = session.on_load(BERT, asked)
    page = RunPage(*rest[5:])
    assert tabs["selected"] == "distill" and page.shown.run_id == done.id
    assert texts.WATCHING in page.progress and page.curves and page.previews
    assert not any(getattr(page, name)["visible"] for name in ("stop", "resume", "ask", "compare", "take"))
    assert page.runs["choices"] == []
    for act in (session.on_stop, session.on_resume, session.on_delete):
        assert "belongs to another browser" in act(page.shown, BERT).status
    assert session.on_compare(page.shown, BERT, CHOICE, REQUEST)[2:] == NOTHING_COMPARED
    assert session.jobs.get(done.id).state is State.DONE


def test_a_done_run_tells_its_gain_shows_its_curves_and_gives_files(session, done, tmp_path):
    page = session.on_pick(done.id, ANNA)
    assert "dB" in page.progress and ("gained" in page.progress or "No gain" in page.progress)
    assert page.curves.count("<svg") == 2 and 'class="level teacher"' in page.curves
    assert page.previews.count("<img") == 5 and "data:image/png;base64," in page.previews
    files = [Path(getattr(page, name)) for name in ("weights", "onnx", "card", "recipe")]
    assert [path.name for path in files] == ["mine.safetensors", "mine.onnx", "mine.json", "mine-recipe.json"]
    assert Catalog(files[0].parent).load("mine").scale == 4
    assert page.compare["visible"] and page.ask["visible"] and not page.timer["active"]
    assert "finished" in page.log and ANNA not in repr(page)


def test_what_was_sent_is_not_sent_again(session, done):
    first = session.on_pick(done.id, ANNA)
    again = session.on_news(first.shown, ANNA)
    assert all(value == gr.skip() for value in again[1:]) and again.shown == first.shown


def test_a_page_hears_of_news_once(session, staged):
    run = start(session, staged)
    before, others = session.on_tick(ViewedRun(run.id), ANNA), session.on_tick(ViewedRun(run.id), BERT)
    assert before == session.on_tick(ViewedRun(run.id), ANNA) and session.on_tick(ViewedRun(), ANNA) == ()
    held = session.jobs.store.claim("this 1 1", at_once=1)
    session.jobs.store.add_event(held, {"event": "labelling", "done": 1, "total": 3})
    assert (
        session.on_tick(ViewedRun(run.id), ANNA) not in (before, others)
        and session.on_tick(ViewedRun(run.id), BERT) != others
    )
    assert "no such run" in session.on_tick(ViewedRun("rAAAAAAAAAAAAAAAAAAAA"), ANNA)


def test_stop_continue_and_delete(session, staged):
    run = start(session, staged)
    shown = ViewedRun(run.id)
    stopped = session.on_stop(shown, ANNA)
    assert stopped.timer["active"] and stopped.timer["value"] > session.on_resume(shown, ANNA).timer["value"]
    session.on_stop(shown, ANNA)
    assert stopped.resume["visible"] and stopped.ask["visible"] and "Stopped before it began" in stopped.progress
    assert session.on_resume(shown, ANNA).stop["visible"]
    assert "stop it first" in session.on_delete(shown, ANNA).status
    session.on_stop(shown, ANNA)
    assert session.on_delete(shown, ANNA).shown.run_id is None and session.jobs.runs(ANNA) == []
    assert "no such run" in session.on_news(shown, ANNA).status


BUTTONS = ("stop", "resume", "ask", "compare", "take")


@pytest.mark.parametrize(
    "state, shown",
    [
        (State.QUEUED, {"stop"}), (State.RUNNING, {"stop"}), (State.STOPPING, set()), (State.DONE, {"ask"}),
        (State.STOPPED, {"resume", "ask"}), (State.FAILED, {"resume", "ask"}), (State.INTERRUPTED, {"resume", "ask"}),
    ],
)  # fmt: skip
def test_each_state_of_a_run_shows_its_buttons_to_its_owner_and_none_to_others(session, staged, state, shown):
    run = dataclasses.replace(start(session, staged), state=state)
    for who, wanted in ((ANNA, shown), (BERT, set())):
        page = page_of_run(run, who, session.jobs, session.run_events, session.folder)
        assert {name for name in BUTTONS if getattr(page, name)["visible"]} == wanted
        assert page.timer["active"] == (state is not State.DONE)


def test_the_network_stands_in_the_list_of_its_owner_until_it_is_deleted(session, done):
    name = name_of_run(done)
    restore = session.restore
    assert ("mine (yours)", name) in restore.networks("sr_x4", "student", ANNA)
    assert name not in [value for who in (BERT, "") for _, value in restore.networks("sr_x4", "student", who)]
    assert own_networks(session.jobs, ANNA, "denoise") == [] and find_network(name, session.settings)[0].name == "mine"
    choice, update = restore.on_show(CHOICE._replace(student=name), ANNA)
    assert choice.student == update["value"] == name
    session.on_delete(ViewedRun(done.id), ANNA)
    choice, update = restore.on_show(choice, ANNA)
    assert choice.student == "tiny_x4_student" and not (session.folder / "taken" / done.id).exists()


def test_before_and_after_are_compared_on_a_photograph_that_was_held_out(session, done, monkeypatch):
    monkeypatch.setattr("kdsr.ui.restore.handlers.gr.Warning", lambda text: pytest.fail(text))
    tabs, status, task, choice, *_, picture, _, pair, _, _, _ = session.on_compare(
        ViewedRun(done.id), ANNA, CHOICE, REQUEST
    )
    assert (tabs["selected"], status, task, pair) == ("restore", "", "sr_x4", ("before", "student"))
    assert (choice.student, choice.before, choice.teacher) == (name_of_run(done), "tiny_x4_student", "tiny_x4_teacher")
    assert Path(picture).name.startswith("photo_") and "runs" not in picture
    view = list(session.restore.on_restore(picture, None, choice, "torch", 0, 0, False, None, pair, REQUEST))[-1]
    assert {"before", "student", "teacher", "truth"} <= {
        column.key for column in view.result.columns
    } and view.result.column("twin") is None
    assert "than before" in view.summary and "tag left before" in view.tags


def test_a_fresh_student_is_compared_with_its_teacher(session, staged):
    run = train(session, start(session, staged))
    wanted = session.comparison(run, ANNA)
    assert wanted.before is None and wanted.teacher == "tiny_x4_teacher"
    with pytest.raises(JobError):
        session.comparison(run, BERT)


@pytest.mark.parametrize("bad", ["text.png", "broken.zip"])
def test_a_bad_upload_is_one_sentence_and_changes_nothing(session, staged, tmp_path, bad):
    (tmp_path / bad).write_text("This is neither a picture nor an archive.")
    kept, cleared, _, line = session.on_upload([str(tmp_path / bad)], staged)
    assert kept == staged and cleared is None and "line error" in line and bad in line


def test_archives_are_opened_and_few_photographs_are_warned_of(session, tmp_path):
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.write(photograph(tmp_path / "a.png"), "folder/a.png")
    staged, _, clear, line = session.on_upload([str(tmp_path / "some.zip")], ())
    assert clear["visible"] and "1 photograph," in line and "held out" in line
    assert session.on_clear(staged)[0] == () and not Path(staged[0]).exists()


def test_refusals_are_one_sentence(session, staged, tiny_settings):
    assert "no photographs" in session.on_start("own", (), ANNA, *form())[0]
    assert "plain file name" in session.on_start("own", staged, ANNA, *form(name="../x"))[0]
    assert "Steps must lie between" in session.on_start("own", staged, ANNA, *form(steps=5))[0]
    session.jobs.settings = dataclasses.replace(tiny_settings, max_run_photos=3)
    assert "at most 3 photographs" in session.on_start("own", staged, ANNA, *form())[0]
    session.jobs.launcher = OffLauncher()
    assert "switched off" in session.on_start("own", staged, ANNA, *form())[0]
    *_, button, status = session.on_load(ANNA, REQUEST)[:6]
    assert not button["interactive"] and "switched off" in status
    assert session.jobs.runs(ANNA) == []


def test_without_a_teacher_the_tab_says_so(session):
    (session.settings.weights_dir / "tiny_x4_teacher.json").unlink()
    _, tasks, teacher, _, button, status, *_ = session.on_load(BERT, REQUEST)
    assert (
        tasks["choices"] == []
        and teacher["value"] is None
        and not button["interactive"]
        and texts.NO_TEACHERS in status
    )


def test_the_form_amounts_to_a_recipe(tiny_settings, tiny_catalog):
    values = FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "quick", "", {})
    fresh = recipe_of(values, tiny_settings)
    assert (
        fresh.arguments == {"width": 16, "depth": 7, "skip": 3}
        and fresh.name == "sr_x4-my-16x7"
        and fresh.warm_start is None
    )
    tuned = recipe_of(values._replace(student="tiny_x4_student", preset="standard"), tiny_settings)
    assert (
        tuned.warm_start == "tiny_x4_student"
        and tuned.schedule.steps > fresh.schedule.steps
        and not tuned.schedule.compile
    )
    custom = recipe_of(values._replace(preset="custom", custom={"steps": 40, "truth_share": 0.5}), tiny_settings)
    assert (custom.schedule.steps, custom.teaching.truth_share, custom.schedule.batch_size) == (
        40,
        0.5,
        FIELDS["batch_size"].usual,
    ) and custom.schedule.validate_every < 40
    with pytest.raises(InputError, match="no teacher"):
        recipe_of(values._replace(teacher=None), tiny_settings)
    for name, field in FIELDS.items():
        for value in (field.low - 1e-6, field.high + 1, float("nan"), "many"):
            with pytest.raises(SettingsError, match="must lie between"):
                recipe_of(values._replace(preset="custom", custom={name: value}), tiny_settings)
    assert [value for _, value in students(tiny_catalog, "sr_x4")] == [*FRESH, "tiny_x4_student"]


def test_the_estimate_is_measured_once_and_scales(session, staged):
    session.jobs.launcher.name = "local"
    lines = list(session.on_estimate(REQUEST, "own", staged, *form(steps=1000)))
    assert texts.MEASURING in lines[0] and "About" in lines[-1] and "1,000 steps" in lines[-1]
    recipe = recipe_of(FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "custom", "", NUMBERS), session.settings)
    pace = session.paces.pace(recipe, timeout_s=0.1)
    assert pace is not None and 0 < pace.step_s < 5 and pace.label_s_per_megapixel > 0
    assert "Labelling" in list(session.on_estimate(REQUEST, "own", (), *form()))[-1]
    assert "must lie" in list(session.on_estimate(REQUEST, "own", staged, *form(steps=1)))[-1]
    early = session.on_estimate(REQUEST, "own", (), *form())
    next(early)
    list(session.on_estimate(REQUEST, "own", staged, *form()))
    assert list(early) == [gr.skip()]
    assert run_seconds(recipe, Pace(0.5, 2.0, "CPU"), 3.0) == recipe.schedule.steps * 0.5 + 6.0
    session.paces.close()


def told(before, teacher, *validations):
    events = [{"event": "references", "before_psnr_db": before, "teacher_psnr_db": teacher}]
    return progress_of(
        events
        + [
            {"event": "validation", "step": step, "psnr_db": value, "ssim": 0.9}
            for step, value in enumerate(validations)
        ]
    )


def test_the_verdict_is_honest(tiny_settings, tiny_catalog):
    values = FormValues("sr_x4", "tiny_x4_teacher", "tiny_x4_student", "quick", "mine", {})
    tuned = recipe_of(values, tiny_settings)
    assert tuned.schedule.patience
    said = verdict(told(28.0, 29.0, 28.0, 28.5, 28.3), tuned, is_held_out=True)
    assert (
        said == "The student gained 0.50 dB over the student before the run and reaches 28.50 dB on the held-out "
        "photographs, 0.50 dB behind the teacher."
    )
    assert "28.30 dB" in verdict(told(28.0, 29.0, 28.5, 28.3), with_keys(tuned, {"patience": 0}), is_held_out=True)
    none = verdict(told(28.0, 29.0, 28.0, 27.5), tuned, is_held_out=False)
    assert none.startswith("No gain") and "training photographs" in none and "the one from before" in none
    so_far = verdict(told(28.0, 29.0, 28.0, 27.5), tuned, is_held_out=True, is_over=False)
    assert (
        so_far
        == "No gain so far: the student reaches 27.50 dB on the held-out photographs, 1.50 dB behind the teacher; "
        "28.00 dB before the run."
    )
    fresh = recipe_of(values._replace(student="fresh 32x7"), tiny_settings)
    assert "untrained start" in verdict(told(20.0, 25.0, 26.0), fresh, is_held_out=True)
    assert verdict(progress_of([]), tuned, is_held_out=True) == ""


def test_names_from_outside_are_escaped(session, staged):
    run = dataclasses.replace(start(session, staged), name="<script>")
    recipe = recipe_of(FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "quick", "x", {}), session.settings)
    assert "<script>" not in heading(run, recipe, {"tiny_x4_teacher": "<b>"}) and "&lt;b&gt;" in heading(
        run, recipe, {"tiny_x4_teacher": "<b>"}
    )
    assert "<b>x" not in chart("Loss", [Line("<b>x", "part", ((0, 1.0),))], steps=3)


@pytest.mark.parametrize(
    "values", [[], [(0, 1.0)], [(0, 0.5), (7, 0.5)], [(0, 1e-6), (5, 1e3)], [(0, float("nan")), (5, 2.0)]]
)
@pytest.mark.parametrize("is_log", [False, True])
def test_a_chart_of_any_numbers_is_drawn_inside_its_frame(values, is_log):
    drawn = chart(
        "Loss", [Line("now", "student", tuple(values))], [Level("before", "before", 1.5)], steps=7, is_log=is_log
    )
    heights = [
        float(point.split(",")[1]) for part in drawn.split('points="')[1:] for point in part.split('"')[0].split()
    ]
    assert drawn.count("<svg") == 1 and "nan" not in drawn and all(0 <= height <= 230 for height in heights)


def test_a_script_starts_watches_and_stops(session, tmp_path, monkeypatch):
    monkeypatch.setattr("kdsr.ui.distill.endpoints.get_upload_folder", lambda: str(tmp_path / "uploads"))
    given = [{"path": str(photograph(tmp_path / "uploads" / f"{index}.png"))} for index in range(4)]
    api = DistillApi(session)
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


def test_the_admin_sees_and_changes_all(session, done, tiny_settings):
    session.jobs.settings = dataclasses.replace(tiny_settings, admin_token="the token of the admin")
    who, field, said, *page = session.on_admin("the token of the admin", BERT)
    assert (
        field == ""
        and said == texts.IS_ADMIN
        and RunPage(*page).ask["visible"]
        and [value for _, value in RunPage(*page).runs["choices"]] == [done.id]
    )
    assert session.on_admin("guess", BERT)[0] == BERT
    session.on_delete(ViewedRun(done.id), who)
    assert session.jobs.runs(ANNA) == []
