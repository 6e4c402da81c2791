"""What a request asks of gradio's routes, checked before gradio sees it: an endpoint that is there, the arguments that
it takes, a handler and a session that are there, and JSON that is JSON.

gradio answers what is wrong there with status 500 and a traceback; here it is one sentence with status 404 or 422.
Not here: the values of arguments (`arguments`), bodies that are too long (`guard`), who may wait (`waiting`).
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints
from urllib.parse import parse_qs

import gradio as gr
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from kdsr.errors import InputError, KdsrError, SettingsError, UnknownNameError
from kdsr.ui import texts
from kdsr.ui.arguments import named, shown, text
from kdsr.ui.guard import PREFIX, answer
from kdsr.ui.isolation import Message, Receive, Send
from kdsr.ui.languages.speech import said
from kdsr.ui.refusals import log_refusal
from kdsr.ui.waiting import FairQueue

_LONGEST_SESSION = 100
_NO_FILE = "An upload needs files with their names: send each as a part of the form with a filename."
_GONE = "There is no such request here, or its answer was fetched or is too old: ask again."


@dataclass(frozen=True)
class Arguments:
    """The arguments of one endpoint, in their order; `defaults` has the values of those that may be left out."""

    endpoint: str
    names: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def by_place(self, values: Any) -> list[Any]:
        """`values` with the defaults of those that were left out at the end.

        Raises:
            SettingsError: too few, too many, or no list.
        """
        if not isinstance(values, list):
            raise SettingsError(f"data must be a list of values, got {shown(values)}; {self._takes()}.")
        left_out = self.names[len(values) :]
        needed = [name for name in left_out if name not in self.defaults]
        if needed or len(values) > len(self.names):
            what = f"needs a value for {needed[0]}" if needed else f"was given {len(values)} values"
            raise SettingsError(f"{self.endpoint} {what}; {self._takes()}.")
        return [*values, *(self.defaults[name] for name in left_out)]

    def check_names(self, given: Mapping[str, Any]) -> None:
        """Refuse `given` where one of its names is no argument, or one is missing.

        Raises:
            SettingsError: with what the endpoint takes.
        """
        for name in given:
            if name not in self.names:
                raise SettingsError(f"{self.endpoint} has no argument {shown(name)}; {self._takes()}.")
        for name in self.names:
            if name not in given and name not in self.defaults:
                raise SettingsError(f"{self.endpoint} needs a value for {name}; {self._takes()}.")

    def _takes(self) -> str:
        return f"it takes {', '.join(self.names)}"


class Asked:
    """The ASGI application `app` of gradio, which sees only what it can answer; `blocks` is its page."""

    def __init__(self, app: Callable[..., Awaitable[None]], blocks: gr.Blocks, queue: FairQueue) -> None:
        self.app, self._blocks, self._queue = app, blocks, queue
        self._known: dict[str, Arguments] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", "")).rstrip("/")
        if scope["type"] != "http" or not path.startswith(f"{PREFIX}/"):
            await self.app(scope, receive, send)
            return
        route, body = path.removeprefix(PREFIX), b""
        try:
            if scope["method"] == "GET":
                self._check_stream(route, scope.get("query_string", b"").decode("latin-1"))
            elif scope["method"] == "POST" and route != "/upload":
                body = await _whole(receive)
                body = self.checked(route, body)
                scope, receive = _with_length(scope, body), _replayed(body, receive)
        except KdsrError as error:
            log_refusal(error, (scope.get("client") or ("",))[0])
            await self._refuse(error, route, send)
            return
        try:
            await self.app(scope, receive, send)
        except TypeError:  # gradio's, before it answers: a part of the form is a text, or has no name
            if route != "/upload":
                raise
            log_refusal(_NO_FILE, (scope.get("client") or ("",))[0])
            await answer(send, 422, _NO_FILE)

    async def _refuse(self, error: KdsrError, route: str, send: Send) -> None:
        """Answer with the sentence of `error`; a page learns in its stream that the server forgot its session."""
        if route != "/queue/data":
            await answer(send, 404 if isinstance(error, UnknownNameError) else 422, str(error))
            return
        told = {"msg": "unexpected_error", "message": said(str(error)), "session_not_found": True, "success": False}
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": f"data: {json.dumps(told)}\n\n".encode()})

    def _check_stream(self, route: str, query: str) -> None:
        """Refuse to wait for the answer to a request that is not there."""
        queue, words = self._queue, route.split("/")
        if route == "/queue/data":
            (session,) = parse_qs(query).get("session_hash", [""])[:1]
            is_there = session in queue.pending_messages_per_session
        elif words[1] == "call" and len(words) >= 4:
            waiting = queue.pending_event_ids_session.values()
            is_there = words[-1] in queue.event_ids_to_events or any(words[-1] in events for events in waiting)
        else:
            return
        if not is_there:
            raise UnknownNameError(_GONE)

    def checked(self, route: str, body: bytes) -> bytes:
        """`body` as gradio can answer it.

        Raises:
            KdsrError: it cannot.
        """
        given, words = _read(body) if body else None, route.split("/")
        if words[1] == "call" and len(words) == 4 and words[2] == "v2":
            arguments = self._endpoint(words[3])
            arguments.check_names(_object(given))
            _refuse_addresses(given)
        elif words[1] == "call" and len(words) == 3:
            given = _object(given)
            values = self._endpoint(words[2]).by_place(given.get("data"))
            if given.get("session_hash") is not None:
                _session(given)
            _refuse_addresses(values)
            return json.dumps({**given, "data": values}).encode()
        elif route == "/queue/join":
            return self._joining(_object(given), body)
        elif route == "/component_server":
            self._check_component(_object(given))
        return body

    def _joining(self, given: dict[str, Any], body: bytes) -> bytes:
        """`body` of the page's own requests, and of gradio's clients."""
        _session(given)
        _refuse_addresses(given.get("data"))
        fns, number, values = self._blocks.fns, given.get("fn_index"), given.get("data")
        if isinstance(number, bool) or not isinstance(number, int) or number not in fns:
            raise UnknownNameError(f"There is no handler {shown(number)} here: reload the page.")
        fn = fns[number]
        if not isinstance(given.get("event_data"), dict | None) and _reads_event(fn):
            raise SettingsError("event_data must say what was chosen: reload the page.")
        name = f"/{fn.api_name}"
        if name in self._endpoints():
            return json.dumps({**given, "data": self._endpoints()[name].by_place(values)}).encode()
        if not isinstance(values, list) or len(values) < len(fn.inputs):
            got = f"{len(values)} values" if isinstance(values, list) else shown(values)
            raise SettingsError(f"data must be a list of {len(fn.inputs)} values, got {got}: reload the page.")
        return body

    def _check_component(self, given: dict[str, Any]) -> None:
        _session(given)
        number, name = given.get("component_id"), text(given.get("fn_name"), "fn_name")
        block = self._blocks.blocks.get(number) if isinstance(number, int) else None
        if "data" not in given or not getattr(getattr(block, name, None), "_is_server_fn", False):
            raise UnknownNameError(
                f"There is no function {shown(name)} of a component {shown(number)} here: reload the page."
            )

    def _endpoint(self, name: str) -> Arguments:
        known = {each.removeprefix("/"): found for each, found in self._endpoints().items()}
        return named("endpoint", name, known, f"the endpoints are {', '.join(known)}.")

    def _endpoints(self) -> Mapping[str, Arguments]:
        """The public endpoints, by `/name`; read once, since gradio takes a moment for it."""
        if not self._known:
            for name, about in self._blocks.get_api_info()["named_endpoints"].items():
                parameters = about["parameters"]
                self._known[name] = Arguments(
                    name, tuple(each["parameter_name"] for each in parameters),
                    {each["parameter_name"]: each["parameter_default"]
                     for each in parameters if each["parameter_has_default"]},
                )  # fmt: skip
        return self._known


async def refuse_invalid(request: Any, error: Exception) -> JSONResponse:
    """The answer where FastAPI finds a body of another kind: one sentence, without what was sent."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = ".".join(str(each) for each in first.get("loc", ()) if each != "body") or "the body"
    sentence = f"The request is not understood: {where}: {first.get('msg', 'wrong')}; docs/endpoints.md shows how."
    log_refusal(sentence, getattr(request.client, "host", ""))
    return JSONResponse({"detail": said(sentence)}, 422)


