"""The student: a plain stack of 3x3 convolutions with ReLU or PReLU, the fastest on CPUs and in browsers.

It adds its output to the enlarged input and moves depth to space. Widths in multiples of 16 use vector units fully. The
input is enlarged by repeating channels, which costs next to nothing, or by a learned kernel, for 2 % of the arithmetic.
With repeats the colours keep a grid of `scale` pixels: a small network has no channels to spare for them. A bicubic
Resize would multiply the cost. With `prelu` it is the "compact" SRVGG of Real-ESRGAN (arXiv:2107.10833, its
repository), and computes its published weights exactly. Not here: attention, normalisation, other activations.
"""

import itertools

import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.errors import SettingsError
from kdsr.models.blocks import Colour, Enlargement, conv3x3, depth_to_space, repeat_channels
from kdsr.models.network import Network


class Plain(Network):
    """`depth` 3x3 convolutions of `width` channels, ReLU or PReLU between them.

    Args:
        scale: output pixels per input pixel, 1 to 4.
        width: channels between the convolutions.
        depth: number of convolutions, at least 2.
        unshuffle: 1 works at full resolution; 2 first moves 2x2 pixels into channels (scale 1 only; sides must be
            multiples of 2).
        colour: channels of a branch at a quarter of the resolution that restores the colours; 0 for none. Scale 1
            without a mask only; sides must be multiples of 4.
        skip: side of the kernel that enlarges the input before it is added: 1 repeats pixels, 3 is learned (scale 2 to
            4 only).
        prelu: 1 multiplies negative values between the convolutions by a learned slope per channel; 0 is ReLU.
        planes: of the input: 3, or 4 with a mask; then only what the mask marks is changed (scale 1 only).
        rep: over-parameterised kernels for training; `folded()` of the module gives the plain network.
    """

    def __init__(
        self,
        scale: int,
        width: int = 32,
        depth: int = 7,
        unshuffle: int = 1,
        skip: int = 1,
        colour: int = 0,
        prelu: int = 0,
        *,
        planes: int = 3,
        rep: bool = False,
    ) -> None:
        super().__init__()
        _check_arguments(scale, unshuffle, skip, colour, prelu, planes)
        self.scale = scale
        self.planes = planes
        self.width = width
        self.unshuffle = unshuffle
        self.colour = Colour(colour) if colour else None
        self.multiple = Colour.FACTOR if colour else unshuffle
        self.halo = self.halo_of(depth)
        inside = planes * unshuffle**2
        outside = 3 * (scale * unshuffle) ** 2
        sizes = [inside] + [width] * (depth - 1) + [outside]
        self.entry: nn.Module | None = None
        """Rounds what comes in, where the layers are of integers (`models.integer`)."""
        self.skip = Enlargement(planes, scale) if skip == 3 else None
        self.layers = nn.ModuleList(conv3x3(a, b, rep=rep) for a, b in itertools.pairwise(sizes))
        self.slopes = nn.ModuleList(nn.PReLU(width) for _ in range(depth - 1)) if prelu else None
        """One behind each convolution but the last, where negative values are kept."""

    def halo_of(self, depth: int) -> int:
        """The receptive radius where the stack has `depth` layers."""
        return max(depth * self.unshuffle, Colour.DEPTH * Colour.FACTOR if self.colour else 0)

    def forward(self, image: Tensor) -> Tensor:
        """Restored (N, 3, H * scale, W * scale), not clamped, from `image` (N, planes, H, W) in [0, 1]."""
        packed = F.pixel_unshuffle(image, self.unshuffle) if self.unshuffle > 1 else image
        if self.entry is not None:
            packed = self.entry(packed)
        feature = packed
        for number, layer in enumerate(self.layers[:-1]):
            feature = F.relu(layer(feature)) if self.slopes is None else self.slopes[number](layer(feature))
        residual = self.layers[-1](feature)
        if self.planes == 4:
            return image[:, :3] + depth_to_space(residual, self.unshuffle) * image[:, 3:]
        enlarged = repeat_channels(packed, self.scale**2) if self.skip is None else self.skip(packed)
        restored = residual + enlarged
        if self.colour is not None:
            restored = restored + depth_to_space(self.colour(image), Colour.FACTOR // self.unshuffle)
        return depth_to_space(restored, self.scale * self.unshuffle)


def _check_arguments(scale: int, unshuffle: int, skip: int, colour: int, prelu: int, planes: int) -> None:
    """Refuse combinations of the arguments of `Plain` that cannot work."""
    if prelu not in (0, 1):
        raise SettingsError(f"A network's prelu is 0 or 1, got {prelu}.")
    if skip not in (1, 3) or (skip == 3 and scale == 1):
        raise SettingsError(f"A network's skip is 1 or, where it enlarges, 3; got {skip} at scale {scale}.")
    if planes not in (3, 4) or (planes == 4 and scale > 1):
        raise SettingsError(f"A network takes 3 planes, or 4 at scale 1, got {planes} at scale {scale}.")
    if scale > 1 and unshuffle > 1:
        raise SettingsError(
            f"A network unshuffles its input or enlarges it, not both; got scale {scale} and unshuffle {unshuffle}."
        )
    if colour and (scale > 1 or planes > 3 or unshuffle not in (1, 2, 4)):
        raise SettingsError(
            f"A branch for colours is for 3 planes at scale 1, unshuffled by 1, 2 or 4; "
            f"got {planes}, {scale} and {unshuffle}."
        )
