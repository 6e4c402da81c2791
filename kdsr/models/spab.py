"""The teacher: residual blocks with parameter-free attention (SPAN), without any global operation, so that tiles are exact.

Source: Swift Parameter-free Attention Network, arXiv:2311.12770, section 3. Differences: SiLU stays, the features of the
first, the middle and the last block are joined by a 1x1 convolution, and the input is added back by pixel repeat.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.errors import SettingsError
from kdsr.models.blocks import conv3x3, repeat_channels
from kdsr.models.network import Network


class AttentionBlock(nn.Module):
    """Three 3x3 convolutions whose output, through an odd sigmoid, weights their sum with the input."""

    def __init__(self, width: int, *, rep: bool) -> None:
        super().__init__()
        self.first = conv3x3(width, width, rep=rep)
        self.second = conv3x3(width, width, rep=rep)
        self.third = conv3x3(width, width, rep=rep)

    def forward(self, feature: Tensor) -> Tensor:
        out = self.third(F.silu(self.second(F.silu(self.first(feature)))))
        return (out + feature) * (torch.sigmoid(out) - 0.5)


class Spab(Network):
    """`blocks` attention blocks of `width` channels at 1/`unshuffle` of the input's resolution.

    Args:
        scale: output pixels per input pixel, 1 to 4.
        width: channels between the convolutions.
        blocks: number of attention blocks (three convolutions each), at least 2.
        unshuffle: 1 works at full resolution; 2 first moves 2x2 pixels into channels (scale 1 only; sides must be multiples of 2).
        rep: over-parameterised kernels for learning.
    """

    def __init__(self, scale: int, width: int = 48, blocks: int = 6, unshuffle: int = 1, *, rep: bool = False) -> None:
        super().__init__()
        if scale > 1 and unshuffle > 1:
            raise SettingsError(f"A network unshuffles its input or enlarges it, not both; got scale {scale} and unshuffle {unshuffle}.")
        self.scale = scale
        self.multiple = unshuffle
        self.halo = (3 * blocks + 3) * unshuffle
        self.head = conv3x3(3 * unshuffle**2, width, rep=rep)
        self.blocks = nn.ModuleList(AttentionBlock(width, rep=rep) for _ in range(blocks))
        self.after = conv3x3(width, width, rep=rep)
        self.join = nn.Conv2d(4 * width, width, 1)
        self.tail = conv3x3(width, 3 * (scale * unshuffle) ** 2, rep=rep)

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * scale, W * scale), not clamped, from `image` (N, 3, H, W) in [0, 1]."""
        packed = F.pixel_unshuffle(image, self.multiple) if self.multiple > 1 else image
        head = self.head(packed)
        kept = []
        feature = head
        for block in self.blocks:
            feature = block(feature)
            kept.append(feature)
        joined = self.join(torch.cat([head, self.after(feature), kept[0], kept[len(kept) // 2]], dim=1))
        residual = self.tail(joined)
        return F.pixel_shuffle(residual + repeat_channels(packed, self.scale**2), self.scale * self.multiple)
