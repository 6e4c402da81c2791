"""How near the texture and the content of a picture are, between features of any network: Gram matrices and maps.

Source: Johnson et al., 2016, "Perceptual losses for real-time style transfer and super-resolution", arXiv:1603.08155,
section 3.2. Both are divided by the energy of what they compare with, so that no layer needs a weight. Not here: which
network and which layers (`kdsr.distill.style`, `kdsr.bench.style`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def gram(feature: Tensor) -> Tensor:
    """(C, C) float32: the products of any two channels of `feature` (N, C, H, W), averaged over pictures and places."""
    with torch.autocast(feature.device.type, enabled=False):
        places = feature.float().transpose(0, 1).flatten(1)
        return places @ places.T / places.shape[1]


def style_distance(features: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Distance of the textures, a scalar, at least 0; lower is better, 1 is as far as no texture at all.

    Args:
        features: one (N, C, H, W) per layer.
        wanted: the Gram matrix (C, C) of the style in each layer.
    """
    gaps = [
        (gram(feature) - matrix).square().sum() / matrix.square().sum()
        for feature, matrix in zip(features, wanted, strict=True)
    ]
    return torch.stack(gaps).mean()


def content_distance(feature: Tensor, wanted: Tensor) -> Tensor:
    """Distance of two features (N, C, H, W) of equal shape, a scalar, at least 0; lower is better, 0 for equal ones."""
    return (feature.float() - wanted.float()).square().sum() / wanted.float().square().sum()
