"""The page served: its endpoints as a script uses them through gradio_client, and the way in with an account."""

import gc
import time

import gradio
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from helpers.running import ANNA, BERT, photograph
from helpers.serving import served, tiny_settings_in

from kdsr.jobs import Jobs
from kdsr.settings import Settings
from kdsr.ui import build_ui
from kdsr.ui.live.files import SCRIPTS
from kdsr.ui.live.handlers import LiveHandlers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and client warn of things of their own
]
CUSTOM = {"steps": 20_000, "batch_size": 1, "patch_px": 16}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return tiny_settings_in(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def client(settings):
    """A script that is connected to the served page."""
    with served(settings) as address:
        connected = Client(address, verbose=False)
        yield connected
        connected.close()


@pytest.fixture
def photos(tmp_path):
    return [handle_file(str(photograph(tmp_path / f"photo {index}.png"))) for index in range(4)]


def start(client, photos, *, owner=ANNA, **custom):
    return client.predict(
        owner,
        "sr_x4",
        "tiny_x4_teacher",
        "fresh 16x7",
        photos,
        "custom",
        "mine",
        CUSTOM | custom,
        api_name="/distill_start",
    )


def status(client, run, after=0):
    return client.predict(run["id"], after, api_name="/distill_status")


def test_only_the_named_endpoints_are_shown(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {
        "/distill_start",
        "/distill_status",
        "/distill_stop",
        "/restore",
        "/compare",
        "/models",
        "/evaluate",
    }


def test_a_script_starts_a_run_watches_it_and_stops_it(client, photos, settings):
    run = start(client, photos)
    assert (
        run["name"] == "mine"
        and run["steps"] == CUSTOM["steps"]
        and run["queue_place"] in (1, None)
        and ANNA not in repr(run)
    )
    while not (told := status(client, run))["events"]:
        time.sleep(0.3)
        assert told["run"]["state"] in ("queued", "running")
    newest = told["events"][-1]["number"]
    assert told["events"][0]["event"] == "reading" and all(
        event["number"] > newest for event in status(client, run, newest)["events"]
    )
    with pytest.raises(AppError, match="belongs to another browser"):
        client.predict(BERT, run["id"], api_name="/distill_stop")
    assert client.predict(ANNA, run["id"], api_name="/distill_stop")["state"] in ("stopping", "stopped")
    while status(client, run)["run"]["state"] != "stopped":
        time.sleep(0.3)
    assert len(list((settings.home / "runs" / run["id"] / "photos").iterdir())) == 4


@pytest.mark.parametrize("path", ["/etc/hostname", "{home}/jobs.sqlite", "{uploads}/../jobs.sqlite"])
def test_no_other_file_of_the_server_can_be_named(client, settings, path):
    named = path.format(home=settings.home, uploads=settings.home / "gradio")
    for photo in ({"path": named, "meta": {"_type": "gradio.FileData"}}, {"path": named}, named):
        with pytest.raises(AppError):
            start(client, [photo])
    assert all(run.state != "queued" for run in Jobs(settings).runs(ANNA))


@pytest.mark.parametrize(
    "change, sentence", [({"steps": 1}, "Steps must be between"), ({"owner": "short"}, "16 characters or more")]
)
def test_what_is_refused_comes_back_as_its_sentence(client, photos, change, sentence):
    with pytest.raises(AppError, match=sentence):
        start(client, photos, **change)


def test_a_run_that_is_not_there_is_a_sentence(client):
    with pytest.raises(AppError, match="no such run"):
        client.predict("rAAAAAAAAAAAAAAAAAAAA", 0, api_name="/distill_status")


@pytest.mark.parametrize("registered, shown", [(None, 0), ("a client", 1)])
def test_signing_in_is_offered_where_the_space_does(settings, monkeypatch, tmp_path, registered, shown):
    monkeypatch.setattr("kdsr.ui.visitor.OAUTH_CLIENT_ID", registered)
    monkeypatch.setattr(gradio.routes, "attach_oauth", lambda app: None)  # it asks Hugging Face
    home = tmp_path / "home"
    blocks = build_ui(Settings(weights_dir=settings.weights_dir, home=home, device="cpu", threads=1))
    assert [type(block).__name__ for block in blocks.blocks.values()].count("LoginButton") == shown
    assert (home / "owners.key").exists() == bool(shown)
    del blocks
    gc.collect()  # blocks that are never served leave their event loop open, and gradio warns of it here


def test_the_page_is_isolated_from_other_sites_but_where_it_stands_inside_another(client):
    """Threads of WebAssembly need it; within a frame it would be of no use."""
    wanted = {"cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp"}
    assert wanted.items() <= dict(httpx.get(client.src, timeout=60).headers).items()
    assert not wanted.keys() & httpx.get(client.src, headers={"sec-fetch-dest": "iframe"}, timeout=60).headers.keys()


def test_scripts_and_graphs_are_served_and_their_neighbours_are_not(client, settings):
    served = f"{client.src}gradio_api/file="
    assert (
        httpx.get(f"{served}{SCRIPTS / 'start.js'}", timeout=60)
        .headers["content-type"]
        .partition(";")[0]
        .endswith("/javascript")
    )
    graph = LiveHandlers(settings).graph({"network": "tiny_x4_student"})["graph"]
    assert httpx.get(f"{client.src}gradio_api{graph}", timeout=60).status_code == 200
    for hidden in (
        SCRIPTS.parent / "live_tab.py",
        settings.home / "onnx",
        settings.weights_dir / "tiny_x4_student.safetensors",
    ):
        assert httpx.get(f"{served}{hidden}", timeout=60).status_code == 403
