"""Networks in 8-bit integers: what an integer runtime computes, computed by torch to the same numbers.

A tensor is `scale * (level - zero)` with levels 0 to 255. A kernel is `scale * level` with levels -127 to 127 and a
scale per output channel. These are the definitions of Jacob et al. (arXiv:1712.05877) and of ONNX's QuantizeLinear and
DequantizeLinear. Sums of products of levels are integers below 2^24, which float32 holds exactly. torch therefore
differs from an integer runtime only where rounding ties. Not here: how scales are calibrated and trained
(`kdsr.compress`).
"""

import copy
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdsr.errors import SettingsError
from kdsr.models.blocks import Enlargement
from kdsr.models.network import Network
from kdsr.models.plain import Plain

MOST_LEVELS, MOST_KERNEL_LEVELS = 255, 127
"""Highest level of a tensor (unsigned), and of a kernel (signed, symmetric)."""
_MOST_BIAS = 2.0**23
"""Largest bias in units of the sums, so that they stay exact in float32."""

_KERNEL_STEPS = 2.0**13
"""Steps of 1 in the kernel of an enlargement: 255 levels times kernels that sum up to 8 stay below 2^24 of them."""

NetworkType = TypeVar("NetworkType", bound=Network)


def to_levels(values: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """The levels of `values`, rounded half to even and clipped to 0 to 255, as floats."""
    return (torch.round(values / scale) + zero).clamp(0, MOST_LEVELS)


class IntegerConv2d(nn.Conv2d):
    """A 3x3 convolution of levels: rounds its input to levels, sums whole numbers, and scales the sums.

    Its kernel (int8) and its bias (int32, in units of the sums) are parameters, so that both are counted. They take one
    and four bytes in a file. `output_scale` above 0 has the output rounded to levels as well.
    """

    bias: nn.Parameter

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, 3, 3, dtype=torch.int8), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(out_channels, dtype=torch.int32), requires_grad=False)
        self.weight_scale: Tensor
        self.input_scale: Tensor
        self.input_zero: Tensor
        self.output_scale: Tensor
        self.output_zero: Tensor
        self.register_buffer("weight_scale", torch.ones(out_channels))
        for name in ("input", "output"):
            self.register_buffer(f"{name}_scale", torch.zeros(()))
            self.register_buffer(f"{name}_zero", torch.zeros((), dtype=torch.uint8))

    @property
    def rounds_output(self) -> bool:
        """Whether the output is rounded to levels."""
        return bool(self.output_scale > 0)

    def forward(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):  # bfloat16 holds no sums
            given = image.float()
            levels = to_levels(given, self.input_scale, self.input_zero) - self.input_zero
            sums = F.conv2d(levels, self.weight.to(given.dtype), self.bias.to(given.dtype), padding=1)
            output = sums * (self.input_scale * self.weight_scale)[:, None, None]
            if self.rounds_output:
                output = (to_levels(output, self.output_scale, self.output_zero) - self.output_zero) * self.output_scale
            return output

    @torch.no_grad()
    def take(self, conv: nn.Conv2d, weight_scale: Tensor) -> None:
        """Round `conv` to levels of `weight_scale` (out,); `input_scale` must be set. A scale too fine for its bias is
        made coarser.
        """
        assert conv.bias is not None
        self.weight_scale.copy_(weight_scale.maximum(conv.bias.abs() / (self.input_scale * _MOST_BIAS)))
        self.weight.copy_(
            torch.round(conv.weight / self.weight_scale[:, None, None, None]).clamp(
                -MOST_KERNEL_LEVELS, MOST_KERNEL_LEVELS
            )
        )
        self.bias.copy_(torch.round(conv.bias / (self.input_scale * self.weight_scale)))

    @torch.no_grad()
    def floating(self) -> nn.Conv2d:
        """The convolution of floats with the same kernel and bias."""
        conv = nn.Conv2d(self.in_channels, self.out_channels, 3, padding=1)
        conv.weight.copy_(self.weight * self.weight_scale[:, None, None, None])
        assert conv.bias is not None
        conv.bias.copy_(self.bias * (self.input_scale * self.weight_scale))
        return conv


