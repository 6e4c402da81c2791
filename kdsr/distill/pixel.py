"""Losses between two pictures (N, C, H, W) of one shape, range [0, 1]: pure functions to a float32 scalar.

No gradient reaches the target, whether it is the truth or a teacher's output.
"""

import torch
from torch import Tensor

from kdsr.errors import ShapeError

_CHARBONNIER_EPSILON = 1e-3
"""LapSRN, arXiv:1704.03915, section 3.2."""


def l1(restored: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference: a scalar, at least 0, 0 is best.

    Raises:
        ShapeError: pictures of different shapes.
    """
    return _difference("l1", restored, target).abs().mean()


def l2(restored: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference: a scalar, at least 0, 0 is best.

    Raises:
        ShapeError: pictures of different shapes.
    """
    return _difference("l2", restored, target).square().mean()


def charbonnier(restored: Tensor, target: Tensor) -> Tensor:
    """Mean of sqrt(difference^2 + 0.001^2), an L1 that is smooth around 0: a scalar, at least 0.001, which is best.

    Source: LapSRN, arXiv:1704.03915, section 3.2, averaged over pixels where the paper sums.
    Raises:
        ShapeError: pictures of different shapes.
    """
    return (_difference("charbonnier", restored, target).square() + _CHARBONNIER_EPSILON**2).sqrt().mean()


def fft(restored: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the real and imaginary parts of both spectra: a scalar, at least 0, 0 is best.

    The transform is the orthonormal real one over H and W, so that the value does not grow with the picture; the half of the
    spectrum that repeats the other is left out.
    Source: MIMO-UNet, arXiv:2108.05054, section 3.4; also used by SAFMN, arXiv:2302.13800.
    Raises:
        ShapeError: pictures of different shapes.
    """
    return torch.view_as_real(torch.fft.rfft2(_difference("fft", restored, target), norm="ortho")).abs().mean()


def require_equal_shapes(loss: str, restored: Tensor, target: Tensor) -> None:
    """Refuse two pictures that the loss named `loss` cannot compare.

    Raises:
        ShapeError: different shapes, or not (N, C, H, W).
    """
    if restored.ndim != 4 or restored.shape != target.shape:
        got = f"{tuple(restored.shape)} and {tuple(target.shape)}"
        raise ShapeError(f"{loss} needs two pictures (N, C, H, W) of one shape, got {got}; crop or resize one of them first.")


def _difference(loss: str, restored: Tensor, target: Tensor) -> Tensor:
    require_equal_shapes(loss, restored, target)
    return restored.float() - target.detach().float()
