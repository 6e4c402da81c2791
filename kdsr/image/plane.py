"""One plane, such as alpha, resized row by row: strips have the same bits as the picture resized in one piece.

The cubic kernel with a = -0.5 (Keys 1981), antialiased when shrinking, weights normalised at the border. Pillow's
BICUBIC and torch's `interpolate(mode="bicubic", antialias=True)` compute the same, up to rounding. Not here: MATLAB's,
which is in `kdsr.degrade`.
"""

import math

import numpy as np

_BLOCK_PX = 1 << 20  # output pixels computed at a time, to bound the float32 memory


def resize_plane(plane: np.ndarray, height: int, width: int, rows: slice = slice(None)) -> np.ndarray:
    """The `rows` of `plane` (H, W), uint8 or uint16, as it is when resized to (height, width)."""
    top, bottom, _ = rows.indices(height)
    if plane.shape == (height, width):
        return plane[top:bottom]
    resized = np.empty((bottom - top, width), plane.dtype)
    down, across = _taps(plane.shape[0], height), _taps(plane.shape[1], width)
    step = max(1, _BLOCK_PX // width)
    for start in range(top, bottom, step):
        places, weights = (part[start : min(start + step, bottom)] for part in down)
        first = int(places.min())
        wide = _weighted(plane[first : int(places.max()) + 1].T, *across).T
        block = _weighted(wide, places - first, weights)
        resized[start - top : start - top + len(block)] = np.rint(block).clip(0, np.iinfo(plane.dtype).max)
    return resized


def _taps(length: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `target` places along an axis of `length`: what is read (target, taps), and the weights (target,
    taps) float32.
    """
    step = length / target
    spread = max(1.0, step)
    centres = (np.arange(target) + 0.5) * step
    places = np.floor(centres - 2 * spread + 0.5).astype(int)[:, None] + np.arange(math.ceil(4 * spread) + 1)
    weights = _cubic((places + 0.5 - centres[:, None]) / spread) * ((places >= 0) & (places < length))
    return places.clip(0, length - 1), (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    return np.where(x <= 1, (1.5 * x - 2.5) * x**2 + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))


def _weighted(plane: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(targets, W) float32: sums of rows of `plane` (H, W), tap by tap, so that a sum does not depend on its
    neighbours.
    """
    total = np.zeros((len(places), plane.shape[1]), np.float32)
    for tap in range(places.shape[1]):
        total += plane[places[:, tap]] * weights[:, tap, None]
    return total
