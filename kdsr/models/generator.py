"""A small generator of pictures: a latent code to 64x64 pixels.

DCGAN (arXiv:1511.06434) with nearest enlargement before each 3x3 convolution in place of transposed convolutions, which
leave a grid. The last convolution works at half the resolution and moves depth to space: the largest pictures cost the
most. It draws from nothing and restores nothing, so it is no `Network` and not in the registry. Not here: the
discriminator and the training (`examples/generator.py`).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

_FIRST_PX = 4
"""Side of the picture that the code becomes; each further width doubles it."""


class Generator(nn.Module):
    """Codes (N, latent), standard normal, to pictures (N, 3, S, S) in [0, 1], S = 4 * 2^len(widths).

    Args:
        latent: numbers in a code.
        widths: channels at 4, 8, 16, ... pixels; four of them give 64 pixels.
    """

    def __init__(self, latent: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.latent = latent
        self.widths = tuple(widths)
        self.entry = nn.Linear(latent, widths[0] * _FIRST_PX**2, bias=False)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1, padding_mode="replicate", bias=False) for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.exit = nn.Conv2d(widths[-1], 12, 3, padding=1, padding_mode="replicate")

    def forward(self, code: Tensor) -> Tensor:
        feature = self.entry(code).view(len(code), self.widths[0], _FIRST_PX, _FIRST_PX)
        feature = F.relu(self.norms[0](feature))
        for layer, norm in zip(self.layers, self.norms[1:], strict=True):
            feature = F.relu(norm(layer(F.interpolate(feature, scale_factor=2.0))))
        return smoothed(F.pixel_shuffle(self.exit(feature), 2).float().sigmoid())


def smoothed(image: Tensor) -> Tensor:
    """`image` (N, C, H, W) by the weights 1, 2, 1 along both axes, its border repeated.

    They are zero at a period of two pixels, the grid that moving depth to space leaves; the rest is learned against it.
    """
    return F.avg_pool2d(F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 2, stride=1), 2, stride=1)
