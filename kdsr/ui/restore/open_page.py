"""What an open page shows of a run, and what its visitor chooses while handlers or a run are at work: the newest choice
counts.

Not here: orders and stop signals (`ui.sessions`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Generic, TypeVar

from kdsr.ui.restore.choice import Choice
from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.request import Order
from kdsr.ui.restore.result import RestoreResult

_REMEMBERED = 32

T = TypeVar("T")


class Newest(Generic[T]):
    """A value that handlers change while others are at work. gradio hands it to each when that one begins, so the value
    of one that took long may be an earlier one by its end.
    """

    def __init__(self) -> None:
        self._had: list[T] = []
        self._lock = Lock()

    def of(self, given: T) -> T:
        """The newest value: `given`, unless the page had that one and went on from it."""
        return self._had[-1] if given in self._had else given

    def change(self, given: T, changed: Callable[[T], T]) -> T:
        """What `changed` makes of the newest value, which is the newest one from now on."""
        with self._lock:
            value, unknown = changed(self.of(given)), [given] if given not in self._had else []
            self._had = [*self._had, *unknown, value][-_REMEMBERED:]
            return value


@dataclass
class OpenPage:
    """The newest choice and picture of one page, its newest result, the pair on its divider, and what its downloads
    leave out.
    """

    choice: Newest[Choice] = field(default_factory=Newest)
    picture: Newest[str | None] = field(default_factory=Newest)
    picks: int = 0
    """How many pictures the visitor has chosen, those that are still being read among them."""
    result: RestoreResult | None = None
    pair: tuple[str, str] = USUAL_PAIR
    strip: bool = False
    asked: tuple[Event | None, Order] | None = None
    """The order that the visitor was told what it lacks of, and its controls."""

    def now(self, result: RestoreResult) -> RestoreResult:
        """`result` with the choices of this moment; from now on the page shows it."""
        order = result.order
        if order is not None and order.strip != self.strip:
            result = replace(result, order=replace(order, strip=self.strip))
        self.result = result
        return result

    def is_newer_than(self, result: RestoreResult) -> bool:
        """Whether the page shows another result than `result` by now."""
        return self.result is not None and self.result is not result
