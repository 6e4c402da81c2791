"""The 255 levels of an 8-bit picture, on float tensors: where a file, a camera or a published figure would have
rounded.

Not here: uint8 arrays themselves (`kdsr.image`).
"""

from torch import Tensor


def round_to_8_bits(image: Tensor) -> Tensor:
    """`image` (any shape) clamped to [0, 1] and rounded to whole 255ths, halves upwards as MATLAB does; still a float
    tensor.
    """
    return image.mul(255.0).add_(0.5).floor_().clamp_(0.0, 255.0).div_(255.0)
