"""What other sites show beside a link to the page: Open Graph's title, words and picture, with absolute addresses.

gradio's own lines come first in its page and are about gradio, so they are replaced in the served HTML; a script could
not do that, because those who read the lines run none. Source: https://ogp.me.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from markupsafe import Markup
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse

from kdsr.ui import texts
from kdsr.ui.html import joined
from kdsr.ui.isolation import Message, Receive, Send
from kdsr.ui.languages.speech import page_words, said, with_tag

PICTURE = Path(__file__).parent / "static" / "preview.jpg"
SIZE = (1200, 630)
_PLACE = "/preview.jpg"
_LINES = re.compile(rb"<meta\s+(?:property|name)=\"(?:og|twitter):[^>]*>\s*")
_BEFORE = b"</head>"


class Previewed:
    """The ASGI application `app`, its page with lines for other sites, and the picture that they name.

    head: HTML for the head of the page as well.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], head: str = "") -> None:
        self.app = app
        self.head = head

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] == "http" and path == _PLACE:
            await FileResponse(PICTURE)(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and path in ("", "/"):
            await self.app(
                scope, receive, _with_lines(send, preview_lines(origin(scope)) + page_words() + Markup(self.head))
            )
        else:
            await self.app(scope, receive, send)


def origin(scope: Message) -> str:
    """Scheme, host and path of the page as a visitor has them, also behind a proxy; without a slash at its end."""
    headers = Headers(scope=scope)

    def first(name: str, otherwise: str) -> str:
        return headers.get(name, otherwise).partition(",")[0].strip()

    host = first("x-forwarded-host", headers.get("host", "localhost"))
    return f"{first('x-forwarded-proto', scope.get('scheme', 'http'))}://{host}{scope.get('root_path', '')}".rstrip("/")


def preview_lines(page: str) -> Markup:
    """The lines for the head of the page whose address is `page`."""
    width, height = SIZE
    told = {
        "og:type": "website", "og:site_name": texts.TITLE, "og:title": said(texts.PAGE_TITLE),
        "og:description": said(texts.PURPOSE), "og:url": f"{page}/", "og:image": page + _PLACE,
        "og:image:width": str(width), "og:image:height": str(height), "og:image:alt": said(texts.PREVIEW_ALT),
        "twitter:card": "summary_large_image",
    }  # fmt: skip
    return joined(Markup('<meta property="{}" content="{}">\n').format(*each) for each in told.items())


def _with_lines(send: Send, lines: Markup) -> Send:
    """`send` for a page: its body is gathered, and goes out with `lines` in the place of gradio's."""
    start: Message = {}
    body: list[bytes] = []

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and "text/html" in Headers(scope=message).get("content-type", ""):
            start.update(message)
        elif message["type"] == "http.response.body" and start:
            body.append(message.get("body", b""))
            if not message.get("more_body"):
                page = _LINES.sub(b"", with_tag(b"".join(body))).replace(_BEFORE, lines.encode() + _BEFORE, 1)
                MutableHeaders(scope=start)["content-length"] = str(len(page))
                await send(start)
                await send({"type": "http.response.body", "body": page})
        else:
            await send(message)

    return sent
