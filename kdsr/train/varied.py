"""Shares of the pictures learnt from that are varied before they are degraded: made grey, or kept in files of whole colour."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kdsr.degrade.noise import add_noise
from kdsr.metrics.luma import to_luma

_GRAIN_SIGMA = 75.0


@dataclass(frozen=True)
class Shares:
    """Of the pictures learnt from, so many are made grey, become JPEG files whose colour is not halved, or were a JPEG file once before."""

    grey: float = 0.0
    whole_colour: float = 0.0
    saved_before: float = 0.0


def varied(truth: Tensor, shares: Shares, rng: np.random.Generator) -> tuple[Tensor, Tensor | None]:
    """`truth` (N, 3, H, W) in [0, 1], some grainy or grey, and which pictures become files of whole colour, (N) bool; None for none."""
    whole_colour = None
    if shares.whole_colour:
        truth, whole_colour = _some_in_whole_colour(truth, shares.whole_colour, rng)
    if shares.grey:
        truth = _some_in_grey(truth, shares.grey, rng)
    return truth, whole_colour


def _some_in_grey(truth: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    """`truth`; each picture with a chance of `share` as its luma in all three channels (16 to 235 of 255, as tables publish)."""
    chosen = torch.from_numpy(rng.random(len(truth)) < share)[:, None, None, None].to(truth.device)
    return torch.where(chosen, to_luma(truth), truth)


def _some_in_whole_colour(truth: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """`truth` with grain in about half of the pictures that become files of whole colour, and which do, each with a chance of `share`.

    Files with halved colour hold no fine detail of colour; a network that never met any may answer it with anything. Photographs hold
    little of it too: the grain is white noise in each channel, its sigma spread evenly over 0 to 75 of 255, and belongs to the truth.
    """
    drawn = rng.random(len(truth))
    sigma = np.where(drawn < share / 2, rng.uniform(0, _GRAIN_SIGMA, len(truth)), 0).astype(np.float32)
    generator = torch.Generator(device=truth.device).manual_seed(int(rng.integers(2**62)))
    return add_noise(truth, torch.from_numpy(sigma), generator).clamp(0, 1), torch.from_numpy(drawn < share)
