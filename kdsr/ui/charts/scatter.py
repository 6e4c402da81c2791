"""Quality against parameters or latency as plain inline SVG, our networks and the field's: pure functions of marks.

It is drawn twice, for a wide page and for a phone; the style sheet shows the one that fits. Colours come from the style
sheet.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from kdsr.ui.charts.axis import Axis
from kdsr.ui.charts.curves import Level
from kdsr.ui.charts.labels import LETTER, Box, Label, Wanted, placed

_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 26, 40
_RADII = {"teacher": 6.0, "student": 6.0, "twin": 6.0, "published": 4.5}
_ORDER = ("published", "twin", "student", "teacher")
"""The last ones lie on top, and are the first to get their labels."""
_FAR_BELOW = 0.25
"""A level lower than that under the marks, as a share of their span, is told and not drawn: it would squeeze the rest."""
_RING = 5.0
"""How far from its mark the ring of the chosen network lies."""


@dataclass(frozen=True)
class Mark:
    """One network; `kind` is teacher, student, twin or published, and its class in the style sheet."""

    label: str
    kind: str
    x: float
    y: float
    tip: str
    network: str = ""
    """Whose card a click opens; empty for those of the field."""


class Quantity(NamedTuple):
    """What an axis shows."""

    title: str
    short: Callable[[float], str]
    """A round value as its label."""


class _Sheet(NamedTuple):
    """The size of a drawing."""

    name: str
    width: int
    height: int
    font_px: float

    @property
    def inner(self) -> Box:
        return Box(_LEFT, _TOP, self.width - _RIGHT, self.height - _BOTTOM)


_SHEETS = (_Sheet("wide", 780, 440, 12.5), _Sheet("narrow", 360, 400, 11.0))


def scatter(
    title: str, marks: Sequence[Mark], levels: Sequence[Level], x: Quantity, y: Quantity, *, chosen: str = ""
) -> str:
    """The drawings of `marks` over a logarithmic `x`; empty without any mark.

    Args:
        levels: values of `y` that belong to no value of `x`; see `drawn_levels`.
        chosen: the network whose mark is ringed.
    """
    if not marks:
        return ""
    ordered = sorted(marks, key=lambda mark: _ORDER.index(mark.kind))
    said = "; ".join(mark.tip for mark in reversed(ordered))
    return "".join(
        _drawing(sheet, title, said, ordered, drawn_levels(marks, levels), x, y, chosen) for sheet in _SHEETS
    )


def drawn_levels(marks: Sequence[Mark], levels: Sequence[Level]) -> list[Level]:
    """Those of `levels` that are near enough to `marks` to be drawn among them."""
    low, high = min(mark.y for mark in marks), max(mark.y for mark in marks)
    return [level for level in levels if level.value >= low - _FAR_BELOW * (high - low)]


def _drawing(
    sheet: _Sheet,
    title: str,
    said: str,
    marks: Sequence[Mark],
    levels: Sequence[Level],
    x: Quantity,
    y: Quantity,
    chosen: str,
) -> str:
    across, up = _axes(sheet, marks, levels)
    lines, taken = _levels(sheet, levels, up)
    points = [(across.at(mark.x), up.at(mark.y)) for mark in marks]
    shapes = "".join(
        _shape(mark, *point, is_chosen=_is_chosen(mark, chosen)) for mark, point in zip(marks, points, strict=True)
    )
    labels = _labels(sheet, marks, points, taken, chosen)
    ids = f"zoo-{sheet.name}-title", f"zoo-{sheet.name}-points"
    return (
        f'<svg class="{sheet.name}" viewBox="0 0 {sheet.width} {sheet.height}" role="img" aria-labelledby="{" ".join(ids)}">'
        f'<title id="{ids[0]}">{escape(title)}</title><desc id="{ids[1]}">{escape(said)}</desc>'
        f"{_grid(sheet, across, up, x, y)}{lines}{labels[0]}{shapes}{labels[1]}</svg>"
    )


def _axes(sheet: _Sheet, marks: Sequence[Mark], levels: Sequence[Level]) -> tuple[Axis, Axis]:
    """Both axes, with room around the marks."""
    inner = sheet.inner
    left, right = min(mark.x for mark in marks), max(mark.x for mark in marks)
    wider = max((right / left) ** 0.06, 1.25)
    values = [mark.y for mark in marks] + [level.value for level in levels]
    room = max((max(values) - min(values)) * 0.08, 0.05)
    across = Axis(left / wider, right * wider, inner.left, inner.right, is_log=True)
    return across, Axis(min(values) - room, max(values) + room, inner.bottom, inner.top)


def _grid(sheet: _Sheet, across: Axis, up: Axis, x: Quantity, y: Quantity) -> str:
    """The rules, their labels, and what the axes show."""
    inner, middle = sheet.inner, (_LEFT + sheet.width - _RIGHT) / 2
    rules = "".join(
        f'<line class="rule" x1="{inner.left}" x2="{inner.right}" y1="{up.at(tick):.1f}" y2="{up.at(tick):.1f}"/>'
        f'<text x="{inner.left - 6}" y="{up.at(tick) + 4:.1f}" text-anchor="end">{y.short(tick)}</text>'
        for tick in up.ticks(34, about=7)
    )
    is_fine = across.high / across.low < 10
    rules += "".join(
        f'<line class="tick" x1="{across.at(tick):.1f}" x2="{across.at(tick):.1f}" y1="{inner.bottom}" y2="{inner.bottom + 4}"/>'
        f'<text x="{across.at(tick):.1f}" y="{inner.bottom + 16}" text-anchor="middle">{x.short(tick)}</text>'
        for tick in across.ticks(3.4 * sheet.font_px, is_fine=is_fine)
    )
    below = f'<text x="{middle}" y="{sheet.height - 1}" text-anchor="middle">{escape(x.title)}</text>'
    return f'{rules}<text x="0" y="12">{escape(y.title)}</text>{below}'


def _levels(sheet: _Sheet, levels: Sequence[Level], up: Axis) -> tuple[str, list[Box]]:
    """The lines of `levels`, each with its name at the right end, and what the names take."""
    drawn, taken = "", []
    for level in levels:
        y, width = up.at(level.value), len(level.title) * sheet.font_px * LETTER
        end = sheet.inner.right
        drawn += (
            f'<line class="level" x1="{_LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="name published" x="{end}" y="{y - 5:.1f}" text-anchor="end" style="font-size:{sheet.font_px}px">{escape(level.title)}</text>'
        )
        taken.append(Box(end - width, y - 5 - sheet.font_px, end, y + 1))
    return drawn, taken


def _shape(mark: Mark, x: float, y: float, *, is_chosen: bool) -> str:
    """A mark with what it tells under the pointer."""
    r = _RADII[mark.kind]
    inside = {
        "teacher": f'<rect x="{x - r:.1f}" y="{y - r:.1f}" width="{2 * r}" height="{2 * r}" rx="2"/>',
        "twin": f'<path d="M{x:.1f} {y - r - 1:.1f}l{r + 1} {r + 1}l{-r - 1} {r + 1}l{-r - 1} {-r - 1}z"/>',
    }.get(mark.kind, f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}"/>')
    ring = f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="{r + _RING}"/>' if is_chosen else ""
    network = f' data-network="{escape(mark.network, quote=True)}"' if mark.network else ""
    return f'<g class="mark {mark.kind}"{network}><title>{escape(mark.tip)}</title>{ring}{inside}</g>'


def _is_chosen(mark: Mark, chosen: str) -> bool:
    return bool(chosen) and mark.network == chosen


def _labels(
    sheet: _Sheet, marks: Sequence[Mark], points: Sequence[tuple[float, float]], taken: Sequence[Box], chosen: str
) -> tuple[str, str]:
    """(lines that lead to labels, labels): our networks choose their places first."""
    turn = sorted(range(len(marks)), key=lambda index: -_ORDER.index(marks[index].kind))
    radii = [_RADII[mark.kind] + (_RING if _is_chosen(mark, chosen) else 0) for mark in marks]
    wanted = [Wanted(marks[index].label, *points[index], radii[index], sheet.font_px) for index in turn]
    found = placed(wanted, Box(_LEFT + 2, _TOP - 6, sheet.width, sheet.height - _BOTTOM - 1), taken)
    lines = names = ""
    for index, label in zip(turn, found, strict=True):
        if label is None:
            continue
        mark, box = marks[index], label.box
        lines += _leader(label, *points[index]) if label.is_led else ""
        names += (
            f'<text class="name {mark.kind}" x="{label.x:.1f}" y="{box.bottom - 0.3 * sheet.font_px:.1f}" text-anchor="{label.anchor}" '
            f'style="font-size:{sheet.font_px}px">{escape(mark.label)}</text>'
        )
    return lines, names


def _leader(label: Label, x: float, y: float) -> str:
    """A line from the mark at (x, y) to the nearest point of its label."""
    box = label.box
    to_x, to_y = min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)
    return (
        f'<line class="leader" x1="{x:.1f}" x2="{to_x:.1f}" y1="{y:.1f}" y2="{to_y:.1f}"/>'
        if math.dist((x, y), (to_x, to_y)) > 1
        else ""
    )
