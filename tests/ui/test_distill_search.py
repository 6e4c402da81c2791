"""The length "Find the best for my photographs" of the tab Distill: form, estimate, trials, and its answer."""

import dataclasses
import json
import zipfile
from pathlib import Path

import gradio as gr
import pytest
from helpers.chinese import english_in
from helpers.distilling import REQUEST, distill_handlers, form, staged_photos
from helpers.running import ANNA, photograph
from helpers.searching import MINUTES, counted_searches, small_steps

from kdsr.errors import SettingsError
from kdsr.jobs import State
from kdsr.jobs.part import Watch, finish, train_part
from kdsr.jobs.search_plan import plan_from_json
from kdsr.train import recipe_to_json, with_keys
from kdsr.ui.distill import search_texts
from kdsr.ui.distill.endpoints import DistillApi
from kdsr.ui.distill.estimate import Pace
from kdsr.ui.distill.form import SEARCH, FormValues, has_others, recipe_of, search_of
from kdsr.ui.distill.page import RunPage
from kdsr.ui.distill.progress import progress_of
from kdsr.ui.distill.trials import best_so_far, line_of, recipe_in, state_of, trials_of, verdict
from kdsr.ui.distill.trials_view import doing, search_estimate, trials_box
from kdsr.ui.languages.markup import say_html
from kdsr.ui.languages.table import table_of

VALUES = FormValues("sr_x4", "tiny_x4_teacher", "fresh 16x7", SEARCH, "mine", {})
handlers = pytest.fixture(distill_handlers)
staged = pytest.fixture(staged_photos)


def told(*events):
    """Events of a search, in the order of the arguments, each (kind, trial, more)."""
    return [{"event": kind, "search": True, "trial": trial, **more} for kind, trial, more in events]


PLANNED = ("planned", None, {"rungs": [40, 80], "steps": 640})
OWN = (
    ("trial", 0, {"changes": ""}),
    ("rung", 0, {"rung": 0, "psnr_db": 26.0, "best": 0}),
    ("rung", 0, {"rung": 1, "psnr_db": 26.5, "best": 0}),
    ("ended", 0, {"kept": True}),
)
WORSE = (
    ("trial", 1, {"changes": "rate x2"}),
    ("rung", 1, {"rung": 0, "psnr_db": 25.0, "best": 0}),
    ("ended", 1, {"kept": False}),
)
BETTER = (
    ("trial", 2, {"changes": "rate x2, best of 4 crops"}),
    ("rung", 2, {"rung": 0, "psnr_db": 26.25, "best": 0}),
    ("rung", 2, {"rung": 1, "psnr_db": 26.62, "best": 2}),
    ("ended", 2, {"kept": True}),
)


def test_the_form_asks_for_minutes_and_for_other_teachers_where_there_are_some(handlers, tiny_settings, tiny_catalog):
    custom, search, others = handlers.on_preset(SEARCH, "sr_x4")
    assert (custom["visible"], search["visible"], others["visible"]) == (False, True, False)
    assert not has_others(tiny_catalog, "sr_x4") and not has_others(tiny_catalog, None)
    assert search_of(VALUES).minutes == 20 and search_of(VALUES._replace(preset="quick")) is None
    assert recipe_of(VALUES, tiny_settings).schedule.steps == 600
    with pytest.raises(SettingsError, match="must be a number"):
        search_of(VALUES._replace(minutes="many"))


def test_a_search_is_started_and_what_is_wrong_is_one_sentence(handlers, staged, tmp_path):
    asked = form(preset=SEARCH, minutes=15, others=True, student="tiny_x4_student")
    long, short = (form(preset=SEARCH, minutes=minutes) for minutes in (110, 0))
    status, *page = handlers.on_start(REQUEST, "own", staged, ANNA, *asked)
    run = handlers.jobs.get(RunPage(*page).shown.run_id)
    assert status == "" and plan_from_json(run.search).minutes == 15 and plan_from_json(run.search).other_teachers
    assert run.steps == 900 and "Next in the queue" in RunPage(*page).progress and RunPage(*page).search == ""
    assert "at most 109 minutes" in handlers.on_start(REQUEST, "own", staged, ANNA, *long)[0]
    assert "0.1 minutes or more" in handlers.on_start(REQUEST, "own", staged, ANNA, *short)[0]
    one, *_ = handlers.on_upload([str(photograph(tmp_path / "one.png"))], ())
    assert "at least 4, got 1" in handlers.on_start(REQUEST, "own", one, ANNA, *form(preset=SEARCH))[0]
    assert [each.id for each in handlers.jobs.runs(ANNA)] == [run.id]


