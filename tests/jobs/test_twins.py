"""Background runs with a twin: its steps, its stops, its minutes and its chunks are those of one run."""

import dataclasses
import itertools

import pytest
from helpers.running import ANNA, Recorder, four_photos, recipe
from helpers.workers import ended

from kdsr.errors import LimitError
from kdsr.jobs import Jobs, State
from kdsr.jobs.launchers import ChunkLauncher
from kdsr.jobs.part import PartResult, Watch, train_part
from kdsr.jobs.store import store_of
from kdsr.train import recipe_from_json, train_recipe
from kdsr.zoo.weights import load_tensors

PLAN = {
    "task": "sr_x4", "teacher": "tiny_x4_teacher", "truth_share": 0.2, "cache_labels": False, "twin": True,
    "arguments": {"width": 8, "depth": 2}, "steps": 3, "warmup_steps": 1, "validate_every": 2, "validation_photos": 1,
}  # fmt: skip
NETWORKS = ("tiny.safetensors", "twin/tiny-twin.safetensors")
photos = pytest.fixture(four_photos)


@pytest.fixture
def chunked(tiny_settings, tiny_catalog):
    """Runs in chunks of one step, in this process."""
    launcher = ChunkLauncher(tiny_settings, store_of(tiny_settings), gpu=lambda step: step, chunk_s=0.0, poll_s=0.01)
    return Jobs(tiny_settings, launcher=launcher)


def weights(folder):
    return [{name: value.tolist() for name, value in load_tensors(folder / name).items()} for name in NETWORKS]


@pytest.mark.slow
def test_minutes_end_a_run_in_its_twin_and_chunks_give_the_weights_of_one_run(chunked, photos, tmp_path, monkeypatch):
    chunks = itertools.count(1)

    def time_left_s(_trained_s, _settings):
        if next(chunks) == 5:
            raise LimitError("The run has had its minutes.")
        return 60.0

    monkeypatch.setattr("kdsr.jobs.launchers.time_left_s", time_left_s)
    run = chunked.submit(recipe(**PLAN), ANNA, photos)
    now = ended(chunked, run)
    assert (now.state, now.step, now.steps, now.message) == (State.STOPPED, 4, 6, "The run has had its minutes.")
    chunked.resume(run.id, ANNA)
    now = ended(chunked, run)
    assert (now.state, now.step, now.message) == (State.DONE, 6, "Finished at step 6.")
    settings = dataclasses.replace(chunked.settings, data_dir=chunked.settings.home / "runs")
    train_recipe(recipe_from_json(run.recipe), tmp_path / "whole", settings=settings)
    assert weights(chunked.folder(run.id)) == weights(tmp_path / "whole")
    events = chunked.events(run.id)
    of_twin = [event["step"] for event in events if event["event"] == "step" and event.get("twin")]
    assert of_twin == [1, 2, 3] and events[-1]["event"] == "twin"


def test_a_stop_is_heard_while_the_twin_is_prepared(tiny_settings, tiny_catalog, photos, monkeypatch):
    monkeypatch.setattr("kdsr.jobs.part.BEAT_S", 0.0)
    jobs = Jobs(tiny_settings, launcher=Recorder())
    run = jobs.submit(recipe(**PLAN), ANNA, photos)
    held = jobs.store.claim("this 1 1", at_once=1)
    watch, passed_on = Watch(jobs.store, held), jobs.store.add_event

    def stop_before_the_twin(held, event):
        if event["event"] == "finished":
            jobs.stop(run.id, ANNA)
        passed_on(held, event)

    monkeypatch.setattr(watch.store, "add_event", stop_before_the_twin)
    outcome = train_part(held, jobs.settings, watch, time_limit_s=None)
    assert outcome == PartResult(State.STOPPED, "Stopped before the first step.") and not watch.has_begun
    half = jobs.folder(run.id) / "twin" / ".tiny-twin.safetensors.1.part"
    half.write_bytes(b"half")
    monkeypatch.undo()
    jobs.store.finish(held, State.STOPPED, outcome.message)
    jobs.resume(run.id, ANNA)
    held = jobs.store.claim("this 1 1", at_once=1)
    assert train_part(held, jobs.settings, Watch(jobs.store, held), time_limit_s=None).state is State.DONE
    assert not half.exists()


def test_the_steps_of_both_are_limited(tiny_settings, tiny_catalog, photos):
    jobs = Jobs(dataclasses.replace(tiny_settings, max_run_steps=5), launcher=Recorder())
    with pytest.raises(LimitError, match="5 steps here, got 6"):
        jobs.submit(recipe(**PLAN), ANNA, photos)
    assert jobs.submit(recipe(**PLAN | {"twin": False}), ANNA, photos).steps == 3
