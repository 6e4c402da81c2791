"""What an open page shows of a run, and what its visitor chooses while the run is at work: the newest choice counts.

Not here: orders and stop signals (`ui.sessions`).
"""

from dataclasses import dataclass, replace
from threading import Event

from kdsr.ui.restore.place import USUAL_PAIR
from kdsr.ui.restore.request import Order
from kdsr.ui.restore.result import RestoreResult


@dataclass
class OpenPage:
    """The newest result of one page, the pair on its divider, and what its downloads leave out."""

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
