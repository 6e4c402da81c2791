"""Frames blended with the ones before where nothing moves, so that noise does not flicker. Pure but for its memory.

A place has moved where the change of the source, averaged over a window, is large: noise averages out. It has moved,
too, where gradients explain the change, as they do for texture and never for noise (least squares of Lucas and Kanade,
IJCAI 1981), or where the change is large in itself. Frames are compared with the blended source, so that a slow change
adds up until the blend lets go. Not here: motion compensation.
"""

import cv2
import numpy as np

_WINDOW_PX = 9
_MEAN_255 = (2.0, 6.0)
_EXPLAINED = (0.1, 0.25)
_SIZE_255 = (15.0, 25.0)
"""Mean signed change, explained share of it, mean absolute change: up to the first a place is still, from the second on
it has moved.
"""
_KEPT = 0.8
"""Share of the frames before, where a place is still."""


class Steady:
    """Blends the frames of one clip, in their order."""

    def __init__(self) -> None:
        self._source: np.ndarray | None = None
        self._result: np.ndarray | None = None

    def blended(self, source: np.ndarray, result: np.ndarray) -> np.ndarray:
        """`result` (H * scale, W * scale, 3), blended with the results before where `source` (H, W, 3) is still.

        Both are `uint8` or `uint16`; the type of `result` is kept.
        """
        full, light = np.iinfo(result.dtype).max, np.float32(255 / np.iinfo(source.dtype).max)
        now, new = source.astype(np.float32) * light, result.astype(np.float32)
        if self._source is None or self._result is None or self._source.shape != now.shape:
            self._source, self._result = now, new
            return result
        kept = _KEPT * _stillness(self._source, now)
        self._source = now + kept[..., None] * (self._source - now)
        larger = cv2.resize(kept, new.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        self._result = new + larger[..., None] * (self._result - new)
        return np.clip(np.rint(self._result), 0, full).astype(result.dtype)


def _stillness(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(H, W) float32: 1 where nothing has moved nearby, 0 where something has, smooth between."""
    change = after - before
    moved = _above(np.abs(_mean(change)).max(axis=2), _MEAN_255)
    grey = change.mean(axis=2)
    moved = np.maximum(moved, _above(_mean(np.abs(grey)), _SIZE_255))
    moved = np.maximum(moved, _above(_explained((before + after).mean(axis=2) / 2, grey), _EXPLAINED))
    return 1 - cv2.dilate(moved, np.ones((_WINDOW_PX, _WINDOW_PX), np.uint8))


def _explained(picture: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The share of `change` (H, W) in each window that a shift of `picture` (H, W) explains, in [0, 1]."""
    half = np.array([[-0.5, 0, 0.5]], np.float32)
    across, down = cv2.filter2D(picture, -1, half), cv2.filter2D(picture, -1, half.T)
    xx, yy, xy = _mean(across * across) + 1e-3, _mean(down * down) + 1e-3, _mean(across * down)
    xt, yt = _mean(across * change), _mean(down * change)
    explained = (yy * xt * xt - 2 * xy * xt * yt + xx * yt * yt) / (xx * yy - xy * xy)
    share: np.ndarray = explained / (_mean(change * change) + 1e-3)
    return share


def _mean(plane: np.ndarray) -> np.ndarray:
    """The mean over the window around each place."""
    return cv2.blur(plane, (_WINDOW_PX, _WINDOW_PX))


def _above(value: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    """0 up to the first of `between`, 1 from the second on."""
    low, high = between
    return np.clip((value - low) / (high - low), 0, 1).astype(np.float32)
