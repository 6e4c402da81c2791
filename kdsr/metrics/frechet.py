"""Frechet distance of two sets of pictures in the features of EfficientNet-Lite2: how far a generator's pictures are
from photographs as a whole, with no picture belonging to another.

As FID, with another network. Not here: distances of one picture to its ground truth (`metrics.feature_distance`).
"""

import torch
from torch import Tensor

from kdsr.degrade import round_to_8_bits
from kdsr.errors import ShapeError
from kdsr.metrics.feature_distance import SMALLEST_SIDE_PX, TAPS
from kdsr.metrics.lite import JUDGE, block_outputs, load_lite

_AT_ONCE = 64


def pooled_features(images: Tensor) -> Tensor:
    """The mean over places of EfficientNet-Lite2's last block: (N, 352) float64, on the processor.

    The block before the classifier's wide layer: its 352 numbers need fewer pictures than the usual 1,280 or 2,048.

    Args:
        images: (N, 3, H, W), sides from 32 pixels, range [0, 1]; clamped and rounded to 8 bits here, not resized.
    Raises:
        ShapeError: another shape. SettingsError: the extra `looks` is not installed. WeightsError: its weights are not
            the published ones.
    """
    if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[2:]) < SMALLEST_SIDE_PX:
        raise ShapeError(
            f"pooled_features needs a tensor (N, 3, H, W) of sides from {SMALLEST_SIDE_PX} pixels, "
            f"got {tuple(images.shape)}."
        )
    network = load_lite(JUDGE)
    pooled = []
    with torch.inference_mode():
        for some in images.split(_AT_ONCE):
            rounded = round_to_8_bits(some.to("cpu", torch.float32))
            pooled.append(block_outputs(network, rounded, TAPS[-1:])[0].double().mean(dim=(2, 3)))
    return torch.cat(pooled)


def frechet_distance(one: Tensor, other: Tensor) -> float:
    """Squared Frechet distance of two normal distributions fitted to features, from 0 up; lower is better.

    |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)), with the means m and the unbiased covariances C.

    Args:
        one: (N, D) features of one set, on any scale, such as `pooled_features`.
        other: (M, D) of the other.
    Returns:
        The distance; the order of the two does not matter. Fewer pictures give a larger distance, even between two
        halves of one set. So compare only distances of equally many pictures, and state the floor: that of one half of
        the photographs from the other.
    Raises:
        ShapeError: not two matrices of one width, or fewer than 2 rows.

    Source: Dowson and Landau, 1982; used for generators by Heusel et al., 2017 (arXiv:1706.08500), equation 6.
    """
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1] or min(len(one), len(other)) < 2:
        raise ShapeError(
            "frechet_distance needs two tensors (N, D) and (M, D) of at least 2 rows, "
            f"got {tuple(one.shape)} and {tuple(other.shape)}."
        )
    one, other = one.double(), other.double()
    root = _square_root(torch.atleast_2d(torch.cov(one.T)))
    spread = torch.atleast_2d(torch.cov(other.T))
    # C1 C2 has the eigenvalues of the symmetric root(C1) C2 root(C1), which are exact to compute.
    both = torch.linalg.eigvalsh(root @ spread @ root).clamp_min(0).sqrt().sum()
    apart = (one.mean(dim=0) - other.mean(dim=0)).square().sum()
    return float((apart + root.square().sum() + spread.trace() - 2.0 * both).clamp_min(0))


def _square_root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a symmetric matrix (D, D) without negative eigenvalues but for rounding."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root