def test_the_estimate_says_the_steps_or_the_minutes_that_are_needed(tiny_settings, tiny_catalog):
    recipe = recipe_of(VALUES, tiny_settings)
    said = search_estimate(recipe, Pace(0.1, 2.0, "CPU"), 20, 5.0, "")
    assert "About 20 min" in said and "about 10,115 steps, at 10 a second" in said
    assert "About 40 min" in search_estimate(with_keys(recipe, {"twin": True}), Pace(0.1, 2.0, "CPU"), 20, 5.0, "")
    few = search_estimate(recipe, Pace(1.0, 2.0, "CPU"), 1, 5.0, "")
    assert "error" in few and "give at least" in few


def test_trials_are_those_that_the_events_tell_also_over_a_kill():
    trials = trials_of(told(PLANNED, *OWN, BETTER[0], BETTER[1]))
    assert trials.trials[2].is_running and state_of(trials.trials[2], trials, is_over=False) == "Running"
    trials = trials_of(told(PLANNED, *OWN, BETTER[0], BETTER[1], PLANNED))
    assert state_of(trials.trials[2], trials, is_over=False) == "Interrupted"
    trials = trials_of(told(PLANNED, *OWN, *WORSE, BETTER[0], BETTER[1], PLANNED, *BETTER))
    assert [state_of(each, trials, is_over=False) for each in trials.trials.values()] == [
        search_texts.KEPT, search_texts.GIVEN_UP, search_texts.BEST,
    ]  # fmt: skip
    assert trials.lead_db(trials.trials[2], 1) == pytest.approx(0.12) and trials.lead_db(trials.trials[0], 1) is None
    assert best_so_far(trials) == (
        "Best so far: trial 2 (rate x2, best of 4 crops), 0.12 dB ahead of the preset after 80 steps."
    )
    assert "26.50 dB after 80 steps" in best_so_far(trials_of(told(PLANNED, *OWN)))
    assert (
        best_so_far(trials_of(told(PLANNED))) == "" and trials_box(trials_of([]), is_over=False, is_alone=False) == ""
    )


def won(recipe, number, *events):
    found = json.loads(recipe_to_json(recipe))
    return trials_of(told(PLANNED, *OWN, *events, ("winner", number, {"recipe": found})))


def test_the_answer_is_honest_where_the_search_paid_and_where_it_did_not(tiny_settings, tiny_catalog):
    recipe = recipe_of(VALUES, tiny_settings)
    found = verdict(won(recipe, 2, *WORSE, *BETTER), is_alone=False)
    assert found.startswith(
        "The search found a better recipe than the preset: rate x2, best of 4 crops. After 80 steps"
    )
    assert "0.12 dB ahead of the preset on your held-out photographs (26.62 and 26.50 dB)" in found
    assert search_texts.FOUND_BUT in found and search_texts.WITHOUT_TEACHER not in found
    assert search_texts.WITHOUT_TEACHER in verdict(won(recipe, 2, *BETTER), is_alone=True)
    lost = verdict(won(recipe, 0, *WORSE), is_alone=False)
    assert "no other recipe was 0.01 dB ahead" in lost and "did not pay" in lost and "Compared with it: 1." in lost
    assert verdict(won(recipe, 0), is_alone=False) == search_texts.NONE_COMPARED
    assert verdict(trials_of(told(PLANNED, *OWN)), is_alone=False) == ""


def test_every_word_of_a_search_is_said_in_chinese(tiny_settings, tiny_catalog):
    recipe, chinese = recipe_of(VALUES, tiny_settings), table_of("zh")
    changes = (
        "rate x0.52, best of 8 crops, truth share: half to truth, contrastive 0.02, teacher sr_x4-teacher, weights x1.4"
    )
    third = [(kind, 3, more | ({"changes": changes} if "changes" in more else {})) for kind, _, more in BETTER]
    third = [(kind, 3, more | ({"best": 3} if "best" in more else {})) for kind, _, more in third]
    shown = [
        trials_box(trials_of(told(PLANNED, *OWN, *WORSE, *third)), is_over=False, is_alone=False),
        trials_box(won(recipe, 3, *WORSE, *third), is_over=True, is_alone=True),
        trials_box(won(recipe, 0, *WORSE, BETTER[0]), is_over=True, is_alone=False),
        trials_box(won(recipe, 0), is_over=False, is_alone=False),
        search_estimate(with_keys(recipe, {"twin": True}), Pace(0.1, 2.0, "CPU"), 20, 5.0, ""),
        search_estimate(recipe, Pace(1.0, 2.0, "CPU"), 1, 5.0, ""),
        *search_texts.HEADS,
        *(
            value
            for name, value in vars(search_texts).items()
            if name.isupper() and "{" not in value and name != "HEADS"
        ),
    ]
    assert [part for each in shown for part in english_in(say_html(f"<p>{each}</p>", chinese))] == []


