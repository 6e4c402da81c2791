"""Building blocks shared by the networks.

`RepConv2d` is over-parameterised while it learns and an ordinary convolution once folded. Its branches are joined in
weight space before each use, so that learning costs one 3x3 convolution per layer, not four.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RepConv2d(nn.Module):
    """A 3x3 convolution (padding 1) learnt as the sum of a plain kernel, a 1x1 kernel and a linear 1x1-3x3-1x1 chain.

    Source: collapsible linear blocks, SESR (arXiv:2103.09404, section 3.2) and ECBSR (ACM MM 2021, section 3.2), joined in
    weight space as SESR does. Biases of the branches are one bias. At the start the module equals a plain convolution
    with torch's default initialisation: the other branches start with a zero as their last factor.
    """

    def __init__(self, in_channels: int, out_channels: int, expansion: int = 2) -> None:
        super().__init__()
        wide = expansion * max(in_channels, out_channels)
        plain = nn.Conv2d(in_channels, out_channels, 3)
        self.weight = nn.Parameter(plain.weight.detach().clone())
        self.bias = nn.Parameter(plain.bias.detach().clone())  # type: ignore[union-attr]
        self.point = nn.Parameter(torch.zeros(out_channels, in_channels))
        self.expand = nn.Parameter(torch.randn(wide, in_channels) / in_channels**0.5)
        self.middle = nn.Parameter(torch.randn(wide, wide, 3, 3) / (9 * wide) ** 0.5)
        self.reduce = nn.Parameter(torch.zeros(out_channels, wide))

    def kernel(self) -> Tensor:
        """The one kernel (out, in, 3, 3) that all branches together amount to."""
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


def repeat_channels(image: Tensor, times: int) -> Tensor:
    """(N, C, H, W) to (N, C * times, H, W), each channel repeated in place: what depth-to-space turns into nearest upscaling."""
    return image.repeat_interleave(times, dim=1)
