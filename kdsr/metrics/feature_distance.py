"""Distance of two pictures in the features of EfficientNet-Lite2, a network trained to classify photographs.

As LPIPS without its learnt weights. Never use this network in a loss: a figure that was trained on no longer judges.
Not here: how it is loaded (`lite`).
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.degrade import round_to_8_bits
from kdsr.errors import ShapeError
from kdsr.metrics.lite import JUDGE, block_outputs, load_lite

SMALLEST_SIDE_PX = 32
"""The last block has one place per 32 pixels; a smaller picture has no distance."""
TAPS = (0, 3, 6, 14, 20)
"""The blocks whose outputs are compared: the last ones at strides 2, 4, 8, 16 and 32."""


def feature_distance(restored: Tensor, truth: Tensor) -> Tensor:
    """Distance in EfficientNet-Lite2's features, one value per picture, 0 to 4; lower is better.

    Args:
        restored: (N, C, H, W), C 3 (RGB) or 1 (grey, repeated), range [0, 1], on any device; clamped and rounded to 8
            bits here.
        truth: as `restored`, same shape.
    Returns:
        (N,) float64 on the processor; identical pictures give 0. In each of five blocks the channels of each place are
        scaled to unit length. The squared difference is summed over channels and averaged over places. The distance is
        the mean of the five. nan where a side is shorter than 32 pixels.
    Raises:
        ShapeError: the shapes differ or are not (N, 1 or 3, H, W).
        SettingsError: the extra `looks` is not installed. WeightsError: its weights are not the published ones.

    Source: Zhang et al., 2018, "The unreasonable effectiveness of deep features as a perceptual metric", equation 1
    with all weights 1. Blocks 0, 3, 6, 14 and 20 of EfficientNet-Lite2.
    """
    if restored.shape != truth.shape or truth.ndim != 4 or truth.shape[1] not in (1, 3):
        raise ShapeError(
            "feature_distance needs two tensors (N, 3, H, W) or (N, 1, H, W) of one shape, "
            f"got {tuple(restored.shape)} and {tuple(truth.shape)}."
        )
    if min(truth.shape[2:]) < SMALLEST_SIDE_PX:
        return torch.full((len(truth),), torch.nan, dtype=torch.float64)
    network = load_lite(JUDGE)
    values = [_distance(network, one[None], other[None]) for one, other in zip(restored, truth, strict=True)]
    return torch.tensor(values, dtype=torch.float64)


def _distance(network: Any, restored: Tensor, truth: Tensor) -> float:
    """The distance of two pictures (1, C, H, W)."""
    gaps = [
        (one - other).square().sum(dim=1).mean(dtype=torch.float64)
        for one, other in zip(_directions(network, restored), _directions(network, truth), strict=True)
    ]
    return torch.stack(gaps).mean().item()


@torch.inference_mode()
def _directions(network: Any, image: Tensor) -> list[Tensor]:
    """The outputs of the five blocks, the channels of each place scaled to unit length."""
    rounded = round_to_8_bits(image.detach().to("cpu", torch.float32)).expand(-1, 3, -1, -1)
    return [F.normalize(feature, dim=1) for feature in block_outputs(network, rounded, TAPS)]