def test_the_log_has_a_line_for_what_the_search_did(tiny_settings, tiny_catalog):
    recipe = recipe_of(VALUES, tiny_settings)
    lines = [line_of(event) for event in told(PLANNED, *OWN, *WORSE, ("trial_step", 1, {"trial_step": 4}))]
    assert "plan      a full run has 640 steps; trials are compared after 40, 80" in lines[0]
    assert lines[1:3] == ["trial   0  the preset itself", "trial   0  26.00 dB at comparison 1"] and lines[-1] == ""
    assert progress_of(told(PLANNED, *OWN)).steps == [] and recipe.name == "mine"


@pytest.mark.slow
def test_a_search_is_shown_from_its_first_trial_to_the_answer_and_its_files(handlers, staged, monkeypatch):
    # Over 40 lines: one search from start to download; each needs the one before.
    counted_searches(monkeypatch)
    small_steps(monkeypatch)
    asked = form(preset=SEARCH, minutes=MINUTES, prove=True)
    handlers.on_start(REQUEST, "own", staged, ANNA, *asked)
    held = handlers.jobs.store.claim("this 1 1", at_once=1)
    shown, watch = [], Watch(handlers.jobs.store, held)
    passed_on = watch.on_event

    def look(event):
        passed_on(event)
        if event["event"] in ("labelling", "rung", "winner", "validation"):
            page = handlers.on_pick(held.id, ANNA)
            shown.append((event["event"], page.progress, page.search))

    watch.on_event = look
    outcome = train_part(held, handlers.settings, watch, time_limit_s=None)
    finish(handlers.jobs.store, held, outcome)
    assert outcome.state is State.DONE, outcome.message
    assert any(kind == "labelling" and "The teacher labels the photographs" in said for kind, said, _ in shown)
    assert any(kind == "rung" and "Trial 0" in said and "left" in said for kind, said, _ in shown)
    assert any(kind == "rung" and "Best so far: the preset itself" in box for kind, _, box in shown)
    assert any(kind == "winner" and "In training" in box for kind, _, box in shown)
    assert any(kind == "validation" and "Step " in said for kind, said, _ in shown)
    page, run = handlers.on_pick(held.id, ANNA), handlers.jobs.get(held.id)
    assert "Trained to the end" in page.search and "<svg" in page.search and "Best so far:" not in page.search
    assert "The student gained" in page.progress or "No gain" in page.progress
    assert page.take["visible"] and page.compare["visible"] and run.step == run.steps
    with zipfile.ZipFile(page.trials["value"]) as archive:
        assert {"trials.csv", "trials.md"} <= set(archive.namelist())
    recipe = recipe_in(run, trials_of(handlers.run_events.of(run.id).events))
    assert recipe.twin == page.twin["visible"] and json.loads(Path(page.recipe).read_text())["name"] == "mine"
    assert doing(dataclasses.replace(run, state=State.STOPPING, step=4), trials_of(told(PLANNED)), 0.0)[0].startswith(
        "Stopping"
    )
    assert not handlers.on_pick(held.id, "somebody else's secret").trials["visible"]


def test_a_script_asks_for_a_search(handlers, tmp_path, monkeypatch):
    monkeypatch.setattr("kdsr.ui.arguments.get_upload_folder", lambda: str(tmp_path / "uploads"))
    given = [{"path": str(photograph(tmp_path / "uploads" / f"{index}.png"))} for index in range(4)]
    asked = (ANNA, "sr_x4", "tiny_x4_teacher", "fresh 16x7", given, SEARCH, "mine", {})
    api = DistillApi(handlers)
    run = api.distill_start(*asked, minutes=5)
    assert (run["steps"], run["is_search"]) == (300, True)
    with pytest.raises(gr.Error, match="other_teachers must be true or false"):
        api.distill_start(*asked, minutes=5, other_teachers="yes")
    with pytest.raises(gr.Error, match="minutes of a search must be a number"):
        api.distill_start(*asked, minutes="five")
