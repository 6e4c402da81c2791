"""The choice "Prove it" of the tab Distill: a run with a twin, from its progress to its sentence and its files."""

import dataclasses
import zipfile

import gradio as gr
import pytest
from helpers.distilling import NUMBERS, REQUEST, distill_handlers, form, staged_photos
from helpers.running import ANNA, photograph

from kdsr.jobs import State
from kdsr.jobs.part import Watch, finish, train_part
from kdsr.ui import texts
from kdsr.ui.distill.endpoints import DistillApi
from kdsr.ui.distill.form import FormValues, recipe_of
from kdsr.ui.distill.page import RunPage
from kdsr.ui.distill.progress import losses_of, progress_of, verdict
from kdsr.zoo import Catalog

pytestmark = pytest.mark.slow

handlers = pytest.fixture(distill_handlers)
staged = pytest.fixture(staged_photos)


@pytest.fixture
def held(handlers, staged):
    """A run with a twin, held by this process."""
    status, *page = handlers.on_start(REQUEST, "own", staged, ANNA, *form(student="tiny_x4_student", prove=True))
    assert status == "", status
    run = handlers.jobs.get(RunPage(*page).shown.run_id)
    assert run.steps == 2 * NUMBERS["steps"]
    return handlers.jobs.store.claim("this 1 1", at_once=1)


def trained(handlers, held, *, until=None):
    """Train `held` to its end, or stop it as soon as `until` says so; its page and the run."""
    watch = Watch(handlers.jobs.store, held)
    if until is not None:
        watch.should_stop = lambda: until(handlers.jobs.get(held.id))
    finish(handlers.jobs.store, held, train_part(held, handlers.settings, watch, time_limit_s=None))
    return handlers.on_pick(held.id, ANNA), handlers.jobs.get(held.id)


def test_a_proved_run_tells_what_the_teacher_gave_and_gives_the_twin(handlers, held, tmp_path):
    page, run = trained(handlers, held)
    assert run.state is State.DONE and run.step == run.steps == 20
    assert "the same network trained without the teacher (" in page.progress
    assert "One run each, so no deviation is known." in page.progress and "bicubic" in page.progress
    assert 'polyline class="student"' in page.curves and 'polyline class="twin"' in page.curves
    assert 'class="level baseline"' in page.curves and "over 10 steps" in page.curves
    assert page.previews.count("<img") == 6 and "twin  " in page.log
    assert page.twin["visible"]
    with zipfile.ZipFile(page.twin["value"]) as archive:
        archive.extractall(tmp_path / "home")
    card = Catalog(tmp_path / "home").find("mine-twin")
    assert card.role == "twin" and Catalog(tmp_path / "home").load("mine-twin").scale == 4
    assert Catalog(handlers.jobs.folder(run.id)).cards[0].name == "mine"  # what Restore shows


def test_a_run_stopped_in_its_twin_has_its_student_and_goes_on(handlers, held):
    page, run = trained(handlers, held, until=lambda run: run.step >= 10)
    assert run.state is State.STOPPED and 10 <= run.step < 20, run.message
    assert texts.NOT_PROVED in page.progress and "so far" not in page.progress
    assert page.take["visible"] and not page.twin["visible"]
    handlers.on_resume(page.shown, ANNA)
    page, run = trained(handlers, handlers.jobs.store.claim("this 1 1", at_once=1))
    assert run.state is State.DONE and page.twin["visible"]


def test_a_run_without_proof_has_no_twin(handlers, staged):
    handlers.on_start(REQUEST, "own", staged, ANNA, *form(student="tiny_x4_student"))
    page, run = trained(handlers, handlers.jobs.store.claim("this 1 1", at_once=1))
    assert run.steps == 10 and not page.twin["visible"] and "twin" not in page.progress
    assert 'polyline class="twin"' not in page.curves and not (handlers.jobs.folder(run.id) / "twin").exists()


