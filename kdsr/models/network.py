"""What every network has in common."""

from torch import Tensor, nn


class Network(nn.Module):
    """A restoration network: (N, 3, H, W) float32 RGB in [0, 1] to (N, 3, H * scale, W * scale), not clamped."""

    scale: int
    """Output pixels per input pixel."""
    multiple: int
    """Input sides must be multiples of it."""
    halo: int
    """Input pixels that an output pixel sees on each side: the receptive radius."""

    def __call__(self, image: Tensor) -> Tensor:
        output: Tensor = super().__call__(image)
        return output
