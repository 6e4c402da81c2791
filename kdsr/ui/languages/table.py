"""A table of translations: English sentences, some with places for numbers and names, each to its translation.

A key is a whole sentence or a part of one. `{n}`, `{n2}` stand for numbers, `{w}` for a word without spaces, any other
name for a phrase, which is translated in its turn. What has no key is tried sentence by sentence, then clause by
clause; a sentence is translated whole or not at all. `static/compare/words.js` does the same in the browser.

Not here: HTML (`markup`), and who reads which language (`speech`).
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
_PLACE = re.compile(r"\{(\w+)\}")
_KINDS = {"n": r"[~+\-−]?\d+(?:,\d{3})*(?:\.\d+)?", "w": r"[^\s<>]*[^\s<>,;.]"}
_PHRASE = r"(?:(?![.!?;] )[^<>])+?"
_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[.!?]</b>)\s+")
_COMMA = re.compile(r", (?![^()]*\))")
_CLAUSES = ((re.compile(r"; (?![^()]*\))"), "；"), (_COMMA, "，"))
"""What stands between clauses, outside of brackets, and what stands there in Chinese."""
_LETTERS = re.compile(r"[A-Za-z]{2}")
_NAME = re.compile(r"[^\s<>]*[\d_][^\s<>]*|[A-Z]{2,}[^\s<>]*")
"""A word that is the same in every language: a network, a format, a set of pictures."""
_FIRM = 6
"""Signs that stand for themselves in a key: one with fewer fits by chance, so all in its places must be known."""
_MEETING = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")
_LONGEST = 700
"""Characters of what is looked up with places: no sentence is longer."""


class _Placed(NamedTuple):
    """A key with places."""

    pattern: re.Pattern[str]
    translation: str
    is_open: bool
    """It ends with a place, which further clauses fit into as well."""
    is_loose: bool


class Table:
    """The translations `words`, English to the other language."""

    def __init__(self, words: Mapping[str, str]) -> None:
        words = dict(_without_stop(_plain(key), text) for key, text in words.items())
        self._whole = {key.lower(): text for key, text in words.items() if not _PLACE.search(key)}
        placed = sorted((key for key in words if _PLACE.search(key)), key=_weight, reverse=True)
        self._placed = [_Placed(_pattern(key), words[key], key.endswith("}"), _weight(key) < _FIRM) for key in placed]
        self.known: Callable[[str], str | None] = lru_cache(maxsize=20_000)(self._known)

    def say(self, text: str) -> str:
        """`text` in the other language, as far as the table has it; blanks around it stay."""
        core = text.strip(" \n\t·")
        if not _LETTERS.search(core):
            return text
        start = text.index(core)
        return text[:start] + self._said(core) + text[start + len(core) :]

    def _said(self, text: str) -> str:
        known = self.known(text)
        if known is not None:
            return known
        for split in (sentences, lambda each: each.split(" · ")):
            parts = split(text)
            if len(parts) > 1:
                return joined((self._said(part) for part in parts), " · " if split is not sentences else "")
        return text

    def _known(self, text: str) -> str | None:
        """`text`, a sentence or a part of one, translated; None where the table has not all of it."""
        core = _plain(text)
        if not _LETTERS.search(core):
            return core
        found = self._whole.get(core.lower(), self._whole.get(core.lower().removeprefix("the ")))
        if found is not None and found.lower() == core.lower():  # a name, as it was written
            return core
        for find in (self._stopped, self._firmly, self._clauses, self._placed_in, self._named, self._name):
            found = find(core) if found is None else found
        return found

    def _clauses(self, text: str) -> str | None:
        """`text` clause by clause, where all of them are known."""
        for mark, between in _CLAUSES:
            parts = [self.known(part) for part in found] if len(found := mark.split(text)) > 1 else [None]
            if None not in parts:
                return between.join(filter(None, parts))
        return None

    def _firmly(self, text: str) -> str | None:
        """`text` by a key with places that no clause of another key can have filled."""
        return self._by_place(text, is_firm=True)

    def _placed_in(self, text: str) -> str | None:
        """`text` by the key with places that it fits."""
        return self._by_place(text, is_firm=False)

    def _by_place(self, text: str, *, is_firm: bool) -> str | None:
        for key in self._placed if len(text) <= _LONGEST else ():
            match = key.pattern.fullmatch(text)
            if match is None:
                continue
            held = match.groups()
            if is_firm and key.is_open and _COMMA.search(held[-1]):
                continue
            unsure = held if key.is_loose else [each for each in held if _COMMA.search(each)] if is_firm else ()
            if all(self.known(each) is not None for each in unsure):
                parts = _PLACE.split(key.translation)
                filled = (self._filled(match[part]) if index % 2 else part for index, part in enumerate(parts))
                return _spaced("".join(filled))
        return None

    def _stopped(self, text: str) -> str | None:
        """`text` without its full stop, which comes back."""
        found = self.known(text[:-1]) if text.endswith(".") else None
        return None if found is None else found + "。"

    def _named(self, text: str) -> str | None:
        """`text` without the colon that announces what follows it."""
        found = self.known(text[:-1]) if text.endswith(":") else None
        return None if found is None else found + "："

    def _name(self, text: str) -> str | None:
        return text if _NAME.fullmatch(text) else None

    def _filled(self, phrase: str) -> str:
        known = self.known(phrase)
        return self._said(phrase) if known is None else known


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each with its full stop."""
    return _SENTENCES.split(text)


def joined(parts: Iterable[str], between: str = "") -> str:
    """`parts` in a row; a blank between two sentences where one of the two is not Chinese."""
    text = ""
    for part in parts:
        gap = "" if not text or text[-1] in "。！？；：" else " "
        text += (between or gap if text else "") + part
    return text


def _without_stop(key: str, translation: str) -> tuple[str, str]:
    """Both without their full stops: a sentence fits with and without one."""
    return (key[:-1], translation[:-1]) if key[-1:] == "." and translation[-1:] == "。" else (key, translation)


def _spaced(text: str) -> str:
    """`text` with a blank where a Chinese sign meets a Latin letter or a digit."""
    return _MEETING.sub(" ", text)


def _plain(text: str) -> str:
    """`text` with single blanks."""
    return " ".join(text.split())


def _weight(key: str) -> int:
    """Signs that stand for themselves, blanks left out: the key with the most is tried first."""
    return len(_PLACE.sub("", key).replace(" ", ""))


def _pattern(key: str) -> re.Pattern[str]:
    """What `key` fits; a place that stands twice must hold the same."""
    made, seen = "", set[str]()
    for index, part in enumerate(_PLACE.split(key)):
        if index % 2 == 0:
            made += re.escape(part)
        elif part in seen:
            made += f"(?P={part})"
        else:
            made += f"(?P<{part}>{_KINDS.get(part.rstrip('0123456789'), _PHRASE)})"
            seen.add(part)
    return re.compile(made, re.IGNORECASE)


@cache
def words_of(language: str, only: str = "*") -> Mapping[str, str]:
    """All words of `language`, or those of one of its files."""
    words: dict[str, str] = {}
    for file in sorted((FOLDER / language).glob(f"{only}.json")):
        words |= json.loads(file.read_text(encoding="utf-8"))
    return words


@cache
def table_of(language: str) -> Table:
    """The table of `language`, read once."""
    return Table(words_of(language))
