"""Losses between pictures."""

from torch import Tensor


def l1(restored: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference: a scalar, at least 0, 0 is best. Shapes (N, C, H, W), equal; range [0, 1]."""
    return (restored.float() - target).abs().mean()
