"""Losses between two pictures (N, C, H, W) of one shape, range [0, 1]: pure functions to a float32 scalar.

No gradient reaches the target, whether it is the truth or a teacher's output.
"""

import torch
from torch import Tensor

from kdsr.errors import ShapeError

_CHARBONNIER_EPSILON = 1e-3
"""LapSRN, arXiv:1704.03915, section 3.2."""
_FAINT = 1e-4
"""Mean squared error of 40 dB: far below it the loss `psnr` is an L2, far above it a logarithm."""
_PSNR_SCALE = 0.01
"""Brings `psnr` to the size of an L1, so that the weights of other terms keep their meaning."""
_COLOUR_SHARE = 0.1
"""Weight of the MSE of all three channels beside that of luma."""
_LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601."""


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


def psnr(restored: Tensor, target: Tensor) -> Tensor:
    """0.01 * mean over pictures of ln(1 + MSE / 0.0001): a scalar, at least 0, 0 is best.

    The mean PSNR of pictures is a mean of logarithms, while an L2 is dominated by the few that cannot be restored.
    Below 40 dB this is such a logarithm, and near 0 an L2.
    Source: the PSNR loss of NAFNet, arXiv:2204.04676, bounded near 0.
    Raises:
        ShapeError: pictures of different shapes.
    """
    return _in_decibels(_difference("psnr", restored, target).square().mean((1, 2, 3)))


def psnr_luma(restored: Tensor, target: Tensor) -> Tensor:
    """As `psnr`, of the error that the eye and the field's tables weigh most: MSE of BT.601 luma + 0.1 * MSE of red,
    green and blue.

    (N, 3, H, W) only. A scalar, at least 0, 0 is best.
    Source: SESR (arXiv:2103.09404) and ECBSR, which train on luma only and enlarge colour by bicubic.
    Raises:
        ShapeError: pictures of different shapes, or without three channels.
    """
    difference, luma = _differences("psnr_luma", restored, target)
    return _in_decibels(luma.square().mean((1, 2)) + _COLOUR_SHARE * difference.square().mean((1, 2, 3)))


def psnr_colour(restored: Tensor, target: Tensor) -> Tensor:
    """As `psnr`, of what `psnr_luma` hardly weighs: the mean of the MSE of Cb and of Cr (JFIF, in [-0.5, 0.5]).

    (N, 3, H, W) only. A scalar, at least 0, 0 is best, and 0 for pictures that differ only in luma.
    Source: definition.
    Raises:
        ShapeError: pictures of different shapes, or without three channels.
    """
    difference, luma = _differences("psnr_colour", restored, target)
    blue, red = (difference[:, 2] - luma) / 1.772, (difference[:, 0] - luma) / 1.402
    return _in_decibels((blue.square() + red.square()).mean((1, 2)) / 2)


def _in_decibels(squared_errors: Tensor) -> Tensor:
    """`psnr` of the mean squared error of each picture (N)."""
    return _PSNR_SCALE * (squared_errors / _FAINT).log1p().mean()


def fft(restored: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the real and imaginary parts of both spectra: a scalar, at least 0, 0 is best.

    The transform is the orthonormal real one over H and W, so that the value does not grow with the picture. The half
    of the spectrum that repeats the other is left out. Source: MIMO-UNet, arXiv:2108.05054, section 3.4; also used by
    SAFMN, arXiv:2302.13800.
    Raises:
        ShapeError: pictures of different shapes.
    """
    return torch.view_as_real(torch.fft.rfft2(_difference("fft", restored, target), norm="ortho")).abs().mean()


def mean_colour(restored: Tensor, degraded: Tensor) -> Tensor:
    """Mean squared difference of the mean colours of each picture and its input: a scalar, at least 0, 0 is best.

    `degraded` (N, C, h, w) may be smaller and have a mask behind its colours. A loss in pixels is lowest if a network
    moves a faded or clipped colour to the most likely one. A viewer expects the input's colour. Source: definition.
    Raises:
        ShapeError: different numbers of pictures, or fewer planes in the input.
    """
    if (
        restored.ndim != 4
        or degraded.ndim != 4
        or restored.shape[0] != degraded.shape[0]
        or restored.shape[1] > degraded.shape[1]
    ):
        raise ShapeError(
            f"mean_colour needs pictures (N, C, H, W) and their inputs, got {tuple(restored.shape)} and "
            f"{tuple(degraded.shape)}; give the input of the network."
        )
    inputs = degraded[:, : restored.shape[1]].detach().float()
    return (restored.float().mean((2, 3)) - inputs.mean((2, 3))).square().mean()


def require_equal_shapes(loss: str, restored: Tensor, target: Tensor) -> None:
    """Refuse two pictures that the loss named `loss` cannot compare.

    Raises:
        ShapeError: different shapes, or not (N, C, H, W).
    """
    if restored.ndim != 4 or restored.shape != target.shape:
        got = f"{tuple(restored.shape)} and {tuple(target.shape)}"
        raise ShapeError(
            f"{loss} needs two pictures (N, C, H, W) of one shape, got {got}; crop or resize one of them first."
        )


def _difference(loss: str, restored: Tensor, target: Tensor) -> Tensor:
    require_equal_shapes(loss, restored, target)
    return restored.float() - target.detach().float()


def _differences(loss: str, restored: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """The difference of two pictures of three channels, and that of their luma, (N, H, W)."""
    difference = _difference(loss, restored, target)
    if difference.shape[1] != 3:
        raise ShapeError(
            f"{loss} needs pictures (N, 3, H, W), got {tuple(difference.shape)}; take psnr for other channels."
        )
    luma = sum(weight * difference[:, channel] for channel, weight in enumerate(_LUMA))
    assert isinstance(luma, Tensor)
    return difference, luma
