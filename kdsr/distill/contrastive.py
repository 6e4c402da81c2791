"""A contrastive loss between pictures: near to the teacher's output, far from bad pictures (a bicubic enlargement, an
older student).

The papers embed pictures by a VGG network trained on ImageNet. We embed without weights: the picture and its first
differences along both axes at three scales. Nothing has to be downloaded, there is no foreign licence, and it costs
almost nothing. It sees edges and textures but no semantics, so the papers' figures do not carry over.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.distill.pixel import require_equal_shapes
from kdsr.errors import ShapeError

_SCALES = 3
_EPSILON = 1e-7
"""As in the authors' code of AECR-Net."""


def contrastive(restored: Tensor, positive: Tensor, negatives: Tensor | Sequence[Tensor]) -> Tensor:
    """Distance to the positive over the mean distance to the negatives: a scalar, at least 0, 0 is best.

    The distance is the mean absolute difference of the embeddings over the batch. Each of the scales 1, 1/2 and 1/4 has
    the same weight. A restored picture that equals all negatives gives a very large value. No gradient reaches positive
    or negatives.

    Args:
        restored: (N, C, H, W), range [0, 1].
        positive: the same shape; the teacher's output.
        negatives: (K, N, C, H, W), or K pictures of the restored one's shape; K is at least 1.
    Source: CSD, arXiv:2105.11683, section 3.2, and AECR-Net, arXiv:2104.09367, section 3.2; the embedding is ours.
    Raises:
        ShapeError: pictures of different shapes, or no negative.
    """
    require_equal_shapes("contrastive", restored, positive)
    if len(negatives) == 0:
        raise ShapeError(
            "contrastive needs at least one negative, got none; "
            "give a bicubic enlargement or an older student's output."
        )
    for negative in negatives:
        require_equal_shapes("contrastive, for each negative,", restored, negative)
    stack = negatives if isinstance(negatives, Tensor) else torch.stack(list(negatives))
    near = _embedded_l1(restored.float() - positive.detach().float())
    far = _embedded_l1((restored.float() - stack.detach().float()).flatten(0, 1))
    return near / (far + _EPSILON)


def _embedded_l1(difference: Tensor) -> Tensor:
    """Mean absolute value of the embedding of `difference`: it is linear, so this is the distance of two embeddings."""
    levels = []
    for scale in range(_SCALES):
        if scale:
            difference = F.avg_pool2d(difference, 2, ceil_mode=True)
        maps = [difference] + [difference.diff(dim=dim) for dim in (-2, -1) if difference.shape[dim] > 1]
        levels.append(torch.stack([each.abs().mean() for each in maps]).mean())
    return torch.stack(levels).mean()
