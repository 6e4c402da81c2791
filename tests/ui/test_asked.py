"""What a request asks is checked before gradio sees it: each fault is one sentence, and nothing reaches gradio."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from kdsr.ui import texts
from kdsr.ui.asked import Arguments, Asked
from kdsr.ui.guard import LEAST_FREE_BYTES, Guarded, is_closed

SERVED = 7


ENDPOINT, HANDLER = 3, 4
PARAMETERS = [
    {"parameter_name": "picture", "parameter_has_default": False, "parameter_default": None},
    {"parameter_name": "task", "parameter_has_default": True, "parameter_default": "sr_x4"},
    {"parameter_name": "strip", "parameter_has_default": True, "parameter_default": False},
]


@pytest.fixture
def blocks():
    """A page of one endpoint, one handler of two values, and a component with a function for the browser."""
    component = SimpleNamespace(graph=SimpleNamespace(_is_server_fn=True))
    return SimpleNamespace(
        fns={
            ENDPOINT: SimpleNamespace(api_name="restore", inputs=[1, 2, 3]),
            HANDLER: SimpleNamespace(api_name="on_change", inputs=[1, 2]),
        },
        get_api_info=lambda: {"named_endpoints": {"/restore": {"parameters": PARAMETERS}}},
        blocks={SERVED: component},
    )


@pytest.fixture
def ask(blocks):
    """Asks by `ask(route, body)`: (status, sentence), or (200, the body that gradio gets)."""
    queue = SimpleNamespace(
        pending_messages_per_session={"page": 1}, event_ids_to_events={}, pending_event_ids_session={"page": {"event"}}
    )

    def asked(route, body=b"", method="POST", query=b""):
        got, sent = [], []
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def receive():
            return {"type": "http.request", "body": raw}

        async def send(message):
            sent.append(message)

        async def app(scope, inner, _send):
            got.append((await inner())["body"])

        path = f"/gradio_api{route}"
        scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": []}
        asyncio.run(Asked(app, blocks, queue)(scope, receive, send))
        if got:
            return 200, json.loads(got[0]) if got[0] else None
        return sent[0]["status"], sent[1]["body"].decode()

    return asked


def test_values_that_are_left_out_have_their_defaults(ask):
    assert ask("/call/restore", {"data": ["p"]}) == (200, {"data": ["p", "sr_x4", False]})
    by_client = {"session_hash": "page", "fn_index": ENDPOINT, "data": ["p", "sr_x2"]}
    assert ask("/queue/join", by_client) == (200, by_client | {"data": ["p", "sr_x2", False]})
    assert ask("/call/v2/restore", {"picture": "p"}) == (200, {"picture": "p"})


@pytest.mark.parametrize(
    "route, body, status, words",
    [
        ("/call/restore", {"data": []}, 422, "/restore needs a value for picture; it takes picture, task, strip."),
        ("/call/restore", {"data": [1] * 4}, 422, "/restore was given 4 values; it takes picture, task, strip."),
        ("/call/restore", {"data": "p"}, 422, "data must be a list of values, got 'p'"),
        ("/call/restore", {}, 422, "data must be a list of values, got nothing"),
        ("/call/restore", {"data": ["p"], "session_hash": "x" * 101}, 422, "100 characters"),
        ("/call/v2/restore", {"task": "p"}, 422, "/restore needs a value for picture"),
        ("/call/v2/restore", {"pictrue": "p"}, 422, "/restore has no argument 'pictrue'; it takes picture, task"),
        ("/call/restroe", {"data": []}, 404, "There is no endpoint 'restroe'; did you mean 'restore'?"),
        ("/call/v2/nothing", {}, 404, "There is no endpoint 'nothing'; the endpoints are restore."),
        ("/call/v2/restore", [1], 422, "must be a JSON object"),
        ("/call/restore", b"", 422, "must be a JSON object"),
        ("/queue/join", {"data": []}, 422, "session_hash must be a text"),
        ("/queue/join", {"data": [], "session_hash": "page", "fn_index": 999}, 404, "There is no handler 999"),
        ("/queue/join", {"data": [], "session_hash": "page", "fn_index": True}, 404, "There is no handler True"),
        ("/component_server", {"session_hash": "page", "component_id": 8}, 422, "fn_name must be a text"),
        ("/component_server", {"session_hash": "page", "component_id": 8, "fn_name": "graph"}, 404, "reload the page"),
    ],
)
def test_what_cannot_be_answered_says_what_was_wanted(ask, route, body, status, words, caplog):
    told = ask(route, body)
    assert told[0] == status and words in json.loads(told[1])["detail"]
    assert caplog.messages[-1].startswith("refused ")


def test_a_handler_of_the_page_gets_as_many_values_as_it_needs(ask):
    given = {"session_hash": "page", "fn_index": HANDLER, "data": ["one", "two"]}
    assert ask("/queue/join", given) == (200, given)
    status, told = ask("/queue/join", given | {"data": ["one"]})
    assert status == 422 and "a list of 2 values, got 1 values: reload the page" in told


@pytest.mark.parametrize("body", [b"{", b"NaN", b'{"data": [1e999]}', b'{"a": "\\ud800"}', b'{"a":' * 90_000, b"\xff"])
@pytest.mark.parametrize("route", ["/cancel", "/reset", "/call/restore", "/component_server"])
def test_what_is_no_json_is_one_sentence_at_every_route(ask, route, body):
    status, told = ask(route, body)
    assert status == 422 and "must be a JSON object" in told


def test_a_function_of_a_component_is_called_with_its_data(ask):
    given = {"session_hash": "page", "component_id": SERVED, "fn_name": "graph", "data": {}}
    assert ask("/component_server", given) == (200, given)
    assert ask("/component_server", given | {"fn_name": "__init__"})[0] == 404


def test_nobody_waits_for_the_answer_to_a_request_that_is_not_there(ask):
    assert ask("/call/restore/event", method="GET")[0] == 200
    status, told = ask("/call/restore/other", method="GET")
    assert status == 404 and "There is no such request" in told
    assert ask("/queue/data", method="GET", query=b"session_hash=page")[0] == 200
    status, told = ask("/queue/data", method="GET", query=b"session_hash=gone")
    assert status == 200 and json.loads(told.removeprefix("data: "))["session_not_found"]


def test_an_endpoint_without_defaults_needs_each_of_its_values():
    arguments = Arguments("/stop", ("owner", "run_id"))
    assert arguments.by_place([1, 2]) == [1, 2]
    with pytest.raises(Exception, match="/stop needs a value for run_id"):
        arguments.by_place([1])


@pytest.mark.parametrize(
    "path",
    ["/gradio_api/proxy=http://a", "/gradio_api/file=http://a", "/gradio_api/run/restore", "/gradio_api/vibe-edit",
     "/gradio_api/stream/event", "/assets/" + "a" * 256, "/assets/a\0"],
)  # fmt: skip
def test_routes_that_nobody_needs_are_closed(path):
    assert is_closed(path)
    assert not is_closed("/gradio_api/file=/tmp/a.png") and not is_closed("/gradio_api/upload")


@pytest.mark.parametrize("free, length, status", [(0, 0, 413), (2, 600_000_000, 413), (2, 400_000_000, 200)])
def test_uploads_leave_room_on_the_disk(monkeypatch, free, length, status):
    space = SimpleNamespace(free=LEAST_FREE_BYTES - 1 if free == 0 else LEAST_FREE_BYTES + 1_000_000_000)
    monkeypatch.setattr("kdsr.ui.guard.shutil.disk_usage", lambda _folder: space)
    sent = []

    async def send(message):
        sent.append(message)

    async def app(_scope, _receive, out):
        await out({"type": "http.response.start", "status": 200, "headers": []})

    headers = [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": headers}
    asyncio.run(Guarded(app)(scope, None, send))
    assert sent[0]["status"] == status
    assert status == 200 or json.loads(sent[1]["body"])["detail"] == texts.NO_ROOM
