"""HaarPSI, the likeness of two pictures to an observer, by a formula on Haar wavelets.

Not here: its map of local similarities, gradients.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.degrade import round_to_8_bits
from kdsr.errors import ShapeError

_C = 30.0  # section 3.3, for levels of 255
_ALPHA = 4.2  # section 3.3
_SIDES = (2, 4, 8)  # of the Haar filters; the first two compare, the last one weighs
_YIQ = (
    (0.299, 0.587, 0.114),
    (0.596, -0.274, -0.322),
    (0.211, -0.523, 0.312),
)  # as in the authors' code


def haarpsi(restored: Tensor, truth: Tensor) -> Tensor:
    """Haar wavelet-based perceptual similarity index, one value per picture, 0 to 1; higher is better.

    Args:
        restored: (N, C, H, W), C 3 (RGB) or 1 (grey), range [0, 1], on any device; clamped and rounded to 8 bits here.
            Three channels are compared in YIQ, one channel as the luma alone.
        truth: as `restored`, same shape.
    Returns:
        (N,) float64 on the processor. Identical pictures give 1. Both are halved by a mean over 2x2 pixels first. nan
        for two black pictures, which have no edge, not even at the border.
    Raises:
        ShapeError: the shapes differ or are not (N, 1 or 3, H, W).

    Source: Reisenhofer et al., 2018, "A Haar wavelet-based perceptual similarity index for image quality assessment",
    equations 10 to 14 (C = 30, alpha = 4.2). Filters read zeros beyond the border, as in the authors' code.
    """
    if restored.shape != truth.shape or truth.ndim != 4 or truth.shape[1] not in (1, 3):
        raise ShapeError(
            "haarpsi needs two tensors (N, 3, H, W) or (N, 1, H, W) of one shape, "
            f"got {tuple(restored.shape)} and {tuple(truth.shape)}."
        )
    pairs = zip(_prepared(restored), _prepared(truth), strict=True)
    return torch.tensor([_similarity(one[None], other[None]) for one, other in pairs], dtype=torch.float64)


def _prepared(image: Tensor) -> Tensor:
    """YIQ or grey planes of `image` at half size, float64, in levels of 255."""
    levels = round_to_8_bits(image.detach().to("cpu", torch.float64)).mul(255)
    if image.shape[1] == 3:
        levels = torch.einsum("kc,nchw->nkhw", torch.tensor(_YIQ, dtype=torch.float64), levels)
    height, width = levels.shape[-2:]
    padded = F.pad(levels, (0, width % 2, 0, height % 2))  # zeros beyond the border, as in the authors' code
    return F.avg_pool2d(padded, 2)


def _similarity(restored: Tensor, truth: Tensor) -> float:
    """HaarPSI of two pictures (1, C, h, w) of levels."""
    found, wanted = ([_edges(image[:, :1], side) for side in _SIDES] for image in (restored, truth))
    likeness = (_alike(found[0], wanted[0]) + _alike(found[1], wanted[1])) / 2
    weight = torch.maximum(found[2], wanted[2])
    if truth.shape[1] == 3:
        colours = _alike(_local_mean(restored[:, 1:]), _local_mean(truth[:, 1:]))
        likeness = torch.cat((likeness, colours.mean(dim=1, keepdim=True)), dim=1)
        weight = torch.cat((weight, weight.mean(dim=1, keepdim=True)), dim=1)
    total = weight.sum().item()
    if total == 0:
        return math.nan
    if bool((likeness == 1).all()):
        return 1.0  # exactly, which the logistic function and its inverse miss by 1e-16
    share = (torch.sigmoid(_ALPHA * likeness) * weight).sum().item() / total
    return float((np.log(share / (1 - share)) / _ALPHA) ** 2)


def _edges(plane: Tensor, side: int) -> Tensor:
    """Size of the Haar coefficients of `plane` (1, 1, h, w) along rows and along columns, (1, 2, h, w)."""
    half = side // 2
    step = torch.ones(side, dtype=plane.dtype).index_fill(0, torch.arange(half), -1.0)
    kernel = torch.outer(step, torch.ones(side, dtype=plane.dtype)) / side
    extended = F.pad(plane, (half - 1, half, half - 1, half))
    return F.conv2d(extended, torch.stack((kernel, kernel.T))[:, None]).abs()


def _local_mean(planes: Tensor) -> Tensor:
    """Size of the mean over each pixel and its neighbours to the right and below, zeros beyond the border."""
    return F.avg_pool2d(F.pad(planes, (0, 1, 0, 1)), 2, stride=1).abs()


def _alike(one: Tensor, other: Tensor) -> Tensor:
    """Local similarity, above 0 and at most 1 (equation 10)."""
    return (2 * one * other + _C) / (one * one + other * other + _C)
