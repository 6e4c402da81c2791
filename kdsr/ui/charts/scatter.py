"""Quality against parameters or latency as plain inline SVG, our networks and the field's: pure functions of marks.

It is drawn twice, for a wide page and for a phone; the style sheet shows the one that fits. Colours come from the style
sheet.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from kdsr.ui.charts.axis import Axis
from kdsr.ui.charts.captions import LETTER, Box, Caption, Wanted, placed
from kdsr.ui.charts.curves import Level
from kdsr.ui.html import joined

_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 26, 40
_RADII = {"teacher": 6.0, "student": 6.0, "twin": 6.0, "published": 4.5}
_ORDER = ("published", "twin", "student", "teacher")
"""The last ones are drawn on top, and get their captions first."""
_RING = 5.0
"""Distance of the chosen network's ring from its mark."""


@dataclass(frozen=True)
class Mark:
    """One network; `kind` is teacher, student, twin or published, and its class in the style sheet."""

    caption: str
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
    """A round value as its caption."""
    least_room: float = 0.05
    """The least room above and below the marks."""
    far: float = 0.25
    """A level farther from the marks, as a share of their span, is not drawn, since it would squeeze the rest."""


class Budget(NamedTuple):
    """A limit on `x`, and the marks that are worth their `x`."""

    x: float
    title: str
    front: Sequence[Mark]
    """Joined by steps, from left to right; a mark beyond the limit is pale."""


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
    title: str,
    marks: Sequence[Mark],
    levels: Sequence[Level],
    x: Quantity,
    y: Quantity,
    *,
    chosen: str = "",
    budget: Budget | None = None,
) -> Markup:
    """The drawings of `marks` over a logarithmic `x`; empty without any mark.

    Args:
        levels: values of `y` that belong to no value of `x`; see `drawn_levels`.
        chosen: the network whose mark is ringed.
        budget: a limit on `x`, drawn as an upright line, with the front.
    """
    if not marks:
        return Markup("")
    ordered = sorted(marks, key=lambda mark: _ORDER.index(mark.kind))
    said = "; ".join(mark.tip for mark in reversed(ordered))
    drawn = drawn_levels(marks, levels, y.far)
    return joined(_drawing(sheet, title, said, ordered, drawn, x, y, chosen, budget) for sheet in _SHEETS)


def drawn_levels(marks: Sequence[Mark], levels: Sequence[Level], far: float) -> list[Level]:
    """Those of `levels` that are near enough to `marks` to be drawn among them; `far` as in `Quantity`."""
    low, high = min(mark.y for mark in marks), max(mark.y for mark in marks)
    room = far * (high - low)
    return [level for level in levels if low - room <= level.value <= high + room]


def _drawing(
    sheet: _Sheet,
    title: str,
    said: str,
    marks: Sequence[Mark],
    levels: Sequence[Level],
    x: Quantity,
    y: Quantity,
    chosen: str,
    budget: Budget | None,
) -> Markup:
    across, up = _axes(sheet, marks, levels, y.least_room, budget)
    lines, taken = _levels(sheet, levels, up)
    limit, titled = _limit(sheet, budget, across, up) if budget else (Markup(""), [])
    points = [(across.at(mark.x), up.at(mark.y)) for mark in marks]
    shapes = joined(
        _shape(mark, *point, is_chosen=_is_chosen(mark, chosen), is_beyond=budget is not None and mark.x > budget.x)
        for mark, point in zip(marks, points, strict=True)
    )
    leaders, names = _captions(sheet, marks, points, taken + titled, chosen)
    return Markup(
        '<svg class="{name}" viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="zoo-{name}-title zoo-{name}-points">'
        '<title id="zoo-{name}-title">{title}</title><desc id="zoo-{name}-points">{said}</desc>{inside}</svg>'
    ).format(
        name=sheet.name, width=sheet.width, height=sheet.height, title=title, said=said,
        inside=joined((_grid(sheet, across, up, x, y), lines, limit, leaders, shapes, names)),
    )  # fmt: skip


def _axes(
    sheet: _Sheet, marks: Sequence[Mark], levels: Sequence[Level], least_room: float, budget: Budget | None
) -> tuple[Axis, Axis]:
    """Both axes, with room around the marks and the limit."""
    inner = sheet.inner
    values = [mark.x for mark in marks] + ([budget.x] if budget else [])
    left, right = min(values), max(values)
    wider = max((right / left) ** 0.06, 1.25)
    values = [mark.y for mark in marks] + [level.value for level in levels]
    room = max((max(values) - min(values)) * 0.08, least_room)
    across = Axis(left / wider, right * wider, inner.left, inner.right, is_log=True)
    return across, Axis(min(values) - room, max(values) + room, inner.bottom, inner.top)


def _grid(sheet: _Sheet, across: Axis, up: Axis, x: Quantity, y: Quantity) -> Markup:
    """The rules, their numbers, and the titles of the axes."""
    inner, middle = sheet.inner, (_LEFT + sheet.width - _RIGHT) / 2
    rule = Markup(
        '<line class="rule" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<text x="{}" y="{base:.1f}" text-anchor="end">{}</text>'
    )
    rules = [
        rule.format(inner.left, inner.right, inner.left - 6, y.short(tick), y=up.at(tick), base=up.at(tick) + 4)
        for tick in up.ticks(34, about=7)
    ]
    mark = Markup(
        '<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/>'
        '<text x="{x:.1f}" y="{}" text-anchor="middle">{}</text>'
    )
    is_fine = across.high / across.low < 10
    ticks = [
        mark.format(inner.bottom, inner.bottom + 4, inner.bottom + 16, x.short(tick), x=across.at(tick))
        for tick in across.ticks(3.4 * sheet.font_px, is_fine=is_fine)
    ]
    titles = Markup('<text x="0" y="12">{}</text><text x="{}" y="{}" text-anchor="middle">{}</text>')
    return joined((*rules, *ticks, titles.format(y.title, middle, sheet.height - 4, x.title)))


