"""The 8 symmetries of the square, on tensors: flips, rotations and transpositions."""

from torch import Tensor

SYMMETRIES = range(8)


def turn(image: Tensor, symmetry: int) -> Tensor:
    """(..., H, W) in one of the 8 symmetries of the square: bit 0 transposes, bits 1 and 2 flip rows and columns."""
    image = image.transpose(-2, -1) if symmetry & 1 else image
    flips = [axis for bit, axis in ((2, -2), (4, -1)) if symmetry & bit]
    return image.flip(flips) if flips else image


def turn_back(image: Tensor, symmetry: int) -> Tensor:
    """The inverse of `turn`."""
    flips = [axis for bit, axis in ((2, -2), (4, -1)) if symmetry & bit]
    image = image.flip(flips) if flips else image
    return image.transpose(-2, -1) if symmetry & 1 else image
