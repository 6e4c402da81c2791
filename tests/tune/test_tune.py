"""A search for a recipe: its knobs, its plan, and searches of seconds by a clock that counts the steps."""

import csv
import itertools
import json
import sys
from types import SimpleNamespace

import pytest
from filelock import FileLock
from helpers.training import events, recipe, training_settings

from kdsr.cli import build_app
from kdsr.cli.tune import TunePrinter
from kdsr.errors import InputError, SettingsError, Stopped
from kdsr.train.data.photos import find_photos, held_out
from kdsr.train.recipe import recipe_from_json
from kdsr.tune import space
from kdsr.tune.plan import MARGIN_DB, planned, read_plan, scheduled, step_seconds, steps_that_fit
from kdsr.tune.report import as_csv, as_markdown, write_report
from kdsr.tune.run import tune
from kdsr.tune.study import best_of, open_study, report, spent_s

STEP_S = 0.05
MINUTES = 0.36
"""By the clock of the tests: about 340 steps of a full run."""


@pytest.fixture
def settings(tmp_path):
    return training_settings(tmp_path)


def counting():
    """A clock that goes on by a step whenever it is read, as it is after each step."""
    ticks = itertools.count()
    return lambda: next(ticks) * STEP_S


def searched(tmp_path, settings, **given):
    usual = {"minutes": MINUTES, "clock": counting()}
    return tune(recipe(validation_photos=2), tmp_path / "out", settings=settings, **usual | given)


# Knobs


def test_the_usual_values_leave_a_recipe_as_it_is():
    base = recipe(teacher="big", truth_share=0.2, terms=[{"loss": "fft", "weight": 0.3}])
    assert space.tuned(base, space.unchanged(base, ("big",))) == base


def test_each_knob_changes_its_keys_and_scales_the_weights():
    base = recipe(teacher="big", truth_share=0.2, terms=[{"loss": "fft", "weight": 0.3}])
    values = {"rate": 2.0, "crops": 4, "share": "half to truth", "term": "contrastive", "weight": 0.5, "teacher": "b"}
    made = space.tuned(base, values)
    assert made.schedule.learning_rate == 2 * base.schedule.learning_rate
    assert made.data.crop_candidates == 4 and made.teaching.teacher == "b"
    assert (made.teaching.truth_share, made.teaching.truth_share_end) == (0.5, 1.0)
    assert [(term.loss, term.weight) for term in made.teaching.terms] == [("fft", 0.15), ("contrastive", 0.005)]


def test_without_a_teacher_there_are_no_knobs_of_teaching():
    base = recipe()
    assert set(space.unchanged(base, ())) == {"rate", "crops", "weight"}
    assert space.tuned(base, space.unchanged(base, ())) == base
    assert space.first_changes(base, ()) == [{}, {"rate": 2.0}, {"crops": 4}, {"rate": 1.4}]
    taught = recipe(teacher="big", truth_share=0.2, crop_candidates=4)
    assert {"crops": 4} not in space.first_changes(taught, ("big",)) and len(space.first_changes(taught, ("big",))) == 5


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"stages": [{"steps": 3}]}, "stages"),
        ({"task": "style"}, "no original"),
        ({"teacher": "t", "truth_share": 0.5, "terms": [{"loss": "adversarial", "weight": 0.1}]}, "adversarial"),
    ],
)
def test_a_recipe_that_cannot_be_tuned_is_refused(changes, said):
    with pytest.raises(SettingsError, match=said):
        space.checked(recipe(**changes))


def test_what_a_trial_changes_is_said_beside_the_recipe_that_it_changes():
    base = recipe(teacher="big", truth_share=0.2, crop_candidates=4, terms=[{"loss": "fft", "weight": 0.3}])
    values = space.unchanged(base, ("big", "other"))
    assert space.in_words(values, base) == "the recipe itself" and space.in_words(values) == "best of 4 crops"
    changed = values | {"crops": 1, "teacher": "other", "weight": 0.5}
    assert space.in_words(changed, base) == "best of 1 crops, teacher other, weights x0.5"


def test_with_fewer_than_four_photographs_nothing_could_be_compared_and_nothing_is_written(tmp_path, settings):
    for path in sorted((tmp_path / "data" / "pack" / "images").iterdir())[3:]:
        path.unlink()
    with pytest.raises(InputError, match="at least 4, got 3: add some"):
        searched(tmp_path, settings)
    assert not (tmp_path / "out").exists()


def test_a_search_without_a_comparison_draws_no_plot(tmp_path, settings):
    plan = planned(1200.0, 0.0, 0.1)
    study = open_study(tmp_path, seed=0)
    study.ask()
    files = write_report(SimpleNamespace(out=tmp_path, study=study, plan=plan, folder=lambda number: tmp_path))
    assert {path.name for path in files} == {"trials.csv", "trials.md"}


# The plan