def _levels(sheet: _Sheet, levels: Sequence[Level], up: Axis) -> tuple[Markup, list[Box]]:
    """The lines of `levels`, each with its caption at the right end, and the boxes of the captions."""
    line = Markup(
        '<line class="level" x1="{}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}"/><text class="name published" x="{end}" '
        'y="{base:.1f}" text-anchor="end" style="font-size:{}px">{}</text>'
    )
    drawn, taken, end = [], [], sheet.inner.right
    for level in levels:
        y, width = up.at(level.value), len(level.title) * sheet.font_px * LETTER
        drawn.append(line.format(_LEFT, sheet.font_px, level.title, end=end, y=y, base=y - 5))
        taken.append(Box(end - width, y - 5 - sheet.font_px, end, y + 1))
    return joined(drawn), taken


def _limit(sheet: _Sheet, budget: Budget, across: Axis, up: Axis) -> tuple[Markup, list[Box]]:
    """The limit with its caption, the front as steps, and the box of the caption."""
    inner, x, size = sheet.inner, across.at(budget.x), sheet.font_px
    is_left = x < (inner.left + inner.right) / 2
    start, width = x + 5 if is_left else x - 5, len(budget.title) * size * LETTER
    steps: list[str] = []
    for mark in budget.front:
        point = (across.at(mark.x), up.at(mark.y))
        steps += [f"{point[0]:.1f},{steps[-1].partition(',')[2]}"] if steps else []
        steps.append(f"{point[0]:.1f},{point[1]:.1f}")
    drawn = Markup(
        '<polyline class="front" points="{}"/><line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/>'
        '<text class="name published" x="{:.1f}" y="{}" text-anchor="{}" style="font-size:{}px">{}</text>'
    ).format(
        " ".join(steps), inner.top, inner.bottom, start, inner.bottom - 8, "start" if is_left else "end", size,
        budget.title, x=x,
    )  # fmt: skip
    left = start if is_left else start - width
    return drawn, [Box(left, inner.bottom - 8 - size, left + width, inner.bottom - 4)]


def _shape(mark: Mark, x: float, y: float, *, is_chosen: bool, is_beyond: bool) -> Markup:
    """A mark with its tooltip."""
    r = _RADII[mark.kind]
    ring = Markup('<circle class="ring" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(x, y, r + _RING) if is_chosen else ""
    network = Markup(' data-network="{}"').format(mark.network) if mark.network else ""
    return Markup('<g class="mark {}{}"{}><title>{}</title>{}{}</g>').format(
        mark.kind, " beyond" if is_beyond else "", network, mark.tip, ring, _outline(mark.kind, x, y, r)
    )


def _outline(kind: str, x: float, y: float, r: float) -> Markup:
    """A square for a teacher, a diamond for a twin, a disc for all others."""
    if kind == "teacher":
        square = Markup('<rect x="{:.1f}" y="{:.1f}" width="{side}" height="{side}" rx="2"/>')
        return square.format(x - r, y - r, side=2 * r)
    if kind == "twin":
        path = f"M{x:.1f} {y - r - 1:.1f}l{r + 1} {r + 1}l{-r - 1} {r + 1}l{-r - 1} {-r - 1}z"
        return Markup('<path d="{}"/>').format(path)
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(x, y, r)


def _is_chosen(mark: Mark, chosen: str) -> bool:
    return bool(chosen) and mark.network == chosen


def _captions(
    sheet: _Sheet, marks: Sequence[Mark], points: Sequence[tuple[float, float]], taken: Sequence[Box], chosen: str
) -> tuple[Markup, Markup]:
    """(lines that lead to captions, captions): our networks choose their places first."""
    turn = sorted(range(len(marks)), key=lambda index: -_ORDER.index(marks[index].kind))
    radii = [_RADII[mark.kind] + (_RING if _is_chosen(mark, chosen) else 0) for mark in marks]
    wanted = [Wanted(marks[index].caption, *points[index], radii[index], sheet.font_px) for index in turn]
    found = placed(wanted, Box(_LEFT + 2, _TOP - 6, sheet.width, sheet.height - _BOTTOM - 1), taken)
    name = Markup('<text class="name {}" x="{:.1f}" y="{:.1f}" text-anchor="{}" style="font-size:{}px">{}</text>')
    lines, names = [], []
    for index, caption in zip(turn, found, strict=True):
        if caption is None:
            continue
        mark, base = marks[index], caption.box.bottom - 0.3 * sheet.font_px
        if caption.is_led:
            lines.append(_leader(caption, *points[index]))
        names.append(name.format(mark.kind, caption.x, base, caption.anchor, sheet.font_px, mark.caption))
    return joined(lines), joined(names)


def _leader(caption: Caption, x: float, y: float) -> Markup:
    """A line from the mark at (x, y) to the nearest point of its caption; empty if they touch."""
    box = caption.box
    to_x, to_y = min(max(x, box.left), box.right), min(max(y, box.top), box.bottom)
    if math.dist((x, y), (to_x, to_y)) <= 1:
        return Markup("")
    line = Markup('<line class="leader" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    return line.format(x, to_x, y, to_y)