class Entry(nn.Module):
    """Rounds the input to the levels of the first convolution, for every layer that reads it.

    The residual must remove the rounding error again, so it is added to the rounded input.

    A range of a picture's own 256 levels rounds nothing: 8-bit pictures are on them, 16-bit ones keep their
    precision.
    """

    def __init__(self, first: IntegerConv2d) -> None:
        super().__init__()
        self._first = (first,)  # in a tuple it is no part of this module, and fills no second place in a file

    @property
    def levels(self) -> tuple[float, int] | None:
        """Scale and zero; None where nothing is rounded."""
        scale, zero = float(self._first[0].input_scale), int(self._first[0].input_zero)
        return None if zero == 0 and abs(scale * MOST_LEVELS - 1.0) < 1e-6 else (scale, zero)

    def forward(self, image: Tensor) -> Tensor:
        if self.levels is None:
            return image
        first = self._first[0]
        return (to_levels(image.float(), first.input_scale, first.input_zero) - first.input_zero) * first.input_scale


class RoundedEnlargement(Enlargement):
    """An enlargement in floats, rounded to levels: a runtime that adds floats to what a convolution of integers gives
    takes floats for both.
    """

    def __init__(self, channels: int, scale: int) -> None:
        super().__init__(channels, scale)
        self.output_scale: Tensor
        self.output_zero: Tensor
        self.register_buffer("output_scale", torch.ones(()))
        self.register_buffer("output_zero", torch.zeros((), dtype=torch.uint8))

    def forward(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):
            levels = torch.round(image.float() * MOST_LEVELS)
            sums = F.conv2d(levels, self.exact_kernel(), padding=1)
        return (
            to_levels(sums, self.output_scale * MOST_LEVELS, self.output_zero) - self.output_zero
        ) * self.output_scale

    def exact_kernel(self) -> Tensor:
        """The kernel in steps so coarse that float32 sums are exact: others depend on their order, and round unlike in
        a tile and untiled.
        """
        return torch.round(self.weight * _KERNEL_STEPS) / _KERNEL_STEPS

    @torch.no_grad()
    def floating(self) -> Enlargement:
        """The enlargement with the same kernel that rounds nothing."""
        plain = Enlargement(self.in_channels, self.scale)
        plain.weight.copy_(self.weight)
        return plain


def integer_form(network: NetworkType) -> NetworkType:
    """A copy of the folded `network` with empty 8-bit convolutions, to be given levels and scales.

    Raises:
        SettingsError: an architecture that has no 8-bit form.
    """
    if not isinstance(network, Plain):
        raise SettingsError(
            f"8 bits are for networks of the architecture plain, and this one is of {type(network).__name__}; "
            "choose a plain one."
        )
    if network.slopes is not None:
        raise SettingsError("8 bits are for plain networks with ReLU, and this one has prelu 1; choose one without.")
    form = copy.deepcopy(network)
    form.layers = nn.ModuleList(
        IntegerConv2d(layer.in_channels, layer.out_channels) for layer in cast(list[nn.Conv2d], list(network.layers))
    )
    form.entry = Entry(cast(IntegerConv2d, form.layers[0]))
    if form.colour is not None:
        form.colour.requires_grad_(False)  # stays in floats
    if network.skip is not None:
        form.skip = RoundedEnlargement(network.planes, network.scale).requires_grad_(False)
        form.skip.load_state_dict(network.skip.state_dict(), strict=False)  # the levels are to be found
    return form


def is_integer(network: nn.Module) -> bool:
    """Whether `network` computes in 8-bit integers."""
    return any(isinstance(module, IntegerConv2d) for module in network.modules())


def floating(network: NetworkType) -> NetworkType:
    """`network` itself, or a copy of an 8-bit one with convolutions of floats."""
    if not is_integer(network):
        return network
    plain = copy.deepcopy(network)
    for parent in list(plain.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, (IntegerConv2d, RoundedEnlargement)):
                setattr(parent, name, child.floating())
            elif isinstance(child, Entry):
                setattr(parent, name, None)
    return plain
