"""One frame of a clip, by its time."""

import math

import numpy as np

from kdsr.errors import InputError
from kdsr.video.clip import Clip, shots

_BEFORE = 12
"""Usual steps before the time that is asked for, from which frames are decoded."""
_ROUNDED_S = 0.002
"""Players round the times of frames."""


def frame_at(clip: Clip, seconds: float) -> np.ndarray:
    """The frame that a player shows at `seconds`: (H, W, 3) `uint8` or `uint16`, upright; the first before all others.

    Raises:
        InputError: no frame decodes.
    """
    wanted = math.floor((seconds + _ROUNDED_S) / clip.time_base)
    near = wanted - _BEFORE * clip.step
    for after in (near, None) if near > 0 else (None,):
        found = None
        for shot in shots(clip, after):
            if found is not None and shot.pts > wanted:
                break
            if shot.pts <= wanted or after is None:
                found = shot
            if shot.pts > wanted:
                break
        if found is not None:
            return found.pixels
    raise InputError(f"{clip.path.name} holds no frame that can be decoded.")
