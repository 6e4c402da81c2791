"""The page served: its endpoints as a script uses them through gradio_client, and the way in with an account."""

import gc
import io
import re
import socket
import time
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import gradio
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from helpers.running import ANNA, BERT, photograph
from helpers.serving import served, tiny_settings_in
from PIL import Image

from kdsr.jobs import Jobs
from kdsr.settings import Settings
from kdsr.ui import build_ui, texts
from kdsr.ui.guard import is_foreign
from kdsr.ui.live.files import SCRIPTS
from kdsr.ui.live.handlers import LiveHandlers
from kdsr.ui.preview import SIZE
from kdsr.ui.restore.choice import NOTHING_COMPARED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # gradio's server and client warn of things of their own
]
JSON = {"content-type": "application/json"}
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


def test_a_link_to_the_page_is_shown_with_our_words_and_picture(client):
    """Behind the proxy of a Space; each line once, because readers take the first."""
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": 'kdsr".hf.space'}
    lines = re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]*)" content="([^"]*)">', page_of(client))
    assert len(dict(lines)) == len(lines) == page_of(client).count("og:") + page_of(client).count("twitter:")
    told = dict(lines)
    assert told["og:title"] == texts.PAGE_TITLE and told["og:description"] == texts.PURPOSE
    picture = httpx.get(told["og:image"], timeout=60)
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == SIZE == (int(told["og:image:width"]), int(told["og:image:height"]))
    assert 'content="https://kdsr&#34;.hf.space/preview.jpg"' in page_of(client, **forwarded)


def page_of(client, **headers):
    """The page's HTML, its head alone."""
    return httpx.get(client.src, headers=headers, timeout=60).text.partition("</head>")[0]


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


@pytest.fixture
def held_up(client, monkeypatch, tmp_path):
    """Asks for restorations, `post(name, address)`, that wait for `gate`; `served` names those that were begun."""
    gate, begun = Event(), []

    def restore_file(source, target, *_, **__):
        begun.append(source.stem)
        assert gate.wait(60)
        target.write_bytes(b"")
        return ()

    monkeypatch.setattr("kdsr.ui.endpoints.restoring.restore_file", restore_file)

    def post(name, address, **body):
        path = photograph(tmp_path / f"{name}.png", 8, 8)
        uploaded = httpx.post(
            f"{client.src}gradio_api/upload", files={"files": (path.name, path.read_bytes())}, timeout=60
        ).json()[0]
        data = {"data": [{"path": uploaded}, "sr_x4", "tiny_x4_student", None, None, False], **body}
        route = "queue/join" if body else "call/restore"
        return httpx.post(
            f"{client.src}gradio_api/{route}", json=data, headers={"x-forwarded-for": address}, timeout=60
        )

    yield SimpleNamespace(post=post, begun=begun, gate=gate)
    gate.set()


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_full_queue_hinders_neither_quick_answers_nor_other_addresses(client, held_up, monkeypatch, caplog):
    monkeypatch.setattr("kdsr.ui.waiting.QUEUE_PLACES", 5)
    assert held_up.post("a0", "10.0.0.1").status_code == 200
    until(lambda: held_up.begun == ["a0"])
    assert [held_up.post(f"a{index}", "10.0.0.1").status_code for index in range(1, 6)] == [200] * 5
    refused = held_up.post("a6", "10.0.0.1")
    assert refused.status_code == 429
    assert refused.json()["detail"].startswith("5 requests are waiting, which is the limit here")
    assert "10.0.0.1: 5 requests are waiting" in caplog.text
    with pytest.raises(AppError, match="no such run"):
        status(client, {"id": "rAAAAAAAAAAAAAAAAAAAA"})
    assert held_up.post("b", "10.0.0.2").status_code == 200
    held_up.gate.set()
    until(lambda: len(held_up.begun) == 6)
    assert held_up.begun == ["a0", "b", "a1", "a2", "a3", "a4"]  # a5 gave way


def test_one_session_has_its_own_places_and_no_more(client, held_up):
    fn = next(each["id"] for each in client.config["dependencies"] if each["api_name"] == "restore")
    about = {"fn_index": fn, "session_hash": "one page"}
    assert held_up.post("s", "10.0.0.3", **about).status_code == 200
    until(lambda: held_up.begun == ["s"])
    answers = [held_up.post("s", "10.0.0.3", **about) for _ in range(9)]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429]
    assert answers[-1].json()["detail"].startswith("8 of your requests are waiting")


@pytest.mark.parametrize("route, most", [("queue/join", 256_000), ("component_server", 8_000_000)])
def test_a_body_longer_than_its_limit_is_refused_stated_or_not(client, route, most, caplog):
    def chunks():
        for _ in range(most // 50_000 + 1):
            yield b" " * 50_000

    for body in (b" " * (most + 1), chunks()):
        refused = httpx.post(f"{client.src}gradio_api/{route}", content=body, headers=JSON, timeout=60)
        assert refused.status_code == 413 and "send less at once" in refused.json()["detail"]
    assert (
        httpx.post(f"{client.src}gradio_api/{route}", content=b" " * most, headers=JSON, timeout=60).status_code < 500
    )
    assert "larger than the" in caplog.text


def test_another_site_s_script_gets_no_cookie_and_no_word_of_the_answer(client):
    """gradio reflects any Origin, with credentials, where Host is not local."""
    ask = {"host": "demo.example", "origin": "https://evil.example", "cookie": "session=1"}
    asked = {**ask, "access-control-request-method": "POST"}
    for method, headers in (("GET", ask), ("OPTIONS", asked)):
        answer = httpx.request(method, f"{client.src}config", headers=headers, timeout=60)
        assert not [name for name in answer.headers if name.startswith("access-control")]
    own = httpx.get(f"{client.src}config", headers={**ask, "origin": "https://demo.example"}, timeout=60)
    assert own.headers["access-control-allow-origin"] == "https://demo.example"


@pytest.mark.parametrize(
    "headers, foreign",
    [
        ({}, False), ({"origin": "https://a.example", "host": "a.example"}, False),
        ({"origin": "https://a.example", "host": "b.example"}, True), ({"origin": "null", "host": "a.example"}, True),
        ({"origin": "https://a.example:1", "host": "a.example"}, True), ({"origin": "http://[", "host": "a"}, True),
        ({"origin": "https://a.example", "host": "inside:80", "x-forwarded-host": "a.example"}, False),
        ({"origin": "https://a.example", "host": "inside:80", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "https://a.example", "host": "b.example", "sec-fetch-site": "cross-site"}, True),
    ],
)  # fmt: skip
def test_which_requests_are_another_site_s(headers, foreign):
    assert is_foreign({name.encode(): value.encode() for name, value in headers.items()}) == foreign


@pytest.mark.parametrize(
    "path",
    ["monitoring", "monitoring/summary", "gradio_api/run-history/buckets", "gradio_api/runs",
     "gradio_api/deep_link?session_hash=a"],
)  # fmt: skip
def test_pages_of_gradio_that_tell_of_other_visitors_are_not_there(client, path):
    assert httpx.get(f"{client.src}{path}", timeout=60).status_code == 404


def test_an_upload_that_is_broken_off_leaves_no_traceback_in_the_log(client, caplog):
    host, port = client.src.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as wire:
        head = "POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n"
        wire.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode() + bytes(50_000))
        time.sleep(0.5)
    time.sleep(1)
    assert httpx.get(f"{client.src}config", timeout=60).status_code == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_a_comparison_that_is_refused_has_as_many_outputs_as_one_that_is_made(client):
    dependencies = client.config["dependencies"]
    compared = [each for each in dependencies if each["api_name"] in ("on_compare", "on_try")]
    assert [len(each["outputs"]) for each in compared] == [2 + len(NOTHING_COMPARED)] * 2


def told_of(client, body):
    """What the page is told of the request `body` in its stream."""
    asked = {"session_hash": f"forged {body['fn_index']}", "trigger_id": None} | body
    answer = httpx.post(f"{client.src}gradio_api/queue/join", json=asked, timeout=60)
    if answer.status_code != 200:
        return answer.json()["detail"]
    stream = httpx.get(f"{client.src}gradio_api/queue/data", params={"session_hash": asked["session_hash"]}, timeout=60)
    return next(line for line in stream.text.splitlines() if "process_completed" in line)


@pytest.mark.parametrize("value", [{}, [[1]], "x" * 3000, 1e18, {"path": "https://evil.example/a.png"}])
def test_forged_values_of_every_handler_of_the_page_leave_no_traceback(client, value, capfd, caplog):
    forged = [each for each in client.config["dependencies"] if each["inputs"] and each["backend_fn"]]
    names = ("on_sharpness", "on_strength", "on_mask", "on_upload", "on_placed", "on_example", "on_get", "on_task")
    for each in forged:
        if each["api_name"] in names:
            told = told_of(client, {"fn_index": each["id"], "data": [value] * len(each["inputs"])})
            assert len(told) < 2000 and "xxx" * 100 not in told
    assert "Traceback" not in capfd.readouterr().err
    assert not [record for record in caplog.records if record.exc_info]


def test_a_raw_call_of_few_values_takes_the_defaults(client, photos):
    sent = {"files": ("a.png", Path(photos[0]["path"]).read_bytes())}
    (path,) = httpx.post(f"{client.src}gradio_api/upload", files=sent, timeout=60).json()
    for more in ([], [None, None]):
        values = [{"path": path}, "sr_x4", "tiny_x4_student", *more]
        asked = httpx.post(f"{client.src}gradio_api/call/restore", json={"data": values}, timeout=60)
        told = httpx.get(f"{client.src}gradio_api/call/restore/{asked.json()['event_id']}", timeout=60).text
        assert "event: complete" in told
    few = httpx.post(f"{client.src}gradio_api/call/distill_stop", json={"data": [ANNA]}, timeout=60)
    assert few.status_code == 422 and few.json()["detail"].startswith("/distill_stop needs a value for run_id")
