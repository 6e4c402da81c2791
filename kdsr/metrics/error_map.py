"""Where a restored picture is wrong, as a picture.

The scale is fixed, not stretched to each picture, so that two maps can be compared and one legend serves both.
Colours are matplotlib's inferno: its lightness rises evenly with the error, and it reads the same to the colour-blind.
"""

import functools

import cv2
import numpy as np
import torch
from torch import Tensor

from kdsr.errors import SettingsError, ShapeError

_STEPS = 256


def error_map(restored: Tensor, truth: Tensor, *, gain: float = 8.0) -> Tensor:
    """The absolute error in colour: black is none, pale yellow is `full_scale_255(gain)` levels or more.

    Args:
        restored: (N, C, H, W), range [0, 1], on any device; the error is the mean over its channels.
        truth: as `restored`, same shape.
        gain: how many times the error is enlarged, above 0; 8 reaches full scale at 32 of 255 levels.
    Returns:
        (N, 3, H, W) float32 RGB in [0, 1], on the device of `truth`.
    Raises:
        ShapeError: the shapes differ. SettingsError: `gain` is not above 0.
    """
    if restored.shape != truth.shape or truth.ndim != 4:
        raise ShapeError(
            f"error_map needs two tensors (N, C, H, W) of one shape, got {tuple(restored.shape)} and {tuple(truth.shape)}."
        )
    full_scale_255(gain)
    error = (restored.detach() - truth.detach()).abs().mean(dim=1)
    step = error.mul(gain * (_STEPS - 1)).round().nan_to_num(_STEPS - 1).clamp(0, _STEPS - 1).long()
    return _colours().to(truth.device)[step].permute(0, 3, 1, 2).contiguous()


def colour_bar(steps: int = _STEPS) -> Tensor:
    """The legend (1, 3, 1, steps), float32 RGB in [0, 1]: no error at the left, `full_scale_255(gain)` at the right."""
    return _colours()[torch.linspace(0, _STEPS - 1, steps).round().long()].T[None, :, None, :].contiguous()


def full_scale_255(gain: float = 8.0) -> float:
    """The error, in levels of 255, that has the last colour of the map.

    Raises:
        SettingsError: `gain` is not above 0.
    """
    if not gain > 0:
        raise SettingsError(f"The gain of an error map must be above 0, got {gain}; 8 is usual.")
    return 255.0 / gain


@functools.cache
def _colours() -> Tensor:
    """(256, 3) float32 RGB in [0, 1]."""
    bgr = cv2.applyColorMap(np.arange(_STEPS, dtype=np.uint8), cv2.COLORMAP_INFERNO).reshape(_STEPS, 3)
    return torch.from_numpy(bgr[:, ::-1].astype(np.float32) / 255.0)
