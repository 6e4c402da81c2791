"""Structural similarity. Not here: multi-scale SSIM, gradients (a loss would need them), other windows."""

import math

import cv2
import numpy as np
import torch
from torch import Tensor

from kdsr.metrics.pair import Plane, PlanePair, plane_pairs, sum_over_strips

WINDOW_PX = 11
"""Side of the window; a picture with a shorter side has no SSIM."""
_SIGMA_PX = 1.5
_C1 = 0.01**2  # (K1 * peak)^2, Wang 2004
_C2 = 0.03**2  # (K2 * peak)^2
_MARGIN = WINDOW_PX // 2
_OFFSETS = np.arange(WINDOW_PX) - _MARGIN
_GAUSSIAN = np.exp(-(_OFFSETS**2) / (2 * _SIGMA_PX**2))
_KERNEL = _GAUSSIAN / _GAUSSIAN.sum()


def ssim(restored: Tensor, truth: Tensor, *, border: int = 0) -> Tensor:
    """Structural similarity, one value per picture, at most 1; higher is better.

    Args:
        restored: (N, C, H, W), RGB or luma, range [0, 1], on any device.
        truth: as `restored`, same shape.
        border: pixels cut from each side first; super-resolution papers cut `scale`.
    Returns:
        (N,) float64 on the processor: the mean over channels and over all places where the Gaussian window (11x11,
        sigma 1.5) lies entirely inside. Identical pictures give exactly 1. nan where no window fits: a side that is
        shorter than 11 pixels once the border is cut.
    Raises:
        ShapeError: the shapes differ or are not (N, C, H, W).

    float32 pictures are computed in float32 (2e-7 from exact), float64 in float64. Equals scikit-image's
    structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False).
    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", equation 13,
    K1 = 0.01, K2 = 0.03.
    """
    values = [_mean_ssim(planes) for planes in plane_pairs(restored, truth, border)]
    return torch.tensor(values, dtype=torch.float64)


def _mean_ssim(planes: list[PlanePair]) -> float:
    """Over all windows of all planes, which is the mean over planes too, for they are of one size; nan if there are
    none.
    """
    windows = sum(max(0, truth.shape[0] - 2 * _MARGIN) * max(0, truth.shape[1] - 2 * _MARGIN) for _, truth in planes)
    return sum_over_strips(planes, _strip_sum, overlap_rows=2 * _MARGIN) / windows if windows else math.nan


def _strip_sum(restored: Plane, truth: Plane) -> float:
    """The sum of SSIM over all windows inside a strip.

    Let a = restored, b = truth, s = a + b and d = a - b. Equation 13 then needs only means and variances of s and d.
    For 4 mean_a mean_b = mean_s^2 - mean_d^2, 2 (mean_a^2 + mean_b^2) = mean_s^2 + mean_d^2, and likewise for
    (co)variances. That is four filters in place of five. Rounding errors of float32 cancel in numerator and denominator
    alike.
    """
    total, gap = restored + truth, restored - truth
    total -= 1.0  # centred: squares of numbers near 0 lose less; variances do not change
    mean_total, mean_gap = _blur(total), _blur(gap)
    power_total, power_gap = _blur(np.multiply(total, total, out=total)), _blur(np.multiply(gap, gap, out=gap))
    power_total -= mean_total * mean_total
    mean_gap *= mean_gap
    power_gap -= mean_gap
    mean_total += 1.0
    mean_total *= mean_total
    mean_total += 2 * _C1
    power_total += 2 * _C2
    above = (mean_total - mean_gap) * (power_total - power_gap)
    mean_total += mean_gap
    power_total += power_gap
    mean_total *= power_total
    above /= mean_total
    return float(above.sum(dtype=np.float64))


def _blur(plane: Plane) -> Plane:
    """`plane` under the Gaussian window, at the places where it lies entirely inside."""
    return cv2.sepFilter2D(plane, -1, _KERNEL, _KERNEL)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
