"""Recipes, cards, run folders and background runs of commit 929f91c (tests/fixtures/before_house) still work."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch
from helpers.running import Recorder

from kdsr.jobs import Jobs, State, curve
from kdsr.jobs.part import Watch, finish, train_part
from kdsr.jobs.process import this_holder
from kdsr.models import is_integer
from kdsr.settings import Settings
from kdsr.train import train_recipe
from kdsr.train.events import events_in
from kdsr.train.recipe import recipe_from_json, recipe_from_mapping, recipe_to_json
from kdsr.zoo import Catalog, read_card
from kdsr.zoo.weights import load_tensors

OLD = Path(__file__).parents[1] / "fixtures" / "before_house"
OWNER = "the owner's secret 123456"
IDS = json.loads((OLD / "jobs.json").read_text())


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings on a copy of the fixture, which is the working folder too: a stage names the one before by its path."""
    shutil.copytree(OLD, tmp_path / "old")
    monkeypatch.chdir(tmp_path / "old")
    return Settings(
        weights_dir=Path("weights"),
        home=Path("home"),
        data_dir=Path("data"),
        device="cpu",
        threads=1,
        runs_keep_days=1e6,
    )


@pytest.fixture
def jobs(settings):
    return Jobs(settings, launcher=Recorder())


def leaves(value, name=""):
    """(key, value) of everything in `value` that holds nothing further."""
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, key)]
    if isinstance(value, (list, tuple)):
        return [leaf for inner in value for leaf in leaves(inner, name)]
    return [(name, value)]


def assert_same_network(one, other):
    """Equal but for rounding: a label's level may fall to either side of a half, depending on the processor."""
    found, wanted = load_tensors(one), load_tensors(other)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert (found[name] - value).norm() <= 2e-4 * value.norm(), name


@pytest.mark.parametrize("path", sorted((OLD / "recipes").glob("*.json")), ids=lambda path: path.stem)
def test_a_flat_recipe_keeps_every_value(path):
    recipe = recipe_from_json(path.read_text())
    assert recipe_from_json(recipe_to_json(recipe)) == recipe
    now = [value for _, value in leaves(json.loads(recipe_to_json(recipe)))]
    for key, value in leaves(json.loads(path.read_text())):
        assert value in now, f"{key} = {value!r} was lost"


def test_the_flat_recipes_name_every_key_that_there_was():
    named = {key for path in (OLD / "recipes").glob("*.json") for key in json.loads(path.read_text())}
    assert named == set(json.loads((OLD / "recipes" / "denoise-plan-in-full.json").read_text())) and len(named) == 51


def test_a_recipe_with_every_key_written_out_equals_its_short_form():
    short, full = ((OLD / "recipes" / f"denoise-plan{end}.json").read_text() for end in ("", "-in-full"))
    assert recipe_from_json(short) == recipe_from_json(full)


def test_old_cards_describe_networks_that_load(settings):
    catalog = Catalog(settings.weights_dir)
    assert catalog.problems == ()
    assert [card.name for card in catalog.cards] == ["old-start", "old-teacher", "old-wide-pruned-int8"]
    for card in catalog.cards:
        network = catalog.load(card.name)
        assert network(torch.rand(1, 3, 12, 12)).shape == (1, 3, 24, 24)
    assert is_integer(network)


def test_an_old_card_keeps_its_history_and_its_compression():
    card = read_card(OLD / "weights" / "old-wide-pruned-int8.json")
    assert [entry["name"] for entry in card.history] == ["old-wide", "old-wide-pruned"]
    assert recipe_from_mapping(card.history[1]["recipe"]).networks == ("old-wide", "old-wide")
    assert [step["step"] for step in card.compression] == ["source", "pruned", "int8, by ranges", "int8, learnt"]


def test_an_old_run_folder_is_read_whole(settings):
    folder = Path("run_finished")
    events = events_in(folder / "events.jsonl")
    assert [event["step"] for event in curve(events, "validation")] == [0, 3, 6, 8]
    assert (
        recipe_from_json((folder / "recipe.json").read_text()).name == Catalog(folder).find("taught").name == "taught"
    )
    assert Catalog(folder).load("taught").scale == 2


@pytest.mark.parametrize("kind, name", [("run", "taught"), ("stages", "staged")])
def test_an_old_run_resumes_to_the_weights_that_the_old_code_ended_with(settings, kind, name):
    folder = Path(f"{kind}_stopped")
    recipe = recipe_from_json((folder / "recipe.json").read_text())
    steps = []
    result = train_recipe(
        recipe, folder, settings=settings, resume=True, on_event=lambda event: steps.append(event.get("step", 99))
    )
    assert result.finished and min(steps) > 0  # it went on, and did not start again
    assert_same_network(folder / f"{name}.safetensors", Path(f"{kind}_finished") / f"{name}.safetensors")
    old, new = (read_card(path / f"{name}.json") for path in (Path(f"{kind}_finished"), folder))
    same = ("parameters", "macs_per_output_megapixel", "steps", "teacher", "data", "licence", "notes", "title")
    assert [getattr(new, field) for field in same] == [getattr(old, field) for field in same]


def test_old_background_runs_are_listed_in_their_states_and_their_order(jobs):
    states = {run.id: str(run.state) for run in jobs.runs(OWNER)}
    assert states == {run_id: name.split()[0] for name, run_id in IDS.items()}
    assert [jobs.place_in_queue(IDS[name]) for name in ("queued", "queued behind", "done")] == [1, 2, None]
    done = jobs.get(IDS["done"])
    assert (done.step, done.steps, done.message) == (8, 8, "Finished at step 8.") and done.trained_s > 0
    assert [event["step"] for event in curve(jobs.events(done.id), "validation")] == [0, 3, 6, 8]
    assert Catalog(jobs.folder(done.id)).load("job-done").scale == 2


def test_an_old_interrupted_run_goes_on_behind_the_queue_and_is_done(jobs):
    run = jobs.resume(IDS["interrupted"], OWNER)
    assert run.step == 4 and jobs.place_in_queue(run.id) == 3
    for name in ("queued", "queued behind"):
        jobs.stop(IDS[name], OWNER)
    before_s = run.trained_s
    held = jobs.store.claim(this_holder(), at_once=1)
    assert held is not None and held.id == run.id
    finish(jobs.store, held, train_part(held, jobs.settings, Watch(jobs.store, held), time_limit_s=None))
    ended = jobs.get(run.id)
    assert (ended.state, ended.step) == (State.DONE, 8), ended.message
    assert ended.trained_s > before_s > 0
    ids = (run.id, IDS["done"])
    weights = [next(jobs.folder(run_id).glob("job-*.safetensors")) for run_id in ids]
    assert_same_network(*weights)  # both runs had one plan and the same photographs


def test_an_old_queued_run_trains_from_its_beginning(jobs):
    held = jobs.store.claim(this_holder(), at_once=1)
    assert held is not None and held.id == IDS["queued"]
    steps = recipe_from_json(held.recipe)
    outcome = train_part(held, jobs.settings, Watch(jobs.store, held), time_limit_s=None)
    assert outcome.state is State.DONE and jobs.get(held.id).step == 8 and steps.all_steps == 8
    assert dataclasses.asdict(steps)["name"] == "job-queued1"
