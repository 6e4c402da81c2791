"""A perceptual loss: the distance of two pictures in the features of networks that classify photographs.

A network this small is easily deceived: its distance falls while the picture gets worse. So each step asks one of two
networks, and shows both pictures to it in one random view. The network that judges is not among them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.distill.pixel import require_equal_shapes
from kdsr.metrics.lite import block_outputs, load_lite

BLOCKS = {0: (0, 2, 4, 10), 1: (0, 3, 6, 14)}
"""EfficientNet-Lite's number: the blocks compared, the last ones at strides 2, 4, 8 and 16."""
_SHIFT_PX = 8
"""A view leaves out as many rows and columns, split at random between both sides."""
_ZOOMS = (0.75, 1.0, 1.0, 1.25)
_SMALLEST_PX = 32


def perceptual(restored: Tensor, target: Tensor) -> Tensor:
    """Distance in features, from 0 to 4, 0 is best: a scalar.

    (N, 3, H, W) RGB in [0, 1], equal shapes. Both pictures get the same view: shifted by up to 8 px, perhaps mirrored
    and turned, at 0.75, 1 or 1.25 of their size. In each of four blocks the channels of each place are scaled to unit
    length; the squared difference is summed over channels and averaged over places. Network and view are drawn by the
    target's own pixels, so that a resumed run sees what an uninterrupted one sees. Of a batch the first half is read,
    which halves the cost; its pictures are random ones. Source: LPIPS, arXiv:1801.03924, all weights 1; random views
    against deceived networks, E-LPIPS, arXiv:1906.03973.
    Raises:
        ShapeError: shapes differ. SettingsError: the extra `looks` is not installed.
    """
    require_equal_shapes("perceptual", restored, target)
    half = (len(restored) + 1) // 2
    rng = torch.Generator().manual_seed(int(target[:half].double().sum().mul(255).round().item()))
    number = list(BLOCKS)[_drawn(rng, len(BLOCKS))]
    both = _view(torch.cat([restored[:half], target[:half].detach()]), rng)
    network = load_lite(number).to(both.device)
    distances = []
    for feature in block_outputs(network, both, BLOCKS[number]):
        one, other = F.normalize(feature.float(), dim=1).chunk(2)
        distances.append((one - other).square().sum(dim=1).mean())
    return torch.stack(distances).mean()


def _view(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """(N, 3, H, W) as one random view of all of them; a picture below 40 px is neither shifted nor shrunk."""
    height, width = pictures.shape[-2:]
    if min(height, width) >= _SMALLEST_PX + _SHIFT_PX:
        top, left = _drawn(rng, _SHIFT_PX + 1), _drawn(rng, _SHIFT_PX + 1)
        pictures = pictures[..., top : top + height - _SHIFT_PX, left : left + width - _SHIFT_PX]
    if _drawn(rng, 2):
        pictures = pictures.flip(3)
    if _drawn(rng, 2):
        pictures = pictures.transpose(2, 3)
    zoom = _ZOOMS[_drawn(rng, len(_ZOOMS))]
    if zoom != 1.0 and min(pictures.shape[-2:]) * zoom >= _SMALLEST_PX:
        pictures = F.interpolate(pictures, scale_factor=zoom, mode="bilinear")
    return pictures.contiguous(memory_format=torch.channels_last)


def _drawn(rng: torch.Generator, count: int) -> int:
    """A whole number from 0 to `count` - 1."""
    return int(torch.randint(count, (), generator=rng).item())
