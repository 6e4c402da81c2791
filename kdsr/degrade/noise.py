"""Additive white Gaussian noise, drawn so that the same seed gives the same noise on every device.

Not here: clipping and rounding to the levels of a file, which `degrade` does by its convention.
"""

import torch
from torch import Tensor

from kdsr.errors import ShapeError


def add_noise(truth: Tensor, sigma_255: float | Tensor, generator: torch.Generator) -> Tensor:
    """`truth` plus Gaussian noise of standard deviation `sigma_255` / 255; may leave [0, 1].

    Args:
        truth: (N, C, H, W), float32, range [0, 1], on any device.
        sigma_255: one number for all pictures or (N,), in units of 255, from 0.
        generator: the noise is drawn on its device, and its state advances. A CPU generator gives the same noise
            whatever device `truth` is on; one on the GPU is faster there.
    Returns:
        (N, C, H, W), as `truth`.
    Raises:
        ShapeError: `sigma_255` is a tensor whose shape is not (N,).
    """
    noise = torch.randn(truth.shape, generator=generator, device=generator.device, dtype=torch.float32)
    noise = noise.to(device=truth.device, dtype=truth.dtype)
    if not isinstance(sigma_255, Tensor):
        return truth + noise * (sigma_255 / 255.0)
    if sigma_255.shape != truth.shape[:1]:
        wanted = f"one sigma or one for each of {truth.shape[0]} pictures"
        raise ShapeError(f"add_noise needs {wanted}, got shape {tuple(sigma_255.shape)}.")
    return truth + noise * (sigma_255.to(truth) / 255.0).view(-1, 1, 1, 1)
