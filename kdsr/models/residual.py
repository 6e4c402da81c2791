"""The teacher: residual blocks with pixel attention, without any global operation, so that tiles are exact.

Source: residual blocks without normalisation, EDSR (arXiv:1707.02921, section 3.1); pixel attention, PAN
(arXiv:2010.01073, section 3.1). Difference: the input is added back by pixel repeat, as in the student.
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
        change: Tensor = self.second(F.relu(self.first(feature)))
        return feature + change * torch.sigmoid(self.attention(change))


class Residual(Network):
    """`blocks` attention blocks of `width` channels at 1/`unshuffle` of the input's resolution.

    Args:
        scale: output pixels per input pixel, 1 to 4.
        width: channels between the convolutions.
        blocks: number of attention blocks (two 3x3 convolutions each).
        unshuffle: 1 works at full resolution; 2 first moves 2x2 pixels into channels (scale 1 only; sides must be
            multiples of 2).
        fine: attention blocks of `width` / 2 channels at full resolution, after those at half (`unshuffle` 2 only).
            They restore details that half the resolution cannot represent. They begin by adding nothing: a network
            without them is a start for one with them.
        planes: of the input: 3, or 4 with a mask; then only what the mask marks is changed (scale 1 only).
        rep: over-parameterised kernels for training.
    """

    def __init__(
        self,
        scale: int,
        width: int = 48,
        blocks: int = 8,
        unshuffle: int = 1,
        fine: int = 0,
        *,
        planes: int = 3,
        rep: bool = False,
    ) -> None:
        super().__init__()
        if planes not in (3, 4) or (planes == 4 and scale > 1):
            raise SettingsError(f"A network takes 3 planes, or 4 at scale 1, got {planes} at scale {scale}.")
        if scale > 1 and unshuffle > 1:
            raise SettingsError(
                f"A network unshuffles its input or enlarges it, not both; got scale {scale} and unshuffle {unshuffle}."
            )
        if fine and unshuffle != 2:
            raise SettingsError(
                f"Blocks at full resolution follow those at half: fine {fine} needs unshuffle 2, got {unshuffle}."
            )
        self.scale = scale
        self.planes = planes
        self.multiple = unshuffle
        self.halo = (2 * blocks + 3) * unshuffle + (2 * fine + 2 if fine else 0)
        self.head = conv3x3(planes * unshuffle**2, width, rep=rep)
        self.blocks = nn.ModuleList(AttentionBlock(width, rep=rep) for _ in range(blocks))
        self.after = conv3x3(width, width, rep=rep)
        self.tail = conv3x3(width, 3 * (scale * unshuffle) ** 2, rep=rep)
        self.fine = _Fine(width, width // 2, fine, planes=planes, rep=rep) if fine else None

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * scale, W * scale), not clamped, from `image` (N, planes, H, W) in [0, 1]."""
        packed = F.pixel_unshuffle(image, self.multiple) if self.multiple > 1 else image
        head = self.head(packed)
        feature = head
        for block in self.blocks:
            feature = block(feature)
        feature = self.after(feature) + head
        residual = self.tail(feature)
        if self.planes == 3:
            restored = depth_to_space(residual + repeat_channels(packed, self.scale**2), self.scale * self.multiple)
            return restored if self.fine is None else restored + self.fine(image, feature)
        change = depth_to_space(residual, self.multiple)
        return image[:, :3] + (change if self.fine is None else change + self.fine(image, feature)) * image[:, 3:]


class _Fine(nn.Module):
    """What attention blocks at full resolution add, from the picture (N, planes, H, W) and features (N, coarse, H/2,
    W/2): (N, 3, H, W).
    """

    def __init__(self, coarse: int, width: int, blocks: int, *, planes: int, rep: bool) -> None:
        super().__init__()
        self.head = conv3x3(planes, width, rep=rep)
        self.enlarge = conv3x3(coarse, 4 * width, rep=rep)
        self.blocks = nn.ModuleList(AttentionBlock(width, rep=rep) for _ in range(blocks))
        self.tail = nn.Conv2d(width, 3, 3, padding=1)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)

    def forward(self, image: Tensor, feature: Tensor) -> Tensor:
        fine = self.head(image) + depth_to_space(self.enlarge(feature), 2)
        for block in self.blocks:
            fine = block(fine)
        added: Tensor = self.tail(fine)
        return added
