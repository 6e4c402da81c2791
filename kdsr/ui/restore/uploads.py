"""The pictures that each visitor has uploaded, by the word for them in an address: a reload and the way back find them.

Nobody else does: they belong to the visitor's secret (`ui.visitor`). Not here: how long the files stay.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

OWN = "own"
"""What the word for a picture of a visitor's begins with."""
_MOST_VISITORS = 1000
_MOST_PICTURES = 16


def word_of_upload(path: str) -> str:
    """The word that names the uploaded picture at `path`, without telling its name."""
    return f"{OWN}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


class Uploads:
    """The newest uploads of the newest visitors."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._lock = Lock()

    def add(self, owner: str, path: str) -> None:
        """The visitor `owner` shows the uploaded picture at `path`."""
        with self._lock:
            kept = {word: old for word, old in self._of.pop(owner, {}).items() if old != path}
            self._of[owner] = dict([*kept.items(), (word_of_upload(path), path)][-_MOST_PICTURES:])
            while len(self._of) > _MOST_VISITORS:
                self._of.popitem(last=False)

    def of(self, owner: str) -> Mapping[str, str]:
        """Word to path of the pictures of `owner`."""
        return self._of.get(owner, {})