def test_the_progress_says_which_of_both_is_trained(handlers, held):
    def shown(step, *events):
        run = dataclasses.replace(held, step=step)
        handlers.run_events.of = lambda _: progress_of(events)
        handlers.jobs.get = lambda _: run
        return handlers.on_pick(held.id, ANNA).progress

    started = {"event": "started", "number": 1, "step": 0, "device": "cpu", "photographs": 3}
    step = {"event": "step", "number": 2, "step": 4, "steps_per_s": 2.0, "eta_s": 3, "loss": 0.1}
    first = shown(4, started, step)
    assert texts.STUDENT_TRAINS in first and "Step 4 of 10" in first and "8 s left" in first and "20.00%" in first
    twins = [{**event, "twin": True, "number": event["number"] + 2} for event in (started, step)]
    second = shown(14, started, step, *twins)
    assert texts.TWIN_TRAINS in second and "Step 4 of 10" in second and "3 s left" in second and "70.00%" in second
    assert "Taking the first steps" in shown(10, started, step, twins[0])
    reading = {"event": "reading", "number": 3, "photographs": 3, "twin": True}
    assert "Reading the photographs" in shown(10, started, step, reading)
    assert losses_of(progress_of([started, step, *twins]).twin) == {"loss": ((4, 0.1),)}


@pytest.mark.parametrize(
    "twin_db, said",
    [(28.38, "0.12 dB better than"), (28.53, "0.03 dB behind"), (28.505, "No difference beyond 0.01 dB from")],
)
def test_the_proof_is_honest(tiny_settings, tiny_catalog, twin_db, said):
    values = FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", "quick", "mine", {}, prove=True)
    events = [
        {"event": "references", "before_psnr_db": 20.0, "teacher_psnr_db": 29.0, "baseline_psnr_db": 27.5},
        {"event": "validation", "step": 600, "psnr_db": 28.5, "ssim": 0.9},
        {"event": "finished", "step": 600},
        {"event": "validation", "step": 600, "psnr_db": 30.0, "ssim": 0.9, "twin": True, "run_step": 1200},
        {"event": "twin", "student_psnr_db": 28.5, "twin_psnr_db": twin_db},
    ]
    recipe = recipe_of(values, tiny_settings)
    said_all = verdict(progress_of(events), recipe, is_held_out=True)
    assert said_all == (
        "The student gained 8.50 dB over its untrained start and reaches 28.50 dB on the held-out photographs, "
        f"1.00 dB ahead of bicubic and 0.50 dB behind the teacher. {said} the same network trained without the teacher "
        f"({twin_db:.2f} dB). One run each, so no deviation is known."
    )
    assert verdict(progress_of(events[:4]), recipe, is_held_out=True).endswith(texts.NOT_PROVED)
    looks = verdict(progress_of(events), recipe, is_held_out=True, is_for_looks=True)
    assert looks.endswith(texts.TWIN_HAS.format(twin_db)) and "better" not in looks


def test_a_script_asks_for_a_proof(handlers, tmp_path, monkeypatch):
    monkeypatch.setattr("kdsr.ui.arguments.get_upload_folder", lambda: str(tmp_path / "uploads"))
    given = [{"path": str(photograph(tmp_path / "uploads" / f"{index}.png"))} for index in range(4)]
    asked = (ANNA, "sr_x4", "tiny_x4_teacher", "fresh 16x7", given, "custom", "mine", NUMBERS)
    api = DistillApi(handlers)
    assert api.distill_start(*asked, prove=True)["steps"] == 20 and api.distill_start(*asked)["steps"] == 10
    with pytest.raises(gr.Error, match="prove must be true or false"):
        api.distill_start(*asked, prove="yes")
    with pytest.raises(gr.Error, match="needs one stage, the role student and a teacher"):
        api.distill_start(*asked[:-1], NUMBERS | {"truth_share": 1.0}, prove=True)
