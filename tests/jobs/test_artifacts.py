"""The files of runs where all machines reach them: what one worker leaves, another goes on with, and a page shows."""

import dataclasses
import json
import uuid

import fsspec
import pytest
import torch
from helpers.running import ANNA, Recorder, four_photos, recipe
from helpers.searching import MINUTES, counted_searches

from kdsr.errors import JobError, SettingsError, UnknownNameError
from kdsr.jobs import Jobs, SearchPlan, State
from kdsr.jobs.artifacts import Artifacts
from kdsr.jobs.part import Watch, finish, train_part
from kdsr.train import recipe_from_json, train_recipe
from kdsr.ui.networks import card_of_run, find_network, name_of_run
from kdsr.zoo.weights import load_tensors

PLAN = {"steps": 6, "warmup_steps": 2, "validate_every": 100, "validation_photos": 1}
photos = pytest.fixture(four_photos)


@pytest.fixture
def place():
    """An address in memory that no other test uses."""
    return f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def machines(tiny_settings, place):
    """The runs as two machines see them: one database, a home each."""

    def machine(name):
        jobs = Jobs(
            dataclasses.replace(tiny_settings, home=tiny_settings.home / name, artifacts_url=place),
            launcher=Recorder(),
        )
        jobs.store = machines[0].store if machines else jobs.store
        return jobs

    machines = []
    machines += [machine("one")]
    return [*machines, machine("other")]


def trained(jobs, run, **changes):
    """What training `run` at the machine of `jobs` gives."""
    return train_part(run, jobs.settings, Watch(jobs.store, run), **{"time_limit_s": None} | changes)


@pytest.mark.slow
def test_a_run_begins_on_one_machine_goes_on_at_another_and_is_shown_at_both(machines, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("kdsr.jobs.artifacts._ASK_S", 0.0)
    one, other = machines
    run = one.submit(recipe(**PLAN), ANNA, photos)
    held = one.store.claim("elsewhere 1 1", at_once=1)
    assert trained(other, held, time_limit_s=0.0).state is None and (other.folder(run.id) / "photos").is_dir()
    assert (one.folder(run.id) / "checkpoint.safetensors").is_file()
    outcome = trained(one, held)
    finish(one.store, held, outcome)
    assert outcome.state is State.DONE
    ended = other.get(run.id)
    assert card_of_run(ended, other.settings).name == "tiny"
    weights = [load_tensors(jobs.folder(run.id) / "tiny.safetensors") for jobs in machines]
    train_recipe(
        recipe_from_json(run.recipe),
        tmp_path / "whole",
        settings=dataclasses.replace(one.settings, data_dir=one.settings.home / "runs"),
    )
    whole = load_tensors(tmp_path / "whole" / "tiny.safetensors")
    assert all(torch.equal(each[name], whole[name]) for each in weights for name in whole)


@pytest.mark.slow
def test_a_network_is_found_by_its_name_where_the_run_was_never_listed(tiny_settings, place, photos):
    one = Jobs(dataclasses.replace(tiny_settings, artifacts_url=place), launcher=Recorder())
    run = one.submit(recipe(**PLAN), ANNA, photos)
    with pytest.raises(UnknownNameError, match="has not ended"):
        find_network(name_of_run(run), one.settings)
    held = one.store.claim("elsewhere 1 1", at_once=1)
    elsewhere = dataclasses.replace(one.settings, home=tiny_settings.home / "elsewhere")
    finish(one.store, held, train_part(held, elsewhere, Watch(one.store, held), time_limit_s=None))
    card, catalog = find_network(name_of_run(run), one.settings)
    assert card.name == "tiny" and catalog.load("tiny").scale == 2


def test_what_is_newer_here_than_in_its_place_stays(machines, photos):
    one, other = machines
    run = one.submit(recipe(**PLAN), ANNA, photos)
    (newer := one.folder(run.id) / "checkpoint.safetensors").write_bytes(b"of a worker that died before it was stored")
    one.artifacts.fetch(run)
    one.artifacts.pull(run.id)
    assert newer.read_bytes().startswith(b"of a worker") and not (other.folder(run.id) / newer.name).exists()
    other.artifacts.pull(run.id)
    (other.folder(run.id) / newer.name).write_bytes(b"of the worker that went on elsewhere")
    other.artifacts.push(run.id)
    one.artifacts.pull(run.id)
    assert newer.read_bytes() == b"of the worker that went on elsewhere"


@pytest.mark.slow
def test_a_search_that_one_machine_left_goes_on_at_another_with_its_trials(machines, photos, monkeypatch):
    counted_searches(monkeypatch)
    one, other = machines
    run = one.submit(recipe(validation_photos=1), ANNA, photos, search=SearchPlan(MINUTES))
    held = one.store.claim("elsewhere 1 1", at_once=1)
    watch = Watch(one.store, held)
    watch.should_stop = lambda: any(event["event"] == "rung" for event in one.events(run.id))
    assert train_part(held, one.settings, watch, time_limit_s=None).state is State.STOPPED
    (compared,) = [event["psnr_db"] for event in one.events(run.id) if event["event"] == "rung"]
    outcome = trained(other, held)
    assert outcome.state is State.DONE, outcome.message
    rungs = [event["psnr_db"] for event in one.events(run.id) if event["event"] == "rung" and event["trial"] == 0]
    assert rungs[0] == compared and len(rungs) == 2  # the first comparison was not made again
    assert card_of_run(one.get(run.id), other.settings) is None and (other.folder(run.id) / "tiny.json").is_file()


def test_only_what_changed_is_stored_and_what_nothing_names_is_removed(machines, photos, place, monkeypatch):
    one, _ = machines
    run = one.submit(recipe(**PLAN), ANNA, photos)
    system, root = fsspec.core.url_to_fs(f"{place}/{run.id}")
    before = set(system.ls(root, detail=False))
    stored = []
    monkeypatch.setattr(type(system), "pipe_file", _recorded(type(system).pipe_file, stored))
    one.artifacts.push(run.id)
    assert stored == [] and len(before) == 2  # four photographs of one content, and the manifest
    for text in ("one", "two"):
        (one.folder(run.id) / "run.log").write_text(text)
        one.artifacts.push(run.id)
    assert len(stored) == 4 and len(system.ls(root, detail=False)) == 3
    one.stop(run.id, ANNA)
    one.delete(run.id, ANNA)
    assert not system.exists(root)


def _recorded(write, stored):
    def pipe_file(self, path, value, **options):
        stored.append(path)
        return write(self, path, value, **options)

    return pipe_file


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "photos/../../escaped"])
def test_a_place_that_names_files_outside_or_holds_altered_ones_is_refused(machines, photos, place, name):
    one, other = machines
    run = one.submit(recipe(**PLAN), ANNA, photos)
    system, root = fsspec.core.url_to_fs(f"{place}/{run.id}")
    manifest = json.loads(system.cat_file(f"{root}/manifest.json"))
    (content,) = set(manifest["files"].values())
    system.pipe_file(f"{root}/{content}", b"altered")
    with pytest.raises(JobError, match="was altered"):
        other.artifacts.pull(run.id)
    manifest["files"] = {name: content}
    system.pipe_file(f"{root}/manifest.json", json.dumps(manifest).encode())
    with pytest.raises(JobError, match="lies outside"):
        other.artifacts.pull(run.id)
    assert not list(other.settings.home.rglob("escaped"))