def test_the_full_run_fits_what_the_losers_leave_and_a_third_is_a_search():
    plan = planned(1200.0, 0.0, 0.1)
    assert plan.steps == 10_200 and plan.rungs == (425, 850, 1700)
    assert plan.search_s == pytest.approx(1200 - 8500 * 0.1) and plan.search_s < 1200 / 3
    assert scheduled(recipe(), plan).schedule.steps == 10_200


def test_too_little_time_is_refused_with_the_least_that_works():
    with pytest.raises(SettingsError, match=r"give at least 0\.5 minutes"):
        planned(6.0, 1.0, 0.1)
    assert planned(60 * 0.5, 1.0, 0.1).steps >= 240


def test_the_first_steps_do_not_count_for_the_time_of_a_step():
    assert step_seconds([0, 9, 18, 27, 30, 31, 32, 33]) == 1


def test_a_machine_that_became_slower_shortens_the_run_of_the_winner():
    plan = planned(1200.0, 0.0, 0.1)
    assert steps_that_fit(plan, 1700, 8500 * 0.1, 0.1) == steps_that_fit(plan, 1700, 8000 * 0.1, 0.1) == plan.steps
    assert steps_that_fit(plan, 1700, 850.0, 0.2) == 1700 + 4250
    assert steps_that_fit(plan, 1700, -5.0, 0.2) == 3400  # the learning rate needs some steps to come down


# Comparisons


def told(study, *figures):
    trial = study.ask()
    given_up = False
    for rung, psnr_db in enumerate(figures):
        given_up = given_up or report(trial, rung, psnr_db)
    return given_up


def test_a_trial_that_is_behind_is_given_up_and_the_recipe_itself_never_is(tmp_path):
    study = open_study(tmp_path, seed=0)
    assert not told(study, 30.0, 31.0, 32.0)
    assert told(study, 29.0)
    assert not told(study, 30.5, 31.5)


@pytest.mark.parametrize("lead, number", [(-1.0, 0), (0.5 * MARGIN_DB, 0), (2 * MARGIN_DB, 1)])
def test_the_recipe_itself_stands_unless_a_trial_is_clearly_ahead(tmp_path, lead, number):
    study = open_study(tmp_path, seed=0)
    told(study, 30.0, 31.0)
    told(study, 30.6, 31.0 + lead)
    assert best_of(study).number == number


def test_a_lead_at_an_early_comparison_alone_does_not_win(tmp_path):
    study = open_study(tmp_path, seed=0)
    told(study, 30.0, 31.0)
    told(study, 35.0)
    assert best_of(study).number == 0


def test_time_in_which_two_processes_worked_counts_once(tmp_path):
    study = open_study(tmp_path, seed=0)
    for name, (began, ended) in {"a": (0, 10), "b": (5, 12), "c": (20, 21)}.items():
        study.set_user_attr(f"session {name}", [began, ended])
    assert spent_s(study) == 13


def test_trials_as_a_table_state_their_lead_over_the_recipe():
    plan = planned(1200.0, 0.0, 0.1)
    rows = [
        {"trial": 0, "state": "complete", "seconds": 9.94, "knobs": {"rate": 1.0}, "psnr_db": {425: 30.0, 850: 31.0}},
        {"trial": 1, "state": "pruned", "seconds": None, "knobs": {"rate": 2.0, "crops": 4}, "psnr_db": {425: 30.25}},
    ]
    assert "| **1** | rate x2, best of 4 crops | 30.25 (+0.25) |  |  |" in as_markdown(rows, plan, 1)
    table = list(csv.DictReader(as_csv(rows, plan).splitlines()))
    assert table[0]["seconds"] == "9.9" and table[1]["psnr_db at step 425"] == "30.25" and table[1]["crops"] == "4"


# Searches


@pytest.mark.slow
def test_a_search_ends_in_time_with_a_recipe_a_network_and_its_trials(tmp_path, settings):
    heard = []
    result = searched(tmp_path, settings, on_event=heard.append)
    out = tmp_path / "out"
    assert result.finished and (out / "tiny.safetensors").is_file() and (out / "tiny.json").is_file()
    best = recipe_from_json((out / "best.json").read_text())
    assert best == recipe_from_json((result.folder / "recipe.json").read_text())
    assert events(result.folder)[-1]["step"] == best.schedule.steps <= read_plan(out).steps
    first = [event for event in heard if event["event"] == "trial"]
    assert [event["number"] for event in first] == list(range(len(first))) and len(first) >= 2
    assert first[0]["values"]["rate"] == 1.0 and first[1]["values"]["rate"] == 2.0
    assert {path.name for path in result.reports} == {"trials.csv", "trials.md", "trials.svg"}
    assert heard[-1]["event"] == "finished" and heard[-1]["left_s"] > -0.15 * 60 * MINUTES
    lines = [TunePrinter().line(event) for event in heard]
    assert any("dB at comparison 1" in line and "best so far: trial" in line and "left" in line for line in lines)


