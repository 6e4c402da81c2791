"""Curves as plain inline SVG whose colours come from the style sheet, so that both schemes fit. Pure functions of
numbers.

Values under the curve of interest are drawn on the lower edge rather than squeezing the rest; the key names every
figure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kdsr.ui.charts.axis import Axis

_WIDTH, _HEIGHT = 440, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 24
_MOST_POINTS = 240
_LABEL_PX = 34
"""Least distance of two labels on the vertical axis."""


@dataclass(frozen=True)
class Line:
    """One curve; `kind` is its class in the style sheet."""

    title: str
    kind: str
    points: tuple[tuple[float, float], ...]
    """(step, value), in order."""


@dataclass(frozen=True)
class Level:
    """A value that stays: a horizontal line."""

    title: str
    kind: str
    value: float


def chart(
    title: str,
    lines: Sequence[Line],
    levels: Sequence[Level] = (),
    *,
    steps: int,
    unit: str = "",
    span: float = math.inf,
    is_log: bool = False,
    note: str = "",
) -> str:
    """A figure with its title, a key that tells the last values, and the curves over 0 to `steps`.

    Args:
        span: the vertical axis shows at most so much below the highest value.
        is_log: a logarithmic vertical axis, for values above 0.
        note: HTML behind the key.
    """
    drawn: list[Line | Level] = [*lines, *levels]
    values = [value for line in lines for _, value in line.points] + [level.value for level in levels]
    values = [value for value in values if math.isfinite(value) and (value > 0 or not is_log)]
    if not values:
        return ""
    axis = _axis(max(min(values), max(values) - span), max(values), is_log=is_log)
    shapes = "".join(_level(level, axis) for level in levels) + "".join(
        _line(line, axis, steps, unit) for line in lines
    )
    last = [(each.title, each.kind, _last(each)) for each in drawn]
    keys = "".join(_key(name, kind, value, unit) for name, kind, value in last)
    said = escape(
        f"{title} over {steps:,} steps. " + ", ".join(f"{name} {_number(value)}{unit}" for name, _, value in last),
        quote=True,
    )
    return (
        f'<figure class="curve"><figcaption><b>{escape(title)}</b><span class="keys">{keys}<span class="key">{note}</span></span></figcaption>'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">{_grid(axis, steps)}{shapes}</svg></figure>'
    )


def _axis(low: float, high: float, *, is_log: bool) -> Axis:
    """The vertical axis, with a little room above and below."""
    if is_log:
        return Axis(low / 1.1, high * 1.1, _HEIGHT - _BOTTOM, _TOP, is_log=True)
    room = max((high - low) * 0.07, 0.02)
    return Axis(low - room, high + room, _HEIGHT - _BOTTOM, _TOP)


def _x(step: float, steps: int) -> float:
    return _LEFT + min(1.0, step / max(1, steps)) * (_WIDTH - _LEFT - _RIGHT)


def _grid(axis: Axis, steps: int) -> str:
    """The rules and the labels of both axes."""
    rules = "".join(
        f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{axis.at(tick):.1f}" y2="{axis.at(tick):.1f}"/>'
        f'<text x="{_LEFT - 7}" y="{axis.at(tick) + 4:.1f}" text-anchor="end">{_number(tick)}</text>'
        for tick in axis.ticks(_LABEL_PX)
    )
    y = _HEIGHT - 6
    ends = f'<text x="{_LEFT}" y="{y}">0</text><text x="{_WIDTH - _RIGHT}" y="{y}" text-anchor="end">{steps:,} steps</text>'
    return rules + ends


def _line(line: Line, axis: Axis, steps: int, unit: str) -> str:
    """The curve and its last point, which tells its value."""
    points = [(step, value) for step, value in line.points if math.isfinite(value)]
    if not points:
        return ""
    every = math.ceil(len(points) / _MOST_POINTS)
    kept = [*points[:-1:every], points[-1]]
    path = " ".join(f"{_x(step, steps):.1f},{axis.at(value):.1f}" for step, value in kept)
    step, value = points[-1]
    tip = f"<title>{escape(line.title)}: {_number(value)}{unit} at step {step:,.0f}</title>"
    end = f'<circle class="{line.kind}" cx="{_x(step, steps):.1f}" cy="{axis.at(value):.1f}" r="3.5">{tip}</circle>'
    return f'<polyline class="{line.kind}" points="{path}"/>{end}'


def _level(level: Level, axis: Axis) -> str:
    y = f"{axis.at(level.value):.1f}"
    return f'<line class="level {level.kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"><title>{escape(level.title)}</title></line>'


def _key(title: str, kind: str, value: float, unit: str) -> str:
    return f'<span class="key {kind}"><i></i>{escape(title)} <b>{_number(value)}{unit}</b></span>'


def _last(each: Line | Level) -> float:
    if isinstance(each, Level):
        return each.value
    return each.points[-1][1] if each.points else math.nan


def _number(value: float) -> str:
    """Two decimals from 1 on, three significant digits below."""
    if not math.isfinite(value):
        return "none"
    if abs(value) >= 1 or value == 0:
        return f"{value:.2f}".rstrip("0").rstrip(".") if value == round(value) else f"{value:.2f}"
    return f"{value:.3g}"