def test_a_place_that_does_not_answer_is_one_sentence_and_leaves_no_run(machines, photos, place, monkeypatch):
    one, _ = machines
    run = one.submit(recipe(**PLAN), ANNA, photos)
    system, _ = fsspec.core.url_to_fs(place)

    def fail(*_arguments, **_options):
        raise ConnectionError("no route to secret-host")

    for name in ("pipe_file", "cat_file", "rm"):
        monkeypatch.setattr(type(system), name, fail)
    with pytest.raises(JobError, match=r"are out of reach now \(ConnectionError\): try again later\.$"):
        one.submit(recipe(**PLAN), ANNA, photos)
    assert [each.id for each in one.runs(ANNA)] == [run.id] and len(list((one.settings.home / "runs").iterdir())) == 1
    held = one.store.claim("elsewhere 1 1", at_once=1)
    outcome = trained(one, held)
    assert outcome.state is State.FAILED and "are out of reach now" in outcome.message
    finish(one.store, held, outcome)
    assert card_of_run(one.get(run.id), one.settings) is None
    one.delete(run.id, ANNA)
    assert one.runs(ANNA) == []


def test_while_a_worker_has_a_folder_a_look_fetches_nothing_into_it(machines, photos, monkeypatch):
    monkeypatch.setattr("kdsr.jobs.artifacts._ASK_S", 0.0)
    monkeypatch.setattr("kdsr.jobs.artifacts._LOCKED_S", 0.1)
    one, other = machines
    run = one.submit(recipe(**PLAN), ANNA, photos)
    (one.folder(run.id) / "run.log").write_text("newer")
    one.artifacts.push(run.id)
    with other.artifacts.held(run.id):
        other.artifacts.fetch(run)
        assert not (other.settings.home / "runs" / run.id / "run.log").exists()
        with pytest.raises(JobError, match="Another worker of this machine"), Artifacts(other.settings).held(run.id):
            pass
    other.artifacts.fetch(run)
    assert (other.settings.home / "runs" / run.id / "run.log").read_text() == "newer"


def test_a_worker_that_lost_its_run_stores_nothing_more(machines, photos):
    one, other = machines
    run = one.submit(recipe(**PLAN), ANNA, photos)
    with one.artifacts.pushing(run.id, lambda: False):
        (one.folder(run.id) / "checkpoint.safetensors").write_bytes(b"stale")
    assert not (other.folder(run.id) / "checkpoint.safetensors").exists()
    with one.artifacts.pushing(run.id, lambda: True):
        pass
    other.artifacts.pull(run.id)
    assert (other.folder(run.id) / "checkpoint.safetensors").read_bytes() == b"stale"


@pytest.mark.parametrize("address", ["nothing://bucket", "github://"])
def test_an_address_that_fsspec_cannot_open_is_told(tiny_settings, address):
    with pytest.raises(SettingsError, match="KDSR_ARTIFACTS_URL cannot be opened"):
        Artifacts(dataclasses.replace(tiny_settings, artifacts_url=address))
