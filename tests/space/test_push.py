"""The upload of a Space, to a Hub on this machine."""

import json

import pytest
from helpers.hub import TOKEN, FakeHub, serving_hub
from huggingface_hub import constants

from kdsr.errors import InputError, UnknownNameError
from kdsr.space.push import SpaceError, push_space

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # huggingface_hub warns of things of its own
API = "/api/spaces/anna/kdsr"


@pytest.fixture
def tree(tmp_path):
    """Three files."""
    for name, content in (("README.md", "---\nsdk: gradio\n---\n"), ("app.py", "pass\n"), ("weights/a.json", "{}")):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(content)
    return tmp_path / "tree"


@pytest.fixture(autouse=True)
def own_token(monkeypatch, tmp_path):
    """A token of the test's own, and no storage beside the Hub itself."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


def push(hub, tree, name="anna/kdsr", **more):
    """(address, lines that were told)"""
    lines = []
    with serving_hub(hub):
        address = push_space(tree, name, on_line=lines.append, poll_s=0.01, endpoint=hub.address, **more)
    return address, lines


def test_a_space_is_made_filled_built_and_named(tree):
    hub = FakeHub(
        stages=("NO_APP_FILE", "RUNNING", "BUILDING", "APP_STARTING", "RUNNING"), files={"old.py": b"", "app.py": b""}
    )
    address, lines = push(hub, tree)
    assert address == f"{hub.address}/spaces/anna/kdsr"
    assert hub.files == {"README.md": b"---\nsdk: gradio\n---\n", "app.py": b"pass\n", "weights/a.json": b"{}"}
    made = json.loads(hub.bodies("/api/repos/create")[0])
    assert (made["type"], made["sdk"], made["name"], made["organization"]) == ("space", "gradio", "kdsr", "anna")
    assert lines == ["uploading 3 files", "build line 1", "build line 2"]
    assert hub.bodies(f"{API}/hardware") == [] and TOKEN not in "".join(lines)


def test_hardware_is_asked_for_where_it_is_named(tree):
    hub = FakeHub()
    push(hub, tree, hardware="t4-small", is_private=True)
    assert json.loads(hub.bodies(f"{API}/hardware")[0]) == {"flavor": "t4-small"}
    made = json.loads(hub.bodies("/api/repos/create")[0])
    assert made.get("private") is True or made.get("visibility") == "private"


def test_a_build_that_fails_tells_both_logs_and_the_stage(tree):
    hub, lines = FakeHub(stages=("BUILDING", "BUILD_ERROR")), []
    with serving_hub(hub), pytest.raises(SpaceError, match="does not run: its stage is BUILD_ERROR"):
        push_space(tree, "anna/kdsr", on_line=lines.append, poll_s=0.01, endpoint=hub.address)
    assert lines[1:] == ["build line 1", "build line 2", "run line 1", "run line 2"]


def test_what_the_hub_refuses_is_one_sentence(tree):
    hub = FakeHub(refuses=f"{API}/commit/main")
    with serving_hub(hub), pytest.raises(SpaceError, match=r"The Hub refuses: .*no right") as caught:
        push_space(tree, "anna/kdsr", on_line=print, poll_s=0.01, endpoint=hub.address)
    assert "\n" not in str(caught.value) and hub.files == {}


def test_a_wrong_token_is_one_sentence(tree, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with serving_hub(FakeHub()) as hub, pytest.raises(SpaceError, match="The Hub refuses"):
        push_space(tree, "anna/kdsr", on_line=print, endpoint=hub.address)


@pytest.mark.parametrize(
    "name, more, error, told",
    [
        ("kdsr", {}, InputError, "USER/NAME"),
        ("anna/k d", {}, InputError, "no name of a Space"),
        ("anna/kdsr", {"hardware": "t4-smal"}, UnknownNameError, "Did you mean 't4-small'"),
    ],
)
def test_what_cannot_be_asked_for_is_told_before_anything_is_made(tree, name, more, error, told):
    hub = FakeHub()
    with serving_hub(hub), pytest.raises(error, match=told):
        push_space(tree, name, on_line=print, endpoint=hub.address, **more)
    assert hub.requests == []


def test_without_a_token_nothing_is_asked_of_the_hub(tree, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with serving_hub(FakeHub()) as hub, pytest.raises(InputError, match="no token for the Hub"):
        push_space(tree, "anna/kdsr", on_line=print, poll_s=0.01, endpoint=hub.address)
    assert hub.requests == []


def test_the_hub_of_the_environment_is_the_one_that_is_named(tree, monkeypatch):
    with serving_hub(FakeHub()) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)  # what HF_ENDPOINT sets
        assert push_space(tree, "anna/kdsr", on_line=str, poll_s=0.01) == f"{hub.address}/spaces/anna/kdsr"
