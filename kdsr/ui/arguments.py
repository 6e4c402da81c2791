"""What a script sends to an endpoint, checked: its types, and that a file is an uploaded one.

gradio checks no types of an endpoint's arguments. Each fault is one sentence (`answered`).
"""

import difflib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.utils import get_upload_folder

from kdsr.errors import InputError, KdsrError, SettingsError, UnknownNameError
from kdsr.ui import texts
from kdsr.ui.refusals import log_refusal

Found = TypeVar("Found")
_LARGEST = 1e300
_SHOWN = 60
"""Characters of a wrong value that an error repeats."""


@contextmanager
def answered() -> Iterator[None]:
    """What is raised within, as the one sentence that a script gets: KDSR's own, or one that tells nothing of the
    server, whose log has the rest.
    """
    try:
        yield
    except KdsrError as error:
        log_refusal(error)
        raise gr.Error(str(error), print_exception=False) from error
    except gr.Error:
        raise
    except Exception as error:
        raise gr.Error(texts.UNEXPECTED_REQUEST) from error


def deadline(seconds: float) -> Callable[[], bool]:
    """Says, `seconds` from now and later, that the time is over; may be asked from any thread."""
    ends = time.monotonic() + seconds
    return lambda: time.monotonic() > ends


def uploaded(value: Any, name: str) -> Path:
    """The path of an uploaded file; no other file of this machine may be named.

    Args:
        value: `handle_file` of gradio_client, or the path that `/gradio_api/upload` gave, as text or `{"path": ...}`.
        name: of the argument, for the sentence.
    Raises:
        InputError: it is nothing of the kind.
    """
    given = value.get("path") if isinstance(value, dict) else value
    path: Path | None = None
    try:
        if isinstance(given, str) and given:
            path = Path(given).resolve()
        is_uploaded = path is not None and path.is_relative_to(Path(get_upload_folder()).resolve()) and path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        is_uploaded = False
    if path is None or not is_uploaded:
        raise InputError(
            f"{name} must be an uploaded file: give it by handle_file of gradio_client, or upload it first and give "
            'its {"path": ...}.'
        )
    return path


def text(value: Any, name: str) -> str:
    """`value` itself, a text.

    Raises:
        SettingsError: it is none.
    """
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{name} must be a text, got {shown(value)}.")
    return value


def number(value: Any, name: str) -> float:
    """`value` itself, a finite number.

    Raises:
        SettingsError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST < value < _LARGEST:
        raise SettingsError(f"{name} must be a number, got {shown(value)}.")
    return float(value)


def flag(value: Any, name: str) -> bool:
    """`value` itself, true or false.

    Raises:
        SettingsError: it is neither.
    """
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, got {shown(value)}.")
    return value


def named(kind: str, value: Any, registry: Mapping[str, Found], advice: str) -> Found:
    """The entry `value` of `registry`, whose entries are each a `kind`; `advice` says where the names are.

    Raises:
        SettingsError: not a text. UnknownNameError: no such entry; the sentence gives the nearest name.
    """
    name = text(value, kind)
    if name in registry:
        return registry[name]
    close = difflib.get_close_matches(name, list(registry), n=1)
    rest = f"did you mean '{close[0]}'?" if close else advice
    raise UnknownNameError(f"There is no {kind} {shown(name)}; {rest}")


def shown(value: Any) -> str:
    """`value` for a sentence, cut short."""
    written = "nothing" if value is None else repr(value)
    return written if len(written) <= _SHOWN else f"{written[: _SHOWN - 3]}..."
