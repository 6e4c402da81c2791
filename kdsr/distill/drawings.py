"""Four pictures that the project draws itself, each a style to transfer: engraving, mosaic, brush and dots.

Strokes are 3 to 18 pixels long or wide, because a plain student at half resolution sees 30 pixels. Each is
drawn from seeded random numbers by this code alone: no file of others is behind it, and its licence is the project's.
Not here: the loss that compares with them (`style`).
"""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from kdsr.errors import find

SIDE_PX = 384
_FINER = 2
"""Drawn at this multiple of the size, then averaged: smooth edges."""

Canvas = NDArray[Any]


def draw_style(name: str) -> Canvas:
    """The style picture `name`, (384, 384, 3) float32, RGB in [0, 1]; the same at every call.

    Raises:
        UnknownNameError: no such style.
    """
    return _drawn(name).copy()


@functools.cache
def _drawn(name: str) -> Canvas:
    canvas = find("style", name, STYLES)(np.random.default_rng(7), SIDE_PX * _FINER)
    return cv2.resize(np.clip(canvas, 0, 1).astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)


def _engraving(rng: np.random.Generator, side: int) -> Canvas:
    """Ink on warm paper: lines that swell with the shadow, a second set across them where it is dark."""
    tone, y, x = _clouds(rng, side, 120), *np.mgrid[0:side, 0:side].astype(np.float32)
    bend = 40 * _clouds(rng, side, 160)
    ink = np.zeros((side, side), np.float32)
    for angle, from_tone, period_px in ((0.6, 0.95, 7.0), (-0.75, 0.55, 7.0), (1.57, 0.28, 8.0)):
        across = np.cos(angle) * y + np.sin(angle) * x + bend
        wave = 0.5 + 0.5 * np.cos(2 * np.pi * across / (period_px * _FINER))
        swell = np.clip((from_tone - tone) * 1.3, 0, 0.72)
        ink = np.maximum(ink, np.clip((wave - 1 + swell) * 12, 0, 1))
    paper, black = _colour("f6ead0"), _colour("14213d")
    drawn: Canvas = paper + (black - paper) * ink[..., None]
    return drawn


