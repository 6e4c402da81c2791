"""Background runs that search for a recipe: with workers, stopped and killed; their limits; in chunks and elsewhere."""

import json
import os
import signal

import pytest
from helpers.running import ANNA, BERT, four_photos, jobs_opener, recipe
from helpers.searching import MINUTES, counted_searches
from helpers.workers import ended, wait_for

from kdsr.errors import InputError, LimitError, SettingsError
from kdsr.jobs import Jobs, SearchPlan, State, public
from kdsr.jobs.launchers import ChunkLauncher
from kdsr.jobs.search_plan import check_search, plan_from_json, plan_to_json
from kdsr.jobs.store import store_of
from kdsr.train.recipe import recipe_from_json
from kdsr.zoo import Catalog

TAUGHT = {
    "task": "sr_x4", "teacher": "tiny_x4_teacher", "truth_share": 0.2, "arguments": {"width": 8, "depth": 2},
    "validation_photos": 1, "warmup_steps": 2,
}  # fmt: skip
SHORT = SearchPlan(MINUTES)
photos = pytest.fixture(four_photos)
open_jobs = pytest.fixture(jobs_opener)


@pytest.fixture
def counted(monkeypatch):
    counted_searches(monkeypatch)


@pytest.fixture
def jobs(tiny_settings, tiny_catalog, counted):
    """Runs in local processes; whatever is left of them is killed."""
    opened = Jobs(tiny_settings)
    yield opened
    for run in opened.store.runs():
        if run.holder is not None:
            os.kill(int(run.holder.split()[-2]), signal.SIGKILL)


def told(jobs, run, kind):
    """The events `kind` of the run."""
    return [event for event in jobs.events(run.id, most=100_000) if event["event"] == kind]


# What is asked for


def test_a_plan_survives_json_and_refuses_what_is_no_time():
    assert plan_from_json(plan_to_json(SearchPlan(2.5, True))) == SearchPlan(2.5, True)
    for minutes in (0, -1, float("nan"), float("inf"), True, "5"):
        with pytest.raises(SettingsError, match="search"):
            SearchPlan(minutes)


def test_a_search_is_refused_in_one_sentence_before_anything_is_stored(open_jobs, tiny_catalog, photos):
    jobs = open_jobs(max_run_minutes=60)
    with pytest.raises(InputError, match="at least 4, got 3: add some"):
        jobs.submit(recipe(), ANNA, photos[:3], search=SHORT)
    with pytest.raises(LimitError, match="at most 54 minutes here, got 55"):
        jobs.submit(recipe(), ANNA, photos, search=SearchPlan(55))
    with pytest.raises(LimitError, match="at most 27 minutes with its proof here"):
        jobs.submit(recipe(**TAUGHT, twin=True), ANNA, photos, search=SearchPlan(28))
    with pytest.raises(SettingsError, match="adversarial"):
        terms = [{"loss": "adversarial", "weight": 0.1}]
        jobs.submit(recipe(**TAUGHT, terms=terms), ANNA, photos, search=SHORT)
    assert jobs.runs(ANNA) == [] and list((jobs.settings.home / "runs").iterdir()) == []


def test_a_search_counts_as_any_run_and_its_steps_are_seconds(open_jobs, tiny_catalog, photos):
    jobs = open_jobs(max_runs_waiting_per_owner=2)
    run = jobs.submit(recipe(**TAUGHT, twin=True), ANNA, photos, search=SearchPlan(2))
    assert (run.steps, public(run)["is_search"]) == (240, True)
    assert not public(jobs.submit(recipe(), ANNA, photos))["is_search"]
    with pytest.raises(LimitError, match="at most 2 may"):
        jobs.submit(recipe(), ANNA, photos, search=SHORT)
    assert jobs.submit(recipe(), BERT, photos, search=SHORT).steps == 22


@pytest.mark.parametrize("task", ["sr_x2", "sr_x3", "sr_x4", "denoise", "jpeg", "inpaint", "photo_x2", "photo_x4"])
def test_each_quick_preset_can_be_searched_from(task):
    from kdsr.train import distillation

    base = distillation("quick", task, name="mine", teacher="t", photos=["photos"])
    check_search(SearchPlan(5), base, None)


# With workers


