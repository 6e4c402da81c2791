"""Where a restored picture is wrong, as a picture.

The scale is fixed, not stretched to each picture, so that two maps can be compared.
Colours are matplotlib's inferno: its lightness rises evenly with the error, and it is safe for the colour-blind.
"""

import functools

import cv2
import numpy as np
import torch
from torch import Tensor

from kdsr.errors import ShapeError

_STEPS = 256
_GAIN = 8.0
FULL_SCALE_255 = 255.0 / _GAIN
"""The error, in levels of 255, that has the last colour of the map."""


def error_map(restored: Tensor, truth: Tensor) -> Tensor:
    """The absolute error in colour: black is none, pale yellow is `FULL_SCALE_255` levels or more.

    Args:
        restored: (N, C, H, W), range [0, 1], on any device; the error is the mean over its channels.
        truth: as `restored`, same shape.
    Returns:
        (N, 3, H, W) float32 RGB in [0, 1], on the device of `truth`.
    Raises:
        ShapeError: the shapes differ.
    """
    if restored.shape != truth.shape or truth.ndim != 4:
        shapes = f"{tuple(restored.shape)} and {tuple(truth.shape)}"
        raise ShapeError(f"error_map needs two tensors (N, C, H, W) of one shape, got {shapes}.")
    error = (restored.detach() - truth.detach()).abs().mean(dim=1)
    step = error.mul(_GAIN * (_STEPS - 1)).round().nan_to_num(_STEPS - 1).clamp(0, _STEPS - 1).long()
    return _colours().to(truth.device)[step].permute(0, 3, 1, 2).contiguous()


@functools.cache
def _colours() -> Tensor:
    """(256, 3) float32 RGB in [0, 1]."""
    bgr = cv2.applyColorMap(np.arange(_STEPS, dtype=np.uint8), cv2.COLORMAP_INFERNO).reshape(_STEPS, 3)
    return torch.from_numpy(bgr[:, ::-1].astype(np.float32) / 255.0)
