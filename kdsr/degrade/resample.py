"""Bicubic resizing as MATLAB's imresize does it: antialiased when it shrinks, over a symmetrically extended border.

torch's antialiased bicubic has MATLAB's kernel (Keys' cubic, a = -0.5) and its pixel grid, but renormalises the kernel
at the border. So the picture is extended first, and the extension cut off afterwards. Not here: resizing by other
kernels, resizing to a given size.
"""

import math
from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from kdsr.errors import SettingsError

_LARGEST_DENOMINATOR = 1000  # a float such as 0.3333333 means 1/3
_KERNEL_RADIUS = 2  # of the cubic kernel, in pixels of the coarser grid


def bicubic_resize(image: Tensor, scale: Fraction | float, *, as_uint8: bool = False) -> Tensor:
    """`image` enlarged or shrunk by `scale`: the rows first, then the columns.

    Args:
        image: (N, C, H, W), float32 or float64, on any device; sides from 1 pixel.
        scale: output pixels per input pixel; Fraction(1, 3) shrinks to a third, 4 enlarges four times. Floats are taken
            as the nearest fraction with a denominator up to 1000.
        as_uint8: clamp to [0, 1] and round to 255ths after each of the two axes. So does MATLAB with a uint8 picture,
            and so the field's low-resolution sets were made. Otherwise nothing is clamped or rounded.
    Returns:
        (N, C, ceil(H * scale), ceil(W * scale)), as MATLAB sizes its result.
    Raises:
        SettingsError: `scale` is not above 0.

    Source: MATLAB imresize(image, scale, "bicubic"); Keys, 1981, equation 8.
    """
    ratio = Fraction(scale).limit_denominator(_LARGEST_DENOMINATOR) if math.isfinite(scale) else Fraction(0)
    if ratio <= 0:
        raise SettingsError(f"The scale of a resize must be above 0, got {scale}; give for example 4 or 0.25.")
    if not as_uint8:
        return _resize_axis(_resize_axis(image, 2, ratio), 3, ratio).contiguous()
    levels = image * 255.0  # whole numbers, on which x2 and x4 meet exact halves that must all be rounded alike
    for axis in (2, 3):
        levels = _resize_axis(levels, axis, ratio).add(0.5).floor_().clamp_(0.0, 255.0)
    return levels.div_(255.0)


def _resize_axis(image: Tensor, axis: int, ratio: Fraction) -> Tensor:
    """`image` (N, C, H, W) resized along one of its last two axes."""
    indices, start, length = _extension(image.shape[axis], ratio)
    extended = image.index_select(axis, indices.to(image.device))
    size = list(extended.shape[2:])
    size[axis - 2] = int(len(indices) * ratio)
    return F.interpolate(extended, size=size, mode="bicubic", antialias=True).narrow(axis, start, length)


def _extension(length: int, ratio: Fraction) -> tuple[Tensor, int, int]:
    """How one axis is extended: source indices, and where in the resized axis the result starts and how long it is.

    Both the margin before and the whole length are multiples of the denominator, so that the output grid stays aligned
    and `len(indices) * ratio` is whole. Indices mirror with the edge pixel repeated, as often as it takes on tiny
    sides.
    """
    step = ratio.denominator
    reach = _KERNEL_RADIUS * max(Fraction(1), 1 / ratio) + 1
    before = math.ceil(reach / step) * step
    total = math.ceil((before + length + reach) / step) * step
    position = (torch.arange(total) - before) % (2 * length)
    indices = torch.minimum(position, 2 * length - 1 - position)
    return indices, int(before * ratio), math.ceil(length * ratio)
