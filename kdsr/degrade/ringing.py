"""Ringing: overshoot beside edges, as from a sharp low-pass filter or the sharpening of a phone.

Not part of `degrade_photo`, whose random draws decide published figures.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import j1
from torch import Tensor

from kdsr.degrade.jpeg import compress_jpeg
from kdsr.degrade.levels import round_to_8_bits

_SIDES_PX = (7, 9, 11, 13, 15)
_CUTOFFS = (np.pi / 2.5, np.pi)
_MOST_SHARPENING = 1.2
_WORST_QUALITY, _BEST_QUALITY = 50, 95


def add_ringing(image: Tensor, rng: np.random.Generator) -> Tensor:
    """`image` (N, C, H, W) in [0, 1] after such a filter, in multiples of 1/255; two in three are then saved as JPEG.

    The filter is a circular sinc low-pass or an unsharp mask, equally likely. Source: the sinc filter of Real-ESRGAN
    (arXiv:2107.10833, section 3.3); the unsharp mask imitates a phone's sharpening.
    """
    if rng.random() < 0.5:
        filtered = _filtered(image, _sinc_kernel(int(rng.choice(_SIDES_PX)), float(rng.uniform(*_CUTOFFS))))
    else:
        blurred = _filtered(image, _gaussian_kernel(float(rng.uniform(0.5, 1.5))))
        filtered = image + float(rng.uniform(0.3, _MOST_SHARPENING)) * (image - blurred)
    if rng.random() < 2 / 3:
        return compress_jpeg(filtered.clamp(0, 1), round(rng.uniform(_WORST_QUALITY, _BEST_QUALITY)))
    return round_to_8_bits(filtered.clone())


def _sinc_kernel(side_px: int, cutoff: float) -> NDArray[np.float64]:
    """Radially: cutoff * J1(cutoff * r) / (2 pi r), summing to 1."""
    reach = side_px // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    radius = np.hypot(x, y)
    radius[reach, reach] = 1.0
    kernel = cutoff * j1(cutoff * radius) / (2 * np.pi * radius)
    kernel[reach, reach] = cutoff**2 / (4 * np.pi)
    return np.asarray(kernel / kernel.sum())


def _gaussian_kernel(sigma_px: float) -> NDArray[np.float64]:
    along = np.exp(-0.5 * (np.arange(-4, 5) / sigma_px) ** 2)
    kernel = np.outer(along, along)
    return np.asarray(kernel / kernel.sum())


def _filtered(image: Tensor, kernel: NDArray[np.float64]) -> Tensor:
    reach = kernel.shape[0] // 2
    weight = torch.from_numpy(kernel.astype(np.float32)).to(image).expand(image.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(image, (reach,) * 4, mode="replicate"), weight, groups=image.shape[1])
