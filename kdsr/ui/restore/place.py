"""What the tab *Restore* shows, as words of the address, and back. Pure; words are checked against what is here.

Left out of the address: what is usual for the task, marks, the original, and the settings that are folded away.
"""

import contextlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from kdsr.errors import KdsrError
from kdsr.settings import Settings
from kdsr.tasks import find_task
from kdsr.ui import texts
from kdsr.ui.examples import available_examples, example_of
from kdsr.ui.networks import find_network
from kdsr.ui.restore.choice import Choice, style_in
from kdsr.ui.restore.request import Mode
from kdsr.ui.restore.result import COLUMNS
from kdsr.ui.restore.uploads import OWN, word_of_upload
from kdsr.zoo import open_catalog, sharp_pair_of, style_of, styles_of

USUAL_PAIR = ("input", "student")
"""What the slider shows first: before and after."""
_MODES: dict[str, Mode] = {"test": "clean", "restore": "degraded", "compare": "both"}
_PAIR = {"before": "input", "student-before": "before", "original": "truth"}
_PAIR |= {key.replace("_", "-"): key for key in COLUMNS if key not in _PAIR.values()}
_TABS = ("restore", "live", "models", "distill")

T = TypeVar("T")


class Scene(NamedTuple):
    """A picture, what is made of it, and the pair that is compared."""

    choice: Choice
    picture: str | None
    pair: tuple[str, str] = USUAL_PAIR


class Here(NamedTuple):
    """What an address can name."""

    tasks: Collection[str]
    default_task: str
    usual: Callable[..., Choice]
    """Task, and a style where it has some, to its usual choice, in the mode `clean`."""
    settings: Settings
    uploads: Mapping[str, str] = MappingProxyType({})
    """The visitor's own pictures: word to path."""


def is_own(picture: str | None) -> bool:
    """Whether `picture` is one of the visitor's, and no example."""
    return picture is not None and picture not in _examples_by_path()


def words_of(place: Scene, here: Here) -> dict[str, str]:
    """The words that name `place`, key to word; none for what is usual."""
    choice, style = place.choice, style_in(place.choice, here.settings)
    usual = here.usual(choice.task, style)
    example = _examples_by_path().get(place.picture or "")
    own = word_of_upload(place.picture) if place.picture is not None and example is None else None
    usual_mode = "degraded" if own else "clean"
    strength = find_task(choice.task).strength
    words = {
        "task": choice.task if choice.task != here.default_task else None,
        "style": style if style != style_in(here.usual(choice.task), here.settings) else None,
        "example": own or example if place.picture != _path(example_of(choice.task)) else None,
        "mode": next(word for word, mode in _MODES.items() if mode == choice.mode)
        if choice.mode != usual_mode
        else None,
        "teacher": choice.teacher if choice.teacher != usual.teacher else None,
        "student": choice.student if choice.student != usual.student else None,
        "before": choice.before,
        "sharpness": None if choice.sharpness is None else f"{choice.sharpness:g}",
        "pair": ",".join(map(_word_of, place.pair)) if place.pair != USUAL_PAIR else None,
    }
    if strength is not None and choice.mode == "clean" and choice.strength != usual.strength:
        words[strength.name] = choice.strength if isinstance(choice.strength, str) else f"{choice.strength:g}"
    return {key: word for key, word in words.items() if word is not None}


