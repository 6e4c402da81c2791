"""The square of a picture that a report enlarges: where two pictures differ most, or a chosen spot.

The rule is that of the comparison (`static/compare/spots.js`). Pure functions.
"""

from typing import NamedTuple

import numpy as np

BLOCK_PX = 32
_SHARE, _LEAST_PX = 5, 48
"""A square has a fifth of the shorter side, and not less than this."""
MIDDLE = (0.5, 0.5)


class Square(NamedTuple):
    """A square of a picture, in its pixels."""

    left: int
    top: int
    side: int


def most_different(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The centre (x, y) of the block of 32 px in which two pictures differ most, as fractions of width and height.

    Args:
        one, other: (H, W, 3 or more) uint8, of one size; the mean absolute difference of the first three counts.
    Returns:
        The middle of the picture where the two are equal.
    """
    gap = np.abs(one[..., :3].astype(np.int32) - other[..., :3]).sum(axis=2)
    height, width = gap.shape
    rows, columns = np.arange(0, height, BLOCK_PX), np.arange(0, width, BLOCK_PX)
    sums = np.add.reduceat(np.add.reduceat(gap, rows, axis=0), columns, axis=1)
    if not sums.any():
        return MIDDLE
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    row, column = np.unravel_index(np.argmax(sums / counts), sums.shape)
    return min(1.0, (int(column) + 0.5) * BLOCK_PX / width), min(1.0, (int(row) + 0.5) * BLOCK_PX / height)


def square_around(spot: tuple[float, float], size: tuple[int, int]) -> Square:
    """The square around `spot` (fractions) inside a picture of `size` (width, height), as near as the border allows."""
    side = min(*size, max(_LEAST_PX, min(size) // _SHARE))
    left, top = (
        min(max(round(at * length - side / 2), 0), length - side) for at, length in zip(spot, size, strict=True)
    )
    return Square(left, top, side)
