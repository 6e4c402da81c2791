"""Photographs from footage: the sharpest frame of each scene, of scenes that differ.

Scenes are told by the mean difference of thumbnails, so that a scene that comes back is not drawn twice. Not here:
recognition of what is shown.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kdsr.video.clip import open_clip, shots

_EVERY_S = 0.5
"""Between two frames that are looked at."""
_THUMBNAIL_PX = (32, 18)
_DIFFERENT_255 = 14.0
"""Mean difference of two thumbnails from which they show different scenes."""


@dataclass(frozen=True)
class SceneFrame:
    """A frame of a scene: (H, W, 3) `uint8`, and its time."""

    pixels: np.ndarray
    seconds: float
    sharpness: float
    thumbnail: np.ndarray


def scenes(path: Path, *, most: int, max_megapixels: float, limit_s: float = float("inf")) -> Iterator[SceneFrame]:
    """The sharpest frame of each of the first `most` scenes of the clip at `path` that differ, in their order.

    Args:
        max_megapixels: of a frame.
        limit_s: seconds of work, after which nothing more is looked at.
    Raises:
        InputError: no clip that can be read.
    """
    started, clip = time.monotonic(), open_clip(path, max_megapixels=max_megapixels)
    given: list[np.ndarray] = []
    best: SceneFrame | None = None
    for shot in shots(clip, every=_EVERY_S):
        pixels = shot.pixels if shot.pixels.dtype == np.uint8 else (shot.pixels >> 8).astype(np.uint8)
        found = _seen(pixels, float(shot.pts * clip.time_base))
        if best is None or _differ(found.thumbnail, best.thumbnail):
            if best is not None and _is_new(best, given):
                yield best
                given.append(best.thumbnail)
            best = found
        elif found.sharpness > best.sharpness:
            best = found
        if len(given) >= most or time.monotonic() - started > limit_s:
            break
    if best is not None and len(given) < most and _is_new(best, given):
        yield best


def _seen(pixels: np.ndarray, seconds: float) -> SceneFrame:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    thumbnail = cv2.resize(pixels, _THUMBNAIL_PX, interpolation=cv2.INTER_AREA).astype(np.float32)
    return SceneFrame(pixels, seconds, sharpness, thumbnail)


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    return float(np.abs(one - other).mean()) > _DIFFERENT_255


def _is_new(scene: SceneFrame, given: list[np.ndarray]) -> bool:
    return all(_differ(scene.thumbnail, each) for each in given)