def _reads_event(fn: Any) -> bool:
    """Whether the handler of `fn` reads what was chosen from the event; for others the browser may send any value."""
    kinds = get_type_hints(fn.fn).values() if fn.fn is not None else ()
    return any(isinstance(kind, type) and issubclass(kind, gr.EventData) for kind in kinds)


def _read(body: bytes) -> Any:
    """The JSON value `body`, without what no other JSON can hold.

    Raises:
        InputError: it is none.
    """
    try:
        value = json.loads(body, parse_constant=_refused_number, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate cannot be answered
    except (ValueError, RecursionError) as error:
        raise InputError(texts.NO_JSON) from error
    return value


def _refused_number(name: str) -> float:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(digits)
    return number


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(texts.NO_JSON)
    return value


def _refuse_addresses(value: Any) -> None:
    """Refuse a file that is named by an address of the web, from which gradio would fetch it."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            path = each.get("path")
            if isinstance(path, str) and path.strip().lower().startswith(("http:", "https:")):
                raise InputError(texts.NO_ADDRESS)
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)


def _session(given: dict[str, Any]) -> None:
    """Refuse what is no name of a session; the server remembers it."""
    if len(text(given.get("session_hash"), "session_hash")) > _LONGEST_SESSION:
        raise SettingsError(f"session_hash must have at most {_LONGEST_SESSION} characters: reload the page.")


async def _whole(receive: Receive) -> bytes:
    """The whole body, which the guard has bounded; of one that is broken off, what came."""
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(parts)


def _with_length(scope: Message, body: bytes) -> Message:
    others = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
    return {**scope, "headers": [*others, (b"content-length", str(len(body)).encode())]}


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives `body` first, then what `receive` gives."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
