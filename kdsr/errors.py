"""Every error that KDSR raises on purpose.

    KdsrError            the base: its text is one sentence that may be shown to a user as it is
    |-- InputError       a picture, file or array that cannot be used
    |-- SettingsError    a setting, recipe or argument out of its range or unknown
    |   `-- UnknownNameError a model, task, loss or runtime that does not exist
    |-- ShapeError       tensors whose shapes do not fit each other
    |-- WeightsError     weights that are missing, altered or do not fit their card
    |-- TrainingError    a training run that cannot continue
    |-- JobError         a background run that is not there, belongs to another owner, or cannot be stored
    |   |-- MoveError    a state that a run cannot go to from the one it is in
    |   |-- LimitError   more than this installation allows
    |   `-- UnreachableError the database of runs does not answer now
    `-- Stopped          a stop was requested; not a failure

A text says what was wanted, what was given and what to do.
"""

import difflib
from collections.abc import Mapping
from typing import TypeVar

Found = TypeVar("Found")


class KdsrError(Exception):
    """Base of all errors that KDSR raises on purpose."""


class InputError(KdsrError):
    """A picture, file or array that cannot be used."""


class SettingsError(KdsrError):
    """A setting, recipe or argument that is out of its range or unknown."""


class UnknownNameError(SettingsError):
    """A name that is in no registry."""


class ShapeError(KdsrError):
    """Tensors whose shapes do not fit each other."""


class WeightsError(KdsrError):
    """Weights that are missing, altered, or do not fit their card."""


class TrainingError(KdsrError):
    """A training run that cannot continue; its last good checkpoint is kept."""


class JobError(KdsrError):
    """A background run that is not there, belongs to another owner, or cannot be stored."""


class MoveError(JobError):
    """A state that a background run cannot go to from the one it is in."""


class LimitError(JobError):
    """More background work than this installation allows."""


class UnreachableError(JobError):
    """The database of runs does not answer now; it may do so later."""


class Stopped(KdsrError):
    """A stop was requested. Not a failure."""


_MOST_NAMES = 400
"""Characters of the names in a sentence."""


def find(kind: str, name: str, registry: Mapping[str, Found]) -> Found:
    """The entry `name` of `registry`, whose entries are each a `kind` (a noun, for the sentence).

    Raises:
        UnknownNameError: there is none; the text gives the nearest name and all names.
    """
    if name in registry:
        return registry[name]
    names = sorted(registry)
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    known = shortened(", ".join(names), _MOST_NAMES) or "none"
    raise UnknownNameError(f"There is no {kind} named '{shortened(str(name))}'.{hint} Known: {known}.")


def shortened(text: str, most: int = 100) -> str:
    """`text` for a sentence: in one line, its end left out if it is longer than `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
