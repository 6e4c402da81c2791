"""Curves as plain inline SVG whose colours come from the style sheet, so that both schemes fit. Pure functions of
numbers.

Values under the curve of interest are drawn on the lower edge rather than squeezing the rest; the key names every
figure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from kdsr.ui.charts.axis import Axis
from kdsr.ui.html import joined

_WIDTH, _HEIGHT = 440, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 24
_MOST_POINTS = 240
_LABEL_PX = 34
"""Least distance of two captions on the vertical axis."""


@dataclass(frozen=True)
class Line:
    """One curve; `kind` is its class in the style sheet."""

    title: str
    kind: str
    points: tuple[tuple[float, float], ...]
    """(step, value), in order."""
    in_key: bool = True


@dataclass(frozen=True)
class Level:
    """A constant value: a horizontal line."""

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
) -> Markup:
    """A figure with its title, a key with the last values, and the curves over 0 to `steps`; empty without values.

    Args:
        span: the vertical axis shows at most so much below the highest value.
        is_log: a logarithmic vertical axis, for values above 0.
        note: a text behind the key; `Markup` is not escaped.
    """
    drawn: list[Line | Level] = [*lines, *levels]
    values = [value for line in lines for _, value in line.points] + [level.value for level in levels]
    values = [value for value in values if math.isfinite(value) and (value > 0 or not is_log)]
    if not values:
        return Markup("")
    axis = _axis(max(min(values), max(values) - span), max(values), is_log=is_log)
    shapes = [*(_level(level, axis) for level in levels), *(_line(line, axis, steps, unit) for line in lines)]
    last = [(each.title, each.kind, _last(each)) for each in drawn if not isinstance(each, Line) or each.in_key]
    values_text = ", ".join(f"{name} {_number(value)}{unit}" for name, _, value in last)
    return Markup(
        '<figure class="curve"><figcaption><b>{}</b>'
        '<span class="keys">{}<span class="key">{}</span></span></figcaption>'
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg></figure>'
    ).format(
        title, joined(_key(*one, unit) for one in last), note, _WIDTH, _HEIGHT,
        f"{title} over {steps:,} steps. {values_text}", _grid(axis, steps), joined(shapes),
    )  # fmt: skip


def _axis(low: float, high: float, *, is_log: bool) -> Axis:
    """The vertical axis, with a little room above and below."""
    if is_log:
        return Axis(low / 1.1, high * 1.1, _HEIGHT - _BOTTOM, _TOP, is_log=True)
    room = max((high - low) * 0.07, 0.02)
    return Axis(low - room, high + room, _HEIGHT - _BOTTOM, _TOP)


def _x(step: float, steps: int) -> float:
    return _LEFT + min(1.0, step / max(1, steps)) * (_WIDTH - _LEFT - _RIGHT)


def _grid(axis: Axis, steps: int) -> Markup:
    """The rules and the captions of both axes."""
    rule = Markup(
        '<line class="rule" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<text x="{text}" y="{base:.1f}" text-anchor="end">{number}</text>'
    )
    rules = joined(
        rule.format(left=_LEFT, right=_WIDTH - _RIGHT, y=y, text=_LEFT - 7, base=y + 4, number=_number(tick))
        for tick in axis.ticks(_LABEL_PX)
        for y in [axis.at(tick)]
    )
    ends = Markup('<text x="{}" y="{y}">0</text><text x="{}" y="{y}" text-anchor="end">{:,} steps</text>')
    return rules + ends.format(_LEFT, _WIDTH - _RIGHT, steps, y=_HEIGHT - 6)


def _line(line: Line, axis: Axis, steps: int, unit: str) -> Markup:
    """The curve, and its last point with its value as a tooltip."""
    points = [(step, value) for step, value in line.points if math.isfinite(value)]
    if not points:
        return Markup("")
    every = math.ceil(len(points) / _MOST_POINTS)
    kept = [*points[:-1:every], points[-1]]
    path = " ".join(f"{_x(step, steps):.1f},{axis.at(value):.1f}" for step, value in kept)
    step, value = points[-1]
    return Markup(
        '<polyline class="{kind}" points="{path}"/>'
        '<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{tip}</title></circle>'
    ).format(
        kind=line.kind, path=path, x=_x(step, steps), y=axis.at(value),
        tip=f"{line.title}: {_number(value)}{unit} at step {step:,.0f}",
    )  # fmt: skip


def _level(level: Level, axis: Axis) -> Markup:
    return Markup('<line class="level {}" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"><title>{}</title></line>').format(
        level.kind, _LEFT, _WIDTH - _RIGHT, level.title, y=axis.at(level.value)
    )


def _key(title: str, kind: str, value: float, unit: str) -> Markup:
    key = Markup('<span class="key {}"><i></i>{} <b>{}{}</b></span>')
    return key.format(kind, title, _number(value), unit)


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
