"""Building blocks shared by the networks.

`RepConv2d` is over-parameterised in training and an ordinary convolution once folded. Its branches are joined in
weight space before each use, so that a training step costs one 3x3 convolution per layer, not four.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, library, nn


class RepConv2d(nn.Module):
    """A 3x3 convolution (padding 1) trained as the sum of a plain kernel, a 1x1 kernel and a linear 1x1-3x3-1x1 chain.

    Source: collapsible linear blocks, SESR (arXiv:2103.09404, section 3.2) and ECBSR (ACM MM 2021, section 3.2), joined
    in weight space as SESR does. Biases of the branches are one bias. At the start the module equals a plain
    convolution with torch's default initialisation: the other branches start with a zero as their last factor.
    """

    EXPANSION = 2
    """Channels inside the linear chain, per input or output channel."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        wide = self.EXPANSION * max(in_channels, out_channels)
        plain = nn.Conv2d(in_channels, out_channels, 3)
        self.weight = nn.Parameter(plain.weight.detach().clone())
        self.bias = nn.Parameter(plain.bias.detach().clone())  # type: ignore[union-attr]
        self.point = nn.Parameter(torch.zeros(out_channels, in_channels))
        self.expand = nn.Parameter(torch.randn(wide, in_channels) / in_channels**0.5)
        self.middle = nn.Parameter(torch.randn(wide, wide, 3, 3) / (9 * wide) ** 0.5)
        self.reduce = nn.Parameter(torch.zeros(out_channels, wide))

    def kernel(self) -> Tensor:
        """The one kernel (out, in, 3, 3) that all branches add up to."""
        wide = self.middle.shape[0]
        left = self.reduce @ self.middle.reshape(wide, -1)
        chain = torch.einsum("owt,wi->oit", left.reshape(-1, wide, 9), self.expand).reshape(self.weight.shape)
        return self.weight + chain + F.pad(self.point[:, :, None, None], (1, 1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, self.kernel(), self.bias, padding=1)

    @torch.no_grad()
    def folded(self) -> nn.Conv2d:
        """The ordinary convolution with the same output."""
        out_channels, in_channels = self.weight.shape[:2]
        conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        conv.weight.copy_(self.kernel())
        conv.bias.copy_(self.bias)  # type: ignore[union-attr]
        return conv

    @torch.no_grad()
    def absorb(self, conv: nn.Conv2d) -> None:
        """Take over a folded convolution: afterwards `kernel()` equals `conv.weight`, whatever the branches hold."""
        self.weight.add_(conv.weight - self.kernel())
        self.bias.copy_(conv.bias)  # type: ignore[arg-type]


def conv3x3(in_channels: int, out_channels: int, *, rep: bool) -> nn.Module:
    """A 3x3 convolution with padding 1, over-parameterised if `rep`."""
    return RepConv2d(in_channels, out_channels) if rep else nn.Conv2d(in_channels, out_channels, 3, padding=1)


class Enlargement(nn.Conv2d):
    """(N, C, H, W) to (N, C * scale^2, H, W): each colour enlarged `scale` times by a learned 3x3 kernel, which begins
    by repeating pixels.

    Interpolates, where repeating leaves steps, for 2 % of a student's arithmetic. Works in float32 whatever is asked
    for the rest: bfloat16 does not hold a picture's levels.
    """

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__(channels, channels * scale**2, 3, padding=1, bias=False)
        self.scale = scale
        nn.init.zeros_(self.weight)
        for channel in range(channels):
            nn.init.ones_(self.weight[channel * scale**2 : (channel + 1) * scale**2, channel, 1, 1])

    def forward(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):
            return super().forward(image.float())


class Colour(nn.Module):
    """(N, 3, H, W) to (N, 3 * 16, H / 4, W / 4): a change of colour, to be added after depth to space.

    The addition leaves the BT.601 luma as it is. A JPEG's colours come in blocks of 16 pixels; a student at full
    resolution sees less than one. At a quarter of the resolution a pixel sees 52, and each convolution costs a
    sixteenth. It gives the two chroma differences only: luma's larger errors would dominate it. It begins by adding
    nothing. The layers are residual: without that, rectifiers in a row, so narrow, go dead.
    """

    FACTOR = 4
    """Pixels of the picture to one of these, in either direction."""
    DEPTH = 6
    """3x3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.entry = nn.Conv2d(3, width, self.FACTOR, stride=self.FACTOR)
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(self.DEPTH - 1))
        self.exit = nn.Conv2d(width, 2 * self.FACTOR**2, 3, padding=1)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        feature = self.entry(image)
        for layer in self.layers:
            feature = feature + F.relu(layer(feature))
        differences = self.exit(feature)
        blue, red = differences[:, : self.FACTOR**2], differences[:, self.FACTOR**2 :]  # Cb and Cr of JFIF
        return torch.cat([red * 1.402, blue * -0.344136 + red * -0.714136, blue * 1.772], dim=1)


def repeat_channels(image: Tensor, times: int) -> Tensor:
    """(N, C, H, W) to (N, C * times, H, W), each channel repeated in place: what depth-to-space turns into nearest
    upscaling.
    """
    return image.repeat_interleave(times, dim=1)


def depth_to_space(image: Tensor, factor: int) -> Tensor:
    """(N, C * factor^2, H, W) to (N, C, H * factor, W * factor), as `pixel_shuffle`.

    On a CPU the compiler would turn it, and all that is fused with it, into a loop over single values. Compiled code
    therefore calls torch's own kernel.
    """
    if torch.compiler.is_compiling() and image.device.type == "cpu":
        shuffled: Tensor = _shuffle(image, factor)
        return shuffled
    return F.pixel_shuffle(image, factor)


@library.custom_op("kdsr::depth_to_space", mutates_args=())
def _shuffle(image: Tensor, factor: int) -> Tensor:
    shuffled: Tensor = _empty_shuffled(image, factor)
    count, channels, height, width = image.shape
    cells = image.permute(0, 2, 3, 1).contiguous().view(count, height, width, channels // factor**2, factor, factor)
    rows = shuffled.view(count, -1, height, factor, width, factor).permute(0, 2, 4, 1, 3, 5)
    _as_runs(rows, factor).copy_(_as_runs(cells, factor))
    return shuffled


@library.custom_op("kdsr::space_to_depth", mutates_args=())
def _unshuffle(image: Tensor, factor: int) -> Tensor:
    unshuffled: Tensor = _empty_unshuffled(image, factor)
    count, channels, height, width = image.shape
    rows = (
        image.contiguous()
        .view(count, channels, height // factor, factor, width // factor, factor)
        .permute(0, 2, 4, 1, 3, 5)
    )
    cells = unshuffled.permute(0, 2, 3, 1).view(count, height // factor, width // factor, channels, factor, factor)
    _as_runs(cells, factor).copy_(_as_runs(rows, factor))
    return unshuffled


def _as_runs(cells: Tensor, factor: int) -> Tensor:
    """`cells` (..., factor) with each run of `factor` values as one value, where there is a type so wide.

    The values of a run lie side by side in both layouts.
    """
    wide = {4: torch.int32, 8: torch.int64, 16: torch.complex128}.get(factor * cells.element_size())
    return cells if wide is None else cells.view(wide)


@_shuffle.register_fake
def _empty_shuffled(image: Tensor, factor: int) -> Tensor:
    count, channels, height, width = image.shape
    return image.new_empty(count, channels // factor**2, height * factor, width * factor)


@_unshuffle.register_fake
def _empty_unshuffled(image: Tensor, factor: int) -> Tensor:
    """Channels last in memory, as the convolution before it wants its gradient."""
    count, channels, height, width = image.shape
    return image.new_empty(count, height // factor, width // factor, channels * factor**2).permute(0, 3, 1, 2)


def _keep_factor(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.factor = inputs[1]


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
    return _unshuffle(gradient, ctx.factor), None


_shuffle.register_autograd(_backward, setup_context=_keep_factor)
