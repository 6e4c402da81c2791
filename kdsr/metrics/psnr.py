"""Peak signal-to-noise ratio. Not here: which plane and border a task asks for (`kdsr.metrics.measure`)."""

import math

import cv2
import torch
from torch import Tensor

from kdsr.errors import ShapeError
from kdsr.metrics.pair import Plane, PlanePair, plane_pairs, sum_over_strips


def psnr(restored: Tensor, truth: Tensor, *, border: int = 0) -> Tensor:
    """Peak signal-to-noise ratio in dB, one value per picture; higher is better.

    Args:
        restored: (N, C, H, W), RGB or luma, floating in [0, 1] or uint8 levels, on any device. Not clamped here. Two
            pictures of uint8 levels are several times faster than the same two as numbers.
        truth: as `restored`, same shape.
        border: pixels cut from each side first; super-resolution papers cut `scale`.
    Returns:
        (N,) float64 on the processor. The error is the mean over all channels and pixels, the peak is 1 (255 of
        levels). Identical pictures give +inf; no epsilon is added. nan where the border leaves no pixel.
    Raises:
        ShapeError: the shapes differ or are not (N, C, H, W), or one picture is of levels and the other is not.

    Source: definition, 10 log10(peak^2 / mean squared error).
    """
    peak = 255.0 if restored.dtype == torch.uint8 else 1.0
    values = [
        _from_error(_mean_squared_error(planes) / peak**2)
        for planes in plane_pairs(restored, truth, border, levels_too=True)
    ]
    return torch.tensor(values, dtype=torch.float64)


def psnr_in(restored: Tensor, truth: Tensor, holes: Tensor) -> Tensor:
    """As `psnr`, over the pixels where `holes` (N, 1, H, W) is not 0; nan for a picture without any. Pictures in [0,
    1].

    Raises:
        ShapeError: the shapes do not fit each other.
    """
    if restored.shape != truth.shape or holes.shape != (truth.shape[0], 1, *truth.shape[2:]):
        shapes = f"{tuple(restored.shape)}, {tuple(truth.shape)}, {tuple(holes.shape)}"
        raise ShapeError(f"psnr_in needs two pictures of one shape and their masks, got {shapes}.")
    marked = (holes != 0).expand_as(truth).to("cpu")
    error = (restored.to("cpu", torch.float64) - truth.to("cpu", torch.float64)).square()
    means = [error[index][marked[index]].mean().item() for index in range(len(truth))]
    return torch.tensor([mean if math.isnan(mean) else _from_error(mean) for mean in means], dtype=torch.float64)


def _mean_squared_error(planes: list[PlanePair]) -> float:
    """Over all pixels of all planes, summed in float64; nan if there are none."""
    count = sum(truth.size for _, truth in planes)
    return sum_over_strips(planes, _squared_error) / count if count else math.nan


def _squared_error(restored: Plane, truth: Plane) -> float:
    return cv2.norm(restored, truth, cv2.NORM_L2SQR)


def _from_error(mean_squared_error: float) -> float:
    return math.inf if mean_squared_error == 0 else -10.0 * math.log10(mean_squared_error)
