"""HTML and the values of components in another language: what is seen or read aloud changes, all else stays as it is.

Not here: the words (`table`).
"""

import html
import json
import re
from collections.abc import Callable
from typing import Any

from kdsr.ui.languages.table import Table, sentences

_TOKEN = re.compile(r"<!--.*?-->|<[^>]*>|[^<]+", re.DOTALL)
_NAME = re.compile(r"</?([\w-]+)")
_KEPT = re.compile(r"<[^>]*\stranslate=\"?no\b")
_INLINE = frozenset(
    ("a", "abbr", "b", "button", "code", "em", "i", "kbd", "output", "small", "span", "strong", "sub", "sup")
)
_UNTOUCHED = frozenset(("pre", "script", "style"))
"""As is an element with HTML's own attribute `translate="no"`, which holds none of its own kind."""
_ATTRIBUTE = re.compile(r"(?<=\s)(title|aria-label|alt|placeholder|data-words|data-pictures|data-clip)=\"([^\"]*)\"")
_TAG = re.compile(r"</?[\w-]+>")
_UNBROKEN = "\N{NO-BREAK SPACE}dB"
_LESS = "\ue000"
"""Stands for a `<` of the text while its tags are reduced to their names."""
_SPOKEN = ("label", "info", "placeholder", "caption")
"""The properties of a component that are words."""
_WORDED = ("button", "html", "markdown")
"""The components whose value is words; those of others are names, files and numbers."""
_TOLD = ("title", "styleTitle", "figure", "name", "task", "unit", "error", "by")
"""The keys of an object for a script that are words."""


def say_html(text: str, table: Table) -> str:
    """The HTML `text` in the language of `table`."""
    made, run, skips = [], list[str](), ""
    for token in _TOKEN.findall(text):
        name = found[1].lower() if token[0] == "<" and (found := _NAME.match(token)) else ""
        if skips or name in _UNTOUCHED or _KEPT.search(token):
            skips = "" if token.startswith(f"</{skips or name}") else skips or name
        elif token[0] != "<" or name in _INLINE:
            run.append(token if token[0] != "<" else _tag(token, table))
            continue
        made += [_say_run(run, table), _tag(token, table)]
        run = []
    return "".join([*made, _say_run(run, table)])


def _tag(token: str, table: Table) -> str:
    """The tag `token` with its words translated."""

    def said(match: re.Match[str]) -> str:
        value = html.unescape(match[2])
        if match[1].startswith("data-"):
            given = json.loads(value)
            if match[1] == "data-words":  # every text is read, whatever its key
                given = {key: table.say(each) if isinstance(each, str) else each for key, each in given.items()}
            value = json.dumps(say_data(given, table), ensure_ascii=False)
        else:
            value = table.say(value)
        return f'{match[1]}="{html.escape(value)}"'

    return _ATTRIBUTE.sub(said, token) if token[:2] != "</" else token


def _say_run(run: list[str], table: Table) -> str:
    """Text and tags within a line. Keys of `table` have the bare names of the tags."""
    if not any(token[0] != "<" for token in run):
        return "".join(run)
    tags: dict[str, list[str]] = {}
    bare = ""
    for token in run:
        if token[0] == "<":
            short = f"<{'/' if token[1] == '/' else ''}{_NAME.match(token)[1].lower()}>"  # type: ignore[index]
            tags.setdefault(short, []).append(token)
            bare += short
        else:
            bare += html.unescape(token).replace("<", _LESS)
    core = bare.strip()
    start = bare.index(core)
    said = bare[:start] + _say_line(core, table) + bare[start + len(core) :]
    if _UNBROKEN in bare:
        said = said.replace(" dB", _UNBROKEN)
    pieces = re.split(f"({_TAG.pattern})", said)
    return "".join(tags[piece].pop(0) if index % 2 else _escaped(piece) for index, piece in enumerate(pieces))


def _say_line(line: str, table: Table) -> str:
    """`line` as a whole, else sentence by sentence, else the text between its tags."""
    known = table.known(line)
    if known is not None:
        return known
    parts = sentences(line)
    if len(parts) > 1:
        said = [_say_line(part, table) for part in parts]
        return "".join(
            each if index == 0 or _TAG.sub("", said[index - 1])[-1:] in "。！？：" else f" {each}"
            for index, each in enumerate(said)
        )
    pieces = re.split(f"({_TAG.pattern})", line)
    return "".join(piece if index % 2 else table.say(piece) for index, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    return html.escape(text.replace(_LESS, "<"), quote=False)


def say_data(value: Any, table: Table) -> Any:
    """An object for a script, as JSON: lists of texts, and the texts of the keys that are words, translated."""
    if isinstance(value, dict):
        return {
            key: table.say(each) if key in _TOLD and isinstance(each, str) else say_data(each, table)
            if not isinstance(each, str) else each
            for key, each in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [table.say(each) if isinstance(each, str) else say_data(each, table) for each in value]
    return value


def say_properties(kind: str, given: dict[str, Any], table: Table) -> dict[str, Any]:
    """The properties of a component of `kind`, or an update of some: a copy with its words translated."""
    made = dict(given)
    for name, value in given.items():
        if isinstance(value, str) and (name in _SPOKEN or (name == "value" and kind in _WORDED)):
            made[name] = say_value(kind if name == "value" else "", value, table)
        elif name == "choices" and isinstance(value, list):
            made[name] = [
                (table.say(each[0]), *each[1:]) if isinstance(each, list | tuple) and each and isinstance(each[0], str)
                else each
                for each in value
            ]  # fmt: skip
        elif name == "value" and kind == "gallery" and isinstance(value, list):
            made[name] = [say_properties("", each, table) if isinstance(each, dict) else each for each in value]
    return made


def say_value(kind: str, value: Any, table: Table) -> Any:
    """The value of a component of `kind` as the browser gets it, or an update of it."""
    if isinstance(value, dict) and value.get("__type__") == "update":
        return say_properties(kind, value, table)
    if not isinstance(value, str) or kind not in ("", *_WORDED):
        return value
    say: Callable[[str, Table], str] = say_html if kind == "html" else lambda text, words: words.say(text)
    return say(value, table)