def place_of(query: Mapping[str, str], here: Here) -> tuple[Scene, str]:
    """The place that `query` names, and one sentence on the first word that is unknown (else empty).

    An unknown word is as good as none: the usual is in its place.
    """
    asked = _Asked(query, [])
    asked.one_of("tab", _TABS, "restore")
    task = asked.one_of("task", here.tasks, here.default_task)
    choice, picture = here.usual(task, _style(asked, task, here.settings)), _path(example_of(task))
    examples = {word: path for path, word in _examples_by_path().items()}
    word = query.get("example", "")
    own = here.uploads.get(word)
    own = own if own is not None and Path(own).is_file() else None
    if not _is_upload(word):
        picture = examples.get(asked.one_of("example", examples, ""), picture)
    elif own is None:
        asked.said.append(texts.NOT_YOURS)
    mode = asked.one_of("mode", _MODES, "restore" if own else "test")
    choice = choice._replace(mode=_MODES[mode] if own or not _is_upload(word) else "clean")
    choice = _with_networks(choice, asked, here.settings)
    choice = choice._replace(strength=asked.checked(_strength_key(task), choice.strength, _strength_of(task)))
    pair = asked.checked("pair", USUAL_PAIR, _pair_of)
    asked.checked("spot", None, _spot_of)
    return Scene(choice, own or picture, pair), next(iter(asked.said), "")


class _Asked(NamedTuple):
    """A query, and what was unknown in it."""

    query: Mapping[str, str]
    said: list[str]

    def checked(self, key: str, usual: Any, read: Callable[[str], Any]) -> Any:
        """What `read` makes of the word of `key`; `usual` where there is none, or it raises."""
        word = self.query.get(key)
        if not word:
            return usual
        try:
            return read(word)
        except (KdsrError, ValueError):
            self.said.append(texts.UNKNOWN_IN_ADDRESS.format(key=key, value=word[:64]))
            return usual

    def one_of(self, key: str, known: Collection[str], usual: str) -> str:
        def read(word: str) -> str:
            if word not in known:
                raise ValueError(word)
            return word

        return str(self.checked(key, usual, read))


def _style(asked: _Asked, task: str, settings: Settings) -> str:
    """The style that is asked for, by its name or by that of one of its networks; empty where none is."""
    known = [] if find_task(task).has_truth else styles_of(open_catalog(settings).for_task(task))
    style = asked.one_of("style", known, "")
    for name in filter(None, map(asked.query.get, ("student", "teacher"))):
        with contextlib.suppress(KdsrError):
            found = style_of(find_network(name, settings)[0])
            style = style or (found if found in known else "")
    return style


def _with_networks(choice: Choice, asked: _Asked, settings: Settings) -> Choice:
    def network(name: str) -> str:
        if find_network(name, settings)[0].task != choice.task:
            raise ValueError(name)
        return name

    def sharpness(word: str) -> float:
        if not 0 <= float(word) <= 1 or sharp_pair_of(*find_network(choice.student or "", settings)) is None:
            raise ValueError(word)
        return float(word)

    choice = choice._replace(
        teacher=asked.checked("teacher", choice.teacher, network),
        student=asked.checked("student", choice.student, network),
        before=asked.checked("before", None, network),
    )
    return choice._replace(sharpness=asked.checked("sharpness", None, sharpness))


def _is_upload(word: str) -> bool:
    return word.split("-")[0] == OWN


def _strength_key(task: str) -> str:
    strength = find_task(task).strength
    return strength.name if strength else ""


def _strength_of(task: str) -> Callable[[str], float | str]:
    def read(word: str) -> float | str:
        strength = find_task(task).strength
        assert strength is not None
        return strength.check(word if strength.name == "holes" else float(word))

    return read


def _pair_of(word: str) -> tuple[str, str]:
    left, right = word.split(",")
    try:
        return _PAIR[left], _PAIR[right]
    except KeyError:
        raise ValueError(word) from None


def _word_of(key: str) -> str:
    return next(word for word, each in _PAIR.items() if each == key)


def _spot_of(word: str) -> None:
    """The page's script reads it; here it is only checked."""
    x, y, zoom = map(float, word.split(","))
    if not (0 <= x <= 1 and 0 <= y <= 1 and zoom > 0):
        raise ValueError(word)


def _examples_by_path() -> dict[str, str]:
    """Path to word: `Deep field` is `deep-field`."""
    return {str(path): example.title.lower().replace(" ", "-") for example, path in available_examples()}


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)
