"""An axis of a drawing: the position of a value, and the round values to print along it. Pure functions of numbers."""

import math
from dataclasses import dataclass

_FINE = (1, 1.5, 2, 3, 5, 7)
_COARSE = (1, 2, 5)


@dataclass(frozen=True)
class Axis:
    """Values from `low` to `high`, drawn from `start` to `end` in units of the drawing."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """The position of `value` in the drawing; outside of the axis, at its nearer end."""
        low, high = (math.log(end) if self.is_log else end for end in (self.low, self.high))
        inside = min(max(value, self.low), self.high)
        share = ((math.log(inside) if self.is_log else inside) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self, apart: float, *, about: int = 4, is_fine: bool = True) -> list[float]:
        """Round values to print along the axis, at least `apart` from each other.

        Args:
            about: how many a linear axis should have at most.
            is_fine: whether a logarithmic axis takes more of each decade than 1, 2 and 5.
        """
        if self.is_log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [factor * 10.0**decade for decade in decades for factor in (_FINE if is_fine else _COARSE)]
        else:
            step = round_step((self.high - self.low) / about)
            found = [number * step for number in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        kept: list[float] = []
        for value in found:
            if self.low <= value <= self.high and (not kept or abs(self.at(value) - self.at(kept[-1])) >= apart):
                kept.append(value)
        return kept


def round_step(wanted: float) -> float:
    """The least of 1, 2, 5, 10, ... (times a power of ten) that is `wanted` or more."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.999)
