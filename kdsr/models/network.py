"""What every network has in common."""

from torch import Tensor, nn


class Network(nn.Module):
    """A restoration network: (N, planes, H, W) float32 RGB in [0, 1], and a mask if there are 4, to (N, 3, H * scale, W
    * scale), not clamped.
    """

    scale: int
    """Output pixels per input pixel."""
    planes: int
    """Planes of the input: 3, or 4 with the mask of what is missing."""
    multiple: int
    """Input sides must be multiples of it."""
    halo: int
    """Input pixels that an output pixel sees on each side: the receptive radius."""

    def __call__(self, image: Tensor) -> Tensor:
        output: Tensor = super().__call__(image)
        return output
