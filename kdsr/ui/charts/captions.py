"""Captions of marks in a drawing, none over another: pure geometry in the units of the drawing.

A caption that fits nowhere near its mark is left out; so the page also shows the drawing's facts elsewhere.
"""

from collections.abc import Sequence
from typing import NamedTuple

LETTER = 0.62
"""Width of a letter in sizes of the font, on the safe side for the fonts that a page may get."""
_GAP = 3.0
"""Between a mark and its own caption."""
_CLEAR = (7.0, 1.0)
"""Between a caption and all that is not its own: as it should be, and as it may be where it is crowded."""
_RINGS = (0.0, 13.0, 26.0, 40.0, 56.0, 72.0)
"""Extra distances of a caption from its mark; from the second on, a line leads to it."""
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


class Box(NamedTuple):
    """A rectangle; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two share a point."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def grown(self, by: float) -> "Box":
        """The rectangle with a margin of `by` around it."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def lies_in(self, other: "Box") -> bool:
        """Whether this one is entirely inside `other`."""
        return (
            self.left >= other.left
            and self.top >= other.top
            and self.right <= other.right
            and self.bottom <= other.bottom
        )


class Wanted(NamedTuple):
    """A mark that wants a caption."""

    text: str
    x: float
    y: float
    radius: float
    font_px: float


class Caption(NamedTuple):
    """The place of a mark's caption, and whether a line leads to it."""

    box: Box
    anchor: str
    """Which part of the text is at `x`: start, middle or end, so that its gap to the mark is the same in every font."""
    is_led: bool

    @property
    def x(self) -> float:
        return {"start": self.box.left, "middle": (self.box.left + self.box.right) / 2, "end": self.box.right}[
            self.anchor
        ]


def placed(wanted: Sequence[Wanted], frame: Box, taken: Sequence[Box] = ()) -> list[Caption | None]:
    """A caption for each of `wanted`, the first ones first; None where it fits nowhere.

    No caption leaves `frame`, none overlaps another one, a mark, or a box in `taken`.
    """
    marks = [_around(mark) for mark in wanted]
    blocked, captions = list(taken), list[Caption | None]()
    for own, mark in zip(marks, wanted, strict=True):
        others = [box for box in marks if box != own] + blocked
        inside = [caption for caption in _candidates(mark) if caption.box.lies_in(frame)]
        free = (
            caption
            for clear in _CLEAR
            for caption in inside
            if not any(caption.box.grown(clear).meets(box) for box in others)
        )
        captions.append(next(free, None))
        blocked += [caption.box for caption in captions[-1:] if caption]
    return captions


def _around(mark: Wanted) -> Box:
    return Box(mark.x, mark.y, mark.x, mark.y).grown(mark.radius)


def _candidates(mark: Wanted) -> list[Caption]:
    """The places around `mark`, the best first."""
    width, height = len(mark.text) * mark.font_px * LETTER, mark.font_px * 1.2
    found = []
    for ring in _RINGS:
        away = mark.radius + _GAP + ring
        for right, down in _DIRECTIONS:
            reach = away if 0 in (right, down) else away * 0.7
            left = mark.x + right * reach - (width if right < 0 else width / 2 if right == 0 else 0)
            top = mark.y + down * reach - (height if down < 0 else height / 2 if down == 0 else 0)
            found.append(
                Caption(Box(left, top, left + width, top + height), ("end", "middle", "start")[right + 1], ring > 0)
            )
    return found
