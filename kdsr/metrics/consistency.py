"""Consistency of an enlarged picture with the picture it was made from: does it give the input when shrunk again?

One figure, and a map of the places where it does not: there something was invented, or damage of the input removed.
"""

from fractions import Fraction

from torch import Tensor

from kdsr.degrade import bicubic_resize, round_to_8_bits
from kdsr.errors import ShapeError
from kdsr.metrics.error_map import error_map
from kdsr.metrics.psnr import psnr

CONVENTION = "RGB, MATLAB's bicubic to the input's size, 8 bits, no border cut"


def consistency(restored: Tensor, degraded: Tensor) -> Tensor:
    """PSNR in dB of `restored`, shrunk to the input's size, against the input; one value per picture, higher is better.

    Args:
        restored: (N, C, s * H, s * W) with an integer s from 2, range [0, 1], on any device. Clamped and rounded to 8
            bits here. Shrunk by MATLAB's bicubic with antialiasing, rounded to 8 bits.
        degraded: (N, C, H, W), the picture that `restored` was made from; clamped and rounded to 8 bits here.
    Returns:
        (N,) float64 on the processor, over all channels, no border cut; +inf where the input is met exactly. The truth
        itself has +inf for bicubic shrinking, and a finite value where the input is noisy, blurred or compressed.
    Raises:
        ShapeError: the shapes do not belong together, or both are of one size: at scale 1 the input is what the network
            is to change.

    Source: definition; the same check as LR-PSNR in Lugmayr et al., 2021, "NTIRE 2021 learning the super-resolution
    space challenge", section 2.2.
    """
    return psnr(*_shrunk_and_input(restored, degraded))


def invented_map(restored: Tensor, degraded: Tensor) -> Tensor:
    """Where `restored` was invented, in the colours of `error_map`: black is where its shrunk copy gives the input.

    What it shows is the error behind `consistency`, pixel by pixel. An input without damage has nothing but invention
    there; of a noisy, blurred or compressed one it also shows the damage that was removed.

    Args:
        restored, degraded: as in `consistency`.
    Returns:
        (N, 3, H, W) float32 RGB in [0, 1] on the processor, at the size of `degraded`.
    Raises:
        ShapeError: as `consistency`.
    """
    return error_map(*_shrunk_and_input(restored, degraded))


def _shrunk_and_input(restored: Tensor, degraded: Tensor) -> tuple[Tensor, Tensor]:
    """`restored` at the size of `degraded`, and that, both of 8 bits, on the processor."""
    scale = _scale_of(restored, degraded)
    shrunk = bicubic_resize(round_to_8_bits(restored.detach()), Fraction(1, scale), as_uint8=True)
    return shrunk.cpu(), round_to_8_bits(degraded.detach()).cpu()


def _scale_of(restored: Tensor, degraded: Tensor) -> int:
    shapes_fit = (
        restored.ndim == degraded.ndim == 4 and restored.shape[:2] == degraded.shape[:2] and min(degraded.shape[2:]) > 0
    )
    scale = restored.shape[-1] // degraded.shape[-1] if shapes_fit else 0
    if scale < 2 or restored.shape[-2:] != (degraded.shape[-2] * scale, degraded.shape[-1] * scale):
        raise ShapeError(
            "consistency needs an enlarged picture (N, C, s * H, s * W), s from 2, and its input (N, C, H, W), "
            f"got {tuple(restored.shape)} and {tuple(degraded.shape)}."
        )
    return scale