@pytest.mark.slow
def test_a_killed_search_goes_on_with_the_trial_that_it_left(tmp_path, settings):
    class Killed(BaseException):
        pass

    def kill(event):
        if event["event"] == "rung":
            raise Killed

    clock = counting()
    with pytest.raises(Killed):
        searched(tmp_path, settings, clock=clock, on_event=kill)
    before = spent_s(open_study(tmp_path / "out", 0))
    heard = []
    assert searched(tmp_path, settings, clock=clock, on_event=heard.append).finished
    begun = [event["number"] for event in heard if event["event"] == "trial"]
    assert begun == list(range(len(begun)))  # trial 0 once more, and no other in its place
    study = open_study(tmp_path / "out", 0)
    assert spent_s(study) > before > 0 and len(study.trials) == max(begun) + 1
    with pytest.raises(SettingsError, match="another recipe"):
        tune(recipe(name="other"), tmp_path / "out", settings=settings, minutes=MINUTES)
    with pytest.raises(SettingsError, match="were asked for"):
        searched(tmp_path, settings, minutes=2.0)


@pytest.mark.slow
def test_a_search_on_a_machine_that_became_slower_ends_with_a_shorter_run(tmp_path, settings):
    clock, pace = itertools.count(), {"s": STEP_S, "now": 0.0}

    def slowing():
        next(clock)
        pace["now"] += pace["s"]
        return pace["now"]

    def slow_down(event):
        if event["event"] == "trial":
            pace["s"] = 2 * STEP_S

    result = searched(tmp_path, settings, clock=slowing, on_event=slow_down)
    best = recipe_from_json((tmp_path / "out" / "best.json").read_text())
    assert best == recipe_from_json((result.folder / "recipe.json").read_text())
    assert events(result.folder)[-1]["step"] == best.schedule.steps < read_plan(tmp_path / "out").steps


@pytest.mark.slow
def test_stop_and_ctrl_c_leave_the_best_so_far(tmp_path, settings):
    seen = []

    def interrupt(event):
        seen.append(event["event"])
        if event["event"] == "rung":
            raise KeyboardInterrupt

    with pytest.raises(Stopped, match=r"best so far is trial 0, in .*best\.json. The same command goes on"):
        searched(tmp_path, settings, on_event=interrupt)
    assert recipe_from_json((tmp_path / "out" / "best.json").read_text()).name == "tiny"
    assert "recipe itself" in (tmp_path / "out" / "trials.md").read_text()
    with pytest.raises(Stopped):
        searched(tmp_path, settings, should_stop=lambda: True)


@pytest.mark.slow
def test_a_second_process_takes_another_trial_and_leaves_the_winner_to_the_first(tmp_path, settings):
    out = tmp_path / "out"
    (out / "trials" / "000").mkdir(parents=True)
    numbers = []
    with FileLock(out / "trials" / "000" / "lock"):  # as the first process holds it
        open_study(out, 0).ask()
        result = searched(tmp_path, settings, on_event=lambda event: numbers.append(event.get("number")))
    assert 0 not in numbers and 1 in numbers
    assert result.number != 0 or not result.finished


def test_held_out_photographs_are_not_trained_on(settings):
    training, validation = held_out(find_photos(["pack"], settings.data_dir), 2)
    assert training and validation and not set(training) & set(validation)


# The command


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["kdsr", *map(str, arguments)])
    build_app()(standalone_mode=False)


@pytest.mark.parametrize("text, said", [("{", "not valid JSON"), ("[]", "one JSON object"), ("{}", "lacks")])
def test_a_file_that_is_no_recipe_is_refused_in_one_sentence(tmp_path, monkeypatch, text, said):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(SettingsError, match=said):
        run(monkeypatch, "tune", tmp_path / "r.json", "--minutes", "1", "--out", tmp_path / "out")


def test_a_preset_gets_a_name_and_the_teacher_of_its_task(tmp_path, settings):
    from kdsr.cli.tune import _base

    path = tmp_path / "preset.json"
    path.write_text(json.dumps({"task": "sr_x2", "truth_share": 1.0}))
    made = _base(path, tmp_path / "mine", 7, settings)
    assert (made.name, made.seed, made.data.photos) == ("sr_x2-tuned", 7, (str(tmp_path / "mine"),))


def test_what_is_printed_of_a_rung_names_the_best_and_the_time_left():
    best = SimpleNamespace(number=2, psnr_db=26.5)
    event = {"event": "rung", "number": 3, "rung": 0, "psnr_db": 26.1, "best": best, "left_s": 62.0}
    assert TunePrinter().line(event) == (
        "Trial 3: 26.10 dB at comparison 1; best so far: trial 2, 26.50 dB; 0:01:02 left"
    )
