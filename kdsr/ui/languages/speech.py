"""Which language a visitor reads, and the page's answers in it: the first of the address (`?lang=zh`), the cookie that
remembers such an address, and what the browser asks for (Accept-Language); else English.

Not here: the words (`table`), and how HTML is translated (`markup`).
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from markupsafe import Markup
from starlette.datastructures import Headers, MutableHeaders

from kdsr.ui.isolation import Message, Receive, Send
from kdsr.ui.languages.markup import say_data, say_html, say_properties, say_value
from kdsr.ui.languages.table import table_of, words_of

ENGLISH = "en"
LANGUAGES: Mapping[str, tuple[str, str]] = {"en": ("English", "en"), "zh": ("中文", "zh-CN")}
"""By its word in the address: how a language calls itself, and its tag for `<html lang>`."""
QUERY, COOKIE = "lang", "kdsr-lang"
_YEAR_S = 365 * 24 * 3600
_READS: ContextVar[str] = ContextVar("language", default=ENGLISH)
_FROM_SERVER = re.compile(rb"<html\s+lang=\"en\"")


def language() -> str:
    """The language of the request that is answered now."""
    return _READS.get()


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """What is said within is for a reader of the language `name`."""
    token = _READS.set(name)
    try:
        yield
    finally:
        _READS.reset(token)


def language_of(query: str, headers: Mapping[str, str]) -> str:
    """The language of a request with that query and those headers (names in small letters)."""
    for name in (_asked(query), _remembered(headers.get("cookie", "")), *_accepted(headers.get("accept-language", ""))):
        if name in LANGUAGES:
            return name
    return ENGLISH


def language_of_request(request: Any) -> str:
    """As `language_of`, of a request of gradio's or FastAPI's; English without one."""
    headers = getattr(request, "headers", None)
    if not headers:
        return ENGLISH
    return language_of(str(getattr(request, "query_params", "") or ""), Headers(dict(headers)))


def _asked(query: str) -> str:
    """The language in the address, without its region: `zh-CN` and `ZH` are `zh`."""
    return re.split("[-_]", parse_qs(query).get(QUERY, [""])[0])[0].lower()


def _remembered(cookie: str) -> str:
    try:
        kept = SimpleCookie(cookie).get(COOKIE)
    except CookieError:  # of another page of this host
        return ""
    return kept.value if kept else ""


def _accepted(header: str) -> list[str]:
    """The languages of Accept-Language without their regions, the most wanted first."""
    found = []
    for each in header.split(","):
        name, _, weight = each.strip().partition(";q=")
        try:
            found.append((float(weight or 1), name.partition("-")[0].lower()))
        except ValueError:
            continue
    return [name for weight, name in sorted(found, key=lambda one: -one[0]) if weight > 0]


# What is said


def said(text: str, name: str | None = None) -> str:
    """`text` in the language `name`, or in that of the request."""
    name = name or language()
    return text if name == ENGLISH else table_of(name).say(text)


def said_html(text: str) -> str:
    """The HTML `text` in the language of the request; of a whole page its `lang` as well."""
    name = language()
    if name == ENGLISH:
        return text
    return say_html(text, table_of(name)).replace('<html lang="en">', f'<html lang="{LANGUAGES[name][1]}">', 1)


def said_data(value: Any) -> Any:
    """An object for a script in the language of the request."""
    return value if language() == ENGLISH else say_data(value, table_of(language()))


def said_value(kind: str, value: Any) -> Any:
    """The value or update of a component of `kind` in the language of the request."""
    return value if language() == ENGLISH else say_value(kind, value, table_of(language()))


def said_config(config: dict[str, Any]) -> dict[str, Any]:
    """gradio's configuration of the page in the language of the request."""
    if language() == ENGLISH:
        return config
    table = table_of(language())
    components = [
        {**each, "props": say_properties(str(each.get("type")), each["props"], table)} if "props" in each else each
        for each in config.get("components", [])
    ]
    return {**config, "components": components, "title": table.say(str(config.get("title", "")))}


def page_words() -> Markup:
    """What the head of the page says of its language, before any script of gradio's: those take the browser's, and set
    the document's by it.
    """
    tag = json.dumps(LANGUAGES[language()][1])
    line = "Object.defineProperty(navigator, 'language', {{ get: () => {}, configurable: true }});"
    return Markup("<script>" + line + "</script>").format(Markup(tag)) + script_words()


def script_words() -> Markup:
    """The words of the page's scripts in the language of the request, in a script element; empty in English."""
    if language() == ENGLISH:
        return Markup("")
    words = json.dumps(words_of(language(), "browser"), ensure_ascii=False).replace("<", "\\u003c")
    return Markup("<script>window.kdsrWords = {};</script>").format(Markup(words))


class Spoken:
    """The ASGI application `app`, which answers each request in its language; an address that names one is remembered
    in a cookie.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        query, headers = scope.get("query_string", b"").decode("latin-1"), Headers(scope=scope)
        name = language_of(query, headers)
        is_page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        asked = name if is_page and _asked(query) == name else ""
        with speaking(name):
            await self.app(scope, receive, _with_language(send, name, asked))


def _with_language(send: Send, name: str, asked: str) -> Send:
    """`send`; a page says its language, which is remembered where it was `asked` for."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "text/html" in headers.get("content-type", ""):
                headers["content-language"] = LANGUAGES[name][1]
                headers.append("vary", "Accept-Language, Cookie")
                if asked:
                    headers.append("set-cookie", f"{COOKIE}={asked}; Path=/; Max-Age={_YEAR_S}; SameSite=Lax")
        await send(message)

    return sent


def with_tag(page: bytes) -> bytes:
    """gradio's served `page` with the language of the request as its own."""
    return _FROM_SERVER.sub(f'<html lang="{LANGUAGES[language()][1]}"'.encode(), page, count=1)
