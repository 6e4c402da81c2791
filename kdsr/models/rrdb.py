"""The generator of ESRGAN and Real-ESRGAN: residual-in-residual dense blocks, then two steps of nearest upscaling.

Source: ESRGAN, arXiv:1809.00219, section 3.1; names and order of the layers as in BasicSR's RRDBNet, so that its
published weights fit. Not here: its forms for scale 1 and 2, which unshuffle the input first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.errors import SettingsError
from kdsr.models.network import Network

_SLOPE = 0.2
"""Of every leaky ReLU."""
_SHARE = 0.2
"""Of what a block adds to its input."""


class Rrdb(Network):
    """`blocks` residual-in-residual dense blocks of `width` channels; scale 4 only.

    Args:
        scale: 4.
        width: channels between the blocks.
        blocks: number of blocks, 15 convolutions each.
        growth: channels that each convolution of a dense block adds.
        halo: input pixels around a tile. 0 takes the exact radius, 15 * blocks + 4, which is larger than most pictures.
            A smaller number is an approximation whose error was measured for given weights.
        planes: 3.
        rep: accepted as by every network; there is no over-parameterised form.
    """

    def __init__(
        self,
        scale: int,
        width: int = 64,
        blocks: int = 23,
        growth: int = 32,
        halo: int = 0,
        *,
        planes: int = 3,
        rep: bool = False,
    ) -> None:
        super().__init__()
        if (scale, planes) != (4, 3):
            raise SettingsError(f"The architecture rrdb takes 3 planes at scale 4, got {planes} at scale {scale}.")
        self.scale, self.planes, self.multiple = scale, planes, 1
        self.halo = halo or 15 * blocks + 4
        self.conv_first = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.ModuleList(_Block(width, growth) for _ in range(blocks))
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (
            nn.Conv2d(width, width, 3, padding=1) for _ in range(4)
        )
        self.conv_last = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * 4, W * 4), not clamped, from `image` (N, 3, H, W) in [0, 1]."""
        first = self.conv_first(image)
        feature = first
        for block in self.body:
            feature = block(feature)
        feature = first + self.conv_body(feature)
        for conv in (self.conv_up1, self.conv_up2):
            feature = F.leaky_relu(conv(_twice(feature)), _SLOPE, inplace=True)
        restored: Tensor = self.conv_last(F.leaky_relu(self.conv_hr(feature), _SLOPE, inplace=True))
        return restored


class _Block(nn.Module):
    """Three dense blocks in a row, and the input again."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (_DenseBlock(width, growth) for _ in range(3))

    def forward(self, feature: Tensor) -> Tensor:
        change: Tensor = self.rdb3(self.rdb2(self.rdb1(feature)))
        return change * _SHARE + feature


class _DenseBlock(nn.Module):
    """Five convolutions; each reads the input and what all earlier ones gave."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3, self.conv4 = (
            nn.Conv2d(width + index * growth, growth, 3, padding=1) for index in range(4)
        )
        self.conv5 = nn.Conv2d(width + 4 * growth, width, 3, padding=1)

    def forward(self, feature: Tensor) -> Tensor:
        given = [feature]
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            given.append(F.leaky_relu(conv(torch.cat(given, dim=1)), _SLOPE, inplace=True))
        change: Tensor = self.conv5(torch.cat(given, dim=1))
        return change * _SHARE + feature


def _twice(feature: Tensor) -> Tensor:
    """`feature` enlarged to twice its sides, each value repeated; a third less memory than by depth-to-space."""
    return F.interpolate(feature, scale_factor=2.0, mode="nearest")