@pytest.mark.slow
def test_a_search_that_was_stopped_and_killed_goes_on_with_its_trials_and_ends_with_network_and_recipe(
    jobs, photos, tmp_path, monkeypatch
):
    # Over 40 lines: one search through stop, kill and end; each needs the one before.
    gate = tmp_path / "gate"
    counted_searches(monkeypatch, gate)
    run = jobs.submit(recipe(**TAUGHT), ANNA, photos, search=SHORT)
    wait_for(lambda: told(jobs, run, "rung") or jobs.get(run.id).ended)
    assert jobs.get(run.id).state is State.RUNNING, jobs.get(run.id).message
    jobs.stop(run.id, ANNA)
    stopped = ended(jobs, run)
    assert stopped.state is State.STOPPED and "the trials so far are kept" in stopped.message
    assert (jobs.folder(run.id) / "search" / "trials.csv").is_file()
    rungs = told(jobs, run, "rung")
    jobs.resume(run.id, ANNA)
    wait_for(lambda: len(told(jobs, run, "planned")) == 2 and jobs.get(run.id).state is State.RUNNING)
    os.kill(int(jobs.get(run.id).holder.split()[-2]), signal.SIGKILL)
    assert wait_for(jobs.tend) == [run.id]
    assert jobs.get(run.id).message.endswith("goes on with the trials that are kept.")
    gate.unlink()
    jobs.resume(run.id, ANNA)
    done = ended(jobs, run)
    assert done.state is State.DONE and done.step == done.steps == 22, jobs.log(run.id, ANNA) + done.message
    assert told(jobs, run, "rung")[: len(rungs)] == rungs
    begun = [event["trial"] for event in told(jobs, run, "trial")]
    assert set(begun) == set(range(max(begun) + 1)) and len(told(jobs, run, "planned")) == 3
    (winner,) = {json.dumps(event["recipe"]) for event in told(jobs, run, "winner")}
    best = recipe_from_json((jobs.folder(run.id) / "recipe.json").read_text())
    assert best == recipe_from_json(winner) and best.name == "tiny"
    assert told(jobs, run, "finished")[-1]["step"] == best.schedule.steps
    steps = [event["step"] for event in told(jobs, run, "validation")]
    assert steps[0] < best.schedule.steps == steps[-1]  # the trial's own comparisons are the beginning of its curve
    assert Catalog(jobs.folder(run.id)).load("tiny").scale == 4
    assert not (jobs.folder(run.id) / "search" / "trials").exists()
    assert {path.name for path in (jobs.folder(run.id) / "preview").iterdir()} >= {"now.png", "teacher.png"}


@pytest.mark.slow
def test_a_search_with_a_proof_trains_the_twin_of_the_recipe_that_it_found(jobs, photos):
    run = jobs.submit(recipe(**TAUGHT, twin=True), ANNA, photos, search=SHORT)
    done = ended(jobs, run)
    assert done.state is State.DONE, jobs.log(run.id, ANNA) + done.message
    best, folder = recipe_from_json((jobs.folder(run.id) / "recipe.json").read_text()), jobs.folder(run.id)
    if not best.teaching.needs_teacher:  # these photographs may do best without one
        assert not (folder / "twin").exists()
        return
    twin = recipe_from_json((folder / "twin" / "recipe.json").read_text())
    assert (twin.schedule, twin.role) == (best.schedule, "twin") and done.step == done.steps == 44
    assert Catalog(folder).find("tiny").twin == "tiny-twin" and len(told(jobs, run, "twin")) == 1


@pytest.mark.slow
def test_a_search_that_cannot_be_planned_fails_with_the_minutes_that_it_needs(jobs, photos):
    now = ended(jobs, jobs.submit(recipe(**TAUGHT), ANNA, photos, search=SearchPlan(0.1)))
    assert now.state is State.FAILED and "give at least" in now.message


@pytest.mark.slow
def test_a_search_in_chunks_comes_to_its_end(tiny_settings, tiny_catalog, counted, photos):
    launcher = ChunkLauncher(tiny_settings, store_of(tiny_settings), gpu=lambda step: step, chunk_s=6.0, poll_s=0.01)
    jobs = Jobs(tiny_settings, launcher=launcher)
    run = jobs.submit(recipe(**TAUGHT), ANNA, photos, search=SHORT)
    done = ended(jobs, run)
    assert done.state is State.DONE, done.message
    assert told(jobs, run, "planned") and Catalog(jobs.folder(run.id)).load("tiny").scale == 4
