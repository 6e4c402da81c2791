"""Headers that isolate the page from other sites, which browsers ask for before WebAssembly may use threads.

A page in a frame of another site (a Space on huggingface.co) cannot isolate itself; WebAssembly has one thread there.
Source: HTML standard, `crossOriginIsolated`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_HEADERS = [(b"cross-origin-opener-policy", b"same-origin"), (b"cross-origin-embedder-policy", b"require-corp")]
_EMBEDDED = (b"iframe", b"frame", b"embed", b"object")


class Isolated:
    """The ASGI application `app`, its answers with these headers."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        is_embedded = dict(scope.get("headers", ())).get(b"sec-fetch-dest") in _EMBEDDED
        await self.app(scope, receive, send if is_embedded or scope["type"] != "http" else _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sent
