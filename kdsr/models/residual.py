"""The teacher: residual blocks with pixel attention, without any global operation, so that tiles are exact.

Source: residual blocks without normalisation, EDSR (arXiv:1707.02921, section 3.1); pixel attention, PAN (arXiv:2010.01073,
section 3.1). Difference: the input is added back by pixel repeat, as in the student.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.errors import SettingsError
from kdsr.models.blocks import conv3x3, depth_to_space, repeat_channels
from kdsr.models.network import Network


class AttentionBlock(nn.Module):
    """Two 3x3 convolutions; what they add to the input is weighted, pixel by pixel and channel by channel."""

    def __init__(self, width: int, *, rep: bool) -> None:
        super().__init__()
        self.first = conv3x3(width, width, rep=rep)
        self.second = conv3x3(width, width, rep=rep)
        self.attention = nn.Conv2d(width, width, 1)

    def forward(self, feature: Tensor) -> Tensor:
        change = self.second(F.relu(self.first(feature)))
        return feature + change * torch.sigmoid(self.attention(change))


class Residual(Network):
    """`blocks` attention blocks of `width` channels at 1/`unshuffle` of the input's resolution.

    Args:
        scale: output pixels per input pixel, 1 to 4.
        width: channels between the convolutions.
        blocks: number of attention blocks (two 3x3 convolutions each).
        unshuffle: 1 works at full resolution; 2 first moves 2x2 pixels into channels (scale 1 only; sides must be multiples of 2).
        planes: of the input: 3, or 4 with a mask; then only what the mask marks is changed (scale 1 only).
        rep: over-parameterised kernels for learning.
    """

    def __init__(self, scale: int, width: int = 48, blocks: int = 8, unshuffle: int = 1, *, planes: int = 3, rep: bool = False) -> None:
        super().__init__()
        if planes not in (3, 4) or (planes == 4 and scale > 1):
            raise SettingsError(f"A network takes 3 planes, or 4 at scale 1, got {planes} at scale {scale}.")
        if scale > 1 and unshuffle > 1:
            raise SettingsError(f"A network unshuffles its input or enlarges it, not both; got scale {scale} and unshuffle {unshuffle}.")
        self.scale = scale
        self.planes = planes
        self.multiple = unshuffle
        self.halo = (2 * blocks + 3) * unshuffle
        self.head = conv3x3(planes * unshuffle**2, width, rep=rep)
        self.blocks = nn.ModuleList(AttentionBlock(width, rep=rep) for _ in range(blocks))
        self.after = conv3x3(width, width, rep=rep)
        self.tail = conv3x3(width, 3 * (scale * unshuffle) ** 2, rep=rep)

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * scale, W * scale), not clamped, from `image` (N, planes, H, W) in [0, 1]."""
        packed = F.pixel_unshuffle(image, self.multiple) if self.multiple > 1 else image
        head = self.head(packed)
        feature = head
        for block in self.blocks:
            feature = block(feature)
        residual = self.tail(self.after(feature) + head)
        if self.planes == 4:
            return image[:, :3] + depth_to_space(residual, self.multiple) * image[:, 3:]
        return depth_to_space(residual + repeat_channels(packed, self.scale**2), self.scale * self.multiple)
