"""NIQE, the distance of a picture's statistics from those of undistorted photographs; it needs no ground truth.

The model of undistorted photographs is LIVE's own (`niqe_model/`, with its notice). Not here: fitting another model.
"""

import functools
import math
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.special import gamma
from torch import Tensor

from kdsr.degrade import bicubic_resize, round_to_8_bits
from kdsr.errors import ShapeError
from kdsr.metrics.luma import to_luma

BLOCK_PX = 96
"""Side of the blocks whose statistics are taken: the size that LIVE's model was fitted with."""
_MODEL = Path(__file__).with_name("niqe_model") / "live.npz"
_OFFSETS = np.arange(-3, 4)
_GAUSSIAN = np.exp(-(_OFFSETS**2) / (2 * (7 / 6) ** 2))  # LIVE's window: 7x7, sigma 7/6
_KERNEL = _GAUSSIAN / _GAUSSIAN.sum()
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))  # neighbours: right, below and both diagonals
_SHAPES = np.arange(200, 10_001) / 1000  # candidates for the shape of a generalised Gaussian, as in LIVE's code


def niqe(image: Tensor) -> Tensor:
    """Natural image quality evaluator, one value per picture, from 0 up; lower is better.

    Args:
        image: (N, C, H, W), C 3 (RGB) or 1 (grey), range [0, 1], on any device. Clamped and rounded to 8 bits here.
            RGB is turned into BT.601 luma in 16..235, rounded to whole levels as MATLAB does; grey stays as it is.
    Returns:
        (N,) float64 on the processor. Undistorted photographs have about 2 to 5. Only whole blocks of 96x96 from the
        top left are read. nan where fewer than two blocks have a texture: a picture below 96x192, or a flat one.
    Raises:
        ShapeError: `image` is not (N, 1 or 3, H, W).

    Source: Mittal, Soundararajan and Bovik, 2013, "Making a 'completely blind' image quality analyzer", equations 1 to
    10. Reference: LIVE's MATLAB release (blocks of 96 without overlap), which gives 5.7296 for Set14's `baboon`.
    """
    if image.ndim != 4 or image.shape[1] not in (1, 3):
        raise ShapeError(f"niqe needs pictures (N, 3, H, W) or (N, 1, H, W), got {tuple(image.shape)}.")
    rounded = round_to_8_bits(image.detach().to("cpu", torch.float64))
    planes = (to_luma(rounded) if image.shape[1] == 3 else rounded).mul(255).round()[:, 0].numpy()
    return torch.tensor([_niqe_of(plane) for plane in planes], dtype=torch.float64)


def _niqe_of(plane: np.ndarray) -> float:
    """NIQE of one plane (H, W) of levels."""
    rows, columns = (side // BLOCK_PX for side in plane.shape)
    if rows * columns < 2:
        return math.nan
    full = plane[: rows * BLOCK_PX, : columns * BLOCK_PX]
    half = bicubic_resize(torch.from_numpy(full)[None, None], 0.5)[0, 0].numpy()
    scales = [_features(_normalised(one), BLOCK_PX // step) for step, one in ((1, full), (2, half))]
    features = np.concatenate(scales, axis=1)
    usable = features[~np.isnan(features).any(axis=1)]
    if len(usable) < 2:
        return math.nan
    mean, covariance = _model()
    gap = mean - np.nanmean(features, axis=0)
    spread = (covariance + np.cov(usable, rowvar=False)) / 2
    return float(np.sqrt(gap @ np.linalg.pinv(spread) @ gap))  # equation 10


@functools.cache
def _model() -> tuple[np.ndarray, np.ndarray]:
    """Mean (36,) and covariance (36, 36) of the features of undistorted photographs."""
    with np.load(_MODEL) as stored:
        return stored["mean"], stored["covariance"]


def _normalised(plane: np.ndarray) -> np.ndarray:
    """`plane` less its local mean, over its local deviation plus 1 (equation 1)."""
    mean = _blur(plane)
    deviation = np.sqrt(np.abs(_blur(plane * plane) - mean * mean))
    normalised: np.ndarray = (plane - mean) / (deviation + 1)
    return normalised


def _blur(plane: np.ndarray) -> np.ndarray:
    return cv2.sepFilter2D(plane, -1, _KERNEL, _KERNEL, borderType=cv2.BORDER_REPLICATE)


def _features(plane: np.ndarray, side: int) -> np.ndarray:
    """The 18 features of each block of `side` pixels, (blocks, 18); nan where a block is flat."""
    rows, columns = (length // side for length in plane.shape)
    blocks = plane.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
    shape, left, right = _asymmetric_fit(blocks)
    found = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = _asymmetric_fit(blocks * np.roll(blocks, shift, axis=(1, 2)))
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)  # equation 8
        found += [shape, mean, left, right]
    return np.stack(found, axis=1)


def _asymmetric_fit(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shape and both scales of the asymmetric generalised Gaussian nearest to each block, three arrays (blocks,).

    By matching moments (equation 7); nan scales where a block has no value below or above 0.
    """
    values = blocks.reshape(len(blocks), -1)
    squares = values * values
    left, right = (_root_mean(squares, side) for side in (values < 0, values > 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = left / right
        ratio = np.abs(values).mean(axis=1) ** 2 / squares.mean(axis=1)
        wanted = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = _SHAPES[_nearest(_ratios(), np.nan_to_num(wanted, nan=0.0))]
    spread = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * spread, right * spread


def _root_mean(squares: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Root of the mean of the chosen `squares` of each row; nan where none is chosen."""
    count = chosen.sum(axis=1)
    total = np.where(chosen, squares, 0.0).sum(axis=1)
    roots: np.ndarray = np.sqrt(np.divide(total, count, out=np.full(len(count), math.nan), where=count > 0))
    return roots


@functools.cache
def _ratios() -> np.ndarray:
    """The squared mean of the absolute value over the mean square, for each of `_SHAPES`; rises with the shape."""
    inverse = 1 / _SHAPES
    ratios: np.ndarray = gamma(2 * inverse) ** 2 / (gamma(inverse) * gamma(3 * inverse))
    return ratios


def _nearest(rising: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The index of the value in `rising` that is nearest to each of `wanted`."""
    after = np.searchsorted(rising, wanted).clip(1, len(rising) - 1)
    nearest: np.ndarray = after - (wanted - rising[after - 1] <= rising[after] - wanted)
    return nearest
