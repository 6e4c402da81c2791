"""What stands before the page's application: bounded bodies, no rights for other sites, no routes that nobody needs.

It is the outermost layer, outside gradio's own. Not here: who may wait (`waiting`), headers of isolation (`isolation`).
"""

import json
import shutil
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from gradio.routes import App
from gradio.utils import get_upload_folder
from starlette.requests import ClientDisconnect

from kdsr.ui import texts
from kdsr.ui.isolation import Message, Receive, Send
from kdsr.ui.languages.speech import Spoken, said
from kdsr.ui.refusals import log_refusal

MOST_UPLOAD_BYTES = 1_000_000_000
"""Of one request with files; gradio bounds each file itself."""
MOST_COMPONENT_BYTES = 8_000_000
"""Of what a component of the page sends: a picture of *Live*."""
MOST_BODY_BYTES = 256_000
"""Of any other request: 300 uploaded photographs of a run, named, have 180,000."""
PREFIX = "/gradio_api"
"""Of gradio's routes, the page's own ones left out."""
_LIMITS = {f"{PREFIX}/upload": MOST_UPLOAD_BYTES, f"{PREFIX}/component_server": MOST_COMPONENT_BYTES}
_CLOSED = (
    "/monitoring", "/runs",
    *(f"{PREFIX}/{route}" for route in (
        "monitoring", "run-history", "runs", "deep_link", "run", "api", "stream", "process_recording", "vibe-edit",
        "undo-vibe-edit", "vibe-code", "vibe-starter-queries", "profiling", "custom_component", "dev", "file",
    )),
)  # fmt: skip
"""Routes of gradio that tell what other visitors do, act with a token, write a file at each request, or belong to
components that are not in the page.
"""
_FETCHING = tuple(f"{PREFIX}/{route}" for route in ("proxy=", "file=http:", "file=https:"))
"""Routes by which the server would fetch what other sites have."""
LEAST_FREE_BYTES = 500_000_000
"""Of the disk, that uploads leave: results, runs and their checkpoints go on where a stranger fills it."""
_LONGEST_NAME = 255
"""Bytes between two slashes of an address: no file has a longer name."""


class GuardedApp(App):
    """gradio's application behind `Guarded`, whose answers are in the language of the request."""

    def build_middleware_stack(self) -> Any:
        """As FastAPI's, with the guard around all of it, CORS included."""
        return Spoken(Guarded(super().build_middleware_stack()))


class Guarded:
    """The ASGI application `app`, which sees only what may pass."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        path = scope["path"].rstrip("/")
        if is_closed(path):
            await answer(send, 404, "There is nothing here.")
            return
        most = _LIMITS.get(path, MOST_BODY_BYTES)
        if _length(headers) > most:
            log_refusal(_too_long(most), (scope.get("client") or ("",))[0])
            await answer(send, 413, _too_long(most))
            return
        if path == f"{PREFIX}/upload" and not has_room(_length(headers)):
            log_refusal(texts.NO_ROOM, (scope.get("client") or ("",))[0])
            await answer(send, 413, texts.NO_ROOM)
            return
        if is_foreign(headers):
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in (b"cookie", b"origin")]}
        body = _Body(most, receive, send, _too_long(most))
        try:
            await self.app(scope, body.receive, body.send)
        except ClientDisconnect:  # whoever breaks an upload off waits for no answer
            pass
        except Exception:
            if body.left >= 0:
                raise


def is_closed(path: str) -> bool:
    """Whether there is nothing at `path`: a route that nobody needs, or the name of a file that no disk can hold."""
    names = path.split("/")
    if "\0" in path or any(len(name.encode(errors="replace")) > _LONGEST_NAME for name in names):
        return True
    return path.startswith(_FETCHING) or any(path == closed or path.startswith(f"{closed}/") for closed in _CLOSED)


def has_room(length: int) -> bool:
    """Whether the disk has room for an upload of `length` bytes, which is held twice for a moment, and for the rest."""
    try:
        free = shutil.disk_usage(get_upload_folder()).free
    except OSError:  # not made yet
        return True
    return free - 2 * length >= LEAST_FREE_BYTES


def is_foreign(headers: dict[bytes, bytes]) -> bool:
    """Whether a script of another site sent the request; it is answered without cookies and CORS headers.

    Where a proxy changes Host, the browser's own word (Sec-Fetch-Site) still says that it is the same site.
    """
    origin = headers.get(b"origin")
    if origin is None or headers.get(b"sec-fetch-site") == b"same-origin":
        return False
    here = {headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"x-forwarded-host")}
    try:
        return urlsplit(origin.decode("latin-1")).netloc.lower() not in here - {""}
    except ValueError:
        return True


def _length(headers: dict[bytes, bytes]) -> int:
    given = headers.get(b"content-length", b"")
    return int(given) if given.isdigit() else 0


class _Body:
    """The body of one request, broken off where it turns out longer than `most`: its length may not have been stated.

    gradio answers a broken-off body with an error of its own, in place of which the sentence is sent.
    """

    def __init__(self, most: int, receive: Receive, send: Send, sentence: str) -> None:
        self.left = most
        self._receive, self._send, self._sentence = receive, send, sentence
        self._is_answered = False

    async def receive(self) -> Message:
        message = await self._receive()
        self.left -= len(message.get("body", b""))
        return message if self.left >= 0 else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.left >= 0:
            await self._send(message)
        elif not self._is_answered:
            self._is_answered = True
            log_refusal(self._sentence)
            await answer(self._send, 413, self._sentence)


def _too_long(most: int) -> str:
    size = f"{most / 1e6:g} MB" if most >= 1_000_000 else f"{most // 1000} kB"
    return f"The request is larger than the {size} that are taken here: send less at once."


async def answer(send: Send, status: int, sentence: str) -> None:
    """Answer with `sentence` in the language of the request, as gradio's clients read it."""
    body = json.dumps({"detail": said(sentence)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