def _mosaic(rng: np.random.Generator, side: int) -> Canvas:
    """Tesserae of nine strong colours, each a little lighter at its upper edge, in dark grout."""
    step = 11 * _FINER
    rows = np.arange(-1, side // step + 3)
    centres: NDArray[Any] = np.stack(np.meshgrid(rows, rows, indexing="ij"), -1).reshape(-1, 2) * step
    centres = centres + rng.uniform(-0.3, 0.3, centres.shape) * step
    palette = np.stack([_colour(code) for code in _MOSAIC])
    region = _clouds(rng, side, 110) * 0.999
    places = np.clip(centres.astype(int), 0, side - 1)
    kind = (region[places[:, 0], places[:, 1]] * len(palette)).astype(int)
    kind = np.where(rng.random(len(kind)) < 0.2, rng.integers(len(palette), size=len(kind)), kind)
    shade = rng.uniform(0.82, 1.15, len(kind))[:, None]
    first, second, nearest = _nearest_two(centres, side)
    y = np.mgrid[0:side, 0:side][0]
    light = 1 + 0.22 * np.clip((centres[nearest, 0] - y) / step, -0.6, 0.6)
    tile = (palette[kind] * shade)[nearest] * light[..., None]
    inside = np.clip((second - first - 1.5 * _FINER) / (1.5 * _FINER), 0, 1)[..., None]
    drawn: Canvas = _colour("17131a") + (tile - _colour("17131a")) * inside
    return drawn


_MOSAIC = ("0b3c6f", "1f7a8c", "7fc8c2", "2f6b3a", "d9a21b", "f2d16b", "c8401f", "8e1b2c", "f4ecd8")


def _brush(rng: np.random.Generator, side: int) -> Canvas:
    """Short dabs of night blue and warm yellow along a swirling flow, each shaded below and lit above."""
    canvas = np.empty((side, side, 3), np.float32)
    canvas[:] = _colour("0c1d4e")
    turn, region = _clouds(rng, side, 150) * 2 * np.pi, _clouds(rng, side, 130)
    palette = np.stack([_colour(code) for code in _BRUSH])
    step = 6 * _FINER
    rows = np.arange(0, side + step, step)
    centres: NDArray[Any] = np.stack(np.meshgrid(rows, rows, indexing="ij"), -1).reshape(-1, 2)
    centres = centres + rng.uniform(-0.5, 0.5, centres.shape) * step
    for centre in rng.permutation(centres):
        place = tuple(np.clip(centre.astype(int), 0, side - 1))
        shown = region[place] + rng.normal(0, 0.07)
        colour = palette[int(np.clip(shown, 0, 0.999) * len(palette))]
        angle = turn[place] + rng.normal(0, 0.12)
        ahead = np.array([np.sin(angle), np.cos(angle)])
        _dab(canvas, centre, ahead, rng.uniform(6, 9) * _FINER, colour)
    return canvas


_BRUSH = ("0a1a4a", "12306f", "1d55a6", "3f8fc4", "8fc7d6", "e9e0b0", "f3c13a", "ef8e1f", "c9501c")


def _dab(canvas: Canvas, centre: NDArray[Any], ahead: NDArray[Any], length: float, colour: NDArray[Any]) -> None:
    """Paint one dab on `canvas` around `centre`, `length` to both sides along the unit vector `ahead`."""
    across = np.array([ahead[1], -ahead[0]]) * 0.9 * _FINER
    lit = np.clip(colour * 1.3 + 0.15, 0, 1)
    for tint, offset, width in ((colour * 0.25, across, 4.5), (colour, 0 * across, 3), (lit, -across, 1)):
        start, end = (
            tuple(int(value) for value in (centre + offset + way * ahead)[::-1].round()) for way in (-length, length)
        )
        cv2.line(canvas, start, end, tuple(float(value) for value in tint), int(width * _FINER))


def _dots(rng: np.random.Generator, side: int) -> Canvas:
    """Round dabs of pure colour on cream, warm ones among cold ones."""
    canvas = np.empty((side, side, 3), np.float32)
    canvas[:] = _colour("f7f0dc")
    region, palette = _clouds(rng, side, 120), np.stack([_colour(code) for code in _DOTS])
    step = 7 * _FINER
    rows = np.arange(-1, side // step + 2)
    centres: NDArray[Any] = np.stack(np.meshgrid(rows, rows, indexing="ij"), -1).reshape(-1, 2) * step
    centres = np.concatenate([centres, centres + step / 2]) + rng.uniform(-0.32, 0.32, (2 * len(centres), 2)) * step
    for centre in rng.permutation(centres):
        place = np.clip(centre.astype(int), 0, side - 1)
        shown = region[place[0], place[1]] + rng.normal(0, 0.16)
        colour = palette[int(np.clip(shown, 0, 0.999) * len(palette))]
        tint = tuple(float(value) for value in colour)
        radius = int(rng.uniform(2.6, 3.9) * _FINER)
        cv2.circle(canvas, (int(centre[1]), int(centre[0])), radius, tint, thickness=-1)
    return canvas


_DOTS = ("1b1f6b", "2743b8", "1e8f8a", "3fae4a", "b6d335", "f6d21e", "f58a1f", "e23a2e", "c92f7f")


def _clouds(rng: np.random.Generator, side: int, period_px: float) -> Canvas:
    """Smooth noise, (side, side) in [0, 1], every level as frequent as any other."""
    cells = max(2, round(side / (period_px * _FINER))) + 3
    noise = cv2.resize(rng.random((cells, cells)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    order = np.argsort(noise, axis=None, kind="stable")
    ranks = np.empty(side * side, np.float32)
    ranks[order] = np.linspace(0, 1, side * side, dtype=np.float32)
    return ranks.reshape(side, side)


def _nearest_two(centres: NDArray[Any], side: int) -> tuple[Canvas, Canvas, NDArray[Any]]:
    """Distances to the nearest and second of `centres` at each pixel, and which is the nearest."""
    first, second = np.full((2, side, side), np.inf, np.float32)
    nearest = np.zeros((side, side), np.int64)
    reach = 30 * _FINER
    for number, (row, column) in enumerate(centres):
        top, left = max(0, int(row) - reach), max(0, int(column) - reach)
        window = np.s_[top : max(0, int(row) + reach), left : max(0, int(column) + reach)]
        y, x = np.mgrid[window[0], window[1]]
        if y.size == 0:
            continue
        y, x = y[: side - top, : side - left], x[: side - top, : side - left]
        distance = np.hypot(y - row, x - column).astype(np.float32)
        a, b, which = first[window], second[window], nearest[window]
        closer = distance < a
        b[:] = np.where(closer, a, np.minimum(b, distance))
        which[closer] = number
        a[closer] = distance[closer]
    return first, second, nearest


def _colour(code: str) -> NDArray[Any]:
    """Red, green and blue in [0, 1] of six hexadecimal digits."""
    return np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)], np.float32) / 255


STYLES: Mapping[str, Callable[[np.random.Generator, int], Canvas]] = MappingProxyType({
    "engraving": _engraving,
    "mosaic":    _mosaic,
    "brush":     _brush,
    "dots":      _dots,
})  # fmt: skip
"""The styles by name."""
