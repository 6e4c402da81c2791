"""Runs as Hugging Face Jobs of whoever signed in, against a Hub of this machine whose jobs are processes."""

import dataclasses
import time
from types import SimpleNamespace

import pytest
from helpers.hub import TOKEN
from helpers.hub_jobs import FakeHubJobs, serving_hub_jobs
from helpers.running import ANNA, four_photos, recipe

from kdsr.errors import LimitError, SettingsError
from kdsr.jobs import WAITING, Jobs, SearchPlan, State
from kdsr.jobs.hub_jobs import HubJobsLauncher, signed_in
from kdsr.settings import settings_from_environment
from kdsr.ui.networks import card_of_run
from kdsr.ui.visitor import token_of

PLAN = {"warmup_steps": 2, "validate_every": 50, "validation_photos": 1}
photos = pytest.fixture(four_photos)


@pytest.fixture
def hub(monkeypatch):
    with serving_hub_jobs(FakeHubJobs()) as served:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.address)
        monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", served.address)
        yield served


@pytest.fixture
def jobs(tiny_settings):
    opened = Jobs(
        dataclasses.replace(tiny_settings, launcher="hf", hf_image="hf.co/spaces/anna/kdsr", hf_flavor="t4-small")
    )
    opened.launcher.poll_s = 0.2
    return opened


def waited(jobs, run, condition):
    """The run when `condition` holds for it."""
    deadline = time.monotonic() + 150
    while not condition(now := jobs.get(run.id)):
        assert time.monotonic() < deadline and (now.state in WAITING or now.ended is None), (now.state, now.message)
        time.sleep(0.05)
    return now


def ended(jobs, run):
    return waited(jobs, run, lambda now: now.state not in WAITING)


@pytest.mark.slow
def test_a_run_is_a_job_of_the_account_is_stopped_and_resumed_and_its_network_comes_back(jobs, hub, photos, caplog):
    with signed_in(TOKEN):
        run = jobs.submit(recipe(steps=200_000, **PLAN), ANNA, photos)
    waited(jobs, run, lambda now: now.step > 0)
    jobs.stop(run.id, ANNA)
    stopped = ended(jobs, run)
    assert stopped.state is State.STOPPED and 0 < stopped.step < 200_000, stopped.message
    (asked,) = hub.jobs.values()
    assert (asked["spaceId"], asked["flavor"], asked["labels"]["kdsr-run"]) == ("anna/kdsr", "t4-small", run.id)
    assert asked["secrets"] == {"HF_TOKEN": TOKEN} and TOKEN not in str(asked["environment"])
    with signed_in(TOKEN):
        jobs.resume(run.id, ANNA)
    waited(jobs, run, lambda now: now.step > stopped.step)
    hub.processes["job1"].kill()
    interrupted = ended(jobs, run)
    assert interrupted.state is State.INTERRUPTED and "ended (canceled)" in interrupted.message
    begun = [event["step"] for event in jobs.events(run.id, most=100_000) if event["event"] == "started"]
    assert begun == [0, stopped.step]
    kept = b"".join(path.read_bytes() for path in jobs.settings.home.rglob("*") if path.is_file())
    assert TOKEN.encode() not in kept and TOKEN not in caplog.text


@pytest.mark.slow
def test_a_run_that_ends_in_its_job_is_done_here(jobs, hub, photos):
    with signed_in(TOKEN):
        run = jobs.submit(recipe(steps=6, **PLAN), ANNA, photos)
    done = ended(jobs, run)
    assert (done.state, done.step, done.message) == (State.DONE, 6, "Finished at step 6.")
    assert card_of_run(done, jobs.settings).name == "tiny"
    assert all(name.startswith(run.id) for name in hub.files) and hub.commits < 8


@pytest.mark.slow
def test_a_search_goes_to_the_account_with_its_minutes(jobs, hub, photos):
    with signed_in(TOKEN):
        run = jobs.submit(recipe(**PLAN), ANNA, photos, search=SearchPlan(0.1))
    now = ended(jobs, run)  # a few seconds are enough on a quick machine only
    assert now.state is State.DONE or "give at least" in now.message, now.message
    events = jobs.events(run.id)
    assert events and events[0]["search"] and f"{run.id}/search/recipe.json" not in hub.files


def test_nobody_signed_in_means_no_run_and_a_queue_that_waits(jobs, hub, photos):
    with pytest.raises(LimitError, match="your own Hugging Face account: sign in first"):
        jobs.submit(recipe(), ANNA, photos)
    assert jobs.tend() == [] and jobs.runs(ANNA) == [] and hub.jobs == {}


@pytest.mark.slow
def test_an_account_that_may_run_nothing_is_one_sentence_without_the_token(jobs, hub, photos):
    hub.refuses = "/api/jobs/"
    with signed_in(TOKEN):
        run = jobs.submit(recipe(), ANNA, photos)
    now = ended(jobs, run)
    assert now.state is State.INTERRUPTED and now.message.startswith("Hugging Face Jobs did not take the run (")
    assert "402" in now.message and TOKEN not in now.message


def test_without_an_image_the_setting_is_named_and_a_space_has_its_own(tiny_settings):
    with pytest.raises(SettingsError, match="needs KDSR_HF_IMAGE"):
        HubJobsLauncher(tiny_settings, None)
    assert settings_from_environment({"SPACE_ID": "anna/kdsr"}).hf_image == "hf.co/spaces/anna/kdsr"
    assert settings_from_environment({"SPACE_ID": "anna/kdsr", "KDSR_HF_IMAGE": "other"}).hf_image == "other"


@pytest.mark.parametrize(
    "kept, expected",
    [
        ({"access_token": TOKEN, "expires_at": time.time() + 1e6}, TOKEN),
        ({"access_token": TOKEN, "expires_at": time.time() - 60}, ""),
        ({"access_token": TOKEN}, TOKEN),
        (None, ""),
    ],
)
def test_the_token_is_that_of_the_visitor_s_session_while_it_holds(kept, expected):
    scope = {"type": "http", "session": {"oauth_info": kept} if kept else {}}
    assert token_of(SimpleNamespace(request=SimpleNamespace(scope=scope))) == expected
    assert token_of(None) == "" and token_of(SimpleNamespace(request=SimpleNamespace(scope={"type": "http"}))) == ""
