"""The colour of pixels under alpha 0, or nearly 0: networks and filters read beyond a pixel, and must not read it.

Hidden pixels are filled from the visible ones around them by push and pull (Gortler et al., The Lumigraph, SIGGRAPH
1996). Averages weighted by alpha are halved in size until all pixels are known, then enlarged again. Memory: 8 bytes
per pixel.
"""

from dataclasses import replace

import cv2
import numpy as np

from kdsr.image.picture import Picture

_BLOCK_ROWS = 256
"""Rows that are in memory as floats at full size; even."""
_UNSEEN = 2.5 / 255
"""Alpha below this hides: on any ground, the colour moves what is seen by at most 2 of 255 levels."""


def fill_hidden(picture: Picture) -> Picture:
    """`picture` with the colour of invisible pixels (alpha of 2/255 or less) taken from the visible ones near them.

    Visible pixels and alpha are as they were. A picture where all can be seen, or nothing, is given back itself.
    """
    if picture.alpha is None:
        return picture
    hidden = picture.alpha < _UNSEEN * np.iinfo(picture.alpha.dtype).max
    if not hidden.any() or hidden.all():
        return picture
    pixels = picture.pixels.copy()
    coarse = _filled(*_halved_picture(picture.pixels, np.where(hidden, 0, picture.alpha)))
    for top in range(0, picture.height, _BLOCK_ROWS):
        block, unseen = pixels[top : top + _BLOCK_ROWS], hidden[top : top + _BLOCK_ROWS]
        if unseen.any():
            block[unseen] = np.rint(_doubled(coarse, top, block.shape[:2])[unseen])
    return replace(picture, pixels=pixels)


def _halved_picture(pixels: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `_halved`, block by block; `alpha` is the weight."""
    most = np.float32(np.iinfo(alpha.dtype).max)
    blocks = [slice(top, top + _BLOCK_ROWS) for top in range(0, len(pixels), _BLOCK_ROWS)]
    halved = [_halved(pixels[rows].astype(np.float32), alpha[rows] / most) for rows in blocks]
    return np.concatenate([values for values, _ in halved]), np.concatenate([weights for _, weights in halved])


def _halved(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of 2x2 `values` (H, W, C), 0 where all weigh nothing, and their weights (H, W), at most 1."""
    odd = [(0, length % 2) for length in weights.shape]
    weights = np.pad(weights, odd)
    sums = np.pad(values, [*odd, (0, 0)]) * weights[..., None]
    for axis in (0, 1):
        even, other = ([slice(None)] * axis + [slice(start, None, 2)] for start in (0, 1))
        sums, weights = sums[*even] + sums[*other], weights[*even] + weights[*other]
    return sums / np.maximum(weights, 1e-9)[..., None], np.minimum(weights, 1)


def _filled(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`values` where they weigh 1, else mixed with what is around them."""
    if weights.min() == 1 or weights.size == 1:
        return values
    coarse = _doubled(_filled(*_halved(values, weights)), 0, weights.shape)
    filled: np.ndarray = coarse + weights[..., None] * (values - coarse)
    return filled


def _doubled(values: np.ndarray, top: int, shape: tuple[int, int]) -> np.ndarray:
    """Rows `top` (even) on of `values` (H, W, C) at twice the size, bilinear, cut to `shape`."""
    first = max(top // 2 - 1, 0)
    part = values[first : (top + shape[0] + 1) // 2 + 1]
    large = cv2.resize(part, (2 * part.shape[1], 2 * part.shape[0]), interpolation=cv2.INTER_LINEAR)
    large = large.reshape(*large.shape[:2], values.shape[2])
    return large[top - 2 * first :][: shape[0], : shape[1]]
